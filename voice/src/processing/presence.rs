//! Whether the microphone hears the loudspeaker at all.
//!
//! A canceller that has nothing to cancel takes its best guess out of what is
//! said, for many seconds: whoever wears headphones would be hardly
//! understood at the beginning of a call. So it is listened to only once its
//! filter has been seen to take something away.
//!
//! Measured with AEC3 on speech: without an echo its filter mostly claims less
//! than 0.5 dB, but up to 1.6 dB where both speak alike at once, for seconds.
//! With an echo it claims 2 dB and more, after 2 to 3 s of the other's speech,
//! after 7 to 14 s while both speak all the time; so long the other hears an
//! echo. The delay that it finds is no quicker help: it finds one in the first
//! second whether there is an echo or not.

/// From this on the filter takes away an echo, in dB.
const CANCELS: f64 = 2.0;
/// Below this it takes away nothing.
const CANCELS_NOTHING: f64 = 1.0;
/// Blocks of 10 ms with sound from the loudspeaker for which an echo that was
/// there is believed in while nothing of it is seen.
const FORGOTTEN_AFTER: u32 = 1_500;

/// Follows what the canceller says of its filter.
#[derive(Debug, Default)]
pub(super) struct Presence {
    /// Blocks with sound from the loudspeaker since the filter last took
    /// something away, once it has.
    unseen: Option<u32>,
}

impl Presence {
    /// Takes how many blocks with sound the loudspeaker has got since the last
    /// call, and what the filter takes away, in dB. Returns whether there is
    /// reason to believe in an echo.
    pub(super) fn push(&mut self, heard: u32, enhancement: f64) -> bool {
        if enhancement >= CANCELS {
            self.unseen = Some(0);
        } else if enhancement < CANCELS_NOTHING {
            self.unseen = self.unseen.map(|blocks| blocks.saturating_add(heard));
        }
        self.unseen.is_some_and(|blocks| blocks < FORGOTTEN_AFTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_believed_without_a_reason() {
        let mut presence = Presence::default();
        assert!((0..900).all(|_| !presence.push(1, 1.6)));
    }

    #[test]
    fn an_echo_that_is_cancelled_stays_believed_until_it_is_long_gone() {
        let mut presence = Presence::default();
        assert!(presence.push(1, 2.0));
        assert!((1..FORGOTTEN_AFTER).all(|_| presence.push(1, 0.2)));
        assert!(!presence.push(1, 0.2));
        assert!(presence.push(1, 2.0));
        // Silence of the other side proves nothing either way.
        assert!((0..5_000).all(|_| presence.push(0, 0.2)));
    }
}
