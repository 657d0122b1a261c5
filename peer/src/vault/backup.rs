//! A whole profile in one file, under a passphrase of its own: identity,
//! contacts, conversations, settings.
//!
//! ```text
//!  {"version":1, how the passphrase becomes a key, a proof of it, a checksum}\n
//!  sealed chunks: the two keys of the profile | its database, sealed, in pieces | end
//! ```
//!
//! The database goes in as a copy sealed under a key made for it, so that no
//! plain copy lies anywhere on the way, and whoever imports it shares no key
//! with the profile it came from.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use twocan_proto::identity::{Identity, PeerId};
use zeroize::Zeroizing;

use super::convert::{crash_point, no_profile};
use super::disk::{self, io_error, private};
use super::keys::Key;
use super::passphrase::Derivation;
use super::place::{Found, Place, Protected, remove_database};
use super::stream::{Broken, CHUNK, Opener, Sealer};
use super::{Opened, Passphrase, ProfileKey, Protection, protected, seal_new};
use crate::api::{Error, ErrorCode};
use crate::profile::{self, Profile};
use crate::store::{copy_database, verify_database};

const VERSION: u32 = 1;
/// Bytes of the first line at most; ours has about 300.
const HEAD_BYTES: u64 = 4096;
const CHUNKS_CONTEXT: &str = "twocan 2026 backup: key of the chunks";

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    /// Names what the file is, as its name may not.
    twocan_backup: u32,
    derivation: Derivation,
    /// Nothing, sealed: opens under the right passphrase alone.
    #[serde(with = "super::hex")]
    proof: Vec<u8>,
    #[serde(with = "super::hex")]
    checksum: Vec<u8>,
}

/// Writes the profile in `folder`, opened by `protection`, to `file` under
/// `passphrase`. The file is private and appears whole or not at all.
///
/// # Errors
/// `not_found` when there is no profile, `busy` when it is in use,
/// `unauthorized` when `protection` does not open it, `conflict` when `file`
/// is there already, `io` when it cannot be written.
pub fn export(
    folder: &Path,
    protection: &Protection,
    file: &Path,
    passphrase: &Passphrase,
) -> Result<PeerId, Error> {
    let place = Place::new(folder);
    if protected(folder)? == Protected::New {
        return Err(no_profile(&place));
    }
    if file.exists() {
        return Err(Error::new(
            ErrorCode::Conflict,
            format!("{} is there already: choose another name", file.display()),
        ));
    }
    let profile = Profile::open(folder, protection)?;
    let mut part = file.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let written =
        write_backup(&place, &profile, &part, passphrase).and_then(|()| disk::rename(&part, file));
    let removed = remove_database(&place.leaving());
    if written.is_err() && part.exists() {
        disk::remove(&part)?;
    }
    written.and(removed)?;
    Ok(profile.identity.peer_id())
}

fn write_backup(
    place: &Place,
    profile: &Profile,
    part: &Path,
    passphrase: &Passphrase,
) -> Result<(), Error> {
    let key = ProfileKey::random()?;
    let leaving = place.leaving();
    disk::make_private_file(&leaving)?;
    let database_key = profile.database_key.as_ref();
    copy_database(
        &profile.database(),
        database_key,
        &leaving,
        Some(&key.database()),
    )?;
    let failed = |error: Broken| told("cannot write", part, &error);
    let file = private(OpenOptions::new().create(true).write(true).truncate(true))
        .open(part)
        .map_err(|error| io_error("write", part, &error))?;
    let mut to = BufWriter::new(file);
    let (line, chunks) = Head::begin(passphrase)?;
    to.write_all(&line)
        .map_err(|error| io_error("write", part, &error))?;
    let mut sealer = Sealer::new(&chunks, to).map_err(failed)?;
    let seed = profile.identity.seed();
    let keys = Zeroizing::new([seed.as_slice(), key.0.bytes()].concat());
    sealer.chunk(&keys).map_err(failed)?;
    let mut database = File::open(&leaving).map_err(|error| io_error("read", &leaving, &error))?;
    let mut piece = vec![0; CHUNK];
    loop {
        let length = database
            .read(&mut piece)
            .map_err(|error| io_error("read", &leaving, &error))?;
        if length == 0 {
            break;
        }
        sealer.chunk(&piece[..length]).map_err(failed)?;
    }
    let to = sealer.finish().map_err(failed)?;
    to.get_ref()
        .sync_all()
        .map_err(|error| io_error("write", part, &error))
}

