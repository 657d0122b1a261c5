//! bcrypt, on a small pool of threads of its own with a bounded queue, so that a
//! storm of passwords is not felt by anything else. A password that finds the
//! queue full, or its address with a fair share of it already, is refused with the
//! time to wait.

mod places;

use crate::{attempts::network, limits};
use places::{Place, Places};
use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    time::{Duration, Instant},
};
use tokio::sync::oneshot;
use twocan_proto::api::Secret;

/// Why a password was not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PasswordError {
    /// There is no place, or none for that address; come back after so many
    /// seconds.
    #[error("too many sign-ins at once")]
    Full { retry_after_s: u64 },
    /// bcrypt or the pool failed.
    #[error("the password could not be processed")]
    Failed,
}

enum Task {
    Hash,
    Check { hash: String },
}

enum Outcome {
    Hashed(String),
    Checked(bool),
}

struct Job {
    password: Secret,
    task: Task,
    reply: oneshot::Sender<Option<Outcome>>,
    /// Held until the job is done.
    place: Place,
}

/// The pool. Its threads end when it is dropped.
#[derive(Debug)]
pub(crate) struct Passwords {
    queue: SyncSender<Job>,
    places: Arc<Places>,
    threads: usize,
    /// How long the last password took, in milliseconds.
    last_ms: Arc<AtomicU64>,
    /// What a password is compared with when the name is unknown.
    nobody: String,
}

impl Passwords {
    /// Starts `threads` threads that hash at bcrypt cost `cost`.
    ///
    /// # Errors
    /// When a thread cannot be started or `cost` is not one of bcrypt's.
    pub(crate) fn start(threads: usize, cost: u32) -> std::io::Result<Self> {
        let nobody = bcrypt::hash("", cost).map_err(std::io::Error::other)?;
        let (queue, jobs) = sync_channel(limits::PASSWORDS_PER_THREAD * threads);
        let jobs = Arc::new(Mutex::new(jobs));
        let last_ms = Arc::new(AtomicU64::new(0));
        for n in 0..threads {
            let (jobs, last_ms) = (Arc::clone(&jobs), Arc::clone(&last_ms));
            std::thread::Builder::new()
                .name(format!("bcrypt-{n}"))
                .spawn(move || work(&jobs, cost, &last_ms))?;
        }
        Ok(Self {
            queue,
            places: Places::new((limits::PASSWORDS_PER_THREAD + 1) * threads),
            threads,
            last_ms,
            nobody,
        })
    }

    /// The hash to keep of a new password that came from an address, or from the
    /// operator.
    pub(crate) async fn hash(
        &self,
        password: Secret,
        from: Option<IpAddr>,
    ) -> Result<String, PasswordError> {
        match self.run(password, Task::Hash, from).await? {
            Outcome::Hashed(hash) => Ok(hash),
            Outcome::Checked(_) => Err(PasswordError::Failed),
        }
    }

    /// Whether the password is the one behind `hash`; without a hash no, after
    /// the same work.
    pub(crate) async fn check(
        &self,
        password: Secret,
        hash: Option<String>,
        from: IpAddr,
    ) -> Result<bool, PasswordError> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        let task = Task::Check { hash };
        match self.run(password, task, Some(from)).await? {
            Outcome::Checked(right) => Ok(known && right),
            Outcome::Hashed(_) => Err(PasswordError::Failed),
        }
    }

    async fn run(
        &self,
        password: Secret,
        task: Task,
        from: Option<IpAddr>,
    ) -> Result<Outcome, PasswordError> {
        let full = || PasswordError::Full {
            retry_after_s: self.wait_s(),
        };
        let place = self.places.take(from.map(network)).ok_or_else(full)?;
        let (reply, answer) = oneshot::channel();
        let job = Job {
            password,
            task,
            reply,
            place,
        };
        self.queue.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => full(),
            TrySendError::Disconnected(_) => PasswordError::Failed,
        })?;
        answer.await.ok().flatten().ok_or(PasswordError::Failed)
    }

    /// How long a full queue takes to empty, in seconds.
    fn wait_s(&self) -> u64 {
        let one = Duration::from_millis(self.last_ms.load(Ordering::Relaxed));
        let queue = u32::try_from(limits::PASSWORDS_PER_THREAD).unwrap_or(u32::MAX);
        (one * queue).as_secs() + 1
    }

    /// Threads of the pool.
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }
}

