//! Two clients that have become contacts: where most tests begin.

use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use crate::headless::{Headless, Profile, text};
use crate::process::Must;

/// A folder of a test, gone afterwards.
///
/// # Panics
/// If it cannot be made.
#[must_use]
pub fn folder() -> TempDir {
    tempfile::Builder::new()
        .prefix("twocan-e2e")
        .tempdir()
        .must("make a folder for a test")
}

/// Two running clients with what they are started from.
#[derive(Debug)]
pub struct Pair {
    /// The side that connects.
    pub alice: Headless,
    /// The side that is connected to.
    pub bob: Headless,
    /// What `alice` was started with.
    pub alice_profile: Profile,
    /// What `bob` was started with.
    pub bob_profile: Profile,
}

impl Pair {
    /// Two new profiles in `folder` that have become contacts by address.
    ///
    /// # Panics
    /// If they cannot.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        let profile = |name| Profile::new(folder, name).accepting();
        Self::from(profile("alice"), profile("bob"))
    }

    /// Starts both profiles and connects the first to the second; the second
    /// has to accept by itself.
    ///
    /// # Panics
    /// If they do not become contacts.
    #[must_use]
    pub fn from(mut alice_profile: Profile, mut bob_profile: Profile) -> Self {
        let bob = bob_profile.start();
        let mut alice = alice_profile.start();
        connect(&mut alice, &bob);
        Self {
            alice,
            bob,
            alice_profile,
            bob_profile,
        }
    }
}

/// Connects one client to another by address and waits until both see the
/// other online.
///
/// # Panics
/// If they do not.
#[track_caller]
pub fn connect(from: &mut Headless, to: &Headless) {
    let answer = from.must("connect", json!({"to": to.listen()}));
    assert_eq!(
        text(&answer, "peer_id"),
        to.peer_id(),
        "connected to somebody else"
    );
    from.event("presence", |event| event["online"] == true);
    to.event("presence", |event| event["online"] == true);
}
