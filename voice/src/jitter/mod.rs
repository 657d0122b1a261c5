//! The jitter buffer: what to play next, given what has arrived.
//!
//! Sans IO: packets and instants go in, a [`Decision`] comes out for each
//! stretch of sound that is due. It sees every packet, decides about repair
//! before concealment, and never decodes; `playout` carries its decisions out.
//!
//! Time is counted in samples at 48 kHz. Three quantities rule everything:
//!
//! - `next`: media time of the sample to be played next;
//! - the delay: how much later than the fastest packet's transit that sample
//!   is played, `now - fastest - next`;
//! - the target: how large the delay should be (`delay` and `loss` know).
//!
//! Playing concealment without moving `next` lets the delay grow, skipping or
//! shrinking sound lets it fall; nothing else is needed to keep account.

mod delay;
mod loss;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Instant};

use delay::DelayEstimator;
use loss::{Arrival, LossEstimator};

use crate::pacer::duration_to_samples;

/// Milliseconds in samples at 48 kHz.
const fn ms(milliseconds: i64) -> i64 {
    milliseconds * 48
}

/// Packets held at most: 3 s of frames of 20 ms. The oldest gives way.
const MOST_PACKETS: usize = 150;
/// Silence and concealment are handed out in pieces of this length.
const STEP: i64 = ms(10);
/// How much before its target a packet may be played when sound has already
/// been invented in the place of those before it.
const EARLY: i64 = ms(5);
/// Slack above the target before sound is shortened.
const ABOVE: i64 = ms(15);
/// From this much above on, sound is shortened even while somebody speaks.
const FAR_ABOVE: i64 = ms(60);
/// From this much above on, whole packets are skipped.
const SKIP_ABOVE: i64 = ms(200);
/// From this much below the target on, sound is lengthened (by 5 ms at least).
const EXPAND_BELOW: i64 = ms(1);
/// After this long without a packet nothing is invented any more.
const LONGEST_CONCEALMENT: i64 = ms(2_000);
/// A media time this far from the newest one belongs to a new time line.
const NEW_TIME_LINE: i64 = ms(5_000);
/// A sequence number this far from the newest one belongs to a new count.
const NEW_COUNT: u64 = 2_000;

/// Copies are expected until so many packets came without one: 10 s of them,
/// for a pause in speech has none.
const FEC_EXPECTED: u32 = 500;

/// One packet, ready to be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packet {
    /// Extended sequence number: it does not wrap.
    pub(crate) sequence: u64,
    /// Media time in samples at 48 kHz; only its low 32 bits are used.
    pub(crate) media_time: u64,
    /// How many samples at 48 kHz it decodes to.
    pub(crate) samples: usize,
    /// Whether it carries a copy of the frame before it.
    pub(crate) carries_fec: bool,
    /// The Opus packet.
    pub(crate) payload: Vec<u8>,
}

/// What to play next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Nothing has arrived that is due: so many samples of silence.
    Silence { samples: usize },
    /// Decode this packet, and shorten or lengthen what it gives.
    Normal { packet: Packet, stretch: Stretch },
    /// The packet before this one is lost: decode its copy from this payload.
    Fec { payload: Vec<u8>, samples: usize },
    /// Invent so many samples.
    Conceal { samples: usize },
    /// The sender said nothing here: let the sound fade for so many samples.
    Pause { samples: usize },
}

/// What should happen to the length of a frame to bring the delay to its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stretch {
    /// Leave it.
    Keep,
    /// Shorten it, where that cannot be heard.
    Shrink,
    /// Shorten it in any case.
    ShrinkNow,
    /// Lengthen it, where that cannot be heard.
    Expand,
}

/// What the buffer has counted and measured.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct JitterStats {
    /// How long after the fastest packet's time sound is played, in samples.
    pub(crate) delay: i64,
    /// What that delay should be, in samples.
    pub(crate) target: i64,
    /// Interarrival jitter in samples (RFC 3550, 6.4.1).
    pub(crate) jitter: f32,
    /// Share of packets lost before repair, of late, 0 to 1.
    pub(crate) loss: f32,
    /// Packets that came, duplicates not counted.
    pub(crate) received: u64,
    /// Packets that never came.
    pub(crate) lost: u64,
    /// Packets that came after their time to be played.
    pub(crate) late: u64,
    /// Packets that came again.
    pub(crate) duplicates: u64,
    /// Packets that were skipped to catch up, or because the buffer was full.
    pub(crate) skipped: u64,
}

/// Puts packets in order and decides when each is played.
#[derive(Debug)]
pub(crate) struct JitterBuffer {
    epoch: Instant,
    /// Packets by their unwrapped media time.
    packets: BTreeMap<i64, Packet>,
    /// Unwrapped media time of what is played next; none before the first
    /// packet is due.
    next: Option<i64>,
    /// Newest unwrapped media time and its sequence number.
    newest: Option<(i64, u64)>,
    /// Sequence number of the last packet played.
    played: Option<u64>,
    /// Samples invented since the last packet, while nothing was there.
    dry: i64,
    /// How long a packet of this sender plays.
    packet_samples: i64,
    /// Packets since the last one that carried a copy; only speech does.
    without_fec: u32,
    /// First packet of what may be a new time line.
    stray: Option<(u64, u64)>,
    last_transit: Option<i64>,
    delay: DelayEstimator,
    loss: LossEstimator,
    stats: JitterStats,
}

