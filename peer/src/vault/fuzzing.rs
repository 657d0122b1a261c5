//! Files of sealed profiles for the fuzzer.

use std::path::Path;

use super::backup::Head;
use super::file::Vault;
use super::keys::Key;
use super::stream::Opener;

/// A file `vault.json`: what is understood can be written, and is then
/// understood in the same way.
///
/// # Panics
/// When it is not.
pub fn vault_file(bytes: &[u8]) {
    if let Ok(vault) = Vault::parse(bytes, "f") {
        let Ok(again) = vault.content() else {
            panic!("what was read cannot be written")
        };
        assert!(Vault::parse(&again, "f").is_ok_and(|read| read == vault));
    }
}

/// A backup: its first line, and chunks that nobody sealed.
///
/// # Panics
/// When a chunk is taken.
pub fn backup_file(mut bytes: &[u8]) {
    if Head::read(&mut bytes, Path::new("f")).is_err() {
        return;
    }
    let Some(key) = Key::from_slice(&[7; 32]) else {
        return;
    };
    if let Ok(mut chunks) = Opener::new(&key, bytes) {
        assert!(chunks.next().is_err());
    }
}
