//! Whole profiles: opened, converted, taken elsewhere, and broken.

use std::cell::Cell;
use std::fs;
use std::path::Path;

use rusqlite::Connection;
use zeroize::Zeroizing;

use super::place::{Place, Protected};
use super::{Passphrase, Protection, backup, convert, export, import, protect, protected};
use crate::api::{Error, ErrorCode};
use crate::profile::Profile;
use crate::store::settings;
use twocan_proto::identity::PeerId;

thread_local! {
    /// Crash points still to pass before a crash.
    static CRASH_AFTER: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Ends what is under way, if this is the point that a test has chosen.
pub(super) fn crash_point() -> Result<(), Error> {
    let Some(left) = CRASH_AFTER.get() else {
        return Ok(());
    };
    CRASH_AFTER.set(left.checked_sub(1));
    match left {
        0 => Err(Error::new(ErrorCode::Internal, "crash")),
        _ => Ok(()),
    }
}

fn crash_after(points: usize) {
    CRASH_AFTER.set(Some(points));
}

pub(super) fn under(passphrase: &str) -> Protection {
    Protection::Passphrase(passphrase_of(passphrase))
}

fn passphrase_of(text: &str) -> Passphrase {
    Passphrase::new(Zeroizing::new(text.to_owned())).unwrap()
}

const MARK: &str = "rhododendron";

/// Opens a profile, whether it is new or not, and runs this on its database.
fn with<T>(folder: &Path, protection: &Protection, work: fn(&Connection) -> T) -> (PeerId, T) {
    let profile = Profile::open(folder, protection).unwrap();
    let (store, thread) = profile.open_store().unwrap();
    drop(store);
    thread.join().unwrap();
    let connection = Connection::open(profile.database()).unwrap();
    if let Some(key) = &profile.database_key {
        let key = key.literal();
        connection.pragma_update(None, "key", key.as_str()).unwrap();
    }
    (profile.identity.peer_id(), work(&connection))
}

fn make(folder: &Path, protection: &Protection) -> PeerId {
    let wrote = with(folder, protection, |db| {
        settings::set(db, "ui", &serde_json::json!(MARK)).unwrap();
    });
    wrote.0
}

fn has_mark(db: &Connection) -> bool {
    settings::get(db, "ui").unwrap() == Some(serde_json::json!(MARK))
}

/// Whether the profile opens and is whole.
#[track_caller]
fn assert_whole(folder: &Path, protection: &Protection, id: PeerId) {
    assert_eq!(with(folder, protection, has_mark), (id, true));
}

/// The names of what lies in the folder, in order.
fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn refused(result: Result<impl std::fmt::Debug, Error>) -> ErrorCode {
    let error = result.unwrap_err();
    assert!(!error.message.contains('\n') && !error.message.is_empty());
    error.code
}

fn code_of_opening(folder: &Path, protection: &Protection) -> ErrorCode {
    refused(Profile::open(folder, protection))
}

#[test]
fn a_new_profile_is_made_encrypted_and_opens_with_its_passphrase_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    assert_eq!(protected(data).unwrap(), Protected::New);
    let id = make(data, &under("tulip"));
    assert_eq!(protected(data).unwrap(), Protected::Passphrase);
    assert_eq!(files(data), ["lock", "twocan.sealed.db", "vault.json"]);
    assert_whole(data, &under("tulip"), id);
    for wrong in [under("rose"), Protection::None] {
        assert_eq!(code_of_opening(data, &wrong), ErrorCode::Unauthorized);
    }
}

#[test]
fn a_plain_profile_does_not_open_as_if_it_were_protected() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let id = make(data, &Protection::None);
    assert_eq!(protected(data).unwrap(), Protected::Plain);
    assert_eq!(code_of_opening(data, &under("tulip")), ErrorCode::Conflict);
    assert_whole(data, &Protection::None, id);
}

#[test]
fn a_passphrase_is_set_changed_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let id = make(data, &Protection::None);
    protect(data, &Protection::None, &under("tulip")).unwrap();
    assert_eq!(files(data), ["lock", "twocan.sealed.db", "vault.json"]);
    let database = fs::read(data.join("twocan.sealed.db")).unwrap();
    protect(data, &under("tulip"), &under("rose")).unwrap();
    assert!(
        database == fs::read(data.join("twocan.sealed.db")).unwrap(),
        "a change of the passphrase wrote the database anew"
    );
    assert_eq!(
        code_of_opening(data, &under("tulip")),
        ErrorCode::Unauthorized
    );
    assert_whole(data, &under("rose"), id);
    let wrong = protect(data, &under("tulip"), &Protection::None);
    assert_eq!(refused(wrong), ErrorCode::Unauthorized);
    protect(data, &under("rose"), &Protection::None).unwrap();
    assert_eq!(files(data), ["identity.key", "lock", "twocan.db"]);
    assert_whole(data, &Protection::None, id);
}

