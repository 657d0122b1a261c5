//! Fields to fill in: signing in, and what becomes of an account.

use twocan_peer::api::{
    AccountAction, AccountInfo, Error, ErrorCode, PublicProfile, Secret, SignIn,
};
use twocan_proto::registry_url::RegistryUrl;

use super::editor::Editor;
use super::effect::Effect;

/// One field of a form.
#[derive(Debug, Default)]
pub(crate) struct Field {
    pub(crate) label: &'static str,
    pub(crate) editor: Editor,
    /// Shown as dots.
    pub(crate) secret: bool,
    /// What to put in, in a few words.
    pub(crate) hint: &'static str,
    /// May stay empty.
    optional: bool,
}

/// What a form is for.
#[derive(Debug, Default)]
pub(crate) enum FormFor {
    #[default]
    SignIn,
    Password(RegistryUrl),
    Email(RegistryUrl),
    /// The visiting card of an account.
    Card(Box<(RegistryUrl, PublicProfile)>),
    Delete(RegistryUrl),
}

/// A form.
#[derive(Debug, Default)]
pub(crate) struct Form {
    pub(crate) about: FormFor,
    pub(crate) fields: Vec<Field>,
    pub(crate) focus: usize,
    /// Why the last try failed, or what is missing.
    pub(crate) error: Option<String>,
    /// Sent, waiting for an answer.
    pub(crate) busy: bool,
}

fn field(label: &'static str, text: &str, hint: &'static str) -> Field {
    Field {
        label,
        editor: Editor::with_text(text),
        secret: false,
        hint,
        optional: false,
    }
}

fn secret(label: &'static str, hint: &'static str) -> Field {
    Field {
        secret: true,
        ..field(label, "", hint)
    }
}

fn optional(field: Field) -> Field {
    Field {
        optional: true,
        ..field
    }
}

const EMAIL: &str = "E-mail";
const PHONE: &str = "Phone";
const CODE: &str = "Code";

impl Form {
    fn new(about: FormFor, fields: Vec<Field>) -> Self {
        let needed = fields
            .iter()
            .position(|f| f.editor.is_empty() && (f.secret || !f.optional));
        Self {
            about,
            fields,
            focus: needed.unwrap_or(0),
            error: None,
            busy: false,
        }
    }

    /// The form for a registry, with what is known filled in.
    pub(crate) fn sign_in(url: &str, username: &str) -> Self {
        let registry = "https://HOST:7443#sha256-..., from whoever runs it";
        let password = "a new name makes an account; empty comes as a guest";
        let email = "may stay empty; for a forgotten password, or a code";
        Self::new(
            FormFor::SignIn,
            vec![
                field("Registry", url, registry),
                field("Username", username, "others find you by it"),
                optional(secret("Password", password)),
                optional(field(EMAIL, "", email)),
            ],
        )
    }

    /// Another password.
    pub(crate) fn password(registry: RegistryUrl) -> Self {
        let new = "all other sessions of the account end";
        Self::new(
            FormFor::Password(registry),
            vec![
                secret("Password", "as it is now"),
                secret("New one", new),
                secret("Again", "the new one, once more"),
            ],
        )
    }

    /// Another e-mail address.
    pub(crate) fn email(registry: RegistryUrl, now: &str) -> Self {
        Self::new(
            FormFor::Email(registry),
            vec![
                optional(field(EMAIL, now, "empty takes it out")),
                secret("Password", "of your account there"),
            ],
        )
    }

    /// What everybody at the registry may see.
    pub(crate) fn card(registry: RegistryUrl, account: &AccountInfo) -> Self {
        let profile = account.profile.clone();
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let (name, status) = (text(&profile.display_name), text(&profile.status));
        Self::new(
            FormFor::Card(Box::new((registry, profile))),
            vec![
                optional(field("Name", &name, "shown beside your username")),
                optional(field("Status", &status, "one line; searches find it")),
            ],
        )
    }

    /// The end of an account.
    pub(crate) fn delete(registry: RegistryUrl) -> Self {
        let hint = "the account and all it left there are gone for good";
        Self::new(FormFor::Delete(registry), vec![secret("Password", hint)])
    }

