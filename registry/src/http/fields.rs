//! The fields of a request's object, taken one by one so that a missing or wrong
//! one can be named. Fields that nobody asks for are ignored: a plain
//! contact-list client may send more than we know.

use super::error::ApiError;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::{fmt::Display, str::FromStr};
use twocan_proto::api::{
    AccountChange, EmailChange, Joining, LOOKUPS_MAX, Lookup, PASSWORD_MAX, PasswordChange,
    Profile, RegisterRequest, ResumeRequest, Secret, SessionRequest, Username, Visibility,
};

/// An object on its way to a request type.
#[derive(Default)]
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    pub(super) fn new(object: Map<String, Value>) -> Self {
        Self(object)
    }

    /// `POST /register`
    pub(super) fn register(mut self) -> Result<RegisterRequest, ApiError> {
        Ok(RegisterRequest {
            username: self.required("username")?,
            password: self.password("password")?,
            host: self.required("host")?,
            key: self.optional("key")?,
            joining: self.joining()?,
        })
    }

    /// `POST /sessions`
    pub(super) fn session(mut self) -> Result<SessionRequest, ApiError> {
        let username = self.required("username")?;
        let guest = self.flag("guest")?;
        let password = if guest {
            None
        } else {
            Some(self.password("password")?)
        };
        Ok(SessionRequest {
            username,
            password,
            host: self.optional("host")?,
            key: self.optional("key")?,
            register: self.flag("register")?,
            guest,
            proof: self.object("proof", "has at (a time) and signature")?,
            joining: self.joining()?,
        })
    }

    fn joining(&mut self) -> Result<Joining, ApiError> {
        Ok(Joining {
            email: self.optional("email")?,
            phone: self.optional("phone")?,
            code: self.text("code")?.map(Secret::new),
            visibility: self.optional("visibility")?.unwrap_or_default(),
        })
    }

    /// `PUT /sessions/current`
    pub(super) fn resume(mut self) -> Result<ResumeRequest, ApiError> {
        Ok(ResumeRequest {
            host: self.optional("host")?,
            key: self.optional("key")?,
        })
    }

    /// `PUT /account/password`
    pub(super) fn password_change(mut self) -> Result<PasswordChange, ApiError> {
        Ok(PasswordChange {
            password: self.password("password")?,
            new_password: self.password("new_password")?,
        })
    }

    /// `PUT /account/email`; null takes the address out, so it must be said.
    pub(super) fn email_change(mut self) -> Result<EmailChange, ApiError> {
        if !self.0.contains_key("email") {
            return Err(missing("email"));
        }
        Ok(EmailChange {
            password: self.password("password")?,
            email: self.optional("email")?,
            code: self.text("code")?.map(Secret::new),
        })
    }

    /// `PATCH /account`
    pub(super) fn account_change(mut self) -> Result<AccountChange, ApiError> {
        let visibility: Option<Visibility> = self.optional("visibility")?;
        let shape =
            "has display_name, status and a list of fields, each with name, value and public";
        let profile: Option<Profile> = self.object("profile", shape)?;
        let profile = profile.map(Profile::checked).transpose();
        Ok(AccountChange {
            visibility,
            profile: profile.map_err(|error| wrong("profile", error))?,
        })
    }

    /// `POST /lookups`. A name that cannot be one is nobody's, and is left out as
    /// the unknown ones are.
    pub(super) fn lookups(mut self) -> Result<Vec<Lookup>, ApiError> {
        let Some(Value::Array(asked)) = self.0.remove("clients") else {
            return Err(wrong("clients", "must be a list"));
        };
        if asked.len() > LOOKUPS_MAX {
            let problem = format!("has at most {LOOKUPS_MAX} entries");
            return Err(wrong("clients", problem));
        }
        let mut lookups = Vec::with_capacity(asked.len());
        for entry in asked {
            let Value::Object(entry) = entry else {
                return Err(wrong("clients", "must be a list of objects"));
            };
            let mut entry = Self(entry);
            let name = entry.text("username")?.ok_or_else(|| missing("username"))?;
            let key = entry.optional("key")?;
            lookups.extend(name.parse().ok().map(|username| Lookup { username, key }));
        }
        Ok(lookups)
    }

    /// `POST /password-reset`
    pub(super) fn username(mut self) -> Result<Username, ApiError> {
        self.required("username")
    }

    /// The password of `DELETE /clients/{username}`, if there is one.
    pub(super) fn proof(mut self) -> Result<Option<Secret>, ApiError> {
        if self.0.contains_key("password") {
            self.password("password").map(Some)
        } else {
            Ok(None)
        }
    }

    fn password(&mut self, field: &'static str) -> Result<Secret, ApiError> {
        let password = self.text(field)?.map(Secret::new);
        let password = password.ok_or_else(|| missing(field))?;
        match password_problem(password.expose()) {
            Some(problem) => Err(wrong(field, problem)),
            None => Ok(password),
        }
    }

    /// An object inside of the object.
    fn object<T: DeserializeOwned>(
        &mut self,
        field: &'static str,
        shape: &str,
    ) -> Result<Option<T>, ApiError> {
        match self.0.remove(field) {
            None | Some(Value::Null) => Ok(None),
            // Serde would take a list for an object.
            Some(Value::Array(_)) => Err(wrong(field, shape)),
            Some(value) => serde_json::from_value(value)
                .map(Some)
                .map_err(|_| wrong(field, shape)),
        }
    }

    fn required<T: FromStr<Err: Display>>(&mut self, field: &'static str) -> Result<T, ApiError> {
        self.optional(field)?.ok_or_else(|| missing(field))
    }

    fn optional<T: FromStr<Err: Display>>(
        &mut self,
        field: &'static str,
    ) -> Result<Option<T>, ApiError> {
        let text = self.text(field)?;
        text.map(|text| text.parse().map_err(|error| wrong(field, error)))
            .transpose()
    }

    fn flag(&mut self, field: &'static str) -> Result<bool, ApiError> {
        match self.0.remove(field) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(_) => Err(wrong(field, "must be true or false")),
        }
    }

    /// The text of a field; null is as good as absent.
    fn text(&mut self, field: &'static str) -> Result<Option<String>, ApiError> {
        match self.0.remove(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(wrong(field, "must be a string")),
        }
    }
}

