//! Which sound systems this machine has, and how each is connected to.

use cpal::{Error, Host, HostId};

/// The sound systems of this machine, the best first.
#[cfg(any(
    target_os = "linux",
    target_os = "dragonfly",
    target_os = "freebsd",
    target_os = "netbsd"
))]
pub(crate) fn available() -> Vec<HostId> {
    let others = cpal::available_hosts().into_iter();
    let others = others.filter(|id| *id != HostId::PulseAudio);
    let pulse = super::pulse::is_there().then_some(HostId::PulseAudio);
    pulse.into_iter().chain(others).collect()
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
