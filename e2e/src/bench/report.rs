//! A run of the benchmarks as it is kept: JSON with the date, the machine and
//! the versions of what was measured.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use serde_json::{Map, Value, json};
use twocan_proto::time::Timestamp;

use super::Row;
use crate::process::twocan;

/// Programs that stand beside ours, and how each is asked for its version.
const OTHERS: [(&str, &str); 6] = [
    ("nginx", "-v"),
    ("wrk", "-v"),
    ("weechat", "--version"),
    ("irssi", "--version"),
    ("toxic", "--version"),
    ("openssl", "version"),
];

/// Puts the rows of one part into the file, in place of those that it has of
/// that part; what other parts left there stays.
///
/// # Errors
/// If the file cannot be read, is no report, or cannot be written.
pub fn keep(path: &Path, part: &str, rows: &[Row]) -> io::Result<()> {
    let mut report = match fs::read(path) {
        Ok(bytes) => serde_json::from_slice::<Map<String, Value>>(&bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Map::new(),
        Err(error) => return Err(error),
    };
    let parts = report.entry("parts").or_insert_with(|| json!({}));
    let Some(parts) = parts.as_object_mut() else {
        return Err(io::Error::other(format!(
            "{} holds something else than results: name another file",
            path.display()
        )));
    };
    let rows: Vec<Value> = rows.iter().map(Row::to_json).collect();
    let entry = json!({"date": now(), "rows": rows});
    parts.insert(part.to_owned(), entry);
    report.insert("machine".to_owned(), machine());
    report.insert("versions".to_owned(), versions());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, serde_json::to_string_pretty(&report)? + "\n")
}

fn now() -> Timestamp {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    Timestamp::from_millis(since.as_millis().try_into().unwrap_or(i64::MAX))
}

/// What the figures depend on.
fn machine() -> Value {
    let of = |path: &str, name: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    json!({
        "processor": of("/proc/cpuinfo", "model name"),
        "cores": std::thread::available_parallelism().map_or(1, usize::from),
        "memory": of("/proc/meminfo", "MemTotal"),
        "kernel": kernel.trim(),
        "load": fs::read_to_string("/proc/loadavg").ok().and_then(|text| {
            text.split_whitespace().next()?.parse::<f64>().ok()
        }),
    })
}

fn versions() -> Value {
    let mut versions = Map::new();
    let ours = twocan();
    let first_line = |program: &Path, option: &str| {
        let output = Command::new(program).arg(option).output().ok()?;
        // Some answer on standard error.
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        text.lines().next().map(|line| line.trim().to_owned())
    };
    versions.insert(
        "twocan".into(),
        json!(first_line(&ours, "--version").unwrap_or_default()),
    );
    for (program, option) in OTHERS {
        if let Some(line) = first_line(Path::new(program), option) {
            versions.insert(program.into(), json!(line));
        }
    }
    Value::Object(versions)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pair::folder;
    use crate::process::Must;

    fn read(path: &Path) -> Value {
        let bytes = fs::read(path).must("read a report");
        serde_json::from_slice(&bytes).must("parse a report")
    }

    #[test]
    fn a_part_replaces_itself_alone() {
        let folder = folder();
        let path = folder.path().join("bench/today.json");
        for (part, value) in [("files", 1.0), ("sound", 2.0), ("files", 3.0)] {
            keep(&path, part, &[Row::new("a figure", value, "s")]).must("keep a part");
        }
        let report = read(&path);
        assert_eq!(report["parts"]["files"]["rows"][0]["value"], 3.0);
        assert_eq!(report["parts"]["sound"]["rows"][0]["value"], 2.0);
        assert!(report["machine"]["cores"].as_u64() >= Some(1));
    }

    #[test]
    fn what_is_no_report_is_left_alone() {
        let folder = folder();
        let path = folder.path().join("notes.json");
        for text in ["{\"parts\": 3}", "not even JSON"] {
            fs::write(&path, text).must("write notes");
            assert!(keep(&path, "files", &[]).is_err());
            assert_eq!(fs::read_to_string(&path).must("read notes"), text);
        }
    }
}
