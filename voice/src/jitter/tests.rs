//! The buffer in virtual time: a sender, a line and a player, sample by sample.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::pacer::samples_to_duration;

const FRAME: i64 = 960;

/// A packet and when it arrives, in samples after the start of the test.
#[derive(Debug, Clone)]
struct Sent {
    arrival: i64,
    packet: Packet,
}

fn packet(index: u64) -> Packet {
    Packet {
        sequence: index,
        media_time: index * FRAME as u64,
        samples: FRAME as usize,
        carries_fec: false,
        repaired: false,
        payload: index.to_be_bytes().to_vec(),
    }
}

/// `count` packets, each late by what `late` says; none when it is lost.
fn line(count: u64, late: impl Fn(u64) -> Option<i64>) -> Vec<Sent> {
    (0..count)
        .filter_map(|index| {
            let arrival = index as i64 * FRAME + ms(20) + late(index)?;
            Some(Sent {
                arrival,
                packet: packet(index),
            })
        })
        .collect()
}

/// What was played, and when.
#[derive(Debug, Default)]
struct Played {
    /// Sequence number and sample at which each packet began.
    packets: Vec<(u64, i64)>,
    concealed: i64,
    fec: u64,
    paused: i64,
    delays: Vec<(i64, i64)>,
    stats: JitterStats,
}

impl Played {
    /// Delay against sending of the last packet played, in ms.
    fn last_delay_ms(&self) -> i64 {
        let &(sequence, at) = self.packets.last().unwrap();
        (at - sequence as i64 * FRAME) / 48
    }
}

/// What a stretch leaves as it is.
const SLACK: i64 = 120;

/// Plays a line for so many samples. `carry` is the most that a stretch takes
/// from a frame or adds to it.
fn play(mut sent: Vec<Sent>, length: i64, carry: i64) -> Played {
    play_drifting(&mut sent, length, carry, 0)
}

/// The same with a player whose clock is slow by `ppm`.
fn play_drifting(sent: &mut [Sent], length: i64, carry: i64, ppm: i64) -> Played {
    sent.sort_by_key(|sent| sent.arrival);
    let epoch = Instant::now();
    let instant = |sample: i64| epoch + samples_to_duration(sample.max(0) as u64);
    let mut buffer = JitterBuffer::new(epoch);
    let mut waiting = sent.iter().peekable();
    let mut played = Played::default();
    let mut clock = 0;
    while clock < length {
        let now = clock + clock * ppm / 1_000_000;
        while let Some(sent) = waiting.next_if(|sent| sent.arrival <= now) {
            buffer.insert(sent.packet.clone(), instant(sent.arrival));
        }
        let samples = match buffer.pull(instant(now), 0, 1) {
            Decision::Silence { samples } => samples as i64,
            Decision::Normal { packet, surplus } => {
                played.packets.push((packet.sequence, now));
                let change = match surplus {
                    ..0 => surplus.min(-SLACK).max(-carry),
                    0..SLACK => 0,
                    _ => surplus.min(carry),
                };
                packet.samples as i64 - change
            }
            Decision::Fec { samples, .. } => {
                played.fec += 1;
                samples as i64
            }
            Decision::Conceal { samples, .. } => {
                played.concealed += samples as i64;
                samples as i64
            }
            Decision::Pause { samples } => {
                played.paused += samples as i64;
                samples as i64
            }
        };
        assert!(samples > 0);
        played.delays.push((now, buffer.stats().delay));
        clock += samples;
    }
    played.stats = buffer.stats();
    played
}

fn in_order(played: &Played) -> bool {
    played.packets.windows(2).all(|pair| pair[0].0 < pair[1].0)
}

#[test]
fn a_clean_line_is_played_whole_and_soon() {
    let played = play(line(500, |_| Some(0)), ms(10_000), ms(10));
    assert!(in_order(&played));
    assert!(played.packets.len() > 495);
    assert_eq!(played.concealed, 0);
    // 20 ms of line and what is left of the careful start.
    assert!(played.last_delay_ms() <= 40, "{}", played.last_delay_ms());
}

#[test]
fn while_the_sender_says_nothing_no_delay_grows() {
    let pause = |index: u64| (index < 100 || index.is_multiple_of(20)).then_some(0);
    let sent: Vec<Sent> = line(200, pause)
        .into_iter()
        .enumerate()
        .map(|(sequence, mut sent)| {
            sent.packet.sequence = sequence as u64;
            sent
        })
        .collect();
    let played = play(sent, ms(3_800), ms(10));
    let most = played.delays.iter().map(|&(_, delay)| delay).max();
    assert!(most.is_some_and(|most| most <= ms(50)), "{most:?}");
}

