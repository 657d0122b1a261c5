//! What only the operating system knows: its monotonic clock, and the standard
//! error that a C library insists on writing to.

use std::{
    fs::File,
    os::fd::OwnedFd,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// Seconds of CLOCK_MONOTONIC now, comparable between processes of one machine.
pub fn monotonic_seconds() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

/// CLOCK_MONOTONIC seconds of an instant, which does not tell its own number.
pub(crate) fn monotonic_seconds_at(instant: Instant) -> f64 {
    let (now, seconds) = (Instant::now(), monotonic_seconds());
    match now.checked_duration_since(instant) {
        Some(ago) => seconds - ago.as_secs_f64(),
        None => seconds + (instant - now).as_secs_f64(),
    }
}

static QUIET: Mutex<()> = Mutex::new(());

/// Keeps standard error silent while it lives: libasound reports its search
/// for devices there, which would tear a terminal interface. The redirection
/// holds for the whole process, so keep it short; only one exists at a time.
#[derive(Debug)]
pub(crate) struct QuietStderr {
    saved: Option<OwnedFd>,
    _one_at_a_time: MutexGuard<'static, ()>,
}

impl QuietStderr {
    pub(crate) fn begin() -> Self {
        let guard = QUIET.lock().unwrap_or_else(PoisonError::into_inner);
        Self {
            saved: redirect(),
            _one_at_a_time: guard,
        }
    }
}

impl Drop for QuietStderr {
    fn drop(&mut self) {
        if let Some(saved) = self.saved.take()
            && let Err(error) = rustix::stdio::dup2_stderr(&saved)
        {
            tracing::debug!(%error, "standard error stays silent");
        }
    }
}

fn redirect() -> Option<OwnedFd> {
    let nowhere = File::options().write(true).open("/dev/null").ok()?;
    // Close-on-exec, so that a child started meanwhile does not inherit it.
    let saved = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stderr(), 3).ok()?;
    rustix::stdio::dup2_stderr(&nowhere).ok()?;
    Some(saved)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn instants_become_seconds_of_the_same_clock() {
        let earlier = Instant::now() - Duration::from_millis(250);
        let ago = monotonic_seconds() - monotonic_seconds_at(earlier);
        assert!((0.24..0.5).contains(&ago), "{ago}");
    }

    #[test]
    fn quiet_can_be_taken_twice() {
        drop(QuietStderr::begin());
        drop(QuietStderr::begin());
    }
}
