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
//! - the target: how large the delay should be (`delay` knows).
//!
//! Playing concealment without moving `next` lets the delay grow, skipping or
//! shrinking sound lets it fall; nothing else is needed to keep account.

mod decision;
mod delay;
mod lateness;
mod loss;
mod recent;
mod tail;
#[cfg(test)]
mod tests;
mod timeline;

use std::{collections::BTreeMap, time::Instant};

pub(crate) use decision::{Decision, JitterStats, Later, Packet};
use delay::DelayEstimator;
use loss::LossEstimator;
use recent::{Added, Recent};
use timeline::{NEW_TIME_LINE, Place, TimeLine};

use crate::pacer::duration_to_samples;

/// Milliseconds in samples at 48 kHz.
const fn ms(milliseconds: i64) -> i64 {
    milliseconds * 48
}

/// Packets held at most: 3 s of frames of 20 ms. The oldest gives way.
const MOST_PACKETS: usize = 150;
/// Silence and concealment are handed out in pieces of this length.
const STEP: i64 = ms(10);
/// From this much above on, as after an outage, whole packets are skipped. Less
/// is left to faster play, as a queue that drains should not cost a word.
const SKIP_ABOVE: i64 = ms(400);
/// After this long without a packet nothing is invented any more.
const LONGEST_CONCEALMENT: i64 = ms(2_000);
/// Repair that comes so much later than the sender's redundancy is made for is
/// luck, and not to be waited for.
const LUCK: i64 = ms(5);
/// How far from the edge of a block sound should begin.
const MARGIN: i64 = ms(1);
/// What the codec can invent at least: 2.5 ms.
const LEAST_CONCEALMENT: i64 = 120;
/// The longest that sound is invented to let the delay grow to its target.
const LONGEST_HOLD: i64 = ms(100);

/// Puts packets in order and decides when each is played.
#[derive(Debug)]
pub(crate) struct JitterBuffer {
    epoch: Instant,
    /// Packets by their unwrapped media time.
    packets: BTreeMap<i64, Packet>,
    time_line: TimeLine,
    /// Unwrapped media time of what is played next; none before the first
    /// packet is due.
    next: Option<i64>,
    /// Sequence number of the last packet played.
    played: Option<u64>,
    /// Packets after that one whose copy was played instead.
    copied: u64,
    /// Samples invented since the last packet, while nothing was there.
    dry: i64,
    /// How long a packet of this sender plays.
    packet_samples: i64,
    /// How long after its time the sender's redundancy can repair a packet.
    reach: u32,
    /// How far ahead of its time, and in what pieces, sound is asked for.
    ahead: i64,
    block: i64,
    last_transit: Option<i64>,
    delay: DelayEstimator,
    loss: LossEstimator,
    /// Packets that have come or can be repaired.
    available: Recent,
    stats: JitterStats,
}

