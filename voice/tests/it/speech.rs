//! Whole calls in one process: file in, Opus, a bad line, jitter buffer, file out.

use std::time::Duration;

use crate::common::{Line, compare, run_call, speech};

const SECONDS: f32 = 3.0;

#[test]
fn speech_comes_out_as_it_went_in() {
    let heard = run_call(&speech(SECONDS), Line::clean(), Duration::from_secs(4));
    let score = compare(&speech(SECONDS), &heard.samples);
    assert!(score.correlation > 0.9, "{score:?}");
    assert!(score.missing < 0.02, "{score:?}");
    // 20 ms of frame, 6.5 ms of codec, 20 ms of line, and the buffer.
    assert!((40.0..95.0).contains(&score.delay_ms), "{score:?}");
    assert!((heard.seconds() - 4.0).abs() < 0.3, "{} s", heard.seconds());
    assert!(heard.stats.concealed < 0.05, "{:?}", heard.stats);
    assert_eq!(heard.stats.duplicates, 0);
}

#[test]
fn speech_survives_loss_jitter_and_reordering() {
    let line = Line {
        loss: 0.08,
        jitter: Duration::from_millis(25),
        doubled: 0.02,
        ..Line::clean()
    };
    let heard = run_call(&speech(SECONDS), line, Duration::from_secs(4));
    let score = compare(&speech(SECONDS), &heard.samples);
    assert!(score.correlation > 0.6, "{score:?}");
    assert!(score.missing < 0.1, "{score:?}");
    assert!((40.0..200.0).contains(&score.delay_ms), "{score:?}");
    assert!(heard.stats.lost > 0 && heard.stats.duplicates > 0);
}

#[test]
fn the_comparison_fails_what_it_should() {
    let speech = speech(SECONDS);
    let silent = vec![0.0; speech.len()];
    assert!(compare(&speech, &silent).correlation < 0.3);
    assert!(compare(&speech, &silent).missing > 0.9);
    let mut choppy = speech.clone();
    for piece in choppy.chunks_mut(4_800) {
        piece.iter_mut().take(2_400).for_each(|s| *s = 0.0);
    }
    assert!(compare(&speech, &choppy).missing > 0.3);
    let mut other = speech.clone();
    other.reverse();
    assert!(compare(&speech, &other).correlation < 0.5);
    let slow: Vec<f32> = (0..speech.len()).map(|i| speech[i * 9 / 10]).collect();
    assert!(compare(&speech, &slow).correlation < 0.5);
    assert!(compare(&speech, &speech).correlation > 0.999);
}
