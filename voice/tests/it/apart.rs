//! Tests in a process of their own, whose surroundings another test made.

use std::{
    ffi::OsString,
    path::Path,
    process::{Command, Output},
};

/// Names the folder of its surroundings to the process.
const FOLDER: &str = "TWOCAN_VOICE_TEST_FOLDER";

/// Runs one other test with the given variables; `folder` is its home.
pub(crate) fn run(test: &str, folder: &Path, variables: &[(&str, &str)]) -> Output {
    let ran = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(FOLDER, folder)
        .env("XDG_RUNTIME_DIR", folder)
        .env("HOME", folder)
        .env_remove("PULSE_SERVER")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    let errors = String::from_utf8_lossy(&ran.stderr);
    // No test of that name would be none that fails.
    let passed = ran.status.success() && said.contains("1 passed");
    assert!(passed, "{test}: {said}{errors}");
    ran
}

/// The folder of its surroundings, in a test that was run so; such a test does
/// nothing by itself.
pub(crate) fn folder() -> Option<OsString> {
    std::env::var_os(FOLDER)
}