impl JitterBuffer {
    /// An empty buffer; instants before `epoch` count as `epoch`.
    pub(crate) fn new(epoch: Instant) -> Self {
        Self {
            epoch,
            packets: BTreeMap::new(),
            time_line: TimeLine::default(),
            next: None,
            played: None,
            copied: 0,
            dry: 0,
            packet_samples: crate::FRAME_SAMPLES as i64,
            reach: 0,
            ahead: 0,
            block: 0,
            last_transit: None,
            delay: DelayEstimator::new(),
            loss: LossEstimator::default(),
            available: Recent::default(),
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

    /// Arrival since the epoch less unwrapped media time of the newest packet
    /// to come, in samples.
    pub(crate) fn transit(&self) -> Option<i64> {
        self.last_transit
    }

    /// Takes a packet that arrived at some instant. One whose time is over is
    /// given back.
    pub(crate) fn insert(&mut self, packet: Packet, arrived: Instant) -> Option<Packet> {
        let media = match self.time_line.place(packet.sequence, packet.media_time) {
            Place::Here(media) => media,
            Place::Anew(media) => {
                self.restart();
                media
            }
            Place::Stray => return None,
        };
        let arrival = self.clock(arrived);
        if self.loss.observe(packet.sequence) == Added::Known {
            self.stats.duplicates += 1;
            return None;
        }
        self.measure(arrival, media);
        self.packet_samples = packet.samples as i64;
        self.note_available(packet.sequence, arrival, media, None);
        if packet.carries_fec
            && let Some(before) = packet.sequence.checked_sub(1)
        {
            let reach = Some(self.packet_samples.max(i64::from(self.reach)));
            self.note_available(before, arrival, media - self.packet_samples, reach);
        }
        let late = self.keep(media, packet);
        self.stats.late += u64::from(late.is_some());
        late
    }

    /// Takes a packet that was lost and has been repaired by what arrived at
    /// some instant. It fills a hole, and counts neither as received nor
    /// against the loss. One whose time is over is given back.
    pub(crate) fn recover(&mut self, packet: Packet, arrived: Instant) -> Option<Packet> {
        let media = self.time_line.find(packet.sequence, packet.media_time)?;
        let reach = Some(i64::from(self.reach));
        self.note_available(packet.sequence, self.clock(arrived), media, reach);
        self.keep(media, packet)
    }

    /// Whether a frame that is not here is lost for certain, and would still be
    /// in time if it came now.
    pub(crate) fn awaits(&self, sequence: u64, media_time: u64, samples: u32) -> bool {
        let media = self.time_line.find(sequence, media_time);
        let end = media.map(|media| media + i64::from(samples));
        self.loss.is_certain() && end.is_some_and(|end| self.next.is_some_and(|next| end > next))
    }

    /// Notes how long after its time the sender's redundancy can repair a
    /// packet from now on, in samples.
    pub(crate) fn set_reach(&mut self, reach: u32, now: Instant) {
        if reach > self.reach {
            self.delay.more_repair(self.clock(now));
        }
        self.reach = reach;
    }

    /// Decides what is played at some instant, `ahead` samples before then, for
    /// somebody who asks for so many samples at a time as `block` says. Whatever
    /// it returns has at least one sample and counts as played.
    pub(crate) fn pull(&mut self, due: Instant, ahead: usize, block: usize) -> Decision {
        (self.ahead, self.block) = (ahead as i64, block as i64);
        let now = self.clock(due);
        self.stats.target = self.delay.wait();
        let Some(next) = self.next.or_else(|| self.start(now)) else {
            return self.silence_until_start(now);
        };
        self.next = Some(next);
        self.drop_played(next);
        if self.surplus(now, next) > SKIP_ABOVE {
            self.skip_ahead(now);
        }
        self.decide(now)
    }

    fn decide(&mut self, now: i64) -> Decision {
        let next = self.next.unwrap_or_default();
        let Some((&media, first)) = self.packets.first_key_value() else {
            return self.run_dry();
        };
        let covered = self.covered(media - next, self.surplus(now, next), first);
        let next = next + covered;
        let gap = media - next;
        let surplus = self.surplus(now, next);
        if gap <= 0 {
            if self.dry > 0 && self.may_hold(surplus) {
                return self.hold(-surplus);
            }
            return self.play(media, now);
        }
        if self.follows_played(first) {
            // Nothing is said here, so it can last as long as is needed.
            let passed = (STEP + surplus).clamp(0, 2 * STEP).min(gap);
            self.next = Some(next + passed);
            return Decision::Pause {
                samples: STEP as usize,
            };
        }
        if self.may_hold(surplus) {
            // What is missing may still come or be repaired.
            return self.hold(-surplus);
        }
        self.next = Some(next);
        self.fill(gap)
    }

    /// Fills a gap before the first packet that is here, for the gap is lost.
    fn fill(&mut self, gap: i64) -> Decision {
        let Some((_, first)) = self.packets.first_key_value() else {
            return self.run_dry();
        };
        let repairable = if first.carries_fec {
            self.packet_samples
        } else {
            0
        };
        if gap == repairable {
            let payload = first.payload.clone();
            self.copied += 1;
            return self.pass(gap, |samples| Decision::Fec { payload, samples });
        }
        let beyond_repair = gap - repairable;
        let missing = if beyond_repair > 0 {
            beyond_repair
        } else {
            gap
        };
        let later = Later {
            sequence: first.sequence,
            distance: usize::try_from(gap).unwrap_or_default(),
            payload: first.payload.clone(),
        };
        self.pass(missing.min(self.packet_samples), |samples| {
            Decision::Conceal {
                samples,
                later: Some(later),
            }
        })
    }

    /// How much of the gap before `first` has been filled already, by what was
    /// invented while nothing was there. It counts only as far as the delay
    /// does not fall below its target, and leaves what can still be repaired.
    fn covered(&self, gap: i64, surplus: i64, first: &Packet) -> i64 {
        let most = gap.min(self.dry).min(surplus).max(0);
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

    fn may_hold(&self, surplus: i64) -> bool {
        surplus <= -LEAST_CONCEALMENT && self.dry < LONGEST_HOLD
    }

    /// Nothing is here: invent, and wait. `next` stays, so the delay grows.
    fn run_dry(&mut self) -> Decision {
        self.hold(STEP)
    }

    /// The same, for at most so many samples.
    fn hold(&mut self, most: i64) -> Decision {
        let whole = most.min(STEP) / LEAST_CONCEALMENT * LEAST_CONCEALMENT;
        self.dry += whole;
        let samples = usize::try_from(whole).unwrap_or_default();
        if self.dry > LONGEST_CONCEALMENT {
            return Decision::Silence { samples };
        }
        Decision::Conceal {
            samples,
            later: None,
        }
    }

    fn play(&mut self, media: i64, now: i64) -> Decision {
        let Some(packet) = self.packets.remove(&media) else {
            return self.run_dry();
        };
        self.dry = 0;
        self.next = Some(media + packet.samples as i64);
        self.count_unrepaired(packet.sequence);
        self.played = Some(packet.sequence);
        self.stats.delay = self.delay_at(now, media);
        let surplus = self.surplus(now, media);
        Decision::Normal { packet, surplus }
    }

    fn count_unrepaired(&mut self, sequence: u64) {
        let copied = std::mem::take(&mut self.copied);
        if let Some(played) = self.played {
            let passed = sequence.saturating_sub(played).saturating_sub(1);
            self.stats.unrepaired += passed.saturating_sub(copied);
        }
    }

    /// Moves on over samples that have no packet.
    fn pass(&mut self, samples: i64, decision: impl FnOnce(usize) -> Decision) -> Decision {
        self.dry = 0;
        self.next = self.next.map(|next| next + samples);
        decision(usize::try_from(samples).unwrap_or(STEP as usize))
    }

    /// Media time at which to start playing, once the first packet is due.
    fn start(&self, now: i64) -> Option<i64> {
        let (&media, _) = self.packets.first_key_value()?;
        (self.decided_at(now, media) >= self.stats.target).then_some(media)
    }

    fn silence_until_start(&self, now: i64) -> Decision {
        let left = match self.packets.first_key_value() {
            Some((&media, _)) => self.stats.target - self.decided_at(now, media),
            None => STEP,
        };
        Decision::Silence {
            samples: left.clamp(1, STEP) as usize,
        }
    }

    /// Keeps a packet until it is played, or gives it back when its time is over.
    fn keep(&mut self, media: i64, packet: Packet) -> Option<Packet> {
        let end = media + packet.samples as i64;
        if self.next.is_some_and(|next| end <= next) {
            return Some(packet);
        }
        self.packets.entry(media).or_insert(packet);
        if self.packets.len() > MOST_PACKETS {
            self.packets.pop_first();
            self.stats.skipped += 1;
        }
        None
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

    /// How much later a sample that is played now is played than it should be.
    /// A packet has to be here when its sound is asked for, which is in whole
    /// blocks: so the delay to aim at is the least that the blocks allow, and a
    /// little more, not to fall back by a block.
    fn surplus(&self, now: i64, media: i64) -> i64 {
        let decided = self.decided_at(now, media);
        if self.block <= 1 {
            return decided - self.stats.target;
        }
        let blocks = -(decided - self.stats.target).div_euclid(self.block);
        self.delay_at(now, media) - (decided + blocks * self.block + MARGIN)
    }

    /// The delay of a sample against the time when that was decided.
    fn decided_at(&self, now: i64, media: i64) -> i64 {
        self.delay_at(now, media) - self.ahead
    }

    fn delay_at(&self, now: i64, media: i64) -> i64 {
        now - media - self.delay.fastest().unwrap_or(now - media)
    }

    /// Notes that a packet can be played from now on; `reach` if by repair.
    fn note_available(&mut self, sequence: u64, now: i64, media: i64, reach: Option<i64>) {
        let lost = reach.filter(|_| self.loss.is_certain());
        if lost.is_some_and(|reach| self.delay.late(now, media) > reach + LUCK) {
            return;
        }
        if self.available.add(sequence) == Added::Known {
            return;
        }
        self.delay.available(now, media, reach);
        if let Some(reach) = lost {
            self.delay.expect_repair(reach);
        }
    }

    fn measure(&mut self, arrival: i64, media: i64) {
        self.delay.arrived(arrival, media);
        let transit = arrival - media;
        if let Some(last) = self.last_transit.replace(transit) {
            let change = (transit - last).abs().min(NEW_TIME_LINE) as f32;
            self.stats.jitter += (change - self.stats.jitter) / 16.0;
        }
        self.stats.received += 1;
        self.stats.loss = self.loss.average();
        self.stats.lost = self.loss.lost();
    }

    /// Begins a new time line, as after a restart of the sender.
    fn restart(&mut self) {
        self.packets.clear();
        self.next = None;
        self.played = None;
        self.copied = 0;
        self.dry = 0;
        self.last_transit = None;
        self.delay.restart();
        self.loss.restart();
        self.available = Recent::default();
    }

    fn clock(&self, instant: Instant) -> i64 {
        duration_to_samples(instant.saturating_duration_since(self.epoch)) as i64
    }
}
