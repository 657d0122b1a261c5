//! Sender and receiver together, over packets lost in every way.

use std::time::Instant;

use proptest::prelude::*;

use super::{payload::tests::any_window, *};
use crate::{FRAME_SAMPLES, Format, ReceivedPacket, Report, Told};

const SAMPLES: u32 = FRAME_SAMPLES as u32;

/// A frame of 20 ms that can be told from all others, of a length of its own.
fn frame(number: u64) -> Vec<u8> {
    let length = 20 + (number * 7_919 % 60) as usize;
    // One frame of 20 ms, SILK, wide band (RFC 6716, 3.1).
    let mut frame = vec![9 << 3; length];
    for (index, byte) in frame.iter_mut().enumerate().skip(1) {
        *byte = (number * 31 + index as u64 * 17) as u8;
    }
    frame
}

/// Packets as a network hands them over: `number` is the packet's, from 0.
struct Line {
    format: Format,
    windows: Vec<Window>,
    packer: Packer,
    unpacker: Unpacker,
    /// Sequence number of the first packet.
    base: u64,
    sent: u64,
    repaired: Vec<u64>,
}

impl Line {
    fn new(format: Format, windows: &[Window], base: u64) -> Self {
        Self {
            format,
            windows: windows.to_vec(),
            packer: Packer::default(),
            unpacker: Unpacker::default(),
            base,
            sent: 0,
            repaired: Vec::new(),
        }
    }

    fn send(&mut self) -> ReceivedPacket {
        let number = self.sent;
        self.sent += 1;
        let media_time = number * u64::from(SAMPLES);
        let frame = SentFrame {
            payload: frame(number),
            media_time,
            samples: SAMPLES,
        };
        let payload = self
            .packer
            .pack(self.format, &self.windows, Told::default(), frame);
        ReceivedPacket {
            format: self.format,
            sequence: self.base + number,
            media_time,
            payload,
            arrived: Instant::now(),
        }
    }

    /// Hands a packet over and checks every frame that comes of it.
    fn receive(&mut self, packet: ReceivedPacket) -> Reach {
        let own = packet.sequence;
        let unpacked = self.unpacker.take(packet).unwrap();
        for (index, found) in unpacked.frames.iter().enumerate() {
            let number = found.sequence - self.base;
            assert_eq!(found.payload, frame(number), "{number}");
            assert_eq!(
                found.media_time as u32,
                (number * u64::from(SAMPLES)) as u32
            );
            assert_eq!(index == 0, found.origin == Origin::Packet);
            if index == 0 {
                assert_eq!(found.sequence, own);
            } else {
                assert!(!self.repaired.contains(&number), "{number} twice");
                self.repaired.push(number);
            }
        }
        unpacked.reach
    }

    /// Sends packets and loses some by their numbers.
    fn run(&mut self, packets: u64, lost: impl Fn(u64) -> bool) {
        for number in 0..packets {
            let packet = self.send();
            if !lost(number) {
                self.receive(packet);
            }
        }
    }

    /// Which of the lost frames were not repaired.
    fn missing(&self, lost: impl Fn(u64) -> bool) -> Vec<u64> {
        (0..self.sent)
            .filter(|&number| lost(number) && !self.repaired.contains(&number))
            .collect()
    }
}

/// Random numbers of the tests: splitmix64.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn random_losses(packets: usize, share: f64, seed: u64) -> Vec<bool> {
    let mut state = seed;
    (0..packets)
        .map(|_| ((random(&mut state) >> 11) as f64 / (1_u64 << 53) as f64) < share)
        .collect()
}

#[test]
fn one_symbol_a_packet_repairs_a_burst_as_soon_as_it_has_enough() {
    let mut line = Line::new(Format::Protected, &[Window::dense(1, 10, 1)], 70_000);
    for number in 0..30 {
        let packet = line.send();
        if (10..14).contains(&number) {
            continue;
        }
        line.receive(packet);
        let expected: &[u64] = if number < 17 { &[] } else { &[10, 11, 12, 13] };
        line.repaired.sort_unstable();
        assert_eq!(line.repaired, expected, "after {number}");
    }
}

#[test]
fn combinations_come_near_what_ideal_ones_could() {
    // Without a limit of time: media.md's figures are for waits that end.
    for (windows, share, most) in [
        (&[Window::dense(1, 10, 1)][..], 0.2, 0.003),
        (&[Window::dense(1, 10, 2)], 0.3, 0.002),
        (&[Window::dense(1, 4, 1), Window::copy(8)], 0.2, 0.001),
    ] {
        let packets = 8_000;
        let lost = random_losses(packets, share, 7);
        let mut line = Line::new(Format::Protected, windows, 0);
        line.run(packets as u64, |number| lost[number as usize]);
        let missing = line.missing(|number| lost[number as usize]).len();
        let left = missing as f64 / packets as f64;
        assert!(left <= most, "{windows:?}: {left}");
    }
}

