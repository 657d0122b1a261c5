//! `check-config`: everything that stands in the way of a start, and what is
//! worth a second look, found without starting.

use super::{Config, Reach};
use crate::{
    secrets,
    tls::{ServerIdentity, Shown, self_made_files},
};
use std::{fmt, path::Path};

/// Something found in a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The registry would not start, or not do what is asked for.
    Error(String),
    /// It starts, but somebody should know.
    Warning(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(text) => write!(f, "error: {text}"),
            Self::Warning(text) => write!(f, "warning: {text}"),
        }
    }
}

impl Config {
    /// What can be found in the configuration and the files that it names.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        self.check_certificate(&mut found);
        self.check_secrets(&mut found);
        self.check_folders(&mut found);
        self.check_exposure(&mut found);
        found
    }

    fn check_certificate(&self, found: &mut Vec<Finding>) {
        let (cert, key) = match &self.cert_files {
            Some(files) => files.clone(),
            None => self_made_files(&self.certs_dir),
        };
        // A self-made one is made at the first start.
        if self.cert_files.is_some() || cert.exists() {
            let usable = ServerIdentity::read(&cert, &key).and_then(Shown::new);
            if let Err(error) = usable {
                found.push(Finding::Error(error.to_string()));
            }
        }
        open_to_others(&key, "key", found);
    }

    fn check_secrets(&self, found: &mut Vec<Finding>) {
        let (operation, outside) = (&self.operation, &self.outside);
        let mail = outside.mail.as_ref().and_then(|mail| mail.login.as_ref());
        let gateway = outside.gateway.as_ref();
        for (name, file) in [
            ("metrics_token_file", operation.metrics_token_file.as_ref()),
            ("admin_token_file", operation.admin_token_file.as_ref()),
            ("mail_password_file", mail.map(|(_, file)| file)),
            (
                "gateway_token_file",
                gateway.and_then(|gateway| gateway.token_file.as_ref()),
            ),
        ] {
            let Some(file) = file else { continue };
            let is_ours = name == "metrics_token_file" || name == "admin_token_file";
            match secrets::read(file) {
                Ok(secret) if is_ours && secret.expose().len() < 16 => {
                    found.push(Finding::Warning(format!(
                        "{name}: a token of fewer than 16 characters can be guessed; \
                         'openssl rand -hex 32' makes a good one"
                    )));
                }
                Ok(_) => open_to_others(file, name, found),
                Err(error) => found.push(Finding::Error(format!("{name}: {error}"))),
            }
        }
    }

    fn check_folders(&self, found: &mut Vec<Finding>) {
        if let Some(folder) = &self.operation.static_dir {
            if !folder.is_dir() {
                let text = format!("static_dir: {} is no folder", folder.display());
                found.push(Finding::Error(text));
            }
            let inside = |inner: &Path| match (inner.canonicalize(), folder.canonicalize()) {
                (Ok(inner), Ok(folder)) => inner.starts_with(folder),
                _ => false,
            };
            for (name, inner) in [("data", &self.data), ("certs_dir", &self.certs_dir)] {
                if inside(inner) {
                    found.push(Finding::Error(format!(
                        "static_dir: {name} is inside, and everybody could read it"
                    )));
                }
            }
        }
        if self.data.exists() && !self.data.is_dir() {
            let text = format!("data: {} is no folder", self.data.display());
            found.push(Finding::Error(text));
        } else if secrets::is_open_to_others(&self.data) {
            found.push(Finding::Warning(format!(
                "data: others may look into {}; 'chmod 700' keeps them out",
                self.data.display()
            )));
        }
    }

    fn check_exposure(&self, found: &mut Vec<Finding>) {
        let mut warn = |text: &str| found.push(Finding::Warning(text.to_owned()));
        if self.listen.ip().is_loopback() {
            warn("listen: only this machine reaches a loopback address");
        } else if self.registration_open && self.password_min < 8 {
            warn("password_min: a registry on the open internet wants 10 or more");
        }
        if self.bcrypt_cost < 10 {
            warn("bcrypt_cost: below 10, a stolen database gives its passwords away quickly");
        }
        if self.operation.admin == Reach::Off && self.operation.admin_token_file.is_some() {
            warn("admin_token_file: it opens nothing while admin is off");
        }
        if self.operation.metrics == Reach::Off && self.operation.metrics_token_file.is_some() {
            warn("metrics_token_file: it opens nothing while metrics is off");
        }
    }
}

fn open_to_others(file: &Path, name: &str, found: &mut Vec<Finding>) {
    if secrets::is_open_to_others(file) {
        found.push(Finding::Warning(format!(
            "{name}: others may read {}; 'chmod 600' keeps them out",
            file.display()
        )));
    }
}
