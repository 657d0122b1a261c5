//! Each line of the threat model in `docs/security.md` names tests that exist.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use twocan_e2e::process::Must;

const CRATES: [&str; 8] = [
    "proto", "pin", "voice", "peer", "papers", "registry", "tui", "e2e",
];
const HEADING: &str = "## Threats and the tests that cover them";

/// Adds the names of the functions in `folder` that are tests.
fn collect(folder: &Path, names: &mut HashSet<String>) {
    for entry in fs::read_dir(folder).must("read a folder of sources") {
        let path = entry.must("read a folder of sources").path();
        if path.is_dir() {
            collect(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).must("read a source");
            names.extend(tests_in(&text));
        }
    }
}

/// A test is the first function after an attribute that says so; inside
/// `proptest!` too.
fn tests_in(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut marked = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[") && line.contains("test") && !line.contains("cfg(") {
            marked = true;
        }
        let function = line.strip_prefix("async ").unwrap_or(line);
        let Some(function) = function.strip_prefix("fn ") else {
            continue;
        };
        if std::mem::take(&mut marked) {
            names.extend(function.split(['(', '<']).next().map(str::to_owned));
        }
    }
    names
}

#[test]
fn every_threat_names_tests_that_exist() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let mut tests = HashSet::new();
    for name in CRATES {
        collect(&root.join(name), &mut tests);
    }
    let page = fs::read_to_string(root.join("docs/security.md")).must("read the threat model");
    let (_, table) = page.split_once(HEADING).must("find the threat model");
    let table = table.split("\n## ").next().unwrap_or_default();
    let rows: Vec<&str> = table
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(1)
        .collect();
    assert!(
        rows.len() > 30,
        "the table is not read: {} rows",
        rows.len()
    );
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let [_, _, named] = cells[..] else {
            panic!("not three columns: {row}")
        };
        let named: Vec<&str> = named.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "no test is named: {row}");
        for name in named {
            assert!(tests.contains(name), "there is no test {name}: {row}");
        }
    }
}
