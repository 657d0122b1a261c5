//! What the other side of a call says of our stream, true or not: sound can
//! always be sent as is chosen then.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use twocan_voice::fuzzing::{AdaptRun, Said};
use twocan_voice::{Format, Report};

#[derive(Arbitrary, Debug)]
enum Words {
    Report {
        counts: [u16; 5],
        times: [u16; 2],
        bytes: u32,
        ms: [u8; 2],
    },
    Rtcp(f32),
}

fuzz_target!(|input: (u8, Vec<(u16, u16, Words)>)| {
    let (format, words) = input;
    let mut run = AdaptRun::new(match format % 3 {
        0 => Format::Opus,
        1 => Format::Red { opus: 111 },
        _ => Format::Protected,
    });
    for (bytes, later_ms, words) in words {
        run.hear(
            bytes,
            later_ms,
            match words {
                Words::Rtcp(share) => Said::Rtcp(share),
                Words::Report {
                    counts: [highest, lost, runs, overtaken, unrepaired],
                    times: [queue_ms, clock_ms],
                    bytes,
                    ms,
                } => Said::Report(Report {
                    highest,
                    lost,
                    runs,
                    overtaken,
                    unrepaired,
                    queue_ms,
                    clock_ms,
                    bytes,
                    jitter_ms: ms[0],
                    capture_ms: ms[1],
                }),
            },
        );
    }
});
