//! Loss as RTCP tells it (RFC 3550, 6.4.1), for a receiver that sends no reports
//! of ours: a share now and then, and nothing of runs or delay.

/// Before the first report: enough that the first lost frames can be repaired.
const ASSUMED_PERCENT: i32 = 5;
/// More protection than this costs more quality than it saves.
const MOST_PERCENT: f32 = 30.0;
/// What is left of an earlier loss after one report without any: about 10
/// reports bring 10 % down to 1 %.
const KEPT: f32 = 0.8;
/// Smaller changes are not worth disturbing the encoder for.
const STEP_PERCENT: i32 = 2;

/// Follows the reported loss up at once and down slowly.
#[derive(Debug)]
pub(super) struct RtcpLoss {
    /// None before the first report.
    smoothed: Option<f32>,
    set: i32,
}

impl Default for RtcpLoss {
    fn default() -> Self {
        Self {
            smoothed: None,
            set: ASSUMED_PERCENT,
        }
    }
}

impl RtcpLoss {
    /// Takes the fraction (0 to 1) that the receiver lost since its last report.
    pub(super) fn report(&mut self, fraction: f32) {
        let reported = fraction.clamp(0.0, 1.0) * 100.0;
        let earlier = self.smoothed.unwrap_or(0.0);
        let smoothed = reported.max(earlier * KEPT).min(MOST_PERCENT);
        self.smoothed = Some(smoothed);
        let wanted = smoothed.round() as i32;
        if wanted == 0 || (wanted - self.set).abs() >= STEP_PERCENT {
            self.set = wanted;
        }
    }

    /// Share of lost packets that has been told, 0 to 1.
    pub(super) fn share(&self) -> f32 {
        self.smoothed.map_or(0.0, |_| self.set as f32 / 100.0)
    }

    /// Percent to prepare for.
    pub(super) fn percent(&self) -> i32 {
        self.set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_at_once_and_falls_slowly() {
        let mut setting = RtcpLoss::default();
        setting.report(0.2);
        assert_eq!(setting.percent(), 20);
        setting.report(0.0);
        assert_eq!(setting.percent(), 16);
        for _ in 0..20 {
            setting.report(0.0);
        }
        assert_eq!(setting.percent(), 0);
    }

    #[test]
    fn small_changes_do_not_disturb_and_nonsense_is_bounded() {
        let mut setting = RtcpLoss::default();
        setting.report(0.2);
        setting.report(0.21);
        assert_eq!(setting.percent(), 20);
        setting.report(7.0);
        assert_eq!(setting.percent(), 30);
        setting.report(f32::NAN);
        assert!((0..=30).contains(&setting.percent()));
    }
}
