//! The media of a call to which anything happens in any order: descriptions,
//! addresses and datagrams of another side, honest or not.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use twocan_peer::fuzzing::{LineChange, MediaHappening, MediaRun};

#[derive(Arbitrary, Debug)]
enum Happening {
    Wait(u16),
    Offered(Vec<LineChange>),
    Answered(Vec<LineChange>),
    Described {
        is_answer: bool,
        sdp: String,
    },
    Candidate(String),
    Datagram(Vec<u8>),
    Exchange {
        count: u8,
        turned: Option<(u8, u16)>,
    },
    Send(Vec<u8>),
}

fuzz_target!(|happenings: Vec<Happening>| {
    let mut run = MediaRun::default();
    for happening in happenings {
        run.happen(match happening {
            Happening::Wait(ms) => MediaHappening::Wait(ms),
            Happening::Offered(changes) => MediaHappening::Offered(changes),
            Happening::Answered(changes) => MediaHappening::Answered(changes),
            Happening::Described { is_answer, sdp } => MediaHappening::Described { is_answer, sdp },
            Happening::Candidate(line) => MediaHappening::Candidate(line),
            Happening::Datagram(bytes) => MediaHappening::Datagram(bytes),
            Happening::Exchange { count, turned } => MediaHappening::Exchange { count, turned },
            Happening::Send(payload) => MediaHappening::Send(payload),
        });
    }
});
