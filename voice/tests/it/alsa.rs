//! libasound writes to standard error as it likes; nothing of it may reach the
//! screen of whoever uses a terminal interface.

use twocan_voice::{Call, CallConfig, DeviceState, InputSpec, OutputSpec, list_devices};

use crate::{apart, common::until};

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
    let variables = [("ALSA_CONFIG_PATH", config.to_str().unwrap())];
    let inside = apart::run("alsa::inside_a_broken_alsa", folder.path(), &variables);
    let out = String::from_utf8_lossy(&inside.stdout);
    let errors = String::from_utf8_lossy(&inside.stderr);
    assert_eq!(errors, "");
    assert!(!out.contains("ALSA"), "{out}");
}

#[test]
fn inside_a_broken_alsa() {
    if apart::folder().is_none() {
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
        until("the devices are tried", || {
            is_missing(&call.stats().input) && is_missing(&call.stats().output)
        });
    }
}
