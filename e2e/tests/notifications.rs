//! Somebody who looks elsewhere is told by the desktop: its service for
//! notifications is one of this test's own, on a bus of its own.

#![cfg(target_os = "linux")]

use std::collections::HashMap;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::time::Duration;

use twocan_e2e::bus::{ADDRESS, Bus};
use twocan_e2e::pair::folder;
use twocan_e2e::person::{enter, free_port, launch, meet, open};
use twocan_e2e::process::Must;
use twocan_e2e::terminal::keys;
use zbus::blocking::{Connection, connection};
use zbus::zvariant::OwnedValue;

/// How long a notification may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a desktop was asked to show.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    program: String,
    title: String,
    body: String,
    /// 1 is usual, 2 stays until it is seen.
    urgency: u8,
}

/// The service of the Desktop Notifications Specification 1.2.
struct Desktop(SyncSender<Shown>);

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Desktop {
    #[expect(clippy::too_many_arguments, reason = "so says the specification")]
    fn notify(
        &self,
        app_name: String,
        _replaces_id: u32,
        _app_icon: &str,
        summary: String,
        body: String,
        _actions: Vec<String>,
        hints: HashMap<String, OwnedValue>,
        _expire_timeout: i32,
    ) -> u32 {
        let urgency = hints
            .get("urgency")
            .and_then(|told| u8::try_from(told).ok());
        let shown = Shown {
            program: app_name,
            title: summary,
            body,
            urgency: urgency.unwrap_or_default(),
        };
        // Whoever does not wait for more has seen enough.
        self.0.send(shown).ok();
        1
    }
}

/// A desktop on a bus of its own, while both exist.
struct Session {
    shown: Receiver<Shown>,
    bus: Bus,
    _service: Connection,
}

impl Session {
    /// None where there is no bus to be had.
    fn start(folder: &Path) -> Option<Self> {
        let bus = Bus::start(folder)?;
        let (tell, shown) = mpsc::sync_channel(16);
        let service = connection::Builder::address(bus.address.as_str())
            .and_then(|service| service.name("org.freedesktop.Notifications"))
            .and_then(|service| service.serve_at("/org/freedesktop/Notifications", Desktop(tell)))
            .and_then(connection::Builder::build)
            .must("serve notifications");
        Some(Self {
            shown,
            bus,
            _service: service,
        })
    }

    fn next(&self) -> Shown {
        self.shown
            .recv_timeout(PATIENCE)
            .must("be told of something")
    }
}

#[test]
fn the_desktop_tells_of_messages_and_calls_and_of_no_more_than_is_wanted() {
    let folder = folder();
    let Some(session) = Session::start(folder.path()) else {
        eprintln!("left out: dbus-daemon is missing");
        return;
    };
    let bus = [(ADDRESS.to_owned(), session.bus.address.clone())];
    let (alice_port, bob_port) = (free_port(), free_port());
    let alice = launch(folder.path(), "alice", alice_port)
        .environment(&bus)
        .start();
    let bob = open(folder.path(), "bob", bob_port);
    meet(&alice, &bob, bob_port);

    // Who looks is told by the screen alone.
    enter(&bob, "/msg alice can you see this?");
    alice.wait_for("can you see this?");
    alice.press(keys::FOCUS_OUT);
    enter(&bob, "/msg alice <b>dinner</b> & more");
    let told = Shown {
        program: "twocan".to_owned(),
        title: "bob".to_owned(),
        body: "&lt;b&gt;dinner&lt;/b&gt; &amp; more".to_owned(),
        urgency: 1,
    };
    assert_eq!(session.next(), told);

    alice.press(keys::FOCUS_IN);
    enter(&alice, "/set notify.content off");
    alice.wait_for("notify.content = false");
    alice.press(keys::FOCUS_OUT);
    enter(&bob, "/call alice");
    let told = Shown {
        program: "twocan".to_owned(),
        title: "twocan".to_owned(),
        body: "somebody is calling".to_owned(),
        urgency: 2,
    };
    assert_eq!(session.next(), told);
}
