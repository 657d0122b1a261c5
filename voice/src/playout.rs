//! From packets to sound: carries out what the jitter buffer decides.

use std::{collections::VecDeque, time::Instant};

use crate::{
    ReceivedPacket, SAMPLE_RATE,
    codec::{self, CodecError, Decoder},
    jitter::{Decision, JitterBuffer, JitterStats, Packet, Stretch},
    level::rms,
    pacer::samples_to_duration,
    stretch,
};

/// Longest Opus packet: 120 ms (RFC 6716, 3.2.5).
const MOST_SAMPLES: usize = 5_760;
/// Shares of concealed and repaired sound are means of about 5 s.
const SHARE_SAMPLES: f32 = 5.0 * SAMPLE_RATE as f32;
/// Sound this much weaker than speech of late is a pause between words.
const QUIET_PART: f32 = 0.1;
/// Sound below this is a pause in any case: -60 dBFS.
const QUIET: f32 = 0.001;
/// How slowly the level of speech is forgotten, for each frame: half in 7 s.
const SPEECH_KEPT: f32 = 0.998;

/// Turns received packets into sound that is due at given instants.
#[derive(Debug)]
pub(crate) struct Playout {
    jitter: JitterBuffer,
    decoder: Decoder,
    ready: VecDeque<f32>,
    frame: Vec<f32>,
    speech: f32,
    shares: Shares,
    totals: Totals,
}

/// Where all sound so far came from, in samples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Invented.
    pub(crate) concealed: u64,
    /// Repaired from redundancy.
    pub(crate) recovered: u64,
}

/// Where the sound of the last seconds came from, 0 to 1 each.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Shares {
    /// Invented.
    pub(crate) concealed: f32,
    /// Repaired from redundancy.
    pub(crate) recovered: f32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Packet,
    Repair,
    Invention,
}

impl Playout {
    /// # Errors
    /// When libopus gives no decoder.
    pub(crate) fn new(epoch: Instant) -> Result<Self, CodecError> {
        Ok(Self {
            jitter: JitterBuffer::new(epoch),
            decoder: Decoder::new()?,
            ready: VecDeque::with_capacity(2 * MOST_SAMPLES),
            frame: Vec::with_capacity(2 * MOST_SAMPLES),
            speech: 0.0,
            shares: Shares::default(),
            totals: Totals::default(),
        })
    }

    /// Takes a packet; what is no Opus packet is dropped.
    pub(crate) fn insert(&mut self, received: ReceivedPacket) {
        let Some(info) = codec::inspect(&received.payload) else {
            tracing::trace!("dropped a packet that is not Opus");
            return;
        };
        let packet = Packet {
            sequence: received.sequence,
            media_time: received.media_time,
            samples: info.samples,
            carries_fec: info.carries_fec,
            payload: received.payload,
        };
        self.jitter.insert(packet, received.arrived);
    }

    /// Fills `out` (48 kHz mono) with the sound that is due from `due` on.
    pub(crate) fn pull(&mut self, due: Instant, out: &mut [f32]) {
        while self.ready.len() < out.len() {
            let at = due + samples_to_duration(self.ready.len() as u64);
            let decision = self.jitter.pull(at);
            self.render(decision);
        }
        let ready = self.ready.drain(..out.len());
        for (sample, ready) in out.iter_mut().zip(ready) {
            *sample = ready;
        }
    }

    /// What the jitter buffer has counted and measured.
    pub(crate) fn jitter_stats(&self) -> JitterStats {
        self.jitter.stats()
    }

    /// Where the sound of late came from.
    pub(crate) fn shares(&self) -> Shares {
        self.shares
    }

    /// Where all sound so far came from.
    pub(crate) fn totals(&self) -> Totals {
        self.totals
    }

    /// Media time (unwrapped, at 48 kHz) of the next sample that will be given
    /// out; none before the first packet. Near a stretch it is off by what the
    /// stretch took or added.
    pub(crate) fn position(&self) -> Option<i64> {
        Some(self.jitter.position()? - self.ready.len() as i64)
    }