/// Makes a profile in `folder` of what [`export`] wrote to `file`, under
/// `protection`. Either the whole profile is there afterwards, or nothing.
///
/// # Errors
/// `conflict` when there is a profile already, `unauthorized` for a wrong
/// passphrase, `bad_request` for a file that is no backup, `outdated` for one
/// of a later version, `io` for one that is cut short or changed, and for a
/// disk that is full.
pub fn import(
    folder: &Path,
    file: &Path,
    passphrase: &Passphrase,
    protection: &Protection,
) -> Result<PeerId, Error> {
    let chunks = open_backup(file, passphrase)?;
    let place = Place::new(folder);
    let folder_is_new = !folder.exists();
    let lock = place.lock()?;
    let imported = match place.settle() {
        Ok(Found::Nothing) => take_in(&place, chunks, file, protection),
        Ok(Found::Plain | Found::Sealed) => Err(Error::new(
            ErrorCode::Conflict,
            format!(
                "there is a profile in {} already: choose another folder with --data",
                place.shown()
            ),
        )),
        Err(error) => Err(error),
    };
    if imported.is_err() {
        // What cannot be tidied now is tidied at the next opening.
        let _settled = place.settle();
        drop(lock);
        if folder_is_new {
            let _left = fs::remove_file(folder.join("lock")).and_then(|()| fs::remove_dir(folder));
        }
    }
    imported
}

#[cfg(test)]
pub(super) fn take_in_file(
    place: &Place,
    file: &Path,
    passphrase: &Passphrase,
    protection: &Protection,
) -> Result<PeerId, Error> {
    let chunks = open_backup(file, passphrase)?;
    take_in(place, chunks, file, protection)
}

/// Opens a backup as far as its first chunk.
fn open_backup(file: &Path, passphrase: &Passphrase) -> Result<Opener<impl Read + use<>>, Error> {
    let opened = File::open(file).map_err(|error| io_error("read", file, &error))?;
    let mut from = BufReader::new(opened);
    let key = Head::read(&mut from, file)?.key(passphrase, file)?;
    Opener::new(&key, from).map_err(|error| told("cannot read", file, &error))
}

fn take_in(
    place: &Place,
    mut chunks: Opener<impl Read>,
    file: &Path,
    protection: &Protection,
) -> Result<PeerId, Error> {
    let failed = |error: Broken| told("cannot read", file, &error);
    let keys = chunks.next().map_err(failed)?.unwrap_or_default();
    let opened = profile_of(&keys).ok_or_else(|| failed(Broken::Changed))?;
    crash_point()?;
    receive(&place.arriving(), chunks, file)?;
    crash_point()?;
    let (arriving, arrived) = (place.arriving(), place.arrived());
    let key = opened.key.database();
    let database = match protection {
        Protection::None => {
            disk::make_private_file(&arrived)?;
            copy_database(&arriving, Some(&key), &arrived, None)?;
            disk::sync(&arrived)?;
            crash_point()?;
            profile::write_identity(&place.identity(), &opened.identity)?;
            place.plain_database()
        }
        Protection::Passphrase(_) | Protection::Keyring => {
            verify_database(&arriving, &key)?;
            disk::rename(&arriving, &arrived)?;
            crash_point()?;
            seal_new(place, &opened, protection)?;
            place.sealed_database()
        }
    };
    // The profile is there now; `settle` would do the rest, too.
    crash_point()?;
    disk::rename(&arrived, &database)?;
    crash_point()?;
    remove_database(&arriving)?;
    Ok(opened.identity.peer_id())
}

