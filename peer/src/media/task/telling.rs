//! What the media of a call measures, and what it tells of that.

use std::time::Instant;

use str0m::stats::PeerStats;
use twocan_voice::{CallStats as SoundStats, DeviceState, Format};

use super::{Task, milliseconds};
use crate::api::{CallStats, Path};
use crate::core::path_to;
use crate::media::MediaEvent;
use crate::media::alarms::Observed;
use crate::media::quality::{Delays, mean_opinion_score, mouth_to_ear_ms};

/// The candidates in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pair {
    remote_kind: String,
    is_ipv6: bool,
    path: Path,
}

/// Packets and payload bytes one way.
#[derive(Debug, Default)]
pub(super) struct Flow {
    pub(super) packets: u64,
    /// Since the last look.
    bytes: u64,
}

impl Flow {
    pub(super) fn count(&mut self, bytes: usize) {
        self.packets += 1;
        self.bytes += bytes as u64;
    }

    /// In kbit/s since the last look, a second ago.
    pub(super) fn rate(&mut self) -> f32 {
        std::mem::take(&mut self.bytes) as f32 * 8.0 / 1000.0
    }
}

impl Task<'_> {
    pub(super) fn on_path(&mut self, stats: &PeerStats) {
        let Some(pair) = &stats.selected_candidate_pair else {
            return;
        };
        let rtt = pair.current_round_trip_time.or(stats.rtt);
        self.rtt_ms = rtt.map(milliseconds).or(self.rtt_ms);
        self.pair = Some(Pair {
            remote_kind: self.session.candidate_kind(pair.remote.addr).to_owned(),
            is_ipv6: pair.remote.addr.ip().to_canonical().is_ipv6(),
            path: path_to(pair.remote.addr),
        });
    }

    pub(super) async fn tell_times(&mut self) {
        if let Some((mic_at, spk_at)) = self.sound.times() {
            (self.tell)(MediaEvent::Sound { mic_at, spk_at }).await;
        }
    }

    pub(super) async fn tell_stats(&mut self) {
        let Some(stats) = self.sound.stats().filter(|_| self.path.was_up) else {
            return;
        };
        if let Some(news) = self.sound.device_news(&stats) {
            (self.tell)(MediaEvent::Device(news)).await;
        }
        self.tell_alarms(&stats).await;
        let mouth_to_ear = mouth_to_ear_ms(self.rtt_ms.unwrap_or(0.0), &Delays::of(&stats));
        let pair = self.pair.as_ref();
        let event = CallStats {
            call: self.call,
            rtt_ms: self.rtt_ms,
            loss: stats.loss,
            burst: stats.burst,
            unrepaired: stats.unrepaired,
            jitter_ms: stats.jitter_ms,
            buffer_ms: stats.buffer_ms,
            target_ms: stats.target_ms,
            sent_kbps: self.sent.rate(),
            received_kbps: self.received.rate(),
            sent_format: name(self.session.format()),
            received_format: self.their_format.map_or("", name),
            sent_frame_ms: stats.sent_frame_ms,
            received_frame_ms: stats.received_frame_ms,
            sending: stats.sending,
            encoder_kbps: stats.encoder_kbps,
            their_loss: stats.theirs.loss,
            their_unrepaired: stats.theirs.unrepaired,
            their_burst: stats.theirs.burst,
            their_jitter_ms: stats.theirs.jitter_ms,
            sent_packets: self.sent.packets,
            received_packets: self.received.packets,
            lost_packets: stats.lost,
            late_packets: stats.late,
            concealed: stats.concealed,
            recovered: stats.recovered,
            level_in_db: stats.level_in_db,
            level_out_db: stats.level_out_db,
            capture_ms: stats.capture_ms,
            playback_ms: stats.playback_ms,
            mouth_to_ear_ms: mouth_to_ear,
            no_microphone: stats.input.missing().map(str::to_owned),
            no_loudspeaker: stats.output.missing().map(str::to_owned),
            path: pair.map(|pair| pair.path),
            candidate: pair.map(|pair| pair.remote_kind.clone()),
            family: pair.map(|pair| if pair.is_ipv6 { "ipv6" } else { "ipv4" }),
            quality: mean_opinion_score(mouth_to_ear, stats.concealed),
        };
        (self.tell)(MediaEvent::Stats(Box::new(event))).await;
    }

    async fn tell_alarms(&mut self, stats: &SoundStats) {
        let seen = Observed {
            up: self.path.up,
            muted: self.sound.is_muted(),
            muted_speech_ms: stats.muted_speech_ms,
            microphone: matches!(stats.input, DeviceState::Running(_)),
            input: stats.input_silence,
            output: stats.output_silence,
            received: stats.received,
            sent: stats.sent,
            reported: self.reported,
        };
        for (hint, on) in self.alarms.look(Instant::now(), &seen) {
            (self.tell)(MediaEvent::Hint { hint, on }).await;
        }
    }
}

fn name(format: Format) -> &'static str {
    match format {
        Format::Opus => "opus",
        Format::Red { .. } => "red",
        Format::Protected => "protected",
    }
}
