//! Voice activation on speech in a noisy room: what is said is sent from its
//! first consonant to its last, and the room between the sentences is not.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde_json::json;
use twocan_e2e::headless::Profile;
use twocan_e2e::pair::{Pair, folder};
use twocan_e2e::process::in_real_time;
use twocan_e2e::score::{Bounds, compare};
use twocan_e2e::speech::{self, RATE, Voice};

/// Rms of the room's noise, from 0 to 1: -36 dBFS. In a quieter one speech is
/// noticed before its first word is loud, and nothing has to be kept for it.
const NOISE: f64 = 0.016;
/// Pieces in which speech is told from pauses: 10 ms.
const PIECE: usize = RATE as usize / 100;
/// Speech is this much louder than nothing, as an rms.
const SPOKEN: f64 = 0.01;
/// Pieces of a pause after which a word begins anew: 250 ms.
const PAUSE: usize = 25;
/// What is looked at where a word begins or ends: 60 ms.
const EDGE: usize = 6 * PIECE;
/// An edge that is so much weaker than what was said there was cut, in dB.
const CUT_DB: f64 = 10.0;
/// The gate is shut so long after the last word: hang-over and what decoding
/// needs.
const SHUT: usize = 50 * PIECE;
/// How exact the delay is known.
const SLACK: usize = PIECE;

/// No word is cut.
const WHOLE: Bounds = Bounds {
    longest_gap_ms: 60.0,
    ..Bounds::CLEAR
};

#[test]
fn voice_activation_keeps_whole_words_and_leaves_out_the_room() {
    in_real_time("voice activation", || {
        let folder = folder();
        let (said, heard) = said_and_heard(folder.path());
        let result = compare(&said, &heard, RATE);
        eprintln!("{result}");
        result.within(&WHOLE)?;
        let delay = result.delay_ms.unwrap_or_default() * f64::from(RATE) / 1e3;
        edges_are_there(&said, &heard, delay as isize)?;
        room_is_left_out(&said, &heard, delay as isize)
    });
}

/// Says the speech in a noisy room, with voice activation alone; what was
/// said, without the noise, and what was heard.
fn said_and_heard(folder: &Path) -> (Vec<f64>, Vec<f64>) {
    let file = |path: &Path| format!("file:{}", path.display());
    let recording = folder.join("heard.wav");
    let alice = Profile::new(folder, "alice").sound(&file(&noisy(folder)), "null");
    let bob = Profile::new(folder, "bob")
        .sound("silence", &file(&recording))
        .accepting()
        .answering();
    let Pair { mut alice, bob, .. } = Pair::from(alice, bob);
    let answer = alice.must("call", json!({"to": bob.peer_id()}));
    let call = &answer["call"];
    // The room is not to be left out, nor raised, by anything else.
    let change = json!({"call": call, "activation": "voice",
        "noise_suppression": false, "gain_control": false, "echo_cancellation": false});
    alice.must("call_set", change);
    alice.call_state("connected");
    bob.call_state("connected");
    for _ in 0..speech::length_s(Voice::High).ceil() as usize + 1 {
        bob.event("call_stats", |_| true);
    }
    alice.must("hangup", json!({"call": call}));
    bob.call_state("ended");
    assert!(alice.quit().success() && bob.quit().success());
    let (heard, rate) = speech::read_wav(&recording);
    assert_eq!(rate, RATE);
    (speech::samples(Voice::High), heard)
}

/// The speech with noise of always the same samples.
fn noisy(folder: &Path) -> PathBuf {
    let path = folder.join("noisy.wav");
    let mut state = 1_u32;
    let mut noise = || {
        // The generator of Numerical Recipes; uniform, so the peak is 1.7 rms.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (f64::from(state >> 8) / f64::from(1_u32 << 23) - 1.0) * NOISE * 1.73
    };
    let samples: Vec<f64> = speech::samples(Voice::High)
        .into_iter()
        .map(|sample| sample + noise())
        .collect();
    speech::write_wav(&path, &samples, RATE);
    path
}

fn rms(samples: &[f64]) -> f64 {
    let power = samples.iter().map(|x| x * x).sum::<f64>();
    (power / samples.len().max(1) as f64).sqrt()
}

/// Where something is said without a pause.
fn stretches(said: &[f64]) -> Vec<Range<usize>> {
    let mut stretches: Vec<Range<usize>> = Vec::new();
    for (at, piece) in said.chunks(PIECE).enumerate() {
        if rms(piece) < SPOKEN {
            continue;
        }
        match stretches.last_mut() {
            Some(last) if at - last.end < PAUSE => last.end = at + 1,
            _ => stretches.push(at..at + 1),
        }
    }
    let samples = |stretch: Range<usize>| stretch.start * PIECE..stretch.end * PIECE;
    stretches.into_iter().map(samples).collect()
}

/// The part of `heard` for a part of what was said.
fn part(heard: &[f64], said: Range<usize>, delay: isize) -> &[f64] {
    let at = |sample: usize| sample.saturating_add_signed(delay).min(heard.len());
    &heard[at(said.start)..at(said.end)]
}

/// Each stretch of speech is as loud in its first and last 60 ms as it was
/// said, beside the whole.
fn edges_are_there(said: &[f64], heard: &[f64], delay: isize) -> Result<(), String> {
    let stretches = stretches(said);
    assert!(stretches.len() >= 4, "{stretches:?}");
    let gain = rms(heard) / rms(said);
    for stretch in stretches {
        let first = stretch.start..stretch.start + EDGE;
        let last = stretch.end - EDGE..stretch.end;
        for edge in [first, last] {
            let around = edge.start - SLACK..edge.end + SLACK;
            let was = rms(&said[edge.clone()]) * gain;
            let is = rms(part(heard, around, delay));
            let lost = 20.0 * (was / is.max(1e-9)).log10();
            if lost > CUT_DB {
                let at = edge.start as f64 / f64::from(RATE);
                return Err(format!(
                    "{lost:.0} dB are missing {at:.2} s after the start"
                ));
            }
        }
    }
    Ok(())
}

/// Nothing of the room is heard once the last word is over.
fn room_is_left_out(said: &[f64], heard: &[f64], delay: isize) -> Result<(), String> {
    let end = stretches(said).last().map_or(0, |last| last.end);
    let after = part(heard, end + SHUT..end + SHUT + EDGE, delay);
    let level = rms(after);
    match after.len() == EDGE && level < NOISE / 10.0 {
        true => Ok(()),
        false => Err(format!("after the last word there is {level:.5}")),
    }
}
