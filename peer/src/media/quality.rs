//! How good a call sounds, as one number: the E-model of ITU-T G.107 in its
//! short form, from delay and from what had to be invented.

/// Delay that no statistic shows: capture, encoding, playback, in ms.
const HIDDEN_DELAY_MS: f32 = 45.0;
/// Packet-loss robustness of the codec's concealment (G.107 `Bpl`): between
/// that of G.711 with concealment (25) and of codecs that have none (4).
const LOSS_ROBUSTNESS: f32 = 20.0;
/// R of an undisturbed call, G.107 with its default values.
const UNDISTURBED: f32 = 93.2;

/// Estimated mean opinion score, 1 to 4.5. `concealed` is the share of the
/// sound that was invented, 0 to 1.
pub(super) fn mean_opinion_score(rtt_ms: f32, buffer_ms: f32, concealed: f32) -> f32 {
    let delay = rtt_ms / 2.0 + buffer_ms + HIDDEN_DELAY_MS;
    let by_delay = 0.024 * delay
        + if delay > 177.3 {
            0.11 * (delay - 177.3)
        } else {
            0.0
        };
    let percent = 100.0 * concealed.clamp(0.0, 1.0);
    let by_loss = 95.0 * percent / (percent + LOSS_ROBUSTNESS);
    let r = (UNDISTURBED - by_delay - by_loss).clamp(0.0, 100.0);
    let score = 1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6;
    score.clamp(1.0, 4.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clean_short_call_is_good_and_everything_bad_makes_it_worse() {
        let clean = mean_opinion_score(20.0, 40.0, 0.0);
        assert!(clean > 4.2, "{clean}");
        assert!(mean_opinion_score(600.0, 40.0, 0.0) < 3.8);
        let lossy = mean_opinion_score(20.0, 40.0, 0.10);
        assert!((2.0..3.4).contains(&lossy), "{lossy}");
        assert!(mean_opinion_score(20.0, 40.0, 0.5) < 2.0);
        assert!(mean_opinion_score(1e9, 1e9, 1.0) >= 1.0);
    }
}
