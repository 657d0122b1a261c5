//! What is heard of a call while it has no sound: ringing here, ringing there,
//! not taken, over. Where tones are wanted, they follow the call's state.

use twocan_proto::call::{State, code};
use twocan_voice::{Tone, TonePlayer};

use super::Core;
use super::entry::Entry;
use crate::api::Presence;

/// The tone that is being played, or was the last.
#[derive(Debug)]
pub(super) struct Playing {
    tone: Tone,
    /// Ends the tone when it is dropped.
    _player: TonePlayer,
}

impl Core {
    /// Begins and ends the tone as the call there is wants it. A tone of
    /// another call ends.
    pub(super) fn follow_tone(&mut self) {
        let wanted = self.calls.current.as_ref().and_then(wanted);
        let wanted = wanted.filter(|tone| self.may_sound(*tone));
        let playing = self.calls.playing.as_ref().map(|playing| playing.tone);
        if wanted == playing {
            return;
        }
        self.calls.playing = None;
        let Some(tone) = wanted else { return };
        match TonePlayer::start(tone, &self.sound.output) {
            Ok(player) => {
                self.calls.playing = Some(Playing {
                    tone,
                    _player: player,
                });
            }
            Err(error) => tracing::warn!(%error, "no tone"),
        }
    }

    /// Whether a tone is wanted, and disturbs nobody.
    fn may_sound(&self, tone: Tone) -> bool {
        if !self.config.tones || !self.calls.settings.tones || self.config.echo {
            return false;
        }
        let quiet = || {
            let caller = self.calls.current.as_ref().map(|entry| entry.peer);
            let known = caller.and_then(|caller| self.contacts.get(caller));
            self.config.auto_answer
                || self.persona.presence == Presence::DoNotDisturb
                || known.is_some_and(|entry| entry.saved.muted)
        };
        tone != Tone::Ring || !quiet()
    }
}

/// The tone that goes with the state of a call.
fn wanted(entry: &Entry) -> Option<Tone> {
    match &entry.state {
        State::Incoming { .. } => Some(Tone::Ring),
        State::Ringing { .. } => Some(Tone::RingBack),
        State::Ended(end) if !end.talked.is_zero() => Some(Tone::Ended),
        // Whoever gives up knows that already.
        State::Ended(end) if entry.outgoing && end.code != code::CANCELLED => Some(Tone::Busy),
        _ => None,
    }
}
