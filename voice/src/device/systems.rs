//! Which sound systems this machine has, how each is connected to, and which
//! of the things that it lists are devices.

use cpal::{Device, DeviceDirection, Error, Host, HostId, traits::DeviceTrait};

use super::Direction;

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
/// What cpal lists for PipeWire beside its nodes: where a stream goes that
/// names none.
const PIPEWIRE_DEFAULTS: [&str; 3] = ["sink_default", "input_default", "output_default"];
/// What cpal calls a node that has no description.
const PIPEWIRE_UNDESCRIBED: &str = "unknown";

/// Whether this is ALSA, which prints, and floods us with errors if its
/// periods are short.
pub(super) fn is_alsa(id: HostId) -> bool {
    id.name() == "ALSA"
}

/// Whether a callback may wait for its sound: those of ALSA and our own of
/// PulseAudio run on threads of this program that do nothing else, while those
/// of other systems hold up whatever else plays.
pub(super) fn may_wait(id: HostId) -> bool {
    matches!(id.name(), "ALSA" | "Custom")
}

/// Whether a connection sees devices come and go. That of cpal to PipeWire
/// lists for ever what there was when it was made.
pub(super) fn stays_true(id: HostId) -> bool {
    id.name() != "PipeWire"
}

/// Whether the host names a default device also where there is none at all, as
/// with a PipeWire that serves cameras while sound goes elsewhere.
pub(super) fn always_names_a_default(id: HostId) -> bool {
    id.name() == "PipeWire"
}

/// Whether something that a sound system lists is a microphone, or a
/// loudspeaker, as people mean it.
pub(super) fn is_device(device: &Device, direction: Direction) -> bool {
    let flows = match direction {
        Direction::Input => device.supports_input(),
        Direction::Output => device.supports_output(),
    };
    flows
        && device.id().is_ok_and(|id| match id.host().name() {
            "ALSA" => !ALSA_PLUGINS.contains(&id.id()),
            "PipeWire" => !PIPEWIRE_DEFAULTS.contains(&id.id()) && is_node(device, direction),
            _ => true,
        })
}

/// Whether a node of PipeWire is a sink or a source. The streams of programs are
/// listed beside them: those that play are no duplex nodes, as sinks are (what
/// goes into them can be recorded), and those that record have no description.
fn is_node(device: &Device, direction: Direction) -> bool {
    device.description().is_ok_and(|told| match direction {
        Direction::Output => told.direction() == DeviceDirection::Duplex,
        Direction::Input => {
            told.direction() == DeviceDirection::Input && told.name() != PIPEWIRE_UNDESCRIBED
        }
    })
}

/// The sound systems of this machine, the best first.
#[cfg(any(
    target_os = "linux",
    target_os = "dragonfly",
    target_os = "freebsd",
    target_os = "netbsd"
))]
pub(crate) fn available() -> Vec<HostId> {
    let pulse = super::pulse::is_there().then_some(HostId::PulseAudio);
    let others = cpal::available_hosts().into_iter();
    let others = others.filter(|id| *id != HostId::PulseAudio);
    let mut systems: Vec<_> = others.chain(pulse).collect();
    systems.sort_by_key(|id| match id.name() {
        "PipeWire" => 0,
        "PulseAudio" => 1,
        _ => 2,
    });
    systems
}

/// Connects to a sound system; to PulseAudio by our own means.
///
/// # Errors
/// When it is not there, or does not want us.
#[cfg(any(
    target_os = "linux",
    target_os = "dragonfly",
    target_os = "freebsd",
    target_os = "netbsd"
))]
pub(super) fn connect(id: HostId) -> Result<Host, Error> {
    if id == HostId::PulseAudio {
        let host = super::pulse::PulseHost::connect()?;
        return Ok(cpal::platform::CustomHost::from_host(host).into());
    }
    cpal::host_from_id(id)
}

/// The sound systems of this machine, the best first.
#[cfg(not(any(
    target_os = "linux",
    target_os = "dragonfly",
    target_os = "freebsd",
    target_os = "netbsd"
)))]
pub(crate) fn available() -> Vec<HostId> {
    cpal::available_hosts()
}

/// Connects to a sound system.
///
/// # Errors
/// When it is not there, or does not want us.
#[cfg(not(any(
    target_os = "linux",
    target_os = "dragonfly",
    target_os = "freebsd",
    target_os = "netbsd"
)))]
pub(super) fn connect(id: HostId) -> Result<Host, Error> {
    cpal::host_from_id(id)
}
