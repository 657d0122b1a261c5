//! Brings the microphone's sound to a usual level (AGC2).

use sonora::{AudioProcessing, Config, StreamConfig, config};

use super::{BLOCK, echo::full_band};
use crate::SAMPLE_RATE;

/// How far below full scale the peaks of speech are brought, in dB.
const HEADROOM_DB: f32 = 5.0;
/// Quiet talkers are raised by no more than this, in dB.
const MOST_GAIN_DB: f32 = 30.0;
/// How fast the gain changes, in dB a second: within a sentence, and slowly
/// enough not to be heard.
const CHANGE_DB_PER_SECOND: f32 = 5.0;
/// The gain does not raise noise above this, in dBFS.
const MOST_NOISE_DBFS: f32 = -50.0;

/// Follows the level of speech and corrects it.
#[derive(Debug)]
pub(super) struct GainControl {
    inner: AudioProcessing,
}

impl Default for GainControl {
    fn default() -> Self {
        let adaptive = config::AdaptiveDigital {
            headroom_db: HEADROOM_DB,
            max_gain_db: MOST_GAIN_DB,
            // Nobody is raised before anything was heard of him: a usual
            // talker would be clipped in the first sentence.
            initial_gain_db: 0.0,
            max_gain_change_db_per_second: CHANGE_DB_PER_SECOND,
            max_output_noise_level_dbfs: MOST_NOISE_DBFS,
        };
        let controller = config::GainController2 {
            adaptive_digital: Some(adaptive),
            ..Default::default()
        };
        let mono = StreamConfig::new(SAMPLE_RATE, 1);
        let inner = AudioProcessing::builder()
            .config(Config {
                pipeline: full_band(),
                gain_controller2: Some(controller),
                ..Default::default()
            })
            .capture_config(mono)
            .render_config(mono)
            .build();
        Self { inner }
    }
}

impl GainControl {
    /// Works on a block in place. It adds no delay.
    pub(super) fn process(&mut self, block: &mut [f32; BLOCK]) {
        let input = *block;
        if let Err(error) = self.inner.process_capture_f32(&[&input], &mut [block]) {
            tracing::debug!(%error, "the gain control refuses a block");
            *block = input;
        }
    }
}
