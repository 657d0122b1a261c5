//! Calls between two real clients: speech from a file, over loopback, into a
//! file, scored; and every way in which a call does not come about or ends.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use twocan_e2e::headless::{Headless, PATIENCE, Profile, text};
use twocan_e2e::pair::{Pair, folder};
use twocan_e2e::process::in_real_time;
use twocan_e2e::score::{Bounds, compare};
use twocan_e2e::speech::{self, Voice};

fn pair(folder: &Path) -> Pair {
    Pair::new(folder)
}

/// Calls and returns the number of the call, once the other side rings.
fn ring(alice: &mut Headless, bob: &Headless) -> (String, String) {
    let answer = alice.must("call", json!({"to": bob.peer_id()}));
    let call = text(&answer, "call").to_owned();
    let incoming = bob.call_state("incoming");
    alice.call_state("ringing");
    (call, text(&incoming, "call").to_owned())
}

/// Calls, answers, and waits until both sides are connected.
fn connected(alice: &mut Headless, bob: &mut Headless) -> (String, String) {
    let (at_alice, at_bob) = ring(alice, bob);
    bob.must("answer", json!({"call": at_bob}));
    alice.call_state("connected");
    bob.call_state("connected");
    (at_alice, at_bob)
}

/// Waits for the end of a call and checks its code.
fn ended(client: &Headless, code: u16) {
    let event = client.call_state("ended");
    assert_eq!(event["code"], code, "{event}");
}

#[test]
fn speech_is_understood_in_both_directions() {
    in_real_time("speech in both directions", understood_in_both_directions);
}

/// One call with speech both ways; what was not understood.
fn understood_in_both_directions() -> Result<(), String> {
    let folder = folder();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let file = |spec: String| format!("file:{spec}");
    let input = |voice| file(speech::file(voice).display().to_string());
    let alice_profile = Profile::new(folder.path(), "alice")
        .sound(&input(Voice::Low), &file(path("alice-heard.wav")));
    let bob_profile = Profile::new(folder.path(), "bob")
        .sound(&input(Voice::High), &file(path("bob-heard.wav")))
        .accepting()
        .answering();
    let Pair { mut alice, bob, .. } = Pair::from(alice_profile, bob_profile);

    let answer = alice.must("call", json!({"to": bob.peer_id()}));
    alice.call_state("connected");
    bob.call_state("connected");
    let seconds = speech::length_s(Voice::Low).max(speech::length_s(Voice::High));
    let statistics = whole_call(&alice, seconds)?;
    alice.must("hangup", json!({"call": answer["call"]}));
    alice.call_state("ended");
    bob.call_state("ended");
    assert!(alice.quit().success() && bob.quit().success());

    for (voice, heard) in [
        (Voice::Low, "bob-heard.wav"),
        (Voice::High, "alice-heard.wav"),
    ] {
        let (heard, rate) = speech::read_wav(&folder.path().join(heard));
        assert_eq!(rate, speech::RATE, "recordings are at 48 kHz");
        let result = compare(&speech::samples(voice), &heard, rate);
        eprintln!("{voice:?}: {result}");
        result
            .within(&Bounds::CLEAR)
            .map_err(|fault| format!("{voice:?}: {fault}\nlast statistics: {statistics}"))?;
    }
    Ok(())
}

/// Waits for a call's worth of statistics, one a second, and checks that they
/// are of a call; the last of them, or what is wrong with it.
fn whole_call(client: &Headless, seconds: f64) -> Result<serde_json::Value, String> {
    let mut last = serde_json::Value::Null;
    for _ in 0..seconds.ceil() as usize + 1 {
        last = client.event("call_stats", |_| true);
    }
    for (field, range) in [
        ("rtt_ms", 0.0..500.0),
        ("loss", 0.0..0.2),
        ("sent_kbps", 5.0..200.0),
        ("received_kbps", 5.0..200.0),
        ("quality", 1.0..4.6),
    ] {
        let value = last[field].as_f64().unwrap_or(f64::NAN);
        if !range.contains(&value) {
            return Err(format!("{field} is {value}: {last}"));
        }
    }
    Ok(last)
}

#[test]
fn the_sound_event_tells_when_the_devices_began() {
    let folder = folder();
    let Pair {
        mut alice, mut bob, ..
    } = pair(folder.path());
    connected(&mut alice, &mut bob);
    for client in [&alice, &bob] {
        let sound = client.event("sound", |_| true);
        let (mic, speaker) = (sound["mic_at"].as_f64(), sound["spk_at"].as_f64());
        let near = mic
            .zip(speaker)
            .is_some_and(|(mic, speaker)| (mic - speaker).abs() < 10.0);
        assert!(near, "{sound}");
    }
}

