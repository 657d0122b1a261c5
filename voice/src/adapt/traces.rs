//! The estimate of the line over what real calls reported, as written down by
//! the program (`RUST_LOG=twocan_voice::adapt=trace`) on an emulated network.

use std::time::Duration;

use super::capacity::{Capacity, Seen, Verdict};

/// Runs the estimate over a trace; gives the verdicts and the limit after each.
fn replay(trace: &str) -> Vec<(Duration, Verdict, Option<f32>)> {
    let mut capacity = Capacity::default();
    let lines = trace.lines().filter(|line| !line.starts_with('#'));
    let reports = lines.map(|line| {
        let fields: Vec<f32> = line.split(' ').map(|f| f.parse().unwrap()).collect();
        let [now, queue_ms, jitter_ms, ms, arrived, lost, packet, sent] = fields[..] else {
            panic!("a line of a trace has eight fields: {line}");
        };
        let seen = Seen {
            queue_ms,
            jitter_ms,
            ms,
            arrived,
            lost,
            packet,
            sent,
        };
        (Duration::from_millis(now as u64), seen)
    });
    reports
        .map(|(now, seen)| {
            let verdict = capacity.report(now, seen);
            (now, verdict, capacity.limit())
        })
        .collect()
}

/// Jitter of 40 ms, and 20 % lost in bursts of 5: neither is a full line.
#[test]
fn a_bad_line_is_not_taken_for_a_narrow_one() {
    for trace in [
        include_str!("traces/jitter40.txt"),
        include_str!("traces/burst20.txt"),
    ] {
        let run = replay(trace);
        assert!(run.len() > 100);
        let limited = run.iter().find(|(_, _, limit)| limit.is_some());
        assert_eq!(limited, None);
    }
}

/// A line of 24 kb/s with a queue of 300 ms, found full by 33 kb/s.
#[test]
fn a_narrow_line_is_found_within_a_second_and_kept_to() {
    let run = replay(include_str!("traces/rate24.txt"));
    let queued = Duration::from_millis(1_500);
    let (first, ..) = run.iter().find(|(_, v, _)| *v == Verdict::Cut).unwrap();
    assert!(*first < queued + Duration::from_secs(1), "{first:?}");
    let settled = run.iter().filter(|(now, ..)| now > first);
    for (now, _, limit) in settled {
        let limit = limit.unwrap();
        assert!((14_000.0..24_000.0).contains(&limit), "{limit} at {now:?}");
    }
}