    /// What stands above it.
    pub(crate) fn title(&self) -> &'static str {
        match self.about {
            FormFor::SignIn => "SIGN IN",
            FormFor::Password(_) => "ANOTHER PASSWORD",
            FormFor::Email(_) => "ANOTHER E-MAIL ADDRESS",
            FormFor::Card(_) => "YOUR CARD AT THE REGISTRY",
            FormFor::Delete(_) => "DELETE THE ACCOUNT",
        }
    }

    /// What Enter does at the end.
    pub(crate) fn does(&self) -> &'static str {
        match self.about {
            FormFor::SignIn => "signs in",
            FormFor::Delete(_) => "deletes the account",
            _ => "changes it",
        }
    }

    /// Whether Enter does what the form is for, rather than go on.
    pub(crate) fn at_last(&self) -> bool {
        self.focus + 1 >= self.fields.len()
    }

    /// The field that is typed into.
    pub(crate) fn focused(&mut self) -> Option<&mut Field> {
        self.fields.get_mut(self.focus)
    }

    fn text(&self, field: usize) -> &str {
        self.fields.get(field).map_or("", |f| f.editor.text())
    }

    fn at(&self, label: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.label == label)
    }

    /// What the field of this label says, if there is one that says anything.
    fn said(&self, label: &str) -> Option<String> {
        let text = self.text(self.at(label)?).trim().to_owned();
        Some(text).filter(|text| !text.is_empty())
    }

    /// It was refused; a code that is wanted gets a field of its own.
    pub(crate) fn refused(&mut self, error: &Error) {
        self.busy = false;
        let wait = error.retry_after.map_or_else(String::new, |wait| {
            format!("; again in {} s", wait.as_secs().max(1))
        });
        self.error = Some(format!("{error}{wait}"));
        // The message begins with the name of the field that is wrong.
        let is_about = |field| error.message.starts_with(field);
        let wanted = match error.code {
            _ if error.wants_code() => Some((CODE, "the digits that came")),
            ErrorCode::BadRequest if is_about("email") => Some((EMAIL, "")),
            ErrorCode::BadRequest if is_about("phone") => {
                Some((PHONE, "+44 20 7946 0018: a code goes there"))
            }
            _ => None,
        };
        if let Some((label, hint)) = wanted {
            self.focus = self.at(label).unwrap_or_else(|| {
                self.fields.push(field(label, "", hint));
                self.fields.len() - 1
            });
        }
    }

    /// What the filled form asks for.
    ///
    /// # Errors
    /// A sentence that says which field is wrong and how; that field gets the
    /// focus.
    pub(crate) fn read(&mut self) -> Result<Effect, String> {
        let missing = self
            .fields
            .iter()
            .position(|field| !field.optional && field.editor.text().trim().is_empty());
        if let Some(at) = missing {
            self.focus = at;
            return Err(format!("{} is missing", self.fields[at].label));
        }
        let secret = |at| Secret::from(self.text(at));
        let account = |registry: &RegistryUrl, action| Effect::Account {
            registry: registry.clone(),
            action,
        };
        let filled = |at| Some(self.text(at).trim().to_owned()).filter(|text| !text.is_empty());
        let effect = match &self.about {
            FormFor::SignIn => return self.read_sign_in().map(Effect::SignIn),
            FormFor::Password(_) if self.text(1) != self.text(2) => {
                self.focus = 2;
                return Err("Again: is not the new password".to_owned());
            }
            FormFor::Password(registry) => {
                let (password, new_password) = (secret(0), secret(1));
                let action = AccountAction::ChangePassword {
                    password,
                    new_password,
                };
                account(registry, action)
            }
            FormFor::Email(registry) => {
                let (email, password) = (filled(0), secret(1));
                let code = self.said(CODE).map(Secret::new);
                let action = AccountAction::ChangeEmail {
                    password,
                    email,
                    code,
                };
                account(registry, action)
            }
            FormFor::Card(about) => {
                let (registry, profile) = &**about;
                let profile = PublicProfile {
                    display_name: filled(0),
                    status: filled(1),
                    fields: profile.fields.clone(),
                };
                account(registry, AccountAction::ChangeProfile(profile))
            }
            FormFor::Delete(registry) => {
                let password = Some(secret(0));
                account(registry, AccountAction::Delete { password })
            }
        };
        Ok(effect)
    }

    fn read_sign_in(&mut self) -> Result<SignIn, String> {
        let registry = self.text(0).trim().parse().map_err(|e| {
            self.focus = 0;
            format!("Registry: {e}")
        })?;
        let is_guest = self.text(2).is_empty();
        Ok(SignIn {
            register: !is_guest,
            guest: is_guest,
            email: self.said(EMAIL),
            phone: self.said(PHONE),
            code: self.said(CODE),
            ..SignIn::new(registry, self.text(1).trim(), self.text(2))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://r.example.org:7443";

    #[test]
    fn a_code_that_is_wanted_is_asked_for_and_sent() {
        let mut form = Form::sign_in(URL, "alice");
        form.fields[2].editor.replace("pw");
        form.fields[3].editor.replace("alice@example.org");
        let mut error = Error::new(ErrorCode::Refused, "a code is on its way");
        error.needs = Some("code".to_owned());
        form.refused(&error);
        form.refused(&error);
        assert_eq!((form.fields.len(), form.focus), (5, 4));
        assert!(form.read().unwrap_err().contains("Code"));
        form.fields[4].editor.replace(" 012345 ");
        let Ok(Effect::SignIn(sign_in)) = form.read() else {
            panic!("no sign-in");
        };
        assert_eq!(sign_in.code.as_deref(), Some("012345"));
        assert_eq!(sign_in.email.as_deref(), Some("alice@example.org"));
        assert!(sign_in.register && !sign_in.guest);
    }

    #[test]
    fn no_password_is_a_guest() {
        let mut form = Form::sign_in(URL, "alice");
        let Ok(Effect::SignIn(sign_in)) = form.read() else {
            panic!("no sign-in");
        };
        assert!(sign_in.guest && !sign_in.register);
    }

    #[test]
    fn a_new_password_is_typed_twice() {
        let mut form = Form::password(URL.parse().unwrap());
        for (at, text) in ["old", "new", "nwe"].into_iter().enumerate() {
            form.fields[at].editor.replace(text);
        }
        assert!(form.read().is_err());
        assert_eq!(form.focus, 2);
        form.fields[2].editor.replace("new");
        assert!(matches!(form.read(), Ok(Effect::Account { .. })));
    }

    #[test]
    fn the_time_to_wait_is_said() {
        let mut form = Form::sign_in(URL, "alice");
        let mut error = Error::new(ErrorCode::Limited, "too many attempts");
        error.retry_after = Some(std::time::Duration::from_secs(30));
        form.refused(&error);
        assert_eq!(
            form.error.as_deref(),
            Some("too many attempts; again in 30 s")
        );
    }
}
