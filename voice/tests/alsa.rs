//! libasound writes to standard error as it likes; nothing of it may reach the
//! screen of whoever uses a terminal interface.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    process::Command,
    time::{Duration, Instant},
};

use twocan_voice::{Call, CallConfig, DeviceState, InputSpec, OutputSpec, list_devices};

/// Set for the part of the test that runs where ALSA is broken.
const INSIDE: &str = "TWOCAN_VOICE_TEST_ALSA";
const PATIENCE: Duration = Duration::from_secs(10);

/// Devices that lead nowhere, each of which libasound complains about.
const BROKEN: &str = r#"
pcm.!default { type plug slave.pcm "nowhere" }
pcm.lost { type hw card 77 hint { show on description "lost" } }
ctl.!default { type hw card 77 }
defaults.namehint.!extended on
"#;

#[test]
fn what_alsa_says_does_not_reach_the_screen() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("asound.conf");
    std::fs::write(&config, BROKEN).unwrap();
    let inside = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "inside_a_broken_alsa", "--nocapture"])
        .env(INSIDE, "1")
        .env("ALSA_CONFIG_PATH", &config)
        .env("HOME", folder.path())
        .env("XDG_RUNTIME_DIR", folder.path())
        .env_remove("PULSE_SERVER")
        .output()
        .unwrap();
    let (out, errors) = (&inside.stdout, &inside.stderr);
    let (out, errors) = (
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(errors),
    );
    assert!(inside.status.success(), "{errors}");
    assert_eq!(errors, "");
    assert!(!out.contains("ALSA"), "{out}");
}

#[test]
fn inside_a_broken_alsa() {
    if std::env::var_os(INSIDE).is_none() {
        return;
    }
    // With or without an answer: it must be quiet.
    drop(list_devices());
    for output in [OutputSpec::Default, OutputSpec::Device("lost".to_owned())] {
        let config = CallConfig {
            input: InputSpec::Default,
            output,
            ..CallConfig::default()
        };
        let call = Call::start(config, Box::new(|_| {})).unwrap();
        let is_missing = |state: &DeviceState| matches!(state, DeviceState::Missing(_));
        until(|| is_missing(&call.stats().input) && is_missing(&call.stats().output));
    }
}

fn until(mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "the devices are not tried");
        std::thread::sleep(Duration::from_millis(10));
    }
}
