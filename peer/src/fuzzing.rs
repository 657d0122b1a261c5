//! What the fuzzer may reach of the private parts: here only while it builds,
//! and nobody's interface. Each function panics when something does not hold
//! that has to hold for any input.

use std::collections::HashSet;
use std::path::Component;

pub use crate::export::fuzzing::exported_file;
pub use crate::media::fuzzing::{LineChange, MediaHappening, MediaRun};
pub use crate::store::chat::search::fuzzing::searched_text;
use crate::transfer::names::{Places, numbered, safe};
pub use crate::vault::fuzzing::{backup_file, vault_file};

/// Longest name that file systems take, in bytes.
const NAME_BYTES: usize = 255;

/// The paths of a set of files as a peer names them: each place is inside its
/// folder, and no two are the same.
///
/// # Panics
/// When one is not, or two are.
pub fn file_paths(paths: &[String]) {
    let mut places = Places::default();
    let mut seen = HashSet::new();
    for path in paths {
        let name = numbered(&safe(path), 12);
        assert!(name.len() <= NAME_BYTES && !name.contains(['/', '\\', '\0']));
        assert!(!name.starts_with('.'));
        let Some(place) = places.place(path) else {
            continue;
        };
        let mut parts = place.components();
        assert!(parts.all(|part| matches!(part, Component::Normal(_))));
        assert!(seen.insert(place.to_string_lossy().to_lowercase()));
    }
}
