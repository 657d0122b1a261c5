//! Points in time as they are on the wire.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// Milliseconds since 1970-01-01 UTC; RFC 3339 in UTC with milliseconds in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixMs(pub u64);

impl UnixMs {
    /// The point `ms` milliseconds later.
    #[must_use]
    pub fn plus(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to here, 0 when it is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for UnixMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = i64::try_from(self.0).unwrap_or(i64::MAX);
        // Past the year 9999 there is no RFC 3339; the last moment stands for it.
        let at = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX);
        write!(f, "{at:.3}")
    }
}

impl Serialize for UnixMs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for UnixMs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let at = Timestamp::deserialize(deserializer)?;
        u64::try_from(at.as_millisecond())
            .map(Self)
            .map_err(|_| de::Error::custom("a time before 1970"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_rfc_3339_with_milliseconds() {
        for (ms, text) in [
            (0, "\"1970-01-01T00:00:00.000Z\""),
            (1_763_677_291_120, "\"2025-11-20T22:21:31.120Z\""),
        ] {
            assert_eq!(serde_json::to_string(&UnixMs(ms)).unwrap(), text);
            assert_eq!(serde_json::from_str::<UnixMs>(text).unwrap(), UnixMs(ms));
        }
        assert!(serde_json::from_str::<UnixMs>("\"1969-01-01T00:00:00Z\"").is_err());
        assert!(UnixMs(u64::MAX).to_string().starts_with("9999-"));
    }
}