fn profile_of(keys: &[u8]) -> Option<Opened> {
    let (seed, key) = keys.split_at_checked(32)?;
    let seed: Zeroizing<[u8; 32]> = Zeroizing::new(seed.try_into().ok()?);
    Some(Opened {
        key: ProfileKey(Key::from_slice(key)?),
        identity: Identity::from_seed(&seed),
    })
}

/// Writes the database as it was sealed, to its last byte.
fn receive(to: &Path, mut chunks: Opener<impl Read>, file: &Path) -> Result<(), Error> {
    let failed = |error| io_error("write", to, &error);
    let mut written = private(OpenOptions::new().create(true).write(true).truncate(true))
        .open(to)
        .map_err(failed)?;
    while let Some(piece) = chunks
        .next()
        .map_err(|error| told("cannot read", file, &error))?
    {
        written.write_all(&piece).map_err(failed)?;
    }
    written.sync_all().map_err(failed)
}

impl Head {
    /// A first line, and the key of the chunks that follow it.
    fn begin(passphrase: &Passphrase) -> Result<(Vec<u8>, Key), Error> {
        let derivation = Derivation::new()?;
        let outer = derivation.key(passphrase)?;
        let mut head = Self {
            twocan_backup: VERSION,
            proof: outer.seal(&json(&derivation)?, &[])?,
            derivation,
            checksum: Vec::new(),
        };
        head.checksum = head.summed()?;
        let mut line = json(&head)?;
        line.push(b'\n');
        Ok((line, outer.derived(CHUNKS_CONTEXT)))
    }

    pub(super) fn read(from: &mut impl BufRead, file: &Path) -> Result<Self, Error> {
        let mut line = Vec::new();
        from.take(HEAD_BYTES)
            .read_until(b'\n', &mut line)
            .map_err(|error| io_error("read", file, &error))?;
        let value: Option<serde_json::Value> = serde_json::from_slice(&line).ok();
        let version = value
            .as_ref()
            .and_then(|v| v.get("twocan_backup")?.as_u64());
        let wrong = |code, what| Error::new(code, format!("{} {what}", file.display()));
        match version {
            None => {
                return Err(wrong(
                    ErrorCode::BadRequest,
                    "is no backup of a twocan profile, or its beginning is damaged: choose another file",
                ));
            }
            Some(version) if version > u64::from(VERSION) => {
                return Err(wrong(
                    ErrorCode::Outdated,
                    "was written by a newer twocan: update twocan",
                ));
            }
            Some(_) => {}
        }
        let damaged = || told("cannot read", file, &Broken::Changed);
        let head: Self = serde_json::from_slice(&line).map_err(|_| damaged())?;
        match head.summed()? == head.checksum && head.derivation.is_sane() {
            true => Ok(head),
            false => Err(damaged()),
        }
    }

    /// The key of the chunks.
    fn key(&self, passphrase: &Passphrase, file: &Path) -> Result<Key, Error> {
        let outer = self.derivation.key(passphrase)?;
        match outer.open(&json(&self.derivation)?, &self.proof) {
            Some(_) => Ok(outer.derived(CHUNKS_CONTEXT)),
            None => Err(Error::new(
                ErrorCode::Unauthorized,
                format!("wrong passphrase for {}: try again", file.display()),
            )),
        }
    }

    fn summed(&self) -> Result<Vec<u8>, Error> {
        let summed = json(&(self.twocan_backup, &self.derivation, &self.proof))?;
        Ok(blake3::hash(&summed).as_bytes().to_vec())
    }
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))
}

fn told(what: &str, file: &Path, error: &Broken) -> Error {
    let advice = match error {
        Broken::Short | Broken::Changed => ": use another copy of it",
        Broken::Io(_) => "",
    };
    Error::new(
        ErrorCode::Io,
        format!("{what} {}: {error}{advice}", file.display()),
    )
}
