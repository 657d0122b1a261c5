//! How good a call sounds, as one number: the E-model of ITU-T G.107, from the
//! delay and from what had to be invented.
//!
//! `R = 93.2 - Idd - Ie,eff`. 93.2 is `Ro - Is` with the default values of
//! G.107; `Idd` is what delay alone costs (equation 7-27); the echo terms are
//! left out, as the echo is cancelled; `Ie,eff` is what loss costs (equation
//! 7-29) with no impairment of the codec itself, as Opus at the rates used has
//! none that the narrow-band scale would show.

/// Delay that no statistic shows: a frame of 20 ms has to be whole before it
/// is encoded.
const HIDDEN_DELAY_MS: f32 = 20.0;
/// Robustness against loss (`Bpl`) of Opus with deep concealment: PESQ-WB of
/// speech with 5, 10 and 20 % of its frames invented is 3.2, 2.5 and 1.85,
/// which this formula gives with 10 to 13. What is repaired counts as whole.
const LOSS_ROBUSTNESS: f32 = 11.0;
/// R of an undisturbed call, G.107 with its default values.
const UNDISTURBED: f32 = 93.2;
/// Delay from which on it is felt (`Ta`, equation 7-27), in ms.
const FELT_DELAY_MS: f32 = 100.0;

/// Estimated way of a word from mouth to ear, in ms. `ends_ms`: at their
/// microphone, in our buffer and at our loudspeaker.
pub(super) fn mouth_to_ear_ms(rtt_ms: f32, ends_ms: f32) -> f32 {
    rtt_ms / 2.0 + ends_ms + HIDDEN_DELAY_MS
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
    fn a_clean_short_call_is_good_and_everything_bad_makes_it_worse() {
        let clean = mean_opinion_score(mouth_to_ear_ms(20.0, 40.0), 0.0);
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
