//! The two notations of a body: JSON (RFC 8259) and MessagePack with names for
//! fields. Both carry the same fields and texts; a client chooses with `Accept`
//! (RFC 9110 section 12.5.1) and says with `Content-Type` what it sends.

use serde::{Serialize, de::DeserializeOwned};
use std::io::Cursor;

/// How deep a body may be nested: ours have three levels.
const DEPTH_MAX: usize = 16;

/// Media ranges looked at in one `Accept`: a browser sends eight.
const RANGES_MAX: usize = 32;

/// A notation of bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Format {
    /// `application/json`
    #[default]
    Json,
    /// `application/msgpack`
    MessagePack,
}

/// Why a body was not written or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The bytes are not of this notation.
    #[error("the body is not {0}: {1}")]
    Syntax(&'static str, String),
    /// They are, and are not what is asked for.
    #[error("the body must be an object")]
    Shape,
}

impl Format {
    /// Every notation, the preferred one first.
    pub const ALL: [Self; 2] = [Self::Json, Self::MessagePack];

    /// Its media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::MessagePack => "application/msgpack",
        }
    }

    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::MessagePack => "MessagePack",
        }
    }

    /// The notation that a `Content-Type` declares.
    #[must_use]
    pub fn declared(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        Self::ALL.into_iter().find(|format| format.is(essence))
    }

    /// The notation that an `Accept` likes best; without one it is JSON.
    /// `None` when it likes neither.
    #[must_use]
    pub fn accepted(accept: Option<&str>) -> Option<Self> {
        let Some(accept) = accept.filter(|accept| !accept.trim().is_empty()) else {
            return Some(Self::Json);
        };
        let ranges: Vec<_> = accept
            .split(',')
            .take(RANGES_MAX)
            .map(Range::read)
            .collect();
        let liked = Self::ALL.map(|format| (format, format.liking(&ranges)));
        let [(_, json), (_, message_pack)] = liked;
        // On a tie the first one stands.
        let best = if message_pack > json {
            liked[1]
        } else {
            liked[0]
        };
        (best.1 > 0).then_some(best.0)
    }

    fn is(self, essence: &str) -> bool {
        let older: &[&str] = match self {
            Self::Json => &[],
            Self::MessagePack => &["application/x-msgpack", "application/vnd.msgpack"],
        };
        essence.eq_ignore_ascii_case(self.media_type())
            || older.iter().any(|name| essence.eq_ignore_ascii_case(name))
    }

    /// Its quality in thousandths by the most specific of the ranges; 0 is refused.
    fn liking(self, ranges: &[Range<'_>]) -> u16 {
        let fitting = ranges
            .iter()
            .filter_map(|range| Some((range.fit(self)?, range.quality)));
        fitting.max().map_or(0, |(_, quality)| quality)
    }

    /// The bytes of a value.
    ///
    /// # Errors
    /// [`FormatError::Syntax`] for a value that the notation cannot hold, which
    /// none of the types of this module is.
    pub fn encode<T: Serialize>(self, value: &T) -> Result<Vec<u8>, FormatError> {
        match self {
            Self::Json => serde_json::to_vec(value).map_err(|error| self.syntax(&error)),
            Self::MessagePack => {
                rmp_serde::to_vec_named(value).map_err(|error| self.syntax(&error))
            }
        }
    }

    /// The value in some bytes, all of which it must be.
    ///
    /// # Errors
    /// [`FormatError`], which says what is wrong with the bytes.
    pub fn decode<T: DeserializeOwned>(self, bytes: &[u8]) -> Result<T, FormatError> {
        match self {
            Self::Json => serde_json::from_slice(bytes).map_err(|error| {
                // Data errors name Rust types, which help nobody outside.
                if error.is_data() {
                    FormatError::Shape
                } else {
                    self.syntax(&error)
                }
            }),
            Self::MessagePack => self.unpack(bytes),
        }
    }

    fn unpack<T: DeserializeOwned>(self, bytes: &[u8]) -> Result<T, FormatError> {
        let mut source = rmp_serde::Deserializer::new(Cursor::new(bytes));
        source.set_max_depth(DEPTH_MAX);
        let value = T::deserialize(&mut source).map_err(|error| match error {
            rmp_serde::decode::Error::Syntax(_) | rmp_serde::decode::Error::TypeMismatch(_) => {
                FormatError::Shape
            }
            error => self.syntax(&error),
        })?;
        if source.position() == bytes.len() as u64 {
            Ok(value)
        } else {
            Err(self.syntax(&"bytes after its end"))
        }
    }

    fn syntax(self, error: &impl ToString) -> FormatError {
        FormatError::Syntax(self.name(), error.to_string())
    }
}