#[test]
fn a_muted_microphone_says_nothing() {
    let folder = folder();
    let heard = folder.path().join("heard.wav");
    let tone = Profile::new(folder.path(), "alice").sound("tone:440", "null");
    let listener = Profile::new(folder.path(), "bob")
        .sound("silence", &format!("file:{}", heard.display()))
        .accepting();
    let Pair {
        mut alice, mut bob, ..
    } = Pair::from(tone, listener);
    let (call, _) = connected(&mut alice, &mut bob);
    let loud = |stats: &serde_json::Value| {
        stats["level_out_db"]
            .as_f64()
            .is_some_and(|level| level > -40.0)
    };
    bob.event("call_stats", loud);
    alice.must("call_set", json!({"call": call, "muted": true}));
    // Some of the tone is still on its way; then there is silence.
    bob.event("call_stats", |stats| {
        stats["level_out_db"]
            .as_f64()
            .is_some_and(|level| level < -60.0)
    });
    alice.must("call_set", json!({"call": call, "muted": false}));
    bob.event("call_stats", loud);
}

#[test]
fn declined_is_603() {
    let folder = folder();
    let Pair {
        mut alice, mut bob, ..
    } = pair(folder.path());
    let (_, at_bob) = ring(&mut alice, &bob);
    bob.must("decline", json!({"call": at_bob}));
    ended(&alice, 603);
    ended(&bob, 603);
}

#[test]
fn cancelled_is_487() {
    let folder = folder();
    let Pair { mut alice, bob, .. } = pair(folder.path());
    let (at_alice, _) = ring(&mut alice, &bob);
    alice.must("hangup", json!({"call": at_alice}));
    ended(&alice, 487);
    ended(&bob, 487);
}

#[test]
fn busy_is_486() {
    let folder = folder();
    let Pair {
        mut alice, mut bob, ..
    } = pair(folder.path());
    let mut carol = Profile::new(folder.path(), "carol").start();
    twocan_e2e::pair::connect(&mut carol, &bob);
    connected(&mut alice, &mut bob);
    carol.must("call", json!({"to": bob.peer_id()}));
    ended(&carol, 486);
    // The call that made him busy goes on.
    alice.event("call_stats", |_| true);
    bob.event("call_stats", |_| true);
}

#[test]
fn no_answer_is_408() {
    let folder = folder();
    let Pair { mut alice, bob, .. } = pair(folder.path());
    alice.must("set", json!({"key": "call.ring_timeout_s", "value": 5}));
    ring(&mut alice, &bob);
    ended(&alice, 408);
    bob.call_state("ended");
}

#[test]
fn either_side_hangs_up() {
    let folder = folder();
    let Pair {
        mut alice, mut bob, ..
    } = pair(folder.path());
    let (at_alice, _) = connected(&mut alice, &mut bob);
    alice.must("hangup", json!({"call": at_alice}));
    ended(&alice, 200);
    ended(&bob, 200);
    let (_, at_bob) = connected(&mut alice, &mut bob);
    bob.must("hangup", json!({"call": at_bob}));
    ended(&alice, 200);
    ended(&bob, 200);
}

#[test]
fn both_call_at_once_and_are_in_one_call() {
    let folder = folder();
    let Pair {
        mut alice, mut bob, ..
    } = pair(folder.path());
    let (alice_id, bob_id) = (alice.peer_id().to_owned(), bob.peer_id().to_owned());
    alice.post("call", json!({"to": bob_id}));
    bob.post("call", json!({"to": alice_id}));
    // Crossing offers are two wishes to talk; one may still have to answer.
    let answer_if_asked = |client: &mut Headless| {
        let incoming = client
            .seen("call")
            .into_iter()
            .find(|event| event["state"] == "incoming");
        if let Some(event) = incoming {
            // Refused if it is connected already.
            drop(client.ask("answer", json!({"call": event["call"]})));
        }
    };
    let limit = PATIENCE;
    twocan_e2e::process::wait_until("both are connected", limit, || {
        answer_if_asked(&mut alice);
        answer_if_asked(&mut bob);
        [&alice, &bob]
            .iter()
            .all(|c| c.seen("call").iter().any(|e| e["state"] == "connected"))
    });
}

#[test]
fn a_killed_peer_ends_the_call_within_seconds() {
    let folder = folder();
    let Pair {
        mut alice, mut bob, ..
    } = pair(folder.path());
    connected(&mut alice, &mut bob);
    bob.kill9();
    // "Within seconds", with room for a loaded machine; the time-out of an
    // idle link, 45 s, is what it must not wait for.
    alice.event_within(Duration::from_secs(25), "call", |event| {
        event["state"] == "ended"
    });
    // And the next call is not hindered by the last one.
    let refusal = alice
        .ask("hangup", json!({"call": "no-such-call"}))
        .expect_err("nothing to hang up");
    assert_eq!(refusal.code, "not_found");
}

#[test]
fn a_contact_that_is_away_cannot_be_called() {
    let folder = folder();
    let Pair { mut alice, bob, .. } = pair(folder.path());
    let bob_id = bob.peer_id().to_owned();
    assert!(bob.quit().success());
    alice.event("presence", |event| event["online"] == false);
    match alice.ask("call", json!({"to": bob_id})) {
        Err(refusal) => assert!(
            ["offline", "unreachable"].contains(&refusal.code.as_str()),
            "{refusal}"
        ),
        Ok(_) => {
            let event = alice.call_state("ended");
            assert_eq!(event["code"], 480, "{event}");
        }
    }
}