#[test]
fn what_cannot_be_changed_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let nobody = protect(&data.join("none"), &Protection::None, &under("tulip"));
    assert_eq!(refused(nobody), ErrorCode::NotFound);
    assert!(!data.join("none").exists());
    make(data, &Protection::None);
    let same = protect(data, &Protection::None, &Protection::None);
    assert_eq!(refused(same), ErrorCode::Conflict);
    let _in_use = Profile::open(data, &Protection::None).unwrap();
    let busy = protect(data, &Protection::None, &under("tulip"));
    assert_eq!(refused(busy), ErrorCode::Busy);
}

#[cfg(unix)]
#[test]
fn every_file_of_an_encrypted_profile_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), &Protection::None);
    protect(folder.path(), &Protection::None, &under("tulip")).unwrap();
    for name in files(folder.path()) {
        let file = fs::metadata(folder.path().join(&name)).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600, "{name}");
    }
}

/// Runs a conversion with a crash at each of its points, and looks at what
/// the next start finds.
fn crash_everywhere(before: &Protection, after: &Protection) -> (usize, usize) {
    let (mut old, mut new) = (0, 0);
    for points in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        let id = make(data, before);
        let place = Place::new(data);
        crash_after(points);
        let crashed = convert::change(&place, before, after);
        CRASH_AFTER.set(None);
        let found = protected(data).unwrap();
        let holds = match (found == Protected::Plain) == (*before == Protection::None) {
            true => before,
            false => after,
        };
        assert_whole(data, holds, id);
        assert_eq!(files(data).len(), 3, "{:?}", files(data));
        if crashed.is_ok() {
            break;
        }
        match holds == before {
            true => old += 1,
            false => new += 1,
        }
    }
    (old, new)
}

#[test]
fn a_crash_while_encrypting_leaves_the_old_state_or_the_new() {
    assert_eq!(crash_everywhere(&Protection::None, &under("tulip")), (3, 3));
}

#[test]
fn a_crash_while_decrypting_leaves_the_old_state_or_the_new() {
    assert_eq!(crash_everywhere(&under("tulip"), &Protection::None), (3, 2));
}

#[test]
fn a_failed_conversion_tidies_up() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let id = make(data, &under("tulip"));
    crash_after(2);
    let failed = protect(data, &under("tulip"), &Protection::None);
    CRASH_AFTER.set(None);
    assert_eq!(refused(failed), ErrorCode::Internal);
    assert_eq!(files(data), ["lock", "twocan.sealed.db", "vault.json"]);
    assert_whole(data, &under("tulip"), id);
}

#[test]
fn a_lost_part_is_never_replaced_by_a_new_person() {
    for (protection, lost, left) in [
        (under("tulip"), "vault.json", "twocan.sealed.db"),
        (under("tulip"), "twocan.sealed.db", "vault.json"),
        (Protection::None, "identity.key", "twocan.db"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        let id = make(data, &protection);
        let aside = folder.path().join("aside");
        let kept = fs::read(data.join(left)).unwrap();
        fs::rename(data.join(lost), &aside).unwrap();
        assert_eq!(code_of_opening(data, &protection), ErrorCode::Io, "{lost}");
        assert!(!data.join(lost).exists());
        assert_eq!(fs::read(data.join(left)).unwrap(), kept);
        fs::rename(&aside, data.join(lost)).unwrap();
        assert_whole(data, &protection, id);
    }
}

#[test]
fn a_plain_copy_beside_an_encrypted_profile_is_not_wiped() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let id = make(data, &under("tulip"));
    fs::write(data.join("twocan.db"), "an old copy").unwrap();
    assert_eq!(code_of_opening(data, &under("tulip")), ErrorCode::Conflict);
    assert_eq!(
        fs::read_to_string(data.join("twocan.db")).unwrap(),
        "an old copy"
    );
    fs::remove_file(data.join("twocan.db")).unwrap();
    assert_whole(data, &under("tulip"), id);
}

#[test]
fn a_damaged_database_is_told_and_left_alone() {
    for protection in [Protection::None, under("tulip")] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        make(data, &protection);
        let profile = Profile::open(data, &protection).unwrap();
        let path = profile.database();
        let mut content = fs::read(&path).unwrap();
        content[..200].fill(0x55);
        fs::write(&path, &content).unwrap();
        let error: Error = profile.open_store().unwrap_err().into();
        assert_eq!(error.code, ErrorCode::Io);
        assert!(error.message.contains("import a backup"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), content);
    }
}

