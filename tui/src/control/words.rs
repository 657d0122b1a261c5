//! The lines of the control socket: a verb, and what is to become of it.

use twocan_peer::api::{Error, ErrorCode};

/// What a line asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    /// The key of push to talk.
    Talk(Switch),
    /// The key, held until the client leaves.
    Hold,
    Mute(Switch),
    Deafen(Switch),
    Answer,
    Decline,
    Hangup,
    Status,
}

/// What is to become of something that is on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Switch {
    On,
    Off,
    Toggle,
}

impl Switch {
    /// What follows for something that is as it is.
    pub(crate) fn from(self, now: bool) -> bool {
        match self {
            Self::On => true,
            Self::Off => false,
            Self::Toggle => !now,
        }
    }
}

/// All there is to say.
const WORDS: &str = "ptt on|off|toggle|hold, mute [on|off|toggle], deafen [on|off|toggle], answer, decline, hangup, status";

/// Reads a line.
///
/// # Errors
/// `bad_request` that lists what there is.
pub(crate) fn parse(line: &str) -> Result<Word, Error> {
    let mut words = line.split_whitespace();
    let (verb, how, more) = (words.next(), words.next(), words.next());
    let switch = match how {
        None | Some("toggle") => Some(Switch::Toggle),
        Some("on") => Some(Switch::On),
        Some("off") => Some(Switch::Off),
        Some(_) => None,
    };
    let word = match (verb.unwrap_or_default(), how, switch) {
        _ if more.is_some() => None,
        ("ptt", Some("hold"), _) => Some(Word::Hold),
        ("ptt", Some(_), Some(switch)) => Some(Word::Talk(switch)),
        ("mute", _, Some(switch)) => Some(Word::Mute(switch)),
        ("deafen", _, Some(switch)) => Some(Word::Deafen(switch)),
        ("answer", None, _) => Some(Word::Answer),
        ("decline", None, _) => Some(Word::Decline),
        ("hangup", None, _) => Some(Word::Hangup),
        ("status", None, _) => Some(Word::Status),
        _ => None,
    };
    word.ok_or_else(|| {
        let text = format!(
            "{:?} is nothing to say here; say one of: {WORDS}",
            line.trim()
        );
        Error::new(ErrorCode::BadRequest, text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_read() {
        for (line, word) in [
            ("ptt on\n", Word::Talk(Switch::On)),
            (" ptt  toggle ", Word::Talk(Switch::Toggle)),
            ("ptt hold", Word::Hold),
            ("mute", Word::Mute(Switch::Toggle)),
            ("deafen off\r\n", Word::Deafen(Switch::Off)),
            ("answer", Word::Answer),
            ("decline", Word::Decline),
            ("hangup", Word::Hangup),
            ("status", Word::Status),
        ] {
            assert_eq!(parse(line), Ok(word), "{line}");
        }
        for line in [
            "",
            "ptt",
            "ptt maybe",
            "mute hold",
            "answer now",
            "mute on off",
        ] {
            let refused = parse(line).unwrap_err();
            assert!(refused.message.contains("status"), "{line}: {refused}");
        }
    }

    #[test]
    fn a_switch_says_what_follows() {
        for now in [true, false] {
            assert!(Switch::On.from(now) && !Switch::Off.from(now));
            assert_eq!(Switch::Toggle.from(now), !now);
        }
    }

    proptest! {
        #[test]
        fn any_line_is_read_or_refused(line in "\\PC{0,64}") {
            let _either = parse(&line);
        }
    }
}
