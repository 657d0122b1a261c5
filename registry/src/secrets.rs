//! Secrets from files: what the configuration names is read here, and never
//! printed.

use std::{fs::File, io, io::Read, path::Path};
use twocan_proto::api::Secret;

/// Most bytes of a secret; a token has some dozens.
const SECRET_MAX: u64 = 4096;

/// Why there is no secret to use.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("{path}: {error}; check that the file is there and readable")]
    File {
        /// The file.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// There is none in it.
    #[error("{0} must hold one line with the secret, of at most 4096 bytes")]
    Content(String),
}

/// The secret in a file: its text without the space and line ends around it.
///
/// # Errors
/// [`SecretError`], which names the file and not what is in it.
pub fn read(path: &Path) -> Result<Secret, SecretError> {
    let shown = || path.display().to_string();
    let mut text = String::new();
    let read =
        File::open(path).and_then(|file| file.take(SECRET_MAX + 1).read_to_string(&mut text));
    match read {
        Ok(length) if length as u64 > SECRET_MAX => Err(SecretError::Content(shown())),
        Ok(_) => one_line(&text).ok_or_else(|| SecretError::Content(shown())),
        Err(error) => Err(SecretError::File {
            path: shown(),
            error,
        }),
    }
}

fn one_line(text: &str) -> Option<Secret> {
    let line = text.trim();
    let good = !line.is_empty() && !line.chars().any(char::is_control);
    good.then(|| Secret::from(line))
}

/// Whether others than the owner may read a file.
#[must_use]
pub fn is_open_to_others(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o007 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// Whether two secrets are the same, in a time that does not tell where they
/// differ.
#[must_use]
pub fn same(one: &Secret, other: &Secret) -> bool {
    // Hashes of secrets tell nothing of them, and are compared in constant time.
    blake3::hash(one.expose().as_bytes()) == blake3::hash(other.expose().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_is_a_secret_and_everything_else_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let put = |text: &[u8]| {
            std::fs::write(&path, text).unwrap();
            read(&path)
        };
        assert_eq!(put(b" s3cret \r\n").unwrap().expose(), "s3cret");
        let long = "x".repeat(5000);
        for wrong in [&b""[..], b" \n", b"one\ntwo", b"\xff\xfe", long.as_bytes()] {
            let error = put(wrong).unwrap_err().to_string();
            assert!(error.contains("token"), "{error}");
        }
        assert!(read(&folder.path().join("none")).is_err());
        assert!(same(&"a".into(), &"a".into()) && !same(&"a".into(), &"b".into()));
    }
}
