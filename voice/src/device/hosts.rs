//! The sound systems of this machine. One connection to each is kept for the
//! whole program, to be asked about its devices.

use std::sync::{Arc, Mutex, PoisonError};

use cpal::{
    Device, DeviceId, Host, HostId,
    traits::{DeviceTrait, HostTrait},
};

use super::{
    Direction, Wanted,
    open::{find, said},
    systems::{always_names_a_default, available, connect, is_alsa, is_device, stays_true},
};
use crate::sys::QuietStderr;

static CONNECTED: Mutex<Vec<(HostId, Arc<Host>)>> = Mutex::new(Vec::new());

/// Tries the hosts of this machine, the best first, until one has what is
/// wanted. A connection that has failed is made anew once.
pub(super) fn on_any_host<T>(
    mut attempt: impl FnMut(&Host) -> Result<T, String>,
) -> Result<T, String> {
    // The best host is the one that people mean.
    let mut reason = None;
    for id in available() {
        let _quiet = is_alsa(id).then(QuietStderr::begin);
        match on_host(id, &mut attempt) {
            Ok(found) => return Ok(found),
            Err(why) => {
                tracing::debug!(host = id.name(), why, "no such sound device");
                reason.get_or_insert(why);
            }
        }
    }
    Err(reason.unwrap_or_else(|| "this machine has no sound system".to_owned()))
}

fn on_host<T>(
    id: HostId,
    attempt: &mut impl FnMut(&Host) -> Result<T, String>,
) -> Result<T, String> {
    if !stays_true(id) {
        return attempt(&connect(id).map_err(said)?);
    }
    if let Some(host) = known(id) {
        if let Ok(found) = attempt(&host) {
            return Ok(found);
        }
        // What was asked for may just not be there, or the server is gone:
        // a server that answers is not connected to twice.
        if host.devices().is_ok() {
            return attempt(&host);
        }
        connected().retain(|(known, _)| *known != id);
    }
    let host = Arc::new(connect(id).map_err(said)?);
    connected().push((id, Arc::clone(&host)));
    attempt(&host)
}

fn known(id: HostId) -> Option<Arc<Host>> {
    let connected = connected();
    let (_, host) = connected.iter().find(|(known, _)| *known == id)?;
    Some(Arc::clone(host))
}

fn connected() -> std::sync::MutexGuard<'static, Vec<(HostId, Arc<Host>)>> {
    CONNECTED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The default device of a host, as the environment and the system name it.
pub(super) fn default_device(host: &Host, direction: Direction) -> Option<Device> {
    if always_names_a_default(host.id()) {
        host.devices()
            .ok()?
            .find(|device| is_device(device, direction))?;
    }
    match direction {
        Direction::Input => host.default_input_device(),
        Direction::Output => host.default_output_device(),
    }
}

/// The device that is meant now.
///
/// # Errors
/// Says why there is none.
pub(super) fn meant(direction: Direction, wanted: &Wanted) -> Result<DeviceId, String> {
    on_any_host(|host| find(host, direction, wanted)?.id().map_err(said))
}
