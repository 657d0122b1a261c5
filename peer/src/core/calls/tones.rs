//! What is heard of a call while it has no sound: ringing here, ringing there,
//! not taken, over. Where tones are wanted, they follow the call's state. And
//! what is heard in its sound: the other is there, the microphone is off or on.

use twocan_proto::call::{State, code};
use twocan_voice::{Tone, TonePlayer};

use super::Core;
use super::entry::Entry;
use crate::api::{CallState, Presence};
use crate::media::MediaCommand;

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

    /// Tells that the other is there, the first time that the sound is
    /// connected.
    pub(super) fn cue_joined(&self, before: CallState) {
        let Some(entry) = &self.calls.current else {
            return;
        };
        if is_joined(before, CallState::from(&entry.state)) && self.calls.settings.joined_sound {
            self.cue(entry, Tone::Joined);
        }
    }

    /// Tells that the microphone, or with it the loudspeaker, was switched from
    /// what they were before.
    pub(super) fn cue_switched(&self, before: (bool, bool)) {
        let Some(entry) = &self.calls.current else {
            return;
        };
        let tone = switched(before, (entry.muted, entry.deafened));
        if let Some(tone) = tone.filter(|_| self.calls.settings.mute_sound) {
            self.cue(entry, tone);
        }
    }

    fn cue(&self, entry: &Entry, tone: Tone) {
        if let Some(media) = entry.media.as_ref().filter(|_| self.has_ears()) {
            media.tell(MediaCommand::Cue(tone));
        }
    }

    /// Whether somebody hears what this program has to say of a call.
    fn has_ears(&self) -> bool {
        self.config.tones && !self.config.echo
    }

    /// Whether a tone is wanted, and disturbs nobody.
    fn may_sound(&self, tone: Tone) -> bool {
        if !self.has_ears() || !self.calls.settings.tones {
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

/// Whether the other has just come, and not come back.
fn is_joined(before: CallState, now: CallState) -> bool {
    now == CallState::Connected && !matches!(before, CallState::Connected | CallState::Reconnecting)
}

/// The tone for what became of the microphone and the loudspeaker: whether each
/// was off, and is.
fn switched(before: (bool, bool), now: (bool, bool)) -> Option<Tone> {
    let is_off = match before.0 == now.0 {
        false => now.0,
        true if before.1 != now.1 => now.1,
        true => return None,
    };
    Some(if is_off { Tone::Muted } else { Tone::Unmuted })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_comes_once() {
        assert!(is_joined(CallState::Connecting, CallState::Connected));
        assert!(!is_joined(CallState::Reconnecting, CallState::Connected));
        assert!(!is_joined(CallState::Ringing, CallState::Connecting));
        assert!(!is_joined(CallState::Connected, CallState::Ended));
    }

    #[test]
    fn what_is_switched_is_heard_once() {
        let (off, on) = (Some(Tone::Muted), Some(Tone::Unmuted));
        assert_eq!(switched((false, false), (true, false)), off);
        assert_eq!(switched((true, false), (false, false)), on);
        // Deafening switches both off, and what was muted before stays so.
        assert_eq!(switched((false, false), (true, true)), off);
        assert_eq!(switched((true, true), (true, false)), on);
        assert_eq!(switched((true, false), (true, false)), None);
    }
}
