//! From packets to sound: carries out what the jitter buffer decides.

#[cfg(test)]
mod tests;

use std::{collections::VecDeque, time::Instant};

use crate::{
    FRAME_SAMPLES, ReceivedPacket, Report, SAMPLE_RATE, Told,
    codec::{self, CodecError, Decoder, Snapshot},
    concealer::{Concealer, Filled, Missing},
    jitter::{Decision, JitterBuffer, JitterStats, Later, Packet},
    level::rms,
    losses::{LossHistory, Losses},
    pacer::samples_to_duration,
    protect::{self, Frame, Unpacker},
    reporter::Reporter,
    stretch::Stretcher,
};

/// Longest Opus packet: 120 ms (RFC 6716, 3.2.5).
const MOST_SAMPLES: usize = 5_760;
/// Shares of concealed and repaired sound are means of about 5 s.
const SHARE_SAMPLES: f32 = 5.0 * SAMPLE_RATE as f32;
/// Sound this much weaker than speech of late is a pause between words.
const QUIET_PART: f32 = 0.1;
/// Sound below this is a pause in any case: -60 dBFS.
const QUIET: f32 = 0.001;
/// Over so much what was invented turns into what was said, when that comes
/// late: 5 ms.
const SEAM: usize = 240;
/// How slowly the level of speech is forgotten, for each frame: half in 7 s.
const SPEECH_KEPT: f32 = 0.998;

/// Turns received packets into sound that is due at given instants.
#[derive(Debug)]
pub(crate) struct Playout {
    unpacker: Unpacker,
    jitter: JitterBuffer,
    reporter: Reporter,
    /// What the other side says about our stream, not yet taken.
    heard: Told,
    decoder: Decoder,
    concealer: Concealer,
    ready: VecDeque<f32>,
    /// What the end of `ready` is, when that was invented for one packet.
    guess: Option<Guess>,
    /// What the decoder knew before it.
    before: Snapshot,
    frame: Vec<f32>,
    /// A part of a frame that may change its length.
    part: Vec<f32>,
    stretcher: Stretcher,
    speech: f32,
    /// What came last was silence: the other side is muted, or ends.
    hushed: bool,
    shares: Shares,
    totals: Totals,
    history: LossHistory,
    stream: Stream,
}

/// Where all sound so far came from, in samples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Invented.
    pub(crate) concealed: u64,
    /// Repaired from redundancy.
    pub(crate) recovered: u64,
}

/// What the packets that come are like.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Stream {
    /// What becomes of them.
    pub(crate) losses: Losses,
    /// How long one plays, in samples; 0 before the first.
    pub(crate) packet_samples: usize,
}

/// Where the sound of the last seconds came from, 0 to 1 each.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Shares {
    /// Invented.
    pub(crate) concealed: f32,
    /// Repaired from redundancy.
    pub(crate) recovered: f32,
}

