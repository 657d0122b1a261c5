//! `twocan doctor` beside a registry where the profile is signed in: what it
//! says of the network.

use std::path::Path;
use std::process::Command;

use serde_json::json;
use twocan_e2e::headless::Profile;
use twocan_e2e::pair::folder;
use twocan_e2e::process::{Must, twocan};
use twocan_e2e::registry::Registry;

/// What the doctor says of the profile in `data`.
fn examine(data: &Path) -> String {
    let output = Command::new(twocan())
        .args(["doctor", "--no-passphrase", "--no-lan"])
        .args(["--listen", "127.0.0.1:0"])
        .args(["--audio-in", "silence", "--audio-out", "null"])
        .arg("--data")
        .arg(data)
        .output()
        .must("run twocan doctor");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_doctor_sees_the_registry_its_clock_and_the_way_there_and_back() {
    let folder = folder();
    let registry = Registry::start(&folder.path().join("registry"));
    let mut profile = Profile::new(folder.path(), "alice");
    let mut alice = profile.start();
    alice.must(
        "sign_in",
        json!({"registry": registry.url(), "username": "alice",
            "password": "correct horse battery", "register": true}),
    );
    let told = examine(&profile.data);
    assert!(told.contains("end the other twocan"), "{told}");
    assert!(alice.quit().success());

    let told = examine(&profile.data);
    for part in [
        "answers in",
        "the certificate that its address names",
        "this clock agrees",
        "datagrams go to the registry's UDP port",
        "on this machine",
    ] {
        assert!(told.contains(part), "no '{part}' in\n{told}");
    }

    drop(registry);
    let told = examine(&profile.data);
    assert!(told.contains("does not answer"), "{told}");
}
