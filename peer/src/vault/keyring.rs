//! The keyring of the system: a key that opens with the user's login.

use std::sync::mpsc::sync_channel;
use std::time::Duration;

use keyring::Entry;

use super::keys::Key;
use crate::api::{Error, ErrorCode};

/// Under which our entries stand in the keyring.
const SERVICE: &str = "twocan";
/// How long the keyring gets to answer: it may have to ask the user first.
const ANSWER: Duration = Duration::from_secs(120);

/// Keeps `key` under the name `entry`.
///
/// # Errors
/// `io` when there is no keyring, or it refuses.
pub(super) fn keep(entry: &str, key: &Key) -> Result<(), Error> {
    let kept = key.clone();
    ask(entry, move |entry| entry.set_secret(kept.bytes()))
}

/// The key that was kept under the name `entry`.
///
/// # Errors
/// `not_found` when the keyring has no such entry, `io` when there is no
/// keyring, or it does not open.
pub(super) fn fetch(entry: &str) -> Result<Key, Error> {
    let secret = ask(entry, |entry| {
        entry.get_secret().map(zeroize::Zeroizing::new)
    })?;
    Key::from_slice(&secret).ok_or_else(|| lost(entry))
}

/// Removes an entry; one that is not there is no fault.
pub(super) fn forget(entry: &str) -> Result<(), Error> {
    match ask(entry, |entry| entry.delete_credential()) {
        Err(error) if error.code != ErrorCode::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Asks from a thread of its own, as a keyring waits for its user as long as
/// he likes.
fn ask<T: Send + 'static>(
    name: &str,
    question: impl FnOnce(&Entry) -> keyring::Result<T> + Send + 'static,
) -> Result<T, Error> {
    let (answer, answered) = sync_channel(1);
    let entry = name.to_owned();
    std::thread::Builder::new()
        .name("keyring".into())
        .spawn(move || {
            let result = Entry::new(SERVICE, &entry).and_then(|entry| question(&entry));
            // Nobody waits any more: too late.
            let _late = answer.send(result);
        })
        .map_err(|error| Error::new(ErrorCode::Io, error.to_string()))?;
    match answered.recv_timeout(ANSWER) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(keyring::Error::NoEntry)) => Err(lost(name)),
        Ok(Err(keyring::Error::NoDefaultStore)) => Err(Error::new(
            ErrorCode::Io,
            "there is no system keyring here: start one (GNOME Keyring, KWallet or another Secret Service) and log in to it, or use a passphrase",
        )),
        Ok(Err(error)) => Err(Error::new(
            ErrorCode::Io,
            format!(
                "the system keyring does not open ({}): unlock it and try again",
                kind(&error)
            ),
        )),
        Err(_) => Err(Error::new(
            ErrorCode::Io,
            "the system keyring does not answer: unlock it and try again",
        )),
    }
}

/// What the keyring said, without the secrets that its errors may carry.
fn kind(error: &keyring::Error) -> String {
    match error {
        keyring::Error::PlatformFailure(cause) | keyring::Error::NoStorageAccess(cause) => {
            cause.to_string()
        }
        keyring::Error::Ambiguous(_) => "more than one entry fits".to_owned(),
        _ => "its entry is not usable".to_owned(),
    }
}

fn lost(entry: &str) -> Error {
    Error::new(
        ErrorCode::NotFound,
        format!(
            "the system keyring has no key for this profile any more (entry {entry} of {SERVICE}): put back the keyring it was made in, or import a backup into another folder with twocan import"
        ),
    )
}