/// Why a text cannot be a password.
pub(crate) fn password_problem(text: &str) -> Option<&'static str> {
    match text {
        "" => Some("must not be empty"),
        text if text.len() > PASSWORD_MAX => Some("has at most 72 bytes, as bcrypt reads no more"),
        text if text.contains('\0') => Some("must not contain a zero byte"),
        _ => None,
    }
}

fn missing(field: &'static str) -> ApiError {
    wrong(field, "is missing")
}

fn wrong(field: &'static str, problem: impl Display) -> ApiError {
    ApiError::Field(field, problem.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
            Just(Value::from("ada")),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::hash_map(name(), inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    fn name() -> impl Strategy<Value = String> {
        const KNOWN: [&str; 21] = [
            "username",
            "password",
            "new_password",
            "host",
            "key",
            "email",
            "phone",
            "code",
            "visibility",
            "profile",
            "fields",
            "name",
            "value",
            "proof",
            "at",
            "signature",
            "guest",
            "register",
            "clients",
            "display_name",
            "status",
        ];
        proptest::sample::select(&KNOWN[..]).prop_map(str::to_owned)
    }

    proptest! {
        #[test]
        fn any_object_is_answered(object in proptest::collection::hash_map(name(), value(), 0..8)) {
            let fields = || Fields::new(object.clone().into_iter().collect());
            drop(fields().register());
            drop(fields().session());
            drop(fields().resume());
            drop(fields().password_change());
            drop(fields().email_change());
            drop(fields().account_change());
            drop(fields().lookups());
            drop(fields().username());
            drop(fields().proof());
        }
    }
}