    fn render(&mut self, decision: Decision) {
        self.frame.clear();
        match decision {
            Decision::Silence { samples } => self.frame.resize(samples, 0.0),
            Decision::Normal { packet, stretch } => self.normal(&packet, stretch),
            Decision::Fec { payload, samples } => {
                self.frame.resize(samples, 0.0);
                let decoded = self.decoder.decode_fec(&payload, &mut self.frame);
                self.settle(decoded, samples, Origin::Repair);
            }
            Decision::Conceal { samples } => self.conceal(samples, Origin::Invention),
            Decision::Pause { samples } => self.conceal(samples, Origin::Packet),
        }
        self.ready.extend(&self.frame);
    }

    fn normal(&mut self, packet: &Packet, stretch: Stretch) {
        self.frame.resize(packet.samples.min(MOST_SAMPLES), 0.0);
        let decoded = self.decoder.decode(&packet.payload, &mut self.frame);
        self.settle(decoded, packet.samples, Origin::Packet);
        let level = rms(&self.frame);
        let quiet = level < QUIET.max(QUIET_PART * self.speech);
        self.speech = level.max(self.speech * SPEECH_KEPT);
        match stretch {
            Stretch::Keep => false,
            Stretch::Shrink => stretch::shrink(&mut self.frame, quiet, false),
            Stretch::ShrinkNow => stretch::shrink(&mut self.frame, quiet, true),
            Stretch::Expand => stretch::expand(&mut self.frame, quiet),
        };
    }

    /// Accepts what was decoded; conceals when the packet was damaged.
    fn settle(&mut self, decoded: Result<usize, CodecError>, samples: usize, origin: Origin) {
        match decoded {
            Ok(decoded) if decoded > 0 => {
                self.frame.truncate(decoded);
                self.account(decoded, origin);
            }
            Ok(_) => self.conceal(samples, Origin::Invention),
            Err(error) => {
                tracing::debug!(%error, "a packet cannot be decoded");
                self.conceal(samples, Origin::Invention);
            }
        }
    }

    fn conceal(&mut self, samples: usize, origin: Origin) {
        self.frame.clear();
        self.frame.resize(samples.min(MOST_SAMPLES), 0.0);
        // libopus conceals in steps of 2.5 ms; a shorter rest stays silent.
        let whole = self.frame.len() / 120 * 120;
        if whole > 0
            && let Err(error) = self.decoder.conceal(&mut self.frame[..whole])
        {
            tracing::debug!(%error, "nothing could be invented");
            self.frame.fill(0.0);
        }
        self.account(samples, origin);
    }

    fn account(&mut self, samples: usize, origin: Origin) {
        let weight = (samples as f32 / SHARE_SAMPLES).min(1.0);
        let toward = |share: &mut f32, hit: bool| {
            *share += (f32::from(u8::from(hit)) - *share) * weight;
        };
        toward(&mut self.shares.concealed, origin == Origin::Invention);
        toward(&mut self.shares.recovered, origin == Origin::Repair);
        match origin {
            Origin::Packet => {}
            Origin::Repair => self.totals.recovered += samples as u64,
            Origin::Invention => self.totals.concealed += samples as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{FRAME_SAMPLES, codec::Encoder};

    #[test]
    fn damaged_packets_are_concealed_and_do_no_harm() {
        let epoch = Instant::now();
        let mut encoder = Encoder::new().unwrap();
        let mut playout = Playout::new(epoch).unwrap();
        let mut out = [0.0; FRAME_SAMPLES];
        for index in 0..200_u64 {
            let now = epoch + Duration::from_millis(20 * index);
            let mut payload = encoder.encode(&[0.1; FRAME_SAMPLES]).unwrap();
            if index % 3 == 0 {
                payload[0] = 0xff;
            }
            if index % 7 == 0 {
                payload.clear();
            }
            playout.insert(ReceivedPacket {
                format: crate::Format::Opus,
                sequence: index,
                media_time: index * FRAME_SAMPLES as u64,
                payload,
                arrived: now,
            });
            playout.pull(now, &mut out);
            assert!(out.iter().all(|sample| sample.abs() <= 2.0));
        }
        assert!(playout.shares().concealed > 0.1);
    }
}