#[test]
fn jitter_is_waited_for_and_no_longer() {
    let jitter = |index: u64| Some((index as i64 * 7_919) % ms(40));
    let played = play(line(1_500, jitter), ms(30_000), ms(10));
    assert!(in_order(&played));
    assert!(played.concealed < ms(200), "{}", played.concealed / 48);
    let delay = played.stats.delay / 48;
    assert!((30..=70).contains(&delay), "{delay}");
}

#[test]
fn lost_packets_are_concealed_in_place() {
    let played = play(
        line(500, |index| (index % 20 != 7).then_some(0)),
        ms(10_000),
        ms(10),
    );
    assert!(in_order(&played));
    // 25 losses, 20 ms each: nothing more is invented, no time is lost.
    assert!((ms(460)..=ms(540)).contains(&played.concealed));
    assert!(played.last_delay_ms() <= 60);
}

#[test]
fn copies_are_used_once_loss_makes_it_worth_waiting() {
    let mut sent = line(1_000, |index| (index % 10 != 7).then_some(0));
    for sent in &mut sent {
        sent.packet.carries_fec = true;
    }
    let played = play(sent, ms(20_000), ms(10));
    assert!(in_order(&played));
    assert!(played.fec > 90, "{} of 100 repaired", played.fec);
    assert!(played.last_delay_ms() <= 80, "{}", played.last_delay_ms());
}

#[test]
fn losses_in_a_row_are_filled_once() {
    // Three of twenty are lost, together; the last of them can be repaired.
    let mut sent = line(1_500, |index| (index % 20 < 17).then_some(0));
    for sent in &mut sent {
        sent.packet.carries_fec = true;
    }
    let played = play(sent, ms(29_900), ms(10));
    let bursts = 1_500 / 20;
    assert!(
        played.fec >= bursts - 3,
        "{} of {bursts} repaired",
        played.fec
    );
    let unrepaired = (played.stats.lost - played.fec) as i64 * FRAME;
    let invented = played.concealed as f32 / unrepaired as f32;
    assert!((0.9..1.1).contains(&invented), "invented {invented} times");
    assert!(played.last_delay_ms() <= 80, "{}", played.last_delay_ms());
}

#[test]
fn late_and_doubled_packets_are_counted_and_not_played() {
    let mut sent = line(200, |_| Some(0));
    sent.push(Sent {
        arrival: 150 * FRAME,
        packet: packet(20),
    });
    sent[90].arrival += ms(300);
    let played = play(sent, ms(4_000), ms(10));
    assert!(in_order(&played));
    assert_eq!(played.stats.duplicates, 1);
    assert_eq!(played.stats.late, 1);
}

#[test]
fn an_outage_of_two_seconds_is_over_within_half_a_second() {
    for queued in [false, true] {
        let outage = 200..300;
        let sent = line(600, |index| {
            if !outage.contains(&index) {
                Some(0)
            } else if queued {
                Some((300 - index as i64) * FRAME)
            } else {
                None
            }
        });
        let played = play(sent, ms(12_000), ms(10));
        assert!(in_order(&played));
        let first = 300 * FRAME + ms(20);
        let back = played.packets.iter().find(|(n, _)| *n >= 300).unwrap();
        assert!(
            back.1 - first < ms(100),
            "sound back after {}",
            (back.1 - first) / 48
        );
        let settled = played
            .packets
            .iter()
            .filter(|(_, at)| *at > first + ms(500));
        for (sequence, at) in settled {
            let delay = (at - *sequence as i64 * FRAME) / 48;
            assert!(delay <= 80, "{delay} ms, queued: {queued}");
        }
    }
}

#[test]
fn a_short_pause_in_arrivals_does_not_silence_it_for_ever() {
    for pause_ms in [300, 500, 1_500, 4_000, 20_000] {
        // The sender stands still and goes on where it was.
        let sent = line(400, |index| {
            Some(if index < 100 { 0 } else { ms(pause_ms) })
        });
        let played = play(sent, ms(8_000 + pause_ms), ms(10));
        assert!(in_order(&played));
        assert!(
            played.packets.len() > 380,
            "{} after {pause_ms} ms",
            played.packets.len()
        );
    }
}

#[test]
fn a_sender_that_pauses_is_no_loss() {
    let mut sent = line(400, |index| (!(100..150).contains(&index)).then_some(0));
    for (sequence, sent) in sent.iter_mut().enumerate() {
        sent.packet.sequence = sequence as u64;
    }
    let played = play(sent, ms(8_000), ms(10));
    assert_eq!(played.stats.lost, 0);
    assert!(played.packets.len() >= 345);
}