/// How much less than look-ups the pool gets of a processor that both want (see
/// setpriority(2)): a tenth.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

fn work(jobs: &Mutex<Receiver<Job>>, cost: u32, last_ms: &AtomicU64) {
    // On Linux that is this thread alone. Without it everything works, and waits.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "passwords are hashed at the priority of look-ups");
    }
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job {
            password,
            task,
            reply,
            place,
        }) = job
        else {
            return;
        };
        // Nobody waits any more: the client has gone.
        if reply.is_closed() {
            continue;
        }
        let begun = Instant::now();
        let outcome = match task {
            Task::Hash => bcrypt::non_truncating_hash(password.expose(), cost).map(Outcome::Hashed),
            Task::Check { hash } => {
                bcrypt::non_truncating_verify(password.expose(), &hash).map(Outcome::Checked)
            }
        };
        let took = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        last_ms.store(took, Ordering::Relaxed);
        drop(place);
        if reply.send(outcome.ok()).is_err() {
            tracing::debug!("a client left before its password was processed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[tokio::test]
    async fn right_wrong_and_nobody() {
        let pool = Passwords::start(1, 4).unwrap();
        let hash = pool.hash("correct horse".into(), None).await.unwrap();
        assert!(hash.starts_with("$2b$04$"));
        assert_eq!(
            pool.check("correct horse".into(), Some(hash.clone()), ADDRESS)
                .await,
            Ok(true)
        );
        let wrong = pool.check("wrong".into(), Some(hash), ADDRESS);
        assert_eq!(wrong.await, Ok(false));
        // The password of nobody's hash lets nobody in.
        assert_eq!(pool.check("".into(), None, ADDRESS).await, Ok(false));
    }

    #[tokio::test]
    async fn a_full_queue_says_how_long_to_wait() {
        let pool = Passwords::start(1, 10).unwrap();
        let one_more = limits::PASSWORDS_PER_THREAD + 2;
        let storm = (0..one_more).map(|_| pool.hash("x".into(), None));
        let outcomes = futures_util::future::join_all(storm).await;
        let full =
            |o: &&Result<String, _>| matches!(o, Err(PasswordError::Full { retry_after_s: 1.. }));
        assert!(outcomes.iter().filter(full).count() >= 1);
        assert!(outcomes.iter().filter(|o| o.is_ok()).count() >= limits::PASSWORDS_PER_THREAD);
    }

    #[tokio::test]
    async fn a_storm_from_one_network_refuses_nobody_else() {
        let pool = Passwords::start(1, 10).unwrap();
        let storm = (0..100).map(|n| {
            let from = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, n);
            pool.hash("x".into(), Some(from.into()))
        });
        let storm = futures_util::future::join_all(storm);
        // Asked after all of the storm has.
        let other = async { pool.check("x".into(), None, ADDRESS).await };
        let (storm, other) = futures_util::future::join(storm, other).await;
        assert_eq!(other, Ok(false));
        let served = storm.iter().filter(|outcome| outcome.is_ok()).count();
        assert!(
            (2..=limits::PASSWORDS_PER_THREAD * 3 / 4).contains(&served),
            "{served}"
        );
        let waits =
            |o: &&Result<String, _>| matches!(o, Err(PasswordError::Full { retry_after_s: 1.. }));
        assert_eq!(storm.iter().filter(waits).count(), 100 - served);
    }
}
