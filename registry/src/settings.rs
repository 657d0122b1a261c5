//! The configuration that is in force, and the secrets it names; all of it is
//! exchanged at once when it is read again.

use crate::{
    config::{self, Config},
    secrets::{self, SecretError},
};
use arc_swap::{ArcSwap, Guard};
use std::{ops::Deref, path::Path, sync::Arc};
use twocan_proto::api::Secret;

/// A configuration and its secrets.
#[derive(Debug)]
pub(crate) struct Settings {
    config: Config,
    /// What lets read the metrics.
    pub(crate) metrics_token: Option<Secret>,
    /// What is as good as the session of an administrator.
    pub(crate) admin_token: Option<Secret>,
}

impl Deref for Settings {
    type Target = Config;

    fn deref(&self) -> &Config {
        &self.config
    }
}

impl Settings {
    /// Reads the secrets that `config` names.
    ///
    /// # Errors
    /// [`SecretError`], which names the file.
    fn read(config: Config) -> Result<Self, SecretError> {
        let secret = |path: &Option<std::path::PathBuf>| {
            path.as_deref()
                .map(|path: &Path| secrets::read(path))
                .transpose()
        };
        Ok(Self {
            metrics_token: secret(&config.operation.metrics_token_file)?,
            admin_token: secret(&config.operation.admin_token_file)?,
            config,
        })
    }
}

/// The settings in force. Reading them takes no lock.
#[derive(Debug)]
pub(crate) struct Live(ArcSwap<Settings>);

impl Live {
    /// Puts a first configuration in force.
    ///
    /// # Errors
    /// [`SecretError`], which names the file.
    pub(crate) fn new(config: Config) -> Result<Self, SecretError> {
        Ok(Self(ArcSwap::from_pointee(Settings::read(config)?)))
    }

    pub(crate) fn get(&self) -> Guard<Arc<Settings>> {
        self.0.load()
    }

    /// Puts another configuration in force, as far as that goes while running;
    /// gives the keys that wait for a restart.
    ///
    /// # Errors
    /// [`SecretError`], which names the file; nothing has changed then.
    pub(crate) fn reload(&self, new: Config) -> Result<Vec<&'static str>, SecretError> {
        let old = self.0.load();
        let waiting = config::waits_for_restart(&old.config, &new);
        let settings = Settings::read(config::reloaded(&old.config, new))?;
        self.0.store(Arc::new(settings));
        Ok(waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Typed;

    fn typed(change: impl FnOnce(&mut Typed)) -> Config {
        let mut typed = Typed::default();
        change(&mut typed);
        typed.resolve().unwrap()
    }

    #[test]
    fn what_can_be_changed_is_and_the_rest_is_named() {
        let live = Live::new(typed(|_| {})).unwrap();
        let new = typed(|typed| {
            typed.listen = Some("127.0.0.1:1".parse().unwrap());
            typed.workers = Some(77);
            typed.password_min = Some(9);
            typed.static_dir = Some("there".into());
        });
        assert_eq!(live.reload(new).unwrap(), ["listen", "workers"]);
        let now = live.get();
        assert_eq!(now.password_min, 9);
        assert_eq!(
            now.operation.static_dir.as_deref(),
            Some(Path::new("there"))
        );
        assert_ne!(now.workers, 77);
        assert_eq!(now.listen.port(), 7443);
    }

    #[test]
    fn a_secret_that_cannot_be_read_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "one\n").unwrap();
        let with_file = |typed: &mut Typed| typed.admin_token_file = Some(file.clone());
        let live = Live::new(typed(with_file)).unwrap();
        assert_eq!(live.get().admin_token.as_ref().unwrap().expose(), "one");
        std::fs::write(&file, "two").unwrap();
        live.reload(typed(with_file)).unwrap();
        assert_eq!(live.get().admin_token.as_ref().unwrap().expose(), "two");
        std::fs::remove_file(&file).unwrap();
        assert!(live.reload(typed(with_file)).is_err());
        assert_eq!(live.get().admin_token.as_ref().unwrap().expose(), "two");
    }
}
