//! The sound of this machine as the screen knows it: devices, processing, and
//! the microphone test.

use twocan_peer::api::{Activation, MicTest, MicTestPhase, SoundDevice, SoundDevices};

use super::calls::Meter;

/// Which of the two is chosen from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Side {
    #[default]
    Microphone,
    Loudspeaker,
}

impl Side {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Microphone => Self::Loudspeaker,
            Self::Loudspeaker => Self::Microphone,
        }
    }

    /// The setting that keeps the choice.
    pub(crate) fn setting(self) -> &'static str {
        match self {
            Self::Microphone => "audio.input",
            Self::Loudspeaker => "audio.output",
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Microphone => "Microphone",
            Self::Loudspeaker => "Loudspeaker",
        }
    }
}

/// Added to the number of a row in the list that is not chosen from, where both
/// stand beside each other and a click may hit either.
pub(crate) const OTHER_LIST: usize = 1 << 15;

/// Something that is done to the sound of the microphone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Switch {
    /// The key that switches it.
    pub(crate) key: char,
    pub(crate) setting: &'static str,
    pub(crate) word: &'static str,
}

/// All of them, as [`SoundSetup::switches`] has them.
pub(crate) const SWITCHES: [Switch; 3] = [
    Switch {
        key: 'e',
        setting: "call.echo_cancellation",
        word: "echo cancelling",
    },
    Switch {
        key: 'n',
        setting: "call.noise_suppression",
        word: "noise suppression",
    },
    Switch {
        key: 'g',
        setting: "call.gain_control",
        word: "level control",
    },
];

/// Devices and settings of sound, as they stand.
#[derive(Debug, Clone)]
pub(crate) struct SoundSetup {
    pub(crate) devices: SoundDevices,
    /// Whether each of [`SWITCHES`] is on.
    pub(crate) switches: [bool; SWITCHES.len()],
    /// When the microphone is sent, in calls to come.
    pub(crate) activation: Activation,
}

/// A device that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    /// As the setting has it.
    pub(crate) spec: String,
    pub(crate) name: String,
    pub(crate) chosen: bool,
}

impl SoundSetup {
    fn side(&self, side: Side) -> (&[SoundDevice], &str) {
        match side {
            Side::Microphone => (&self.devices.inputs, &self.devices.input),
            Side::Loudspeaker => (&self.devices.outputs, &self.devices.output),
        }
    }

    /// What can be chosen, the system's default first.
    pub(crate) fn choices(&self, side: Side) -> Vec<Choice> {
        let (devices, chosen) = self.side(side);
        let default = devices.iter().find(|device| device.is_default);
        let name = match default {
            Some(device) => format!("system default: {}", device.name),
            None => "system default".to_owned(),
        };
        let first = ("default".to_owned(), name);
        let others = devices
            .iter()
            .map(|device| (format!("device:{}", device.id), device.name.clone()));
        let mut choices: Vec<_> = std::iter::once(first)
            .chain(others)
            .map(|(spec, name)| Choice {
                chosen: spec == chosen,
                spec,
                name,
            })
            .collect();
        if !choices.iter().any(|choice| choice.chosen) {
            // A device that is unplugged, a name, a file or a tone.
            choices.push(Choice {
                spec: chosen.to_owned(),
                name: chosen.to_owned(),
                chosen: true,
            });
        }
        choices
    }

    /// The device in use, for people.
    pub(crate) fn name(&self, side: Side) -> String {
        let (devices, chosen) = self.side(side);
        let device = match chosen.strip_prefix("device:") {
            Some(id) => devices.iter().find(|device| device.id == id),
            None if chosen == "default" => devices.iter().find(|device| device.is_default),
            None => None,
        };
        device.map_or_else(|| chosen.to_owned(), |device| device.name.clone())
    }

    /// The only device whose name holds `part`, whatever the case; `default`
    /// and full specifications are understood too.
    pub(crate) fn find(&self, side: Side, part: &str) -> Option<String> {
        let wanted = part.to_lowercase();
        let (devices, _) = self.side(side);
        let mut found = devices
            .iter()
            .filter(|device| device.name.to_lowercase().contains(&wanted));
        let first = found.next()?;
        found
            .next()
            .is_none()
            .then(|| format!("device:{}", first.id))
    }
}

/// A microphone test on the screen.
#[derive(Debug, Default)]
pub(crate) struct Test {
    pub(crate) now: Option<MicTest>,
    pub(crate) meter: Meter,
}

impl Test {
    pub(crate) fn is_running(&self) -> bool {
        self.now
            .as_ref()
            .is_some_and(|test| test.phase != MicTestPhase::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::sample;

    #[test]
    fn devices_are_found_by_a_part_of_their_name() {
        let setup = sample::sound();
        let find = |part| setup.find(Side::Microphone, part);
        assert_eq!(find("usb").as_deref(), Some("device:usb-1"));
        assert_eq!(find("webcam"), None);
        assert_eq!(find("a"), None, "more than one");
        assert_eq!(setup.name(Side::Microphone), "USB Headset Mono");
        assert_eq!(setup.name(Side::Loudspeaker), "Built-in Analog");
    }

    #[test]
    fn what_is_chosen_is_always_among_the_choices() {
        let mut setup = sample::sound();
        let chosen = |setup: &SoundSetup| {
            let choices = setup.choices(Side::Microphone).into_iter();
            choices
                .filter(|c| c.chosen)
                .map(|c| c.spec)
                .collect::<Vec<_>>()
        };
        assert_eq!(chosen(&setup), ["device:usb-1"]);
        setup.devices.inputs.clear();
        assert_eq!(chosen(&setup), ["device:usb-1"], "unplugged");
        setup.devices.input = "default".to_owned();
        assert_eq!(chosen(&setup), ["default"]);
    }
}