/// A profile, its backup, and the folder that both lie in.
fn backed_up() -> (tempfile::TempDir, PeerId) {
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join("from");
    let id = make(&from, &under("tulip"));
    let file = folder.path().join("backup");
    let told = export(&from, &under("tulip"), &file, &passphrase_of("box")).unwrap();
    assert_eq!(told, id);
    assert_eq!(files(&from), ["lock", "twocan.sealed.db", "vault.json"]);
    (folder, id)
}

#[test]
fn a_profile_is_taken_elsewhere_under_any_protection() {
    let (folder, id) = backed_up();
    let file = folder.path().join("backup");
    for (name, protection) in [("plain", Protection::None), ("sealed", under("rose"))] {
        let to = folder.path().join(name);
        let told = import(&to, &file, &passphrase_of("box"), &protection).unwrap();
        assert_eq!(told, id);
        assert_eq!(files(&to).len(), 3, "{:?}", files(&to));
        assert_whole(&to, &protection, id);
    }
    let plain = folder.path().join("plain");
    let again = folder.path().join("again");
    export(&plain, &Protection::None, &again, &passphrase_of("box")).unwrap();
    let content = fs::read(&again).unwrap();
    assert!(
        !content
            .windows(MARK.len())
            .any(|part| part == MARK.as_bytes())
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&again).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn an_import_that_is_refused_leaves_nothing() {
    let (folder, _) = backed_up();
    let file = folder.path().join("backup");
    let content = fs::read(&file).unwrap();
    let to = folder.path().join("to");
    let broken = folder.path().join("broken");
    let mut changed = content.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    let (box_, rose) = (passphrase_of("box"), passphrase_of("rose"));
    let head = content.iter().position(|byte| *byte == b'\n').unwrap();
    for (content, passphrase, code, said) in [
        (
            &content[..],
            &rose,
            ErrorCode::Unauthorized,
            "wrong passphrase",
        ),
        (&changed, &box_, ErrorCode::Io, "changed"),
        (&content[..middle], &box_, ErrorCode::Io, "cut short"),
        (&content[..=head], &box_, ErrorCode::Io, "cut short"),
        (b"a song", &box_, ErrorCode::BadRequest, "no backup"),
        (b"", &box_, ErrorCode::BadRequest, "no backup"),
    ] {
        fs::write(&broken, content).unwrap();
        let error = import(&to, &broken, passphrase, &under("rose")).unwrap_err();
        assert_eq!(error.code, code, "{error}");
        assert!(error.message.contains(said), "{error}");
        assert!(!to.exists(), "{:?}", files(&to));
    }
}

#[test]
fn nothing_is_written_over() {
    let (folder, id) = backed_up();
    let (from, file) = (folder.path().join("from"), folder.path().join("backup"));
    let over = import(&from, &file, &passphrase_of("box"), &under("rose"));
    assert_eq!(refused(over), ErrorCode::Conflict);
    assert_whole(&from, &under("tulip"), id);
    let before = fs::read(&file).unwrap();
    let over = export(&from, &under("tulip"), &file, &passphrase_of("box"));
    assert_eq!(refused(over), ErrorCode::Conflict);
    assert!(before == fs::read(&file).unwrap());
    let nobody = folder.path().join("nobody");
    let none = export(
        &nobody,
        &Protection::None,
        &folder.path().join("b"),
        &passphrase_of("box"),
    );
    assert_eq!(refused(none), ErrorCode::NotFound);
    assert!(!nobody.exists());
}

#[test]
fn a_crash_while_importing_leaves_the_whole_profile_or_none() {
    let (folder, id) = backed_up();
    let file = folder.path().join("backup");
    for protection in [Protection::None, under("rose")] {
        let (mut without, mut with) = (0, 0);
        for points in 0.. {
            let to = tempfile::tempdir().unwrap();
            let place = Place::new(to.path());
            crash_after(points);
            let imported = backup::take_in_file(&place, &file, &passphrase_of("box"), &protection);
            CRASH_AFTER.set(None);
            match protected(to.path()).unwrap() {
                Protected::New => {
                    without += 1;
                    import(to.path(), &file, &passphrase_of("box"), &protection).unwrap();
                }
                _ => with += 1,
            }
            assert_whole(to.path(), &protection, id);
            assert_eq!(files(to.path()).len(), 3, "{:?}", files(to.path()));
            if imported.is_ok() {
                break;
            }
        }
        assert_eq!((without, with), (3, 3));
    }
}
