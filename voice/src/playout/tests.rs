//! Packets in, sound out, in virtual time.

use std::time::Duration;

use super::*;
use crate::{
    FRAME_SAMPLES,
    codec::{Encoder, Settings},
};

#[test]
fn a_muted_speaker_is_no_loss() {
    let epoch = Instant::now();
    let mut encoder = Encoder::new(Settings::default()).unwrap();
    let mut playout = Playout::new(epoch).unwrap();
    let mut out = [0.0; FRAME_SAMPLES];
    let mut sequence = 0;
    for index in 0..400_u64 {
        let now = epoch + Duration::from_millis(20 * index);
        // Speech, then silence with a sign of life every 400 ms.
        let level = if index < 100 { 0.2 } else { 0.0 };
        let frame: [f32; FRAME_SAMPLES] = std::array::from_fn(|n| level * (n as f32 * 0.05).sin());
        let payload = encoder.encode(&frame).unwrap();
        if index < 103 || index % 20 == 0 {
            playout.insert(ReceivedPacket {
                format: crate::Format::Opus,
                sequence,
                media_time: index * FRAME_SAMPLES as u64,
                payload,
                arrived: now,
            });
            sequence += 1;
        }
        playout.pull(now, &mut out);
    }
    let concealed = playout.shares().concealed;
    assert!(concealed < 0.05, "{concealed}");
}

#[test]
fn damaged_packets_are_concealed_and_do_no_harm() {
    let epoch = Instant::now();
    let mut encoder = Encoder::new(Settings::default()).unwrap();
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

#[test]
fn what_is_lost_and_still_in_time_is_lacking() {
    let epoch = Instant::now();
    let mut encoder = Encoder::new(Settings::default()).unwrap();
    let mut playout = Playout::new(epoch).unwrap();
    let mut packet = |sequence: u64| ReceivedPacket {
        format: crate::Format::Protected,
        sequence,
        media_time: sequence * FRAME_SAMPLES as u64,
        payload: [&[0], &encoder.encode(&[0.1; FRAME_SAMPLES]).unwrap()[..]].concat(),
        arrived: epoch + Duration::from_millis(20 * sequence),
    };
    let mut lacking = Vec::new();
    for sequence in 0..300 {
        let sent = packet(sequence);
        let now = sent.arrived;
        if sequence < 100 || (sequence % 10 != 3 && sequence % 20 != 9) {
            playout.insert(sent);
        }
        lacking.push(playout.tell(now).missing);
        // Some come 60 ms late, and that is waited for.
        if sequence > 110 && sequence % 10 == 6 {
            let late = ReceivedPacket {
                arrived: now,
                ..packet(sequence - 3)
            };
            playout.insert(late);
        }
        playout.pull(now, &mut [0.0; FRAME_SAMPLES]);
    }
    let names = |newest: usize, sequence| {
        let missing = lacking[newest];
        missing.is_some_and(|m| m.sequences(newest as u64).any(|named| named == sequence))
    };
    // At first it could as well have been overtaken.
    assert!(lacking[..125].iter().all(Option::is_none));
    assert!((294..=296).all(|newest| names(newest, 293)));
    // It has come.
    assert!((297..300).all(|newest| !names(newest, 293)));
    // Its time is over.
    assert!(names(290, 289) && !names(296, 289));
}

/// Packets of a tone that rises all the time.
fn packets(epoch: Instant, count: u64) -> Vec<ReceivedPacket> {
    let mut encoder = Encoder::new(Settings::default()).unwrap();
    let mut packet = |index: u64| {
        let at = |n: usize| (index as usize * FRAME_SAMPLES + n) as f32 / 48_000.0;
        let frame: [f32; FRAME_SAMPLES] =
            std::array::from_fn(|n| 0.3 * (at(n) * (900.0 + 700.0 * at(n))).sin());
        ReceivedPacket {
            format: crate::Format::Opus,
            sequence: index,
            media_time: index * FRAME_SAMPLES as u64,
            payload: encoder.encode(&frame).unwrap(),
            arrived: epoch + Duration::from_millis(20 * index),
        }
    };
    (0..count).map(&mut packet).collect()
}

#[test]
fn a_packet_that_comes_while_its_place_is_filled_is_heard_from_there_on() {
    const MISSING: usize = 50;
    let epoch = Instant::now();
    let packets = packets(epoch, 53);
    let mut late = Playout::new(epoch).unwrap();
    let mut in_time = Playout::new(epoch).unwrap();
    let mut due = epoch;
    let mut pull = |playouts: [&mut Playout; 2]| {
        for playout in playouts {
            playout.pull(due, &mut [0.0; 192]);
        }
        due += Duration::from_millis(4);
    };
    for packet in &packets[..MISSING] {
        late.insert(packet.clone());
        in_time.insert(packet.clone());
        for _ in 0..5 {
            pull([&mut late, &mut in_time]);
        }
    }
    in_time.insert(packets[MISSING].clone());
    for packet in &packets[MISSING + 1..] {
        late.insert(packet.clone());
        in_time.insert(packet.clone());
    }
    while late.guess.is_none() || late.ready.len() > 3 * SEAM {
        pull([&mut late, &mut in_time]);
    }
    let (left, invented) = (late.ready.len(), late.totals().concealed);
    assert_ne!(late.ready, in_time.ready);
    late.insert(packets[MISSING].clone());
    assert_eq!(late.totals().concealed, invented - left as u64);
    assert_eq!(late.ready.len(), in_time.ready.len(), "no sound is added");
    let after_seam = |playout: &Playout| playout.ready.range(SEAM..).copied().collect::<Vec<_>>();
    assert_eq!(after_seam(&late), after_seam(&in_time));
    // What comes next is decoded as if nothing had been late.
    let mut next = [[0.0; FRAME_SAMPLES]; 2];
    for (playout, next) in [&mut late, &mut in_time].into_iter().zip(&mut next) {
        let payload = &packets[MISSING + 1].payload;
        playout.decoder.decode(payload, next).unwrap();
    }
    assert_eq!(next[0], next[1]);
}