#[test]
fn redundant_audio_repairs_by_its_copies() {
    let format = Format::Red { opus: 111 };
    let windows = [Window::copy(2), Window::dense(1, 4, 1), Window::copy(6)];
    let mut line = Line::new(format, &windows, 5);
    let lost = |number| (20..24).contains(&number);
    line.run(40, lost);
    assert_eq!(line.missing(lost), []);
    let packet = line.send();
    let reach = line.receive(packet);
    assert_eq!((reach.packets, reach.samples), (6, 6 * SAMPLES));
}

#[test]
fn plain_opus_passes() {
    let mut line = Line::new(Format::Opus, &[Window::copy(1)], 5);
    line.run(5, |number| number == 2);
    assert_eq!(line.repaired, []);
    let mut packet = line.send();
    packet.payload.clear();
    assert_eq!(line.unpacker.take(packet), Err(PayloadError::Frame));
}

#[test]
fn a_pause_or_another_length_begins_a_new_row() {
    let windows = [Window::copy(1)];
    let mut packer = Packer::default();
    let mut pack = |media_time, samples| {
        let frame = SentFrame {
            payload: frame(1),
            media_time,
            samples,
        };
        packer
            .pack(Format::Protected, &windows, Told::default(), frame)
            .len()
    };
    let alone = pack(0, SAMPLES);
    assert!(pack(960, SAMPLES) > alone);
    assert_eq!(pack(4_800, SAMPLES), alone);
    assert_eq!(pack(5_760, 2 * SAMPLES), alone);
    assert!(pack(7_680, 2 * SAMPLES) > alone);
}

#[test]
fn a_report_rides_along() {
    let report = Report {
        lost: 7,
        ..Report::default()
    };
    let mut packer = Packer::default();
    let sent = SentFrame {
        payload: frame(0),
        media_time: 0,
        samples: SAMPLES,
    };
    let payload = packer.pack(
        Format::Protected,
        &[],
        Told {
            report: Some(report),
            ..Told::default()
        },
        sent,
    );
    let packet = ReceivedPacket {
        format: Format::Protected,
        sequence: 0,
        media_time: 0,
        payload,
        arrived: Instant::now(),
    };
    let unpacked = Unpacker::default().take(packet).unwrap();
    assert_eq!(unpacked.told.report, Some(report));
}

#[test]
fn a_sender_that_begins_anew_is_followed() {
    let mut line = Line::new(Format::Protected, &[Window::dense(1, 4, 1)], 1_000_000);
    line.run(50, |_| false);
    let mut anew = Line::new(Format::Protected, &[Window::dense(1, 4, 1)], 3);
    anew.unpacker = line.unpacker;
    anew.run(50, |number| number == 20);
    assert!(anew.repaired.contains(&20));
}

proptest! {
    /// Whatever is lost, doubled or overtaken, and wherever the numbers begin:
    /// what is repaired is right (`Line::receive` checks), and comes once.
    #[test]
    fn never_a_wrong_frame(
        windows in prop::collection::vec(any_window(), 1..=3),
        base in prop_oneof![0..3_u64, 65_500..65_540_u64, Just(u64::from(u32::MAX) - 20)],
        fates in prop::collection::vec((0..10_u8, 0..8_usize), 40..160),
    ) {
        let mut line = Line::new(Format::Protected, &windows, base);
        let mut waiting: Vec<(usize, ReceivedPacket)> = Vec::new();
        for (index, &(fate, late)) in fates.iter().enumerate() {
            let packet = line.send();
            match fate {
                0..3 => {}
                3 => waiting.push((index + late, packet)),
                4 => {
                    line.receive(packet.clone());
                    line.receive(packet);
                }
                _ => {
                    line.receive(packet);
                }
            }
            let (due, later): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(|(at, _)| *at <= index);
            waiting = later;
            for (_, packet) in due {
                line.receive(packet);
            }
        }
    }

    /// Bytes from outside are errors or frames, in any order, and what is kept
    /// of them is bounded.
    #[test]
    fn any_bytes_do_no_harm(
        packets in prop::collection::vec(
            (0..400_u64, prop::collection::vec(any::<u8>(), 0..120)),
            1..60,
        ),
    ) {
        let mut unpacker = Unpacker::default();
        for (sequence, mut payload) in packets {
            // Most headers are refused: let the rest be seen more often.
            if let Some(head) = payload.first_mut() {
                *head &= 0xe0;
            }
            let packet = ReceivedPacket {
                format: Format::Protected,
                sequence,
                media_time: sequence * 960,
                payload,
                arrived: Instant::now(),
            };
            if let Ok(unpacked) = unpacker.take(packet) {
                prop_assert_eq!(unpacked.frames[0].sequence, sequence);
                prop_assert!(unpacked.frames.len() < 200);
            }
        }
    }
}