/// A packet in whose place sound was invented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Guess {
    /// Low 32 bits of its media time.
    media_time: u32,
    samples: usize,
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
            unpacker: Unpacker::default(),
            jitter: JitterBuffer::new(epoch),
            reporter: Reporter::new(epoch),
            heard: Told::default(),
            decoder: Decoder::new()?,
            concealer: Concealer::default(),
            ready: VecDeque::with_capacity(2 * MOST_SAMPLES),
            guess: None,
            before: Snapshot::default(),
            frame: Vec::with_capacity(2 * MOST_SAMPLES),
            part: Vec::with_capacity(2 * FRAME_SAMPLES),
            stretcher: Stretcher::new(),
            speech: 0.0,
            hushed: false,
            shares: Shares::default(),
            totals: Totals::default(),
            history: LossHistory::default(),
            stream: Stream::default(),
        })
    }

    /// Takes a packet and what it repairs; what cannot be understood is dropped.
    pub(crate) fn insert(&mut self, received: ReceivedPacket) {
        let (arrived, bytes) = (received.arrived, received.payload.len());
        let unpacked = match self.unpacker.take(received) {
            Ok(unpacked) => unpacked,
            Err(error) => {
                tracing::trace!(%error, "dropped a packet");
                return;
            }
        };
        self.heard = Told {
            report: unpacked.told.report.or(self.heard.report),
            missing: unpacked.told.missing.or(self.heard.missing),
        };
        self.jitter.set_reach(unpacked.reach.samples, arrived);
        for frame in unpacked.frames {
            let Some((packet, is_padded)) = packet_of(frame) else {
                continue;
            };
            if is_padded && !packet.repaired {
                self.concealer.hear(&packet);
            }
            let late = if packet.repaired {
                self.jitter.recover(packet, arrived)
            } else {
                let (sequence, samples) = (packet.sequence, packet.samples);
                self.stream.packet_samples = samples;
                let late = self.jitter.insert(packet, arrived);
                if let Some(transit) = self.jitter.transit() {
                    self.reporter
                        .take(sequence, arrived, bytes, transit, samples);
                }
                late
            };
            if let Some(late) = late {
                self.correct(&late);
            }
        }
    }

    /// What the other side is to be told about its stream now.
    pub(crate) fn tell(&mut self, now: Instant) -> Told {
        let awaited =
            |sequence, media_time, samples| self.jitter.awaits(sequence, media_time, samples);
        let missing = self.unpacker.missing(awaited);
        Told {
            report: self.take_report(now),
            missing,
        }
    }

    /// What has become of its stream, when it is time.
    fn take_report(&mut self, now: Instant) -> Option<Report> {
        let stats = self.jitter.stats();
        let wait = samples_to_duration(stats.target.max(0) as u64);
        let report = self.reporter.report(now, wait)?;
        let jitter_ms = stats.jitter * 1_000.0 / SAMPLE_RATE as f32;
        let report = Report {
            unrepaired: stats.unrepaired as u16,
            jitter_ms: jitter_ms.min(255.0) as u8,
            ..report
        };
        self.stream.losses = self.history.take(report);
        Some(report)
    }

    /// What the other side has told about our stream since the last call.
    pub(crate) fn take_heard(&mut self) -> Told {
        std::mem::take(&mut self.heard)
    }

    /// Fills `out` (48 kHz mono) with the sound that is due from `due` on.
    pub(crate) fn pull(&mut self, due: Instant, out: &mut [f32]) {
        while self.ready.len() < out.len() {
            let at = due + samples_to_duration(self.ready.len() as u64);
            let decision = self.jitter.pull(at, self.ready.len(), out.len());
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

    /// What the packets of late were like.
    pub(crate) fn stream(&self) -> Stream {
        self.stream
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
        self.guess = None;
        match decision {
            // Whoever says nothing is not missed when nothing more comes.
            Decision::Conceal {
                samples,
                later: None,
            } if self.hushed => self.pause(samples),
            Decision::Silence { samples } => self.frame.resize(samples, 0.0),
            Decision::Normal { packet, surplus } => {
                self.normal(&packet, surplus);
                return;
            }
            Decision::Fec { payload, samples } => {
                self.frame.resize(samples, 0.0);
                let decoded = self.decoder.decode_fec(&payload, &mut self.frame);
                self.settle(decoded, samples, Origin::Repair);
            }
            Decision::Conceal { samples, later } => self.conceal(samples, later.as_ref()),
            Decision::Pause { samples } => self.pause(samples),
        }
        self.stretcher.pass(&self.frame);
        self.ready.extend(&self.frame);
    }

    fn normal(&mut self, packet: &Packet, surplus: i64) {
        self.frame.resize(packet.samples.min(MOST_SAMPLES), 0.0);
        let decoded = self.decoder.decode(&packet.payload, &mut self.frame);
        let origin = if packet.repaired {
            Origin::Repair
        } else {
            Origin::Packet
        };
        self.settle(decoded, packet.samples, origin);
        self.hushed = rms(&self.frame) < QUIET;
        let mut surplus = surplus;
        for part in self.frame.chunks(FRAME_SAMPLES) {
            let level = rms(part);
            let quiet = level < QUIET.max(QUIET_PART * self.speech);
            self.speech = level.max(self.speech * SPEECH_KEPT);
            self.part.clear();
            self.part.extend_from_slice(part);
            self.stretcher.adjust(&mut self.part, surplus, quiet);
            surplus -= part.len() as i64 - self.part.len() as i64;
            self.ready.extend(&self.part);
        }
    }

    /// Accepts what was decoded; conceals when the packet was damaged.
    fn settle(&mut self, decoded: Result<usize, CodecError>, samples: usize, origin: Origin) {
        match decoded {
            Ok(decoded) if decoded > 0 => {
                self.frame.truncate(decoded);
                self.concealer.end();
                self.account(decoded, origin);
            }
            Ok(_) => self.conceal(samples, None),
            Err(error) => {
                tracing::debug!(%error, "a packet cannot be decoded");
                self.conceal(samples, None);
            }
        }
    }

    fn conceal(&mut self, samples: usize, later: Option<&Later>) {
        self.frame.clear();
        self.frame.resize(samples.min(MOST_SAMPLES), 0.0);
        let missing = later.zip(self.jitter.position());
        let missing = missing.map(|(later, next)| Missing {
            later,
            media_time: next.wrapping_sub(samples as i64) as u32,
        });
        if let Some(Missing { media_time, .. }) = missing {
            self.decoder.save(&mut self.before);
            self.guess = Some(Guess {
                media_time,
                samples,
            });
        }
        let filled = self
            .concealer
            .fill(&mut self.decoder, missing, &mut self.frame);
        let origin = match filled {
            Filled::Repaired => Origin::Repair,
            Filled::Invented => Origin::Invention,
        };
        self.account(samples, origin);
    }

    /// Plays the rest of what was invented as it was really said, since the
    /// packet has come after all. The decoder goes on from that packet as if it
    /// had been in time, so that those after it sound as they should.
    fn correct(&mut self, late: &Packet) {
        let is_late = |guess: &mut Guess| {
            guess.media_time == late.media_time as u32 && guess.samples == late.samples
        };
        let left = self.ready.len().min(late.samples);
        if left < SEAM || self.guess.take_if(is_late).is_none() {
            return;
        }
        self.frame.clear();
        self.frame.resize(late.samples, 0.0);
        self.decoder.restore(&self.before);
        if !matches!(self.decoder.decode(&late.payload, &mut self.frame), Ok(decoded) if decoded == late.samples)
        {
            return;
        }
        let said = &mut self.frame[late.samples - left..];
        let begin = self.ready.len() - left;
        for (index, (played, said)) in self.ready.range_mut(begin..).zip(said).enumerate() {
            let part = ((index + 1) as f32 / SEAM as f32).min(1.0);
            *said = *said * part + *played * (1.0 - part);
            *played = *said;
        }
        self.stretcher.pass(&self.frame);
        self.concealer.end();
        self.totals.concealed = self.totals.concealed.saturating_sub(left as u64);
    }

    /// The sender says nothing: what was heard last fades.
    fn pause(&mut self, samples: usize) {
        self.frame.resize(samples.min(MOST_SAMPLES), 0.0);
        self.concealer
            .fill(&mut self.decoder, None, &mut self.frame);
        self.account(samples, Origin::Packet);
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

/// A frame for the jitter buffer, and whether it may carry deep redundancy.
fn packet_of(frame: Frame) -> Option<(Packet, bool)> {
    let info = codec::inspect(&frame.payload)?;
    let packet = Packet {
        sequence: frame.sequence,
        media_time: frame.media_time,
        samples: info.samples,
        carries_fec: info.carries_fec,
        repaired: frame.origin == protect::Origin::Repaired,
        payload: frame.payload,
    };
    Some((packet, info.is_padded))
}