impl JitterBuffer {
    /// An empty buffer; instants before `epoch` count as `epoch`.
    pub(crate) fn new(epoch: Instant) -> Self {
        Self {
            epoch,
            packets: BTreeMap::new(),
            next: None,
            newest: None,
            played: None,
            dry: 0,
            packet_samples: crate::FRAME_SAMPLES as i64,
            without_fec: u32::MAX,
            stray: None,
            last_transit: None,
            delay: DelayEstimator::new(),
            loss: LossEstimator::default(),
            stats: JitterStats::default(),
        }
    }

    /// What has been counted and measured so far.
    pub(crate) fn stats(&self) -> JitterStats {
        self.stats
    }

    /// Unwrapped media time of what is played next; none before the first
    /// packet is due.
    pub(crate) fn position(&self) -> Option<i64> {
        self.next
    }

    /// Takes a packet that arrived at some instant.
    pub(crate) fn insert(&mut self, packet: Packet, arrived: Instant) {
        let Some(media) = self.place(&packet) else {
            return;
        };
        let arrival = self.clock(arrived);
        if self.loss.observe(packet.sequence) == Arrival::Duplicate {
            self.stats.duplicates += 1;
            return;
        }
        self.measure(arrival, media);
        self.packet_samples = packet.samples as i64;
        self.without_fec = if packet.carries_fec {
            0
        } else {
            self.without_fec.saturating_add(1)
        };
        if self
            .next
            .is_some_and(|next| media + packet.samples as i64 <= next)
        {
            self.stats.late += 1;
            return;
        }
        self.packets.insert(media, packet);
        if self.packets.len() > MOST_PACKETS {
            self.packets.pop_first();
            self.stats.skipped += 1;
        }
    }

    /// Decides what is played at some instant. Whatever it returns has at
    /// least one sample and counts as played.
    pub(crate) fn pull(&mut self, due: Instant) -> Decision {
        let now = self.clock(due);
        self.stats.target = self.target(now);
        let Some(next) = self.next.or_else(|| self.start(now)) else {
            return self.silence_until_start(now);
        };
        self.next = Some(next);
        self.drop_played(next);
        self.stats.delay = self.delay_at(now, next);
        if self.stats.delay > self.stats.target + SKIP_ABOVE {
            self.skip_ahead(now);
        }
        self.decide(now)
    }

    fn decide(&mut self, now: i64) -> Decision {
        let next = self.next.unwrap_or_default();
        let Some((&media, first)) = self.packets.first_key_value() else {
            return self.run_dry();
        };
        let covered = self.covered(media - next, self.delay_at(now, next), first);
        let next = next + covered;
        self.next = Some(next);
        let gap = media - next;
        if gap <= 0 {
            return self.play(media, self.delay_at(now, media));
        }
        if self.follows_played(first) {
            return self.pass(gap.min(STEP), |samples| Decision::Pause { samples });
        }
        let repairable = if first.carries_fec {
            self.packet_samples
        } else {
            0
        };
        if gap == repairable {
            let payload = first.payload.clone();
            return self.pass(gap, |samples| Decision::Fec { payload, samples });
        }
        let beyond_repair = gap - repairable;
        let missing = if beyond_repair > 0 {
            beyond_repair
        } else {
            gap
        };
        self.pass(missing.min(self.packet_samples), |samples| {
            Decision::Conceal { samples }
        })
    }

    /// How much of the gap before `first` has been filled already, by what was
    /// invented while nothing was there. It counts only as far as the delay
    /// stays near its target, and leaves what can still be repaired.
    fn covered(&self, gap: i64, delay: i64, first: &Packet) -> i64 {
        let spare = delay - self.stats.target + EARLY;
        let most = gap.min(self.dry).min(spare).max(0);
        if most == gap || !first.carries_fec {
            return most;
        }
        most.min(gap - self.packet_samples).max(0)
    }

    /// Whether no packet is missing between the last one played and this one.
    fn follows_played(&self, packet: &Packet) -> bool {
        self.played
            .is_some_and(|played| packet.sequence.checked_sub(played) == Some(1))
    }

    /// Nothing is here: invent, and wait. `next` stays, so the delay grows.
    fn run_dry(&mut self) -> Decision {
        self.dry += STEP;
        let samples = STEP as usize;
        if self.dry > LONGEST_CONCEALMENT {
            return Decision::Silence { samples };
        }
        Decision::Conceal { samples }
    }

    fn play(&mut self, media: i64, delay: i64) -> Decision {
        self.dry = 0;
        let Some(packet) = self.packets.remove(&media) else {
            return self.run_dry();
        };
        self.next = Some(media + packet.samples as i64);
        self.played = Some(packet.sequence);
        self.stats.delay = delay;
        let stretch = self.stretch(delay);
        Decision::Normal { packet, stretch }
    }

