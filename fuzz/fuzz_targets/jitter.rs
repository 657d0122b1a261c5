//! A jitter buffer to which anything happens in any order: first with packets
//! of one sender that come late, twice or not at all, then with packets of
//! any numbers.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use twocan_voice::fuzzing::{JitterEvent, JitterRun};

#[derive(Arbitrary, Debug)]
enum Event {
    Wait(u16),
    Outage(u32),
    /// A packet of the one sender.
    InTurn {
        number: u8,
        carries_fec: bool,
        repaired: bool,
    },
    /// One of anybody.
    Any {
        sequence: u64,
        media_time: u64,
        samples: u16,
        carries_fec: bool,
        repaired: bool,
    },
    Reach(u16),
    Pull {
        ahead: u16,
        block: u16,
    },
}

/// Packets of the one sender: 4 s. A packet that is 5 s from the newest begins
/// a new time line, on which all may come again.
const IN_TURN: u8 = 200;
/// A minute of a call, in samples.
const MINUTE: u32 = 60 * 48_000;

fn happening(event: &Event, one_stream: bool) -> Option<JitterEvent> {
    Some(match *event {
        Event::Wait(samples) => JitterEvent::Wait(samples.into()),
        Event::Outage(samples) => JitterEvent::Wait(samples % MINUTE),
        Event::InTurn {
            number,
            carries_fec,
            repaired,
        } => JitterEvent::Packet {
            sequence: 1_000 + u64::from(number % IN_TURN),
            media_time: u64::from(number % IN_TURN) * 960,
            samples: 960,
            carries_fec,
            repaired,
        },
        Event::Any { .. } if one_stream => return None,
        Event::Any {
            sequence,
            media_time,
            samples,
            carries_fec,
            repaired,
        } => JitterEvent::Packet {
            sequence,
            media_time,
            samples: samples.into(),
            carries_fec,
            repaired,
        },
        Event::Reach(samples) => JitterEvent::Reach(samples.into()),
        Event::Pull { ahead, block } => JitterEvent::Pull { ahead, block },
    })
}

fuzz_target!(|input: (bool, Vec<Event>)| {
    let (one_stream, events) = input;
    let mut run = JitterRun::default();
    for event in &events {
        if let Some(event) = happening(event, one_stream) {
            run.happen(event, one_stream);
        }
    }
});
