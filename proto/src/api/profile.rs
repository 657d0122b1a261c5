//! What an account's owner chose to say of herself at a registry.

use crate::{limits, text};
use serde::{Deserialize, Serialize};

/// Who finds an account at a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Visibility {
    /// Everybody who may read the directory.
    #[default]
    Listed,
    /// Who names the right public key. To everybody else the name is unknown.
    Contacts,
}

/// What an account may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Role {
    /// Without password, gone when it leaves.
    Guest,
    /// An ordinary account.
    #[default]
    User,
    /// One that looks after the registry.
    Admin,
}

impl Role {
    /// The word on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::User => "user",
            Self::Admin => "admin",
        }
    }
}

impl Visibility {
    /// The word on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Listed => "listed",
            Self::Contacts => "contacts",
        }
    }
}

/// A word that is none of those there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be {0}")]
pub struct WordError(&'static str);

impl std::str::FromStr for Visibility {
    type Err = WordError;

    fn from_str(word: &str) -> Result<Self, WordError> {
        let all = [Self::Listed, Self::Contacts];
        let found = all.into_iter().find(|known| known.as_str() == word);
        found.ok_or(WordError("listed or contacts"))
    }
}

impl std::str::FromStr for Role {
    type Err = WordError;

    fn from_str(word: &str) -> Result<Self, WordError> {
        let all = [Self::Guest, Self::User, Self::Admin];
        let found = all.into_iter().find(|known| known.as_str() == word);
        found.ok_or(WordError("guest, user or admin"))
    }
}

/// A visiting card at a registry. All of it is optional.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Profile {
    /// Name for people, at most [`limits::NAME_BYTES`].
    pub display_name: Option<String>,
    /// One line of now, at most [`limits::STATUS_BYTES`].
    pub status: Option<String>,
    /// At most [`limits::PROFILE_FIELDS`] further lines.
    pub fields: Vec<ProfileField>,
}

/// One line of a [`Profile`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProfileField {
    /// What it is, such as `matrix`; at most [`limits::FIELD_NAME_BYTES`].
    pub name: String,
    /// What it says, at most [`limits::FIELD_BYTES`].
    pub value: String,
    /// Whether everybody sees it who sees the account, or only who names the
    /// right public key.
    #[serde(default)]
    pub public: bool,
}

/// What is wrong with a profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// A text that is too long.
    #[error("{0} has at most {1} bytes")]
    Long(&'static str, usize),
    /// Too many fields.
    #[error("has at most {} fields", limits::PROFILE_FIELDS)]
    Many,
    /// A field without a name, or two of one name.
    #[error("each field needs a name of its own")]
    Name,
}

impl Profile {
    /// The profile as it is kept: safe to show, and empty texts left out.
    ///
    /// # Errors
    /// [`ProfileError`] for what does not fit.
    pub fn checked(self) -> Result<Self, ProfileError> {
        if self.fields.len() > limits::PROFILE_FIELDS {
            return Err(ProfileError::Many);
        }
        let mut fields: Vec<ProfileField> = Vec::with_capacity(self.fields.len());
        for field in self.fields {
            let name = fitting(&field.name, "a field's name", limits::FIELD_NAME_BYTES)?;
            if name.is_empty() || fields.iter().any(|other| other.name == name) {
                return Err(ProfileError::Name);
            }
            let value = fitting(&field.value, "a field", limits::FIELD_BYTES)?;
            fields.push(ProfileField {
                name,
                value,
                ..field
            });
        }
        Ok(Self {
            display_name: optional(self.display_name, "display_name", limits::NAME_BYTES)?,
            status: optional(self.status, "status", limits::STATUS_BYTES)?,
            fields,
        })
    }

    /// The part for everybody.
    #[must_use]
    pub fn public(&self) -> Self {
        let fields = self.fields.iter().filter(|field| field.public);
        Self {
            fields: fields.cloned().collect(),
            ..self.clone()
        }
    }

    /// Whether it says nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The text in which a search looks: the public part in lower case, a line
    /// each.
    #[must_use]
    pub fn haystack(&self) -> String {
        let lines = [&self.display_name, &self.status].into_iter().flatten();
        let fields = self.fields.iter().filter(|field| field.public);
        let all: Vec<_> = lines
            .map(String::as_str)
            .chain(fields.map(|field| field.value.as_str()))
            .collect();
        all.join("\n").to_lowercase()
    }
}

fn optional(
    text: Option<String>,
    what: &'static str,
    most: usize,
) -> Result<Option<String>, ProfileError> {
    let text = text.map(|text| fitting(&text, what, most)).transpose()?;
    Ok(text.filter(|text| !text.is_empty()))
}

fn fitting(typed: &str, what: &'static str, most: usize) -> Result<String, ProfileError> {
    // The longest honest text is no longer before it is made safe.
    let line = if typed.len() <= 4 * most {
        text::line(typed)
    } else {
        return Err(ProfileError::Long(what, most));
    };
    if line.len() <= most {
        Ok(line)
    } else {
        Err(ProfileError::Long(what, most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn field(name: &str, value: &str, public: bool) -> ProfileField {
        ProfileField {
            name: name.to_owned(),
            value: value.to_owned(),
            public,
        }
    }

    #[test]
    fn what_is_kept_is_safe_to_show() {
        let typed = Profile {
            display_name: Some("  Ada\u{1b}[31m \u{202e}Byron\n".to_owned()),
            status: Some("\u{200b}".to_owned()),
            fields: vec![field("web", "a\tb", true)],
        };
        let kept = typed.checked().unwrap();
        assert_eq!(kept.display_name.as_deref(), Some("Ada[31m Byron"));
        assert_eq!(kept.status, None);
        assert_eq!(kept.fields, [field("web", "a b", true)]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let with = |fields| Profile {
            fields,
            ..Profile::default()
        };
        let many = (0..9).map(|n| field(&n.to_string(), "", true)).collect();
        assert_eq!(with(many).checked(), Err(ProfileError::Many));
        let twice = vec![field("a", "1", true), field("a ", "2", false)];
        assert_eq!(with(twice).checked(), Err(ProfileError::Name));
        assert_eq!(
            with(vec![field("", "x", true)]).checked(),
            Err(ProfileError::Name)
        );
        for length in [65, 65_000] {
            let long = Profile {
                display_name: Some("x".repeat(length)),
                ..Profile::default()
            };
            assert_eq!(long.checked(), Err(ProfileError::Long("display_name", 64)));
        }
    }

    #[test]
    fn a_search_looks_at_the_public_part_alone() {
        let profile = Profile {
            display_name: Some("Ada".to_owned()),
            status: None,
            fields: vec![
                field("city", "London", true),
                field("home", "Secret Lane", false),
            ],
        };
        assert_eq!(profile.haystack(), "ada\nlondon");
        assert_eq!(profile.public().fields, [field("city", "London", true)]);
    }

    proptest! {
        #[test]
        fn any_profile_is_answered_and_settles(name in "\\PC{0,40}", status: String, value: String, public: bool) {
            let typed = Profile {
                display_name: Some(name),
                status: Some(status),
                fields: vec![field("x", &value, public)],
            };
            if let Ok(kept) = typed.checked() {
                prop_assert_eq!(kept.clone().checked(), Ok(kept));
            }
        }
    }
}
