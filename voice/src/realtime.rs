//! Real-time priority for the threads that move sound, where the system gives
//! it: then a busy machine does not make them late. Refusal is no error, the
//! sound flows as well as the machine lets it.
//!
//! Whoever may take it takes it, and threads that are started by one that has
//! taken it have it, too, such as those of ALSA's streams. Others ask
//! RealtimeKit, which most desktops have, over D-Bus, for each thread.

use std::{fmt, thread};

use thread_priority::{
    RealtimeThreadSchedulePolicy, ScheduleParams, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};

/// Among real-time threads, 1 to 99: below sound servers (PipeWire has 88,
/// PulseAudio 5 and RealtimeKit gives no more than 20).
const PRIORITY: u8 = 5;

/// How the threads that move sound are scheduled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scheduling {
    /// In real time: before everything that is not.
    RealTime,
    /// Like any other program, and why.
    Usual(String),
}

impl fmt::Display for Scheduling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RealTime => f.write_str("in real time"),
            Self::Usual(why) => write!(f, "like any other program: {why}"),
        }
    }
}

/// Asks for real time for this thread. Whom it must be asked of may take some
/// time to answer, which is not waited for.
pub(crate) fn ask() {
    if take().is_ok() {
        return;
    }
    let asking = Asking::for_this_thread();
    let asked = thread::Builder::new()
        .name("priority".into())
        .spawn(move || match asking.ask() {
            Ok(()) => {}
            Err(why) => tracing::debug!(why, "no real-time priority"),
        });
    if let Err(error) = asked {
        tracing::debug!(%error, "no thread to ask for real-time priority");
    }
}

/// Tries what threads that move sound get here. Takes up to a second.
pub fn scheduling() -> Scheduling {
    // On a thread of its own, whose priority ends with it.
    let tried = thread::Builder::new()
        .name("priority".into())
        .spawn(|| take().or_else(|_| Asking::for_this_thread().ask()));
    let why = match tried.map(thread::JoinHandle::join) {
        Ok(Ok(Ok(()))) => return Scheduling::RealTime,
        Ok(Ok(Err(why))) => why,
        Ok(Err(_)) => "asking for real time failed".to_owned(),
        Err(error) => error.to_string(),
    };
    Scheduling::Usual(why)
}

/// Takes real time for this thread, as far as its limits allow.
fn take() -> Result<(), String> {
    let priority = ThreadPriority::from_posix(ScheduleParams {
        sched_priority: PRIORITY.into(),
    });
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
    set_thread_priority_and_policy(thread_native_id(), priority, policy)
        .map_err(|error| error.to_string())
}

#[cfg(target_os = "linux")]
use kit::Asking;

#[cfg(target_os = "linux")]
mod kit {
    //! RealtimeKit.

    use std::time::Duration;

    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    use super::PRIORITY;

    /// How long the broker may take to answer.
    const PATIENCE: Duration = Duration::from_millis(500);
    /// A thread in real time may work so long without a pause before the system
    /// stops the program, in microseconds: what the broker asks for at least.
    /// We pause every few milliseconds.
    const LONGEST_WORK_US: u64 = 200_000;
    /// The name of the broker and of what it speaks.
    const NAME: &str = "org.freedesktop.RealtimeKit1";
    const PATH: &str = "/org/freedesktop/RealtimeKit1";

    /// A thread that is to get real time.
    pub(super) struct Asking(u64);

    impl Asking {
        pub(super) fn for_this_thread() -> Self {
            let id = rustix::thread::gettid().as_raw_nonzero().get();
            Self(u64::from(id.unsigned_abs()))
        }

        /// # Errors
        /// Says who refuses.
        pub(super) fn ask(&self) -> Result<(), String> {
            limit_work()?;
            let said = |error: zbus::Error| error.to_string();
            let bus = zbus::blocking::connection::Builder::system()
                .and_then(|bus| bus.method_timeout(PATIENCE).build())
                .map_err(said)?;
            let wanted = (self.0, u32::from(PRIORITY));
            bus.call_method(Some(NAME), PATH, Some(NAME), "MakeThreadRealtime", &wanted)
                .map(drop)
                .map_err(said)
        }
    }

    /// Without this limit the broker refuses.
    fn limit_work() -> Result<(), String> {
        let most = |limit: Option<u64>| Some(limit.unwrap_or(u64::MAX).min(LONGEST_WORK_US));
        let now = getrlimit(Resource::Rttime);
        let limit = Rlimit {
            current: most(now.current),
            maximum: most(now.maximum),
        };
        setrlimit(Resource::Rttime, limit).map_err(|error| error.to_string())
    }
}

#[cfg(not(target_os = "linux"))]
struct Asking;

#[cfg(not(target_os = "linux"))]
impl Asking {
    fn for_this_thread() -> Self {
        Self
    }

    fn ask(&self) -> Result<(), String> {
        Err("this system has nobody to ask".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_what_threads_get() {
        let told = scheduling();
        let got = thread::spawn(|| take().or_else(|_| Asking::for_this_thread().ask()).is_ok());
        assert_eq!(told == Scheduling::RealTime, got.join().unwrap(), "{told}");
        // Refused or not, the sound must be able to go on.
        ask();
    }
}
