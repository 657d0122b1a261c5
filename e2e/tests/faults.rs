//! Two clients with a line between them that fails in all the ways lines do,
//! while both talk. In the end both have everything, once and in order, and
//! at no time is anything shown as delivered that is not there.

use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;
use twocan_e2e::headless::{Headless, Profile};
use twocan_e2e::pair::folder;
use twocan_e2e::process::wait_until;
use twocan_e2e::talk::Talk;
use twocan_e2e::wire::{Cut, Weather, Wire};

/// Both may take this long until everything has arrived, once the line is
/// well again: an attempt to connect that began before ends after 10 s.
const SETTLING: Duration = Duration::from_secs(40);
/// A line that carries nothing is noticed in 15 s when something is sent.
const NOTICED: Duration = Duration::from_secs(20);
/// Within this a new link replaces one that is dead without saying so.
const GONE: Duration = Duration::from_secs(10);

/// Two contacts with a line between them, and the folder they live in.
struct Scene {
    talk: Talk,
    wire: Wire,
    alice: Profile,
    _folder: TempDir,
}

impl Scene {
    fn new() -> Self {
        let folder = folder();
        let bob = Profile::new(folder.path(), "bob").accepting().start();
        let wire = Wire::to(bob.listen());
        let mut profile = Profile::new(folder.path(), "alice").accepting();
        // Bob sees where the line's connections come from, and would dial
        // Alice back there, past the line, if she listened there.
        profile.listen = "[::1]:0".to_owned();
        let mut alice = profile.start();
        alice.must("connect", json!({"to": wire.address()}));
        for side in [&alice, &bob] {
            side.event("presence", |event| event["online"] == true);
        }
        Self {
            talk: Talk::new(alice, bob),
            wire,
            alice: profile,
            _folder: folder,
        }
    }

    /// Both talk before, during and after `weather`.
    fn through(&mut self, weather: Weather) {
        self.talk.speak(8);
        self.wire.set(weather);
        self.talk.speak(16);
        self.talk.check_delivered();
    }

    /// Waits for a link that is up.
    fn until_linked(&self) {
        wait_until("a link is up", SETTLING, || {
            [&self.talk.alice, &self.talk.bob].iter().all(|side| {
                let presence = side.client.seen("presence");
                presence.last().is_some_and(|event| event["online"] == true)
            })
        });
    }

    fn until_both_notice(&self) {
        wait_until("both notice that the line is dead", NOTICED, || {
            [&self.talk.alice, &self.talk.bob]
                .iter()
                .all(|side| links_lost(&side.client) > 0)
        });
    }

    fn recover(&mut self) {
        self.talk.check_delivered();
        self.wire.set(Weather::Clear);
        self.talk.speak(8);
        self.talk.settle(SETTLING);
    }
}

/// How often the other was there and then was not.
fn links_lost(client: &Headless) -> usize {
    let presence = client.seen("presence");
    let since_there = presence.iter().skip_while(|event| event["online"] != true);
    since_there.filter(|e| e["online"] == false).count()
}

/// The line is cut again and again, at once and in the middle of what flows.
fn cut_again_and_again(how: Cut) {
    const CUTS: usize = 8;
    let mut scene = Scene::new();
    for round in 0..CUTS {
        scene.until_linked();
        scene.talk.speak(round);
        scene.wire.cut(how);
        scene.talk.speak(3);
        scene.talk.check_delivered();
    }
    scene.recover();
    let lost = links_lost(&scene.talk.alice.client);
    assert!(lost >= CUTS, "{lost} links were lost of {CUTS} cut");
}

#[test]
fn a_line_that_is_closed() {
    cut_again_and_again(Cut::Fin);
}

#[test]
fn a_line_that_is_reset() {
    cut_again_and_again(Cut::Rst);
}

#[test]
fn a_line_that_is_dead_and_does_not_say_so() {
    let mut scene = Scene::new();
    scene.through(Weather::HALF_OPEN);
    scene.until_both_notice();
    scene.recover();
}

#[test]
fn a_line_that_carries_only_forth() {
    let mut scene = Scene::new();
    scene.through(Weather::Swallow {
        forth: false,
        back: true,
    });
    scene.until_both_notice();
    scene.recover();
}

#[test]
fn a_line_that_carries_only_back() {
    let mut scene = Scene::new();
    scene.through(Weather::Swallow {
        forth: true,
        back: false,
    });
    scene.until_both_notice();
    scene.recover();
}

#[test]
fn a_slow_line_is_not_taken_for_a_dead_one() {
    let mut scene = Scene::new();
    scene.wire.set(Weather::Slow {
        rate: 12_000,
        delay: Duration::from_millis(150),
    });
    // 20 s of line in each direction: more than what a dead one is given.
    scene.talk.speak_long(48, 5_000);
    scene.talk.settle(SETTLING);
    assert_eq!(
        links_lost(&scene.talk.alice.client),
        0,
        "a slow line was given up"
    );
    scene.recover();
}

#[test]
fn a_line_that_flips_bits() {
    const BREAKS: usize = 4;
    let mut scene = Scene::new();
    scene.wire.set(Weather::Flip { every: 24_000 });
    // Something new is a reason to connect again at once, which may break too.
    wait_until("flipped bits break links", SETTLING, || {
        scene.talk.speak_long(2, 1_000);
        scene.talk.check_delivered();
        links_lost(&scene.talk.alice.client) >= BREAKS
    });
    scene.recover();
}

#[test]
fn a_line_that_tells_an_end_late() {
    let mut scene = Scene::new();
    scene.talk.speak(8);
    scene.talk.settle(SETTLING);
    scene.wire.set(Weather::LateClose(Duration::from_secs(60)));
    // Alice dies and comes back, and Bob is not told that her link is dead.
    scene.talk.alice.restart(&mut scene.alice);
    let begun = Instant::now();
    scene.talk.speak(8);
    scene.talk.settle(SETTLING);
    assert!(
        begun.elapsed() < GONE,
        "the dead link was waited for: {:?}",
        begun.elapsed()
    );
    scene.recover();
}