/// One media range of an `Accept`.
struct Range<'a> {
    essence: &'a str,
    /// In thousandths.
    quality: u16,
}

impl<'a> Range<'a> {
    fn read(text: &'a str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let essence = parts.next().unwrap_or_default();
        let quality = parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.trim()
                .eq_ignore_ascii_case("q")
                .then(|| thousandths(value.trim()))
        });
        Self {
            essence,
            quality: quality.unwrap_or(1000),
        }
    }

    /// How closely it names a notation: the higher the closer.
    fn fit(&self, format: Format) -> Option<u8> {
        match self.essence {
            "*/*" | "*" => Some(0),
            essence if essence.eq_ignore_ascii_case("application/*") => Some(1),
            essence => format.is(essence).then_some(2),
        }
    }
}

/// A quality value of RFC 9110 section 12.4.2; what is none counts as refused.
fn thousandths(text: &str) -> u16 {
    let number = text.parse::<f32>().ok().filter(|q| (0.0..=1.0).contains(q));
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 to 1000 fits"
    )]
    number.map_or(0, |q| (q * 1000.0).round() as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    #[test]
    fn accept_chooses() {
        use Format::{Json, MessagePack};
        for (accept, chosen) in [
            (None, Some(Json)),
            (Some(""), Some(Json)),
            (Some("*/*"), Some(Json)),
            (Some("text/html, */*;q=0.1"), Some(Json)),
            (Some("application/msgpack"), Some(MessagePack)),
            (Some("APPLICATION/X-MSGPACK"), Some(MessagePack)),
            (
                Some("application/json;q=0.5, application/msgpack"),
                Some(MessagePack),
            ),
            (Some("application/msgpack;q=0.5, application/*"), Some(Json)),
            (Some("application/json;q=0, */*"), Some(MessagePack)),
            (Some("application/xml"), None),
            (Some("application/json;q=0"), None),
            (Some("application/json;q=2"), None),
            (Some(";;,=,q"), None),
        ] {
            assert_eq!(Format::accepted(accept), chosen, "{accept:?}");
        }
        assert_eq!(
            Format::declared("application/JSON; charset=utf-8"),
            Some(Json)
        );
        assert_eq!(
            Format::declared("application/vnd.msgpack"),
            Some(MessagePack)
        );
        assert_eq!(Format::declared("text/plain"), None);
    }

    #[test]
    fn both_notations_carry_the_same_fields() {
        let value = json!({"name": "Ada", "online": true, "count": 7, "none": null});
        for format in Format::ALL {
            let bytes = format.encode(&value).unwrap();
            assert_eq!(format.decode::<Value>(&bytes), Ok(value.clone()));
            let mut longer = bytes.clone();
            longer.push(b'x');
            assert!(format.decode::<Value>(&longer).is_err());
            assert!(format.decode::<Value>(&bytes[..bytes.len() - 1]).is_err());
        }
    }

    #[test]
    fn what_is_no_object_is_told_from_what_is_nothing() {
        for format in Format::ALL {
            let list = format.encode(&json!([1])).unwrap();
            let shape = format.decode::<Map<String, Value>>(&list);
            assert_eq!(shape, Err(FormatError::Shape), "{format:?}");
        }
        let cut = Format::Json.decode::<Map<String, Value>>(b"{");
        assert!(matches!(cut, Err(FormatError::Syntax(..))), "{cut:?}");
    }

    #[test]
    fn nesting_has_an_end() {
        let deep = vec![0x91; 10_000];
        assert!(Format::MessagePack.decode::<Value>(&deep).is_err());
        let deep = "[".repeat(10_000);
        assert!(Format::Json.decode::<Value>(deep.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn any_header_is_answered(text in "[ -~]{0,80}") {
            let _chosen = Format::accepted(Some(&text));
            let _declared = Format::declared(&text);
        }

        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            for format in Format::ALL {
                let _outcome = format.decode::<Map<String, Value>>(&bytes);
            }
        }
    }
}
