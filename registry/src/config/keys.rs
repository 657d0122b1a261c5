//! The keys that a configuration may have, and guesses at mistyped ones.

use super::ConfigError;
use serde::Deserialize;

/// Every key of [`super::Typed`], as serde knows them.
pub(super) fn all() -> &'static [&'static str] {
    let mut fields: &'static [&'static str] = &[];
    // It fails after it has told the fields, which is all that is wanted.
    drop(super::Typed::deserialize(Names(&mut fields)));
    fields
}

/// Hears the names of a structure's fields, and has no values for them.
struct Names<'a>(&'a mut &'static [&'static str]);

impl<'de> serde::Deserializer<'de> for Names<'_> {
    type Error = serde::de::value::Error;

    fn deserialize_struct<V: serde::de::Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        Err(serde::de::Error::custom("no values here"))
    }

    fn deserialize_any<V: serde::de::Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(serde::de::Error::custom("no values here"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        option unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier
        ignored_any
    }
}

/// Whether `key` exists.
pub(super) fn check(key: &str, place: &str) -> Result<(), ConfigError> {
    if all().contains(&key) {
        return Ok(());
    }
    let nearest = all()
        .iter()
        .min_by_key(|known| distance(key, known))
        .copied();
    let nearest = nearest.unwrap_or("listen");
    Err(ConfigError::Unknown {
        place: place.to_owned(),
        key: key.to_owned(),
        nearest,
    })
}

/// The value of an environment variable: a number, or true or false, if it looks
/// like one.
pub(super) fn value(text: &str) -> toml::Value {
    if let Ok(flag) = text.parse() {
        return toml::Value::Boolean(flag);
    }
    text.parse().map_or_else(
        |_| toml::Value::String(text.to_owned()),
        toml::Value::Integer,
    )
}

/// Levenshtein distance, in bytes.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let swapped = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = swapped.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, expected) in [("", "ab", 2), ("kitten", "sitting", 3), ("udp", "udp", 0)] {
            assert_eq!(distance(a, b), expected);
        }
    }
}