    /// Moves on over samples that have no packet.
    fn pass(&mut self, samples: i64, decision: impl FnOnce(usize) -> Decision) -> Decision {
        self.dry = 0;
        self.next = self.next.map(|next| next + samples);
        decision(usize::try_from(samples).unwrap_or(STEP as usize))
    }

    fn stretch(&self, delay: i64) -> Stretch {
        let excess = delay - self.stats.target;
        if excess > FAR_ABOVE {
            Stretch::ShrinkNow
        } else if excess > ABOVE {
            Stretch::Shrink
        } else if excess < -EXPAND_BELOW {
            Stretch::Expand
        } else {
            Stretch::Keep
        }
    }

    /// Media time at which to start playing, once the first packet is due.
    fn start(&self, now: i64) -> Option<i64> {
        let (&media, _) = self.packets.first_key_value()?;
        (self.delay_at(now, media) >= self.stats.target).then_some(media)
    }

    fn silence_until_start(&self, now: i64) -> Decision {
        let left = match self.packets.first_key_value() {
            Some((&media, _)) => self.stats.target - self.delay_at(now, media),
            None => STEP,
        };
        Decision::Silence {
            samples: left.clamp(1, STEP) as usize,
        }
    }

    fn drop_played(&mut self, next: i64) {
        while let Some(entry) = self.packets.first_entry() {
            if *entry.key() + entry.get().samples as i64 > next {
                return;
            }
            entry.remove();
            self.stats.late += 1;
        }
    }

    /// Leaves out packets until the delay is near its target, but never the
    /// newest: a stream that is late for ever must still be heard.
    fn skip_ahead(&mut self, now: i64) {
        let Some(fastest) = self.delay.fastest() else {
            return;
        };
        let wanted = now - fastest - self.stats.target;
        while self.packets.len() > 1 {
            let second = self.packets.keys().nth(1).copied();
            if second.is_none_or(|second| second > wanted) {
                return;
            }
            self.packets.pop_first();
            self.next = second;
            self.stats.skipped += 1;
        }
    }

    fn delay_at(&self, now: i64, media: i64) -> i64 {
        now - media - self.delay.fastest().unwrap_or(now - media)
    }

    fn target(&self, now: i64) -> i64 {
        let wait = self.delay.wait(now);
        // The copy of a lost frame comes one packet later.
        if self.without_fec < FEC_EXPECTED && self.loss.worth_waiting() {
            wait + self.packet_samples
        } else {
            wait
        }
    }

    fn measure(&mut self, arrival: i64, media: i64) {
        self.delay.observe(arrival, media);
        let transit = arrival - media;
        if let Some(last) = self.last_transit.replace(transit) {
            let change = (transit - last).abs().min(NEW_TIME_LINE) as f32;
            self.stats.jitter += (change - self.stats.jitter) / 16.0;
        }
        self.stats.received += 1;
        self.stats.loss = self.loss.average();
        self.stats.lost = self.loss.lost();
    }

    /// Unwrapped media time of a packet; none for the first packet that does
    /// not fit the time line, for only a second one proves a new time line.
    fn place(&mut self, packet: &Packet) -> Option<i64> {
        let Some((newest, newest_sequence)) = self.newest else {
            return Some(self.begin_time_line(packet));
        };
        let ahead = wrapped_difference(packet.media_time, newest as u64);
        let count_ahead = packet.sequence.abs_diff(newest_sequence);
        if ahead.abs() < NEW_TIME_LINE && count_ahead < NEW_COUNT {
            self.stray = None;
            let media = newest + ahead;
            if media > newest {
                self.newest = Some((media, packet.sequence));
            }
            return Some(media);
        }
        let proven = self.stray.is_some_and(|(sequence, media_time)| {
            let ahead = wrapped_difference(packet.media_time, media_time);
            ahead.abs() < NEW_TIME_LINE
                && packet.sequence != sequence
                && packet.sequence.abs_diff(sequence) < NEW_COUNT
        });
        if !proven {
            self.stray = Some((packet.sequence, packet.media_time));
            return None;
        }
        Some(self.begin_time_line(packet))
    }

    fn begin_time_line(&mut self, packet: &Packet) -> i64 {
        let media = i64::from(packet.media_time as u32);
        self.packets.clear();
        self.next = None;
        self.played = None;
        self.dry = 0;
        self.stray = None;
        self.last_transit = None;
        self.newest = Some((media, packet.sequence));
        self.delay.restart();
        self.loss.restart();
        media
    }

    fn clock(&self, instant: Instant) -> i64 {
        duration_to_samples(instant.saturating_duration_since(self.epoch)) as i64
    }
}

/// How far the first of two 32-bit media times is ahead of the second.
fn wrapped_difference(a: u64, b: u64) -> i64 {
    i64::from((a as u32).wrapping_sub(b as u32) as i32)
}
