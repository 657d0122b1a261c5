//! The fields of a JSON object, taken one by one so that a missing or wrong one
//! can be named. Fields that nobody asks for are ignored: a plain contact-list
//! client may send more than we know.

use super::error::ApiError;
use serde_json::{Map, Value};
use std::{fmt::Display, str::FromStr};
use twocan_proto::api::{
    EMAIL_MAX, PASSWORD_MAX, RegisterRequest, ResumeRequest, Secret, SessionRequest,
};

/// A JSON object on its way to a request type.
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
            password: self.password()?,
            host: self.required("host")?,
            key: self.optional("key")?,
            email: self.email()?,
        })
    }

    /// `POST /sessions`
    pub(super) fn session(mut self) -> Result<SessionRequest, ApiError> {
        Ok(SessionRequest {
            username: self.required("username")?,
            password: self.password()?,
            host: self.optional("host")?,
            key: self.optional("key")?,
            register: self.flag("register")?,
        })
    }

    /// `PUT /sessions/current`
    pub(super) fn resume(mut self) -> Result<ResumeRequest, ApiError> {
        Ok(ResumeRequest {
            host: self.optional("host")?,
            key: self.optional("key")?,
        })
    }

    /// The password of `DELETE /clients/{username}`, if there is one.
    pub(super) fn proof(mut self) -> Result<Option<Secret>, ApiError> {
        if self.0.contains_key("password") {
            self.password().map(Some)
        } else {
            Ok(None)
        }
    }

    fn password(&mut self) -> Result<Secret, ApiError> {
        let password = self.text("password")?.map(Secret::new);
        let password = password.ok_or_else(|| missing("password"))?;
        let problem = match password.expose() {
            "" => "must not be empty",
            text if text.len() > PASSWORD_MAX => "has at most 72 bytes, as bcrypt reads no more",
            text if text.contains('\0') => "must not contain a zero byte",
            _ => return Ok(password),
        };
        Err(wrong("password", problem))
    }

    fn email(&mut self) -> Result<Option<String>, ApiError> {
        let Some(email) = self.text("email")? else {
            return Ok(None);
        };
        let plausible = email.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !domain.contains('@')
        });
        let printable = email.chars().all(|c| !c.is_control() && !c.is_whitespace());
        if plausible && printable && email.len() <= EMAIL_MAX {
            return Ok(Some(email));
        }
        Err(wrong("email", "is not an e-mail address"))
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

fn missing(field: &'static str) -> ApiError {
    wrong(field, "is missing")
}

fn wrong(field: &'static str, problem: impl Display) -> ApiError {
    ApiError::Field(field, problem.to_string())
}
