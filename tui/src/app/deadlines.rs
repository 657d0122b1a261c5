//! When something happens by itself, and what of that is seen.

use twocan_peer::api::NoticeLevel;
use twocan_proto::time::Timestamp;

use super::State;
use super::calls::METERS_MS;

/// How long a toast stands, in milliseconds: longer for what went wrong.
const TOAST_MS: i64 = 6_000;
const ERROR_TOAST_MS: i64 = 12_000;
/// The incoming call rings the bell this often, in milliseconds.
pub(super) const RING_EVERY_MS: i64 = 5_000;
/// The meters are read this often where nothing is to move, in milliseconds.
const STILL_METERS_MS: i64 = 1_000;
/// After this long without a key the other is told that we stopped typing.
pub(super) const TYPING_PAUSE_MS: i64 = 5_000;
/// Time in which a second Ctrl+C quits.
pub(super) const QUIT_AGAIN_MS: i64 = 3_000;

const MINUTE_MS: i64 = 60_000;

impl State {
    /// The next moment at which something happens by itself.
    pub(crate) fn next_deadline(&self) -> Timestamp {
        let told = self.conversations.values().filter_map(|c| c.told_typing);
        let paused = told.map(|at| after(at, TYPING_PAUSE_MS));
        let rang = self.calls.incoming().and_then(|call| call.rang_at);
        let own = [
            Some(self.next_visible()),
            self.drafts.due(),
            self.unreported.map(|waiting| waiting.due),
            rang.map(|at| after(at, RING_EVERY_MS)),
        ];
        self.soonest(own.into_iter().flatten().chain(paused))
    }

    /// The next moment at which something happens by itself that is seen.
    pub(super) fn next_visible(&self) -> Timestamp {
        let minute = self.now.as_millis().div_euclid(MINUTE_MS) + 1;
        let own = [
            // The clock in the top bar.
            Some(Timestamp::from_millis(minute * MINUTE_MS)),
            self.calls.next_second(self.now),
            self.meters_due(),
            self.toast_until(),
            self.quit_asked.map(|at| after(at, QUIT_AGAIN_MS)),
        ];
        let contacts = self.conversations.values().map(|c| c.typing_until);
        let guests = self.lobbies.values().map(|lobby| lobby.typing.as_ref());
        let typing = contacts.chain(guests.map(|typing| typing.map(|(_, until)| *until)));
        self.soonest(own.into_iter().chain(typing).flatten())
    }

    /// The first of these moments; what should have been is now.
    fn soonest(&self, moments: impl Iterator<Item = Timestamp>) -> Timestamp {
        let now = after(self.now, 1);
        moments.min().map_or(now, |first| first.max(now))
    }

    /// When the meters are to be read again: while somebody looks at a call
    /// that has sound.
    pub(super) fn meters_due(&self) -> Option<Timestamp> {
        let call = self.calls.active().filter(|call| call.has_sound())?;
        let pause = match self.preferences.motion {
            true => METERS_MS,
            false => STILL_METERS_MS,
        };
        let due = call.metered_at.map_or(self.now, |read| after(read, pause));
        self.focused.then_some(due)
    }

    pub(super) fn toast_is_over(&self) -> bool {
        self.toast_until().is_some_and(|until| until <= self.now)
    }

    /// When a toast has stood long enough.
    fn toast_until(&self) -> Option<Timestamp> {
        let toast = self.toast.as_ref()?;
        let stands = match toast.level {
            NoticeLevel::Info => TOAST_MS,
            _ => ERROR_TOAST_MS,
        };
        Some(after(toast.at, stands))
    }
}

fn after(at: Timestamp, ms: i64) -> Timestamp {
    Timestamp::from_millis(at.as_millis() + ms)
}
