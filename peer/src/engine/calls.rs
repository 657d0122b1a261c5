//! Calls, their log, and the sound devices they use.

use twocan_proto::identity::PeerId;
use twocan_voice::LevelReader;

use super::Engine;
use crate::api::{
    Call, CallChange, CallId, CallLevels, CallStats, Error, LoggedCall, SoundDevices,
};
use crate::core::Command;

impl Engine {
    /// Calls a contact.
    ///
    /// # Errors
    /// `busy` when we are in a call, `not_found`, `blocked`, `key_changed`.
    pub async fn call(&self, to: PeerId) -> Result<CallId, Error> {
        self.ask(|reply| Command::Call(to, reply)).await
    }

    /// Answers a call that rings here.
    ///
    /// # Errors
    /// `not_found` when it does not ring (any more).
    pub async fn answer(&self, call: CallId) -> Result<(), Error> {
        self.ask(|reply| Command::Answer(call, reply)).await
    }

    /// Declines a call that rings here; `code` defaults to 603. The caller is
    /// told `text`, if there is one.
    ///
    /// # Errors
    /// `not_found` when it does not ring (any more), `bad_request` for a code
    /// that ends no call, `too_large` for a text above
    /// [`twocan_proto::limits::REASON_BYTES`].
    pub async fn decline(&self, call: CallId, code: Option<u16>, text: &str) -> Result<(), Error> {
        let text = text.to_owned();
        self.ask(|reply| Command::Decline {
            call,
            code,
            text,
            reply,
        })
        .await
    }

    /// Ends a call, or stops calling.
    ///
    /// # Errors
    /// `not_found` for a call that is over, `bad_request` for a code that
    /// ends no call.
    pub async fn hangup(&self, call: CallId, code: Option<u16>) -> Result<(), Error> {
        self.ask(|reply| Command::Hangup { call, code, reply })
            .await
    }

    /// Changes a call: microphone, loudspeaker, volume.
    ///
    /// # Errors
    /// `not_found` for a call that is over, `bad_request` for a volume out of
    /// range.
    pub async fn call_set(&self, call: CallId, change: CallChange) -> Result<(), Error> {
        self.ask(|reply| Command::CallSet {
            call,
            change,
            reply,
        })
        .await
    }

    /// Calls past and present, newest first: those before `before`, or the
    /// newest; at most 1000.
    ///
    /// # Errors
    /// `not_found` for a call that is not in the log.
    pub async fn call_log(
        &self,
        before: Option<CallId>,
        limit: usize,
    ) -> Result<Vec<LoggedCall>, Error> {
        self.ask(|reply| Command::CallLog {
            before,
            limit,
            reply,
        })
        .await
    }

    /// The user has seen all missed calls. Those of one person are also seen
    /// when her messages are marked as read.
    ///
    /// # Errors
    /// `io` when the database does not answer.
    pub async fn calls_seen(&self) -> Result<(), Error> {
        self.ask(Command::CallsSeen).await
    }

    /// The latest measurements of a call.
    ///
    /// # Errors
    /// `not_found` for a call that is over or has no sound yet.
    pub async fn call_stats(&self, call: CallId) -> Result<CallStats, Error> {
        self.ask(|reply| Command::CallStats(call, reply)).await
    }

    /// The calls that are not over.
    ///
    /// # Errors
    /// Only when the engine has ended.
    pub async fn calls(&self) -> Result<Vec<Call>, Error> {
        self.ask(Command::Calls).await
    }

    /// What the meters of the call show now, while it has sound. Asks nobody
    /// and waits for nothing: for a screen that draws them.
    pub fn call_levels(&self) -> Option<CallLevels> {
        self.levels.borrow().as_ref().map(LevelReader::read)
    }

    /// The sound devices there are, and those that calls use. The settings
    /// `audio.input` and `audio.output` choose others, also in a call. May
    /// take seconds when a sound server hangs.
    ///
    /// # Errors
    /// `not_found` when this machine has no sound.
    pub async fn devices(&self) -> Result<SoundDevices, Error> {
        self.ask(Command::Devices).await
    }

    /// Records up to 5 s from the microphone, as a call would carry it, and
    /// plays that. [`crate::api::Event::MicTest`] tells how far it is.
    ///
    /// # Errors
    /// `conflict` in a call, or while a test runs.
    pub async fn mic_test_start(&self) -> Result<(), Error> {
        self.ask(Command::MicTestStart).await
    }

    /// Ends the recording of a test, which is then played, or the playing.
    ///
    /// # Errors
    /// `not_found` when no test is running.
    pub async fn mic_test_stop(&self) -> Result<(), Error> {
        self.ask(Command::MicTestStop).await
    }
}
