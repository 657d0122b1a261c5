//! Calls in virtual time: what a bad network leaves of speech and of its delay.

use std::time::Duration;

use crate::common::{compare, speech};
use twocan_voice::{
    Format, SAMPLE_RATE,
    offline::{Heard, Options, Stalls, run, scenarios},
};

const SECONDS: f32 = 9.0;

/// Both directions of a call through a scenario that lasts from the start.
fn call(name: &str, format: Format, said: &[f32]) -> [Heard; 2] {
    let scenario = scenarios().into_iter().find(|s| s.name == name).unwrap();
    let options = Options {
        format,
        ..Options::default()
    };
    run(said, &scenario.line, &options).unwrap()
}

fn seconds(seconds: f32) -> Duration {
    Duration::from_secs_f32(seconds)
}

/// Checks what was heard in the last seconds, when everybody has adapted:
/// mouth to ear in ms at most, likeness at least, share invented at most.
fn check(name: &str, format: Format, most_ms: f32, likeness: f32, invented: f32) {
    let said = speech(SECONDS);
    for heard in call(name, format, &said) {
        let delay = heard.delay_ms(seconds(4.0), seconds(SECONDS)).unwrap();
        assert!(delay <= most_ms, "{name}: {delay} ms");
        let from = 4 * SAMPLE_RATE as usize;
        let score = compare(&said[from..], &heard.samples[from..]);
        assert!(score.correlation >= likeness, "{name}: {score:?}");
        let late = &heard.seconds[4..];
        let share = late.iter().map(|s| s.concealed).sum::<f32>() / late.len() as f32;
        assert!(share <= invented, "{name}: {share} invented");
    }
}

#[test]
fn a_clean_line_is_heard_whole_and_soon() {
    for format in [Format::Protected, Format::Opus, Format::Red { opus: 111 }] {
        check("clean", format, 60.0, 0.97, 0.0);
    }
}

#[test]
fn jitter_is_waited_for() {
    check("jitter20", Format::Protected, 240.0, 0.80, 0.04);
    check("jitter40", Format::Protected, 260.0, 0.65, 0.04);
}

#[test]
fn loss_is_repaired() {
    check("loss10", Format::Protected, 240.0, 0.90, 0.04);
    check("loss30", Format::Protected, 300.0, 0.80, 0.04);
    check("loss10", Format::Red { opus: 111 }, 200.0, 0.80, 0.04);
    check("loss10", Format::Opus, 160.0, 0.75, 0.09);
}

#[test]
fn an_outage_ends_at_once() {
    let said = speech(21.0);
    for (side, heard) in call("outage2", Format::Protected, &said).iter().enumerate() {
        // The line comes back 16.5 s after the first began to speak.
        let back = 16.5 - side as f32;
        let after = (back * SAMPLE_RATE as f32) as usize;
        let loud = |piece: &[f32]| piece.iter().any(|sample| sample.abs() > 0.01);
        let silent = heard.samples[after..]
            .chunks(480)
            .take_while(|piece| !loud(piece));
        let silent = silent.count() * 10;
        // Half a second after the first packet, which takes 20 ms; a pause in
        // the speech may come on top.
        assert!(silent <= 520, "silent for {silent} ms more");
        let normal = heard.delay_ms(seconds(5.0), seconds(14.0)).unwrap();
        let again = heard
            .delay_ms(seconds(back + 3.0), seconds(back + 4.0))
            .unwrap();
        assert!(again <= normal + 10.0, "{again} ms after {normal} ms");
    }
}

#[test]
fn clocks_that_differ_are_followed() {
    let said = speech(15.0);
    for ppm in [-500.0, 500.0] {
        let options = Options {
            drift_ppm: ppm,
            ..Options::default()
        };
        let line = scenarios().swap_remove(0).line;
        for heard in run(&said, &line, &options).unwrap() {
            let delay = heard.delay_ms(seconds(12.0), seconds(15.0)).unwrap();
            assert!((45.0..80.0).contains(&delay), "{delay} ms at {ppm} ppm");
            let share = heard.concealed as f32 / heard.samples.len() as f32;
            assert!(share < 0.005, "{share} invented at {ppm} ppm");
        }
    }
}

#[test]
fn a_busy_machine_is_waited_for_and_taken_for_no_bad_line() {
    let ms = Duration::from_millis;
    let said = speech(14.0);
    let line = scenarios().swap_remove(0).line;
    let busy = Some(Stalls {
        per_second: 2.0,
        shortest: ms(20),
        longest: ms(80),
    });
    for stalls in [[busy, None], [None, busy], [busy, busy]] {
        let options = Options {
            stalls,
            ..Options::default()
        };
        let sides = run(&said, &line, &options).unwrap();
        for (side, heard) in sides.iter().enumerate() {
            let late = &heard.seconds[5..14];
            let share = late.iter().map(|s| s.concealed).sum::<f32>() / late.len() as f32;
            assert!(share < 0.01, "{share} invented, {stalls:?}");
            let delay = heard.delay_ms(seconds(5.0), seconds(13.5)).unwrap();
            // Only what is sent in lumps has to be waited for: a side that
            // plays late finds everything there.
            let most = if stalls[side].is_some() { 145.0 } else { 62.0 };
            assert!(delay <= most, "{delay} ms, {stalls:?}");
            let a_second = heard.sent.packets as f32 * 48_000.0 / heard.samples.len() as f32;
            assert!(a_second > 48.0, "{a_second} packets a second, {stalls:?}");
        }
    }
}
