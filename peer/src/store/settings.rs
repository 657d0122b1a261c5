//! Settings and registries: small things under a name.

use rusqlite::{Connection, OptionalExtension, Result, params};
use serde_json::Value;
use twocan_proto::registry_url::RegistryUrl;

/// Whether contacts learn what was read.
pub(crate) const RECEIPTS: &str = "chat.receipts";
/// Whether contacts see that the user is typing.
pub(crate) const TYPING: &str = "chat.typing";

/// The setting `key`, if it was ever set.
pub(crate) fn get(db: &Connection, key: &str) -> Result<Option<Value>> {
    let text: Option<String> = db
        .prepare_cached("SELECT value FROM settings WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

pub(crate) fn set(db: &Connection, key: &str, value: &Value) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO settings VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2",
    )?
    .execute(params![key, value.to_string()])?;
    Ok(())
}

/// Whether a setting that is on unless switched off is on.
pub(crate) fn is_on(db: &Connection, key: &str) -> Result<bool> {
    Ok(get(db, key)? != Some(Value::Bool(false)))
}

/// A registry as it is remembered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SavedRegistry {
    pub(crate) url: RegistryUrl,
    pub(crate) username: Option<String>,
    /// The session, as the registry client writes it.
    pub(crate) session: Option<Value>,
}

pub(crate) fn registries(db: &Connection) -> Result<Vec<SavedRegistry>> {
    let mut query =
        db.prepare_cached("SELECT url, username, session FROM registries ORDER BY url")?;
    let rows = query.query_map([], |row| {
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, Option<String>>(1)?,
            row.get::<_, Option<String>>(2)?,
        ))
    })?;
    let mut saved = Vec::new();
    for row in rows {
        let (url, username, session) = row?;
        // A URL that no longer parses was written by nobody but a hand.
        if let Ok(url) = url.parse() {
            let session = session.and_then(|text| serde_json::from_str(&text).ok());
            saved.push(SavedRegistry {
                url,
                username,
                session,
            });
        }
    }
    Ok(saved)
}

pub(crate) fn save_registry(db: &Connection, registry: &SavedRegistry) -> Result<()> {
    let session = registry.session.as_ref().map(Value::to_string);
    db.prepare_cached(
        "INSERT INTO registries VALUES (?1, ?2, ?3)
         ON CONFLICT (url) DO UPDATE SET username = ?2, session = ?3",
    )?
    .execute(params![
        registry.url.to_string(),
        registry.username,
        session
    ])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_remembered_and_forgets_its_session() {
        let db = crate::store::in_memory();
        let mut registry = SavedRegistry {
            url: "https://localhost:7443".parse().unwrap(),
            username: Some("anna".into()),
            session: Some(serde_json::json!({"token": "t"})),
        };
        save_registry(&db, &registry).unwrap();
        assert_eq!(registries(&db).unwrap(), std::slice::from_ref(&registry));
        registry.session = None;
        save_registry(&db, &registry).unwrap();
        assert_eq!(registries(&db).unwrap(), [registry]);
    }
}