#[test]
fn a_sender_that_starts_anew_is_heard() {
    let mut sent = line(400, |_| Some(0));
    for sent in &mut sent[200..] {
        sent.packet.sequence += 40_000;
        sent.packet.media_time = sent.packet.media_time.wrapping_add(3_000_000_000);
    }
    let played = play(sent, ms(8_000), ms(10));
    assert!(in_order(&played));
    assert!(played.packets.len() > 395, "{}", played.packets.len());
}

#[test]
fn one_stray_packet_changes_nothing() {
    let mut sent = line(300, |_| Some(0));
    sent[150].packet.media_time += 1 << 31;
    let played = play(sent, ms(6_200), ms(10));
    assert_eq!(played.packets.len(), 299);
    assert!(played.last_delay_ms() <= 60);
}

#[test]
fn media_time_may_wrap() {
    let mut sent = line(400, |_| Some(0));
    for sent in &mut sent {
        let start = u64::from(u32::MAX) - 200 * FRAME as u64;
        sent.packet.media_time = u64::from((sent.packet.media_time + start) as u32);
    }
    let played = play(sent, ms(8_000), ms(10));
    assert!(in_order(&played));
    assert_eq!(played.concealed, 0);
    assert!(played.packets.len() > 395);
}

#[test]
fn clocks_that_differ_are_followed_for_an_hour() {
    for ppm in [-500, 500] {
        let mut sent = line(180_000, |index| Some((index as i64 * 7_919) % ms(4)));
        let played = play_drifting(&mut sent, 3_595 * 48_000, ms(8), ppm);
        assert!(in_order(&played));
        let seconds = played.concealed as f32 / 48_000.0;
        assert!(seconds < 0.5, "{seconds} s invented at {ppm} ppm");
        let worst = played
            .delays
            .iter()
            .skip(500)
            .map(|(_, delay)| *delay)
            .max();
        assert!(worst.unwrap() < ms(60), "{worst:?} at {ppm} ppm");
    }
}

fn chaos() -> impl Strategy<Value = Vec<(bool, u16, bool)>> {
    // Lost, lateness in ms, doubled.
    prop::collection::vec(
        (
            prop::bool::weighted(0.2),
            0_u16..300,
            prop::bool::weighted(0.1),
        ),
        300,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_arrives_order_and_bounds_hold(line in chaos(), carry in 1_i64..480) {
        let mut sent = Vec::new();
        for (index, (lost, late, doubled)) in line.iter().enumerate() {
            let arrival = index as i64 * FRAME + ms(i64::from(*late));
            let copies = if *lost { 0 } else { 1 + usize::from(*doubled) };
            for copy in 0..copies {
                sent.push(Sent { arrival: arrival + copy as i64 * 480, packet: packet(index as u64) });
            }
        }
        // A clean half minute after the chaos: everything must settle.
        for index in 300..1_800 {
            sent.push(Sent { arrival: index as i64 * FRAME, packet: packet(index) });
        }
        let played = play(sent, ms(35_900), carry.max(240));
        prop_assert!(in_order(&played));
        for &(_, delay) in &played.delays {
            prop_assert!(delay < ms(1_500), "delay of {} ms", delay / 48);
        }
        let target = played.stats.target;
        prop_assert!(played.stats.delay - target < ms(30), "{:?}", played.stats);
        let heard_last = played.packets.iter().filter(|(n, _)| *n >= 1_300).count();
        prop_assert!(heard_last > 480, "{heard_last}");
    }

    #[test]
    fn any_numbers_are_survived(numbers in prop::collection::vec((any::<u64>(), any::<u64>(), 1_usize..5_760, 0_u64..500), 0..200)) {
        let epoch = Instant::now();
        let mut buffer = JitterBuffer::new(epoch);
        let mut now = epoch;
        for (sequence, media_time, samples, wait) in numbers {
            now += Duration::from_millis(wait);
            buffer.insert(Packet { sequence, media_time, samples, carries_fec: wait % 2 == 0, repaired: false, payload: vec![0] }, now);
            prop_assert!(buffer.packets.len() <= MOST_PACKETS);
            let samples = match buffer.pull(now, samples % 480, 480) {
                Decision::Silence { samples } | Decision::Conceal { samples, .. }
                | Decision::Pause { samples } | Decision::Fec { samples, .. } => samples,
                Decision::Normal { packet, .. } => packet.samples,
            };
            prop_assert!((1..=5_760).contains(&samples));
        }
    }
}
