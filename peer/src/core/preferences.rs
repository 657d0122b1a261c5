//! What the user has set: checked, kept, and told to those whom it concerns.

use serde_json::Value;

use super::{Core, archive, nearby, transfers};
use crate::api::{Error, ErrorCode, SETTINGS};
use crate::store::{StoreError, settings};

impl Core {
    pub(super) async fn set_setting(&mut self, key: &str, value: Value) -> Result<(), Error> {
        known_setting(key)?;
        self.set_call_setting(key, &value)?;
        self.set_sound_setting(key, &value)?;
        if key == transfers::FOLDER_SETTING {
            self.set_files_folder(&value)?;
        }
        if key == archive::KEEP_SETTING {
            self.set_retention(&value)?;
        }
        let is_lan = [nearby::LAN_SETTING, nearby::LAN_NAME_SETTING].contains(&key);
        if is_lan || [settings::RECEIPTS, settings::TYPING].contains(&key) {
            checked_switch(key, &value)?;
        }
        let key = key.to_owned();
        self.store
            .run(move |db| settings::set(db, &key, &value))
            .await?;
        if is_lan {
            self.search_nearby().await;
        }
        Ok(())
    }

    /// Whether a setting that is on unless switched off is on.
    pub(super) async fn is_on(&self, key: &'static str) -> Result<bool, Error> {
        Ok(self.store.run(move |db| settings::is_on(db, key)).await?)
    }

    pub(super) async fn get_setting(&self, key: &str) -> Result<Value, Error> {
        known_setting(key)?;
        let key = key.to_owned();
        let found: Result<_, StoreError> = self.store.run(move |db| settings::get(db, &key)).await;
        Ok(found?.unwrap_or(Value::Null))
    }
}

/// A setting that is true or false.
fn checked_switch(key: &str, value: &Value) -> Result<(), Error> {
    if value.is_boolean() || value.is_null() {
        return Ok(());
    }
    Err(Error::new(
        ErrorCode::BadRequest,
        format!("{key} is true or false"),
    ))
}

fn known_setting(key: &str) -> Result<(), Error> {
    if SETTINGS.iter().any(|(name, _)| *name == key) {
        return Ok(());
    }
    let names: Vec<_> = SETTINGS.iter().map(|(name, _)| *name).collect();
    Err(Error::new(
        ErrorCode::NotFound,
        format!(
            "no setting is called {key}; there are: {}",
            names.join(", ")
        ),
    ))
}
