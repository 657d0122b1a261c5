//! What sound devices there are.

use cpal::{
    Device, Host,
    traits::{DeviceTrait, HostTrait},
};

use super::{
    Direction,
    hosts::{default_device, on_any_host},
};
use crate::AudioError;

/// More devices than this are not listed.
const MOST_DEVICES: usize = 256;

/// Plugins of libasound that it lists beside the devices, but that are none.
const ALSA_PLUGINS: [&str; 9] = [
    "null",
    "lavrate",
    "samplerate",
    "speexrate",
    "jack",
    "oss",
    "speex",
    "upmix",
    "vdownmix",
];

/// One microphone or loudspeaker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceInfo {
    /// Names the device across restarts; what `device:` takes.
    pub id: String,
    /// Its name for people; `device:` takes that too.
    pub name: String,
    /// Whether `default` means this one now.
    pub is_default: bool,
}

/// All devices of the sound system in use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceList {
    /// Microphones.
    pub inputs: Vec<DeviceInfo>,
    /// Loudspeakers.
    pub outputs: Vec<DeviceInfo>,
}

/// Lists the devices of the best sound system that answers. May take seconds
/// when a sound server hangs: do not call it where that matters.
///
/// # Errors
/// When the machine has no sound system at all.
pub fn list() -> Result<DeviceList, AudioError> {
    on_any_host(|host| {
        let devices: Vec<Device> = host
            .devices()
            .map_err(|error| error.to_string())?
            .take(MOST_DEVICES)
            .collect();
        let list = DeviceList {
            inputs: describe(host, &devices, Direction::Input),
            outputs: describe(host, &devices, Direction::Output),
        };
        if list == DeviceList::default() {
            return Err("this machine has no sound devices".to_owned());
        }
        Ok(list)
    })
    .map_err(AudioError::Devices)
}

fn describe(host: &Host, devices: &[Device], direction: Direction) -> Vec<DeviceInfo> {
    let default = default_device(host, direction).and_then(|device| device.id().ok());
    devices
        .iter()
        .filter(|device| match direction {
            Direction::Input => device.supports_input(),
            Direction::Output => device.supports_output(),
        })
        .filter_map(|device| {
            let id = device.id().ok()?;
            if id.host().name() == "ALSA" && ALSA_PLUGINS.contains(&id.id()) {
                return None;
            }
            Some(DeviceInfo {
                is_default: default.as_ref() == Some(&id),
                name: device.to_string(),
                id: id.to_string(),
            })
        })
        .collect()
}
