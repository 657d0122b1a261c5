//! What sound devices there are.

use cpal::{
    Device, Host,
    traits::{DeviceTrait, HostTrait},
};

use super::{
    Direction,
    hosts::{default_device, on_any_host},
    systems::is_device,
};
use crate::AudioError;

/// More devices than this are not listed.
const MOST_DEVICES: usize = 256;

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
    let infos = devices
        .iter()
        .filter(|device| is_device(device, direction))
        .filter_map(|device| {
            let id = device.id().ok()?;
            Some(DeviceInfo {
                is_default: default.as_ref() == Some(&id),
                name: device.to_string(),
                id: id.to_string(),
            })
        })
        .collect();
    told_apart(infos)
}

/// Two headsets of one make have one name; then the ids stand behind it.
fn told_apart(infos: Vec<DeviceInfo>) -> Vec<DeviceInfo> {
    let name = |info: &DeviceInfo| {
        let alike = infos.iter().filter(|other| other.name == info.name);
        let id = info.id.split_once(':').map_or(&*info.id, |(_, id)| id);
        match alike.count() {
            0 | 1 => info.name.clone(),
            _ => format!("{} ({id})", info.name),
        }
    };
    let names: Vec<_> = infos.iter().map(name).collect();
    let named = infos.into_iter().zip(names);
    named
        .map(|(info, name)| DeviceInfo { name, ..info })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_of_one_name_are_told_apart() {
        let info = |id: &str, name: &str| DeviceInfo {
            id: id.to_owned(),
            name: name.to_owned(),
            is_default: false,
        };
        let infos = ["pulseaudio:usb-1", "pulseaudio:usb-2"].map(|id| info(id, "Headset"));
        let infos = infos
            .into_iter()
            .chain([info("pulseaudio:pci-0", "Built-in")]);
        let told = told_apart(infos.collect());
        let names: Vec<_> = told.iter().map(|info| info.name.as_str()).collect();
        assert_eq!(names, ["Headset (usb-1)", "Headset (usb-2)", "Built-in"]);
        assert_eq!(told[1].id, "pulseaudio:usb-2");
    }
}
