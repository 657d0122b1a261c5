//! Paths as people type them: what `~` means, and what a beginning could
//! become. Reads folders, so it works beside the interface.

use std::path::{Path, PathBuf};

/// Most names that are offered.
const CHOICES: usize = 50;
/// Entries of a folder that are looked at.
const ENTRIES: usize = 10_000;

/// The path that was typed, with a leading `~` as the home folder.
pub(super) fn expanded(typed: &str) -> PathBuf {
    let home = || std::env::var_os("HOME").map(PathBuf::from);
    match (typed, typed.strip_prefix("~/"), home()) {
        ("~", _, Some(home)) => home,
        (_, Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(typed),
    }
}

/// What `typed` could become: files and folders, the latter with a slash at
/// their end.
pub(super) async fn completions(typed: String) -> Vec<String> {
    let found = tokio::task::spawn_blocking(move || look(&typed)).await;
    found.unwrap_or_default()
}

fn look(typed: &str) -> Vec<String> {
    let (folder, start) = match typed.rfind('/') {
        Some(slash) => typed.split_at(slash + 1),
        None => ("", typed),
    };
    let path = if folder.is_empty() {
        PathBuf::from(".")
    } else {
        expanded(folder)
    };
    let mut names = beginning_with(&path, start);
    names.sort_unstable();
    names.truncate(CHOICES);
    names.into_iter().map(|n| format!("{folder}{n}")).collect()
}

/// Names in `folder` that begin with `start`; hidden ones if that is meant.
fn beginning_with(folder: &Path, start: &str) -> Vec<String> {
    let Ok(entries) = folder.read_dir() else {
        return Vec::new();
    };
    let mut names = Vec::new();
    for entry in entries.take(ENTRIES).flatten() {
        let name = entry.file_name();
        // A name that is no text, or not safe to show, cannot be typed either.
        let Some(name) = name.to_str().filter(|n| !n.chars().any(char::is_control)) else {
            continue;
        };
        let hidden = name.starts_with('.') && !start.starts_with('.');
        if hidden || !name.starts_with(start) {
            continue;
        }
        let slash = if entry.path().is_dir() { "/" } else { "" };
        names.push(format!("{name}{slash}"));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_finds_files_and_folders() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("budget one.ods"), "").unwrap();
        std::fs::write(at(".hidden"), "").unwrap();
        std::fs::create_dir(at("bus")).unwrap();
        let typed = |start: &str| format!("{}/{start}", folder.path().display());
        assert_eq!(look(&typed("bu")), [typed("budget one.ods"), typed("bus/")]);
        assert_eq!(look(&typed(".h")), [typed(".hidden")]);
        assert_eq!(look(&typed("")).len(), 2);
        assert!(look("/no/such/folder/x").is_empty());
    }
}
