//! Where an account's owner can be reached outside of twocan: an e-mail address
//! or a telephone number. Nobody but the registry and its operator sees them.

use super::EMAIL_MAX;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// An e-mail address in the plain form of RFC 5321: a dot-atom, `@` and a domain
/// in ASCII. It does not print itself in debug output.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(value_type = String, format = Email, max_length = 254)
)]
pub struct Email(String);

/// A text that is not an [`Email`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not an e-mail address such as name@example.org")]
pub struct EmailError;

impl Email {
    /// The address as it was typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A dot-atom of RFC 5322 section 3.2.3, at most 64 bytes (RFC 5321 4.5.3.1.1).
fn is_local(text: &str) -> bool {
    let is_atext = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
    text.len() <= 64
        && text
            .split('.')
            .all(|atom| !atom.is_empty() && atom.bytes().all(is_atext))
}

fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    text.split('.').all(is_label)
}

impl FromStr for Email {
    type Err = EmailError;

    fn from_str(text: &str) -> Result<Self, EmailError> {
        let (local, domain) = text.rsplit_once('@').ok_or(EmailError)?;
        let good = text.len() <= EMAIL_MAX && is_local(local) && is_domain(domain);
        good.then(|| Self(text.to_owned())).ok_or(EmailError)
    }
}

/// A telephone number in international form (ITU-T E.164): `+` and 7 to 15
/// digits. Blanks, hyphens, dots and brackets between them are dropped. It does
/// not print itself in debug output.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(value_type = String, pattern = "^[+][0-9 ./()-]{7,39}$", example = "+44 20 7946 0018")
)]
pub struct Phone(String);

/// A text that is not a [`Phone`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a telephone number such as +44 20 7946 0018")]
pub struct PhoneError;

impl Phone {
    /// Longest text that is looked at.
    const TYPED_MAX: usize = 40;

    /// `+` and the digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Phone {
    type Err = PhoneError;

    fn from_str(text: &str) -> Result<Self, PhoneError> {
        let typed = text.trim().strip_prefix('+').ok_or(PhoneError)?;
        let known = |c: char| c.is_ascii_digit() || " -.()/".contains(c);
        if text.len() > Self::TYPED_MAX || !typed.chars().all(known) {
            return Err(PhoneError);
        }
        let digits: String = typed.chars().filter(char::is_ascii_digit).collect();
        let good = (7..=15).contains(&digits.len()) && !digits.starts_with('0');
        good.then(|| Self(format!("+{digits}"))).ok_or(PhoneError)
    }
}

macro_rules! as_text {
    ($type:ty, $error:ty) => {
        impl TryFrom<String> for $type {
            type Error = $error;

            fn try_from(text: String) -> Result<Self, $error> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.0
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!("[", stringify!($type), "]"))
            }
        }
    };
}
as_text!(Email, EmailError);
as_text!(Phone, PhoneError);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn good_and_bad_addresses() {
        for good in [
            "a@b",
            "Ada.Byron+twocan@mail.example",
            "o'neill@x-y.example",
            "1@[x".replace('[', "").as_str(),
        ] {
            assert_eq!(good.parse::<Email>().unwrap().as_str(), good);
        }
        let long = format!("{}@example.org", "x".repeat(65));
        for bad in [
            "",
            "@",
            "a",
            "a@",
            "@b",
            "a b@c",
            "a@b c",
            "a@b..c",
            ".a@b",
            "a@-b",
            "a@b\r\nBcc: c@d",
            "<a@b>",
            "a,b@c",
            "a@b,c",
            "\"a b\"@c",
            "\u{e4}@b",
            "a@b@c",
            &long,
        ] {
            assert!(bad.parse::<Email>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn good_and_bad_numbers() {
        for (typed, kept) in [
            ("+44 20 7946 0018", "+442079460018"),
            ("+1 (555) 010-99.99", "+15550109999"),
        ] {
            assert_eq!(typed.parse::<Phone>().unwrap().as_str(), kept);
        }
        for bad in [
            "",
            "+",
            "0049123456",
            "+123456",
            "+1234567890123456",
            "+0123456789",
            "+49x1234567",
            "+\u{0661}23456789",
        ] {
            assert!(bad.parse::<Phone>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn neither_prints_itself() {
        let (email, phone): (Email, Phone) = (
            "ada@mail.example".parse().unwrap(),
            "+442079460018".parse().unwrap(),
        );
        assert_eq!(format!("{email:?} {phone:?}"), "[Email] [Phone]");
    }

    proptest! {
        #[test]
        fn what_is_accepted_cannot_add_a_header(text in "\\PC{0,30}|[a-z@.\r\n<>\" ,:;]{0,30}") {
            if let Ok(email) = text.parse::<Email>() {
                prop_assert!(email.as_str().bytes().all(|b| b.is_ascii_graphic()));
                prop_assert_eq!(email.as_str().matches('@').count(), 1);
            }
            if let Ok(phone) = text.parse::<Phone>() {
                prop_assert!(phone.as_str()[1..].bytes().all(|b| b.is_ascii_digit()));
            }
        }
    }
}
