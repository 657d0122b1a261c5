//! What a call listens to and plays to, as a user writes it.

use std::{fmt, path::PathBuf, str::FromStr};

/// Highest tone that 48 kHz can carry with room for the codec's filters.
const MAX_TONE_HZ: f32 = 20_000.0;
/// Lowest tone worth sending.
const MIN_TONE_HZ: f32 = 20.0;

/// Where the sound that is sent comes from.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum InputSpec {
    /// The system's default microphone.
    #[default]
    Default,
    /// The microphone with this id or name, as [`crate::list_devices`] shows it.
    Device(String),
    /// A WAV file, played once in real time, then silence.
    File(PathBuf),
    /// A sine of this many Hz at -12 dBFS.
    Tone(f32),
    /// Nothing.
    Silence,
}

/// Where the sound that arrives goes to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum OutputSpec {
    /// The system's default loudspeaker.
    #[default]
    Default,
    /// The loudspeaker with this id or name, as [`crate::list_devices`] shows it.
    Device(String),
    /// A 48 kHz mono 16-bit WAV file, written in real time.
    File(PathBuf),
    /// Nowhere.
    Null,
}

/// A specification of sound that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// No such word.
    #[error("unknown sound {given:?}; use one of: {expected}")]
    Unknown {
        /// What was given.
        given: String,
        /// What would have been understood.
        expected: &'static str,
    },
    /// `device:` or `file:` without what it names.
    #[error("{0:?} names nothing; write it as {0}NAME")]
    Empty(&'static str),
    /// A tone that is no number, or that cannot be played.
    #[error("{0:?} is no tone; give a frequency from 20 to 20000 Hz, as in tone:440")]
    Tone(String),
}

const INPUTS: &str = "default, device:NAME, file:PATH, tone:HZ, silence";
const OUTPUTS: &str = "default, device:NAME, file:PATH, null";

impl FromStr for InputSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        match split(text) {
            ("default", None) => Ok(Self::Default),
            ("silence", None) => Ok(Self::Silence),
            ("device", Some(name)) => Ok(Self::Device(named("device:", name)?)),
            ("file", Some(path)) => Ok(Self::File(named("file:", path)?.into())),
            ("tone", Some(hz)) => tone(hz),
            _ => Err(unknown(text, INPUTS)),
        }
    }
}

impl FromStr for OutputSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        match split(text) {
            ("default", None) => Ok(Self::Default),
            ("null", None) => Ok(Self::Null),
            ("device", Some(name)) => Ok(Self::Device(named("device:", name)?)),
            ("file", Some(path)) => Ok(Self::File(named("file:", path)?.into())),
            _ => Err(unknown(text, OUTPUTS)),
        }
    }
}

impl fmt::Display for InputSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Device(name) => write!(f, "device:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Tone(hz) => write!(f, "tone:{hz}"),
            Self::Silence => f.write_str("silence"),
        }
    }
}

impl fmt::Display for OutputSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Device(name) => write!(f, "device:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Null => f.write_str("null"),
        }
    }
}

fn split(text: &str) -> (&str, Option<&str>) {
    match text.split_once(':') {
        Some((kind, rest)) => (kind, Some(rest)),
        None => (text, None),
    }
}

fn named(kind: &'static str, name: &str) -> Result<String, SpecError> {
    if name.is_empty() {
        return Err(SpecError::Empty(kind));
    }
    Ok(name.to_owned())
}

fn tone(text: &str) -> Result<InputSpec, SpecError> {
    match text.parse::<f32>() {
        Ok(hz) if (MIN_TONE_HZ..=MAX_TONE_HZ).contains(&hz) => Ok(InputSpec::Tone(hz)),
        _ => Err(SpecError::Tone(text.to_owned())),
    }
}

fn unknown(given: &str, expected: &'static str) -> SpecError {
    SpecError::Unknown {
        given: given.to_owned(),
        expected,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for text in [
            "default",
            "device:USB: mic",
            "file:/a b/c:d.wav",
            "tone:440",
            "silence",
        ] {
            assert_eq!(text.parse::<InputSpec>().unwrap().to_string(), text);
        }
        for text in ["default", "device:x", "file:out.wav", "null"] {
            assert_eq!(text.parse::<OutputSpec>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn says_what_would_have_been_right() {
        let told = |text: &str| text.parse::<InputSpec>().unwrap_err().to_string();
        assert!(told("microphone").contains("device:NAME"));
        assert!(told("null").contains("silence"));
        assert!(told("file:").contains("file:NAME"));
        assert!(told("tone:NaN").contains("20 to 20000"));
        assert!(told("tone:1e9").contains("20 to 20000"));
        let told = "silence".parse::<OutputSpec>().unwrap_err().to_string();
        assert!(told.contains("null"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,60}") {
            if let Ok(spec) = text.parse::<InputSpec>() {
                prop_assert_eq!(spec.to_string().parse::<InputSpec>(), Ok(spec));
            }
            if let Ok(spec) = text.parse::<OutputSpec>() {
                prop_assert_eq!(spec.to_string().parse::<OutputSpec>(), Ok(spec));
            }
        }
    }
}
