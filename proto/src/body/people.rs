//! Who the two at a link are to each other.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{BodyError, within};
use crate::limits;

/// May I be your contact?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Knock {
    /// What the sender calls herself.
    pub name: String,
    /// A sentence to say who she is; may be empty.
    #[serde(default)]
    pub note: String,
}

/// You are my contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// What the sender calls herself.
    #[serde(default)]
    pub name: String,
}

/// How somebody wants to be found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Not at the machine.
    Away,
    /// There, and not to be rung or called to.
    DoNotDisturb,
    /// To be shown as offline.
    Invisible,
    /// There. What this version does not know counts as this.
    #[default]
    #[serde(other)]
    Available,
}

/// Who the sender is, as far as contacts may know. Each takes the place of the
/// one before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// What the sender calls herself.
    #[serde(default)]
    pub name: String,
    /// A line about what she is up to; may be empty.
    #[serde(default)]
    pub status: String,
    /// How she wants to be found.
    #[serde(default)]
    pub presence: Presence,
    /// What else she chose to tell, such as `mail` or `pronouns`.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
}

impl Profile {
    /// Whether every part keeps its limit.
    ///
    /// # Errors
    /// [`BodyError::Limit`], which names the part.
    pub fn check(&self) -> Result<(), BodyError> {
        within("name", self.name.len(), limits::NAME_BYTES)?;
        within("status", self.status.len(), limits::STATUS_BYTES)?;
        let count = self.fields.len();
        within("number of profile fields", count, limits::PROFILE_FIELDS)?;
        for (name, value) in &self.fields {
            within(
                "name of a profile field",
                name.len(),
                limits::FIELD_NAME_BYTES,
            )?;
            within("profile field", value.len(), limits::FIELD_BYTES)?;
        }
        Ok(())
    }
}
