//! A call through real device code: speech goes into a virtual microphone and
//! comes out of a virtual loudspeaker.

use std::time::Duration;

use serde_json::json;
use twocan_e2e::headless::Profile;
use twocan_e2e::pair::{Pair, folder};
use twocan_e2e::process::in_real_time;
use twocan_e2e::pulse::{Pulse, available};
use twocan_e2e::score::{Bounds, compare};
use twocan_e2e::speech::{self, Voice};

/// The sound server of the test takes its share of a busy machine, so some
/// frames may come late.
const THROUGH_DEVICES: Bounds = Bounds {
    found_share: 0.8,
    stoi: 0.8,
    lost_share: 0.06,
    longest_gap_ms: 160.0,
    delay_range_ms: 160.0,
};

/// Longest a player may take for a file of some seconds.
const PLAYING: Duration = Duration::from_secs(60);

#[test]
fn speech_is_understood_through_virtual_devices() {
    if !available() {
        eprintln!("left out: pulseaudio is missing");
        return;
    }
    let pulse = Pulse::start(["a", "b"]);
    let folder = folder();
    let profile = |name, side| {
        let mut profile = Profile::new(folder.path(), name)
            .sound("default", "default")
            .accepting()
            .answering();
        profile.environment = pulse.environment(side);
        profile
    };
    let Pair { mut alice, bob, .. } = Pair::from(profile("alice", "a"), profile("bob", "b"));
    let answer = alice.must("call", json!({"to": bob.peer_id()}));
    for client in [&alice, &bob] {
        client.call_state("connected");
        // Both devices of this side have begun.
        client.event("sound", |_| true);
    }

    let directions = [("a", "b", Voice::Low), ("b", "a", Voice::High)];
    for (from, to, voice) in directions {
        in_real_time(&format!("{from} to {to}"), || {
            let recording = pulse.record(to);
            let status = pulse.say(from, &speech::file(voice)).wait_within(PLAYING);
            assert!(status.success(), "{}", pulse.report());
            // The player ends with the last sample; the silence at the end of
            // the speech covers the delay of the call.
            let heard = recording.stop();
            let result = compare(&speech::samples(voice), &heard, speech::RATE);
            eprintln!("{from} to {to}: {result}");
            result.within(&THROUGH_DEVICES)
        });
    }
    alice.must("hangup", json!({"call": answer["call"]}));
    alice.call_state("ended");
    bob.call_state("ended");
}
