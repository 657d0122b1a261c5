//! From plain to encrypted, from one passphrase to another, and back.

use std::path::Path;

use super::disk;
use super::file::Vault;
use super::keys::ProfileKey;
use super::place::{Found, Place, remove_database, wipe_database};
use super::{Opened, Protection};
use crate::api::{Error, ErrorCode};
use crate::profile;
use crate::store::copy_database;

#[cfg(test)]
pub(super) use super::tests::crash_point;

/// Puts the profile in `folder`, now opened by `current`, under `wanted`.
/// After a crash on the way the old protection holds, or the new one.
///
/// # Errors
/// `not_found` when there is no profile, `busy` when it is in use,
/// `unauthorized` for a wrong passphrase, `conflict` when nothing would
/// change, `io` for a disk that is full or a file that is damaged. The profile
/// is as it was then.
pub fn protect(folder: &Path, current: &Protection, wanted: &Protection) -> Result<(), Error> {
    let place = Place::new(folder);
    if super::protected(folder)? == super::Protected::New {
        return Err(no_profile(&place));
    }
    let _lock = place.lock()?;
    let changed = change(&place, current, wanted);
    if changed.is_err() {
        // What cannot be tidied now is tidied at the next opening; the
        // error that is told is the first one.
        let _settled = place.settle();
    }
    changed
}

pub(super) fn no_profile(place: &Place) -> Error {
    Error::new(
        ErrorCode::NotFound,
        format!("there is no profile in {}", place.shown()),
    )
}

pub(super) fn change(
    place: &Place,
    current: &Protection,
    wanted: &Protection,
) -> Result<(), Error> {
    match (place.settle()?, wanted) {
        (Found::Nothing, _) => Err(no_profile(place)),
        (Found::Plain, Protection::None) => Err(Error::new(
            ErrorCode::Conflict,
            "the profile is not encrypted",
        )),
        (Found::Plain, _) => {
            profile::expect_plain(current)?;
            encrypt(place, wanted)
        }
        (Found::Sealed, _) => {
            let vault = Vault::read(&place.vault())?.ok_or_else(|| no_profile(place))?;
            let opened = vault.open(current)?;
            match wanted {
                Protection::None => decrypt(place, &opened)?,
                _ => Vault::seal(&opened, wanted)?.write(&place.vault())?,
            }
            vault.forget();
            Ok(())
        }
    }
}

fn encrypt(place: &Place, wanted: &Protection) -> Result<(), Error> {
    let identity = profile::read_identity(&place.identity())?.ok_or_else(|| no_profile(place))?;
    let key = ProfileKey::random()?;
    disk::write_whole(&place.converting(), b"")?;
    crash_point()?;
    let (from, to) = (place.plain_database(), place.sealed_database());
    disk::make_private_file(&to)?;
    copy_database(&from, None, &to, Some(&key.database()))?;
    disk::sync(&to)?;
    crash_point()?;
    let vault = Vault::seal(&Opened { key, identity }, wanted)?;
    crash_point()?;
    // From here on the profile is encrypted.
    vault.write(&place.vault())?;
    crash_point()?;
    disk::wipe(&place.identity())?;
    crash_point()?;
    wipe_database(&place.plain_database())?;
    crash_point()?;
    disk::remove(&place.converting())
}

fn decrypt(place: &Place, opened: &Opened) -> Result<(), Error> {
    disk::write_whole(&place.converting(), b"")?;
    crash_point()?;
    let (from, to) = (place.sealed_database(), place.plain_database());
    disk::make_private_file(&to)?;
    copy_database(&from, Some(&opened.key.database()), &to, None)?;
    disk::sync(&to)?;
    crash_point()?;
    profile::write_identity(&place.identity(), &opened.identity)?;
    crash_point()?;
    // From here on the profile is plain.
    disk::remove(&place.vault())?;
    crash_point()?;
    remove_database(&from)?;
    crash_point()?;
    disk::remove(&place.converting())
}

/// Where the tests of this crate end a conversion, as a crash would.
#[cfg(not(test))]
pub(super) fn crash_point() -> Result<(), Error> {
    Ok(())
}
