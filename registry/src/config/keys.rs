//! The keys that a configuration may have, and guesses at mistyped ones.

use super::ConfigError;

/// Every key of [`super::Typed`].
pub(super) const KEYS: &[&str] = &[
    "listen",
    "udp",
    "data",
    "certs_dir",
    "cert",
    "key",
    "directory",
    "registration",
    "registration_code",
    "code_minutes",
    "registrations_per_hour",
    "guests",
    "min_client",
    "public_url",
    "mail_server",
    "mail_tls",
    "mail_from",
    "mail_user",
    "mail_password_file",
    "reset_minutes",
    "gateway_url",
    "gateway_token_file",
    "password_min",
    "bcrypt_cost",
    "password_threads",
    "workers",
    "heartbeat_ms",
    "session_days",
    "log",
];

/// Whether `key` exists.
pub(super) fn check(key: &str, place: &str) -> Result<(), ConfigError> {
    if KEYS.contains(&key) {
        return Ok(());
    }
    let nearest = KEYS
        .iter()
        .min_by_key(|known| distance(key, known))
        .copied();
    let nearest = nearest.unwrap_or(KEYS[0]);
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
