//! How good a call sounds, as one number: the E-model of ITU-T G.107, from the
//! delay and from what had to be invented.
//!
//! `R = 93.2 - Idd - Ie,eff`. 93.2 is `Ro - Is` with the default values of
//! G.107; `Idd` is what delay alone costs (equation 7-27); the echo terms are
//! left out, as the echo is cancelled; `Ie,eff` is what loss costs (equation
//! 7-29) with no impairment of the codec itself, as Opus at the rates used has
//! none that the narrow-band scale would show.

use twocan_voice::CallStats;

/// A frame has to be whole before it is encoded; so long while none has come.
const USUAL_FRAME_MS: f32 = 20.0;
/// Robustness against loss (`Bpl`) of Opus with deep concealment: PESQ-WB of
/// speech with 5, 10 and 20 % of its frames invented is 3.2, 2.5 and 1.85,
/// which this formula gives with 10 to 13. What is repaired counts as whole.
const LOSS_ROBUSTNESS: f32 = 11.0;
/// R of an undisturbed call, G.107 with its default values.
const UNDISTURBED: f32 = 93.2;
/// Delay from which on it is felt (`Ta`, equation 7-27), in ms.
const FELT_DELAY_MS: f32 = 100.0;

/// What the two ends add to the way of a word from them to us, in ms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Delays {
    /// From their microphone to the encoder, as they tell; where they do not,
    /// it is taken to be like ours.
    capture_ms: f32,
    /// Sound in one of their packets, 0 while unknown.
    frame_ms: f32,
    /// In our buffer.
    buffer_ms: f32,
    /// From there to our loudspeaker.
    playback_ms: f32,
}

impl Delays {
    /// As the sound tells them.
    pub(super) fn of(stats: &CallStats) -> Self {
        Self {
            capture_ms: stats.theirs.capture_ms.unwrap_or(stats.capture_ms),
            frame_ms: stats.received_frame_ms,
            buffer_ms: stats.buffer_ms,
            playback_ms: stats.playback_ms,
        }
    }
}

/// Estimated way of a word from their mouth to our ear, in ms.
pub(super) fn mouth_to_ear_ms(rtt_ms: f32, ends: &Delays) -> f32 {
    let frame_ms = if ends.frame_ms > 0.0 {
        ends.frame_ms
    } else {
        USUAL_FRAME_MS
    };
    rtt_ms / 2.0 + ends.capture_ms + frame_ms + ends.buffer_ms + ends.playback_ms
}

/// Estimated mean opinion score, 1 to 4.5. `concealed` is the share of the
/// sound that was invented, 0 to 1.
pub(super) fn mean_opinion_score(delay_ms: f32, concealed: f32) -> f32 {
    let percent = 100.0 * concealed.clamp(0.0, 1.0);
    let by_loss = 95.0 * percent / (percent + LOSS_ROBUSTNESS);
    let r = (UNDISTURBED - by_delay(delay_ms) - by_loss).clamp(0.0, 100.0);
    // Annex B of G.107.
    let score = 1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6;
    score.clamp(1.0, 4.5)
}

/// `Idd`.
fn by_delay(delay_ms: f32) -> f32 {
    if delay_ms <= FELT_DELAY_MS {
        return 0.0;
    }
    let x = (delay_ms / FELT_DELAY_MS).log2();
    let root = |x: f32| (1.0 + x.powi(6)).powf(1.0 / 6.0);
    25.0 * (root(x) - 3.0 * root(x / 3.0) + 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_the_way_counts() {
        let mut ends = Delays {
            capture_ms: 12.0,
            frame_ms: 60.0,
            buffer_ms: 30.0,
            playback_ms: 15.0,
        };
        assert!((mouth_to_ear_ms(40.0, &ends) - 137.0).abs() < 0.01);
        ends.frame_ms = 0.0;
        assert!((mouth_to_ear_ms(40.0, &ends) - 97.0).abs() < 0.01);
    }

    #[test]
    fn a_clean_short_call_is_good_and_everything_bad_makes_it_worse() {
        let clean = mean_opinion_score(70.0, 0.0);
        assert!(clean > 4.3, "{clean}");
        let lossy = mean_opinion_score(95.0, 0.10);
        assert!((2.3..2.8).contains(&lossy), "{lossy}");
        assert!(mean_opinion_score(95.0, 0.5) < 1.5);
        assert!(mean_opinion_score(1e9, 1.0) >= 1.0);
    }

    #[test]
    fn delay_costs_what_the_tables_of_the_model_say() {
        // G.107's own figure: nothing to speak of at 150 ms, about 13 at 300.
        assert!(by_delay(150.0) < 1.0);
        assert!(
            (10.0..16.0).contains(&by_delay(300.0)),
            "{}",
            by_delay(300.0)
        );
        assert!(
            (25.0..35.0).contains(&by_delay(500.0)),
            "{}",
            by_delay(500.0)
        );
    }
}
