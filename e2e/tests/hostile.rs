//! What arrives at a client's port and is no peer: it is closed, costs
//! nothing, and hinders nobody.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use twocan_e2e::headless::Profile;
use twocan_e2e::pair::{connect, folder};
use twocan_e2e::process::Must;

/// How long a client may let a stranger sit there saying nothing.
const SILENCE_LIMIT: Duration = Duration::from_secs(40);
/// Strangers at the door at once, while an honest peer knocks.
const CROWD: usize = 40;

fn dial(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).must("connect to a client");
    stream
        .set_read_timeout(Some(Duration::from_secs(1)))
        .must("limit a wait");
    stream
}

/// Sends bytes; a client that has closed already is right.
fn send(stream: &mut TcpStream, bytes: &[u8]) {
    drop(stream.write_all(bytes));
}

/// Waits until the other side closes.
fn closed_within(stream: &mut TcpStream, limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    let mut buffer = [0; 4096];
    while Instant::now() < deadline {
        match stream.read(&mut buffer) {
            Ok(0) => return true,
            // An alert of TLS may come before the end.
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return true,
        }
    }
    false
}

/// The record header and the beginning of a TLS client hello that promises
/// more than it sends.
fn half_a_record() -> Vec<u8> {
    let mut bytes = vec![
        0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03,
    ];
    bytes.extend([0x5a; 40]);
    bytes
}

#[test]
fn what_is_no_peer_is_closed_and_an_honest_peer_still_talks() {
    let folder = folder();
    let bob = Profile::new(folder.path(), "bob").accepting().start();
    let address = bob.listen().to_owned();
    let mut rng = StdRng::seed_from_u64(7);

    // Garbage, plain HTTP, and a record longer than TLS allows.
    let mut garbage = vec![0; 4_096];
    rng.fill(&mut garbage[..]);
    let oversized = [&[0x16, 0x03, 0x03, 0xff, 0xff][..], &[0; 70_000]].concat();
    for bytes in [
        &garbage[..],
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        &oversized,
    ] {
        let mut stream = dial(&address);
        send(&mut stream, bytes);
        assert!(
            closed_within(&mut stream, Duration::from_secs(10)),
            "garbage was not closed\n{}",
            bob.report()
        );
    }

    // Many who come and go at once, and many who stay half-way or silent.
    for _ in 0..CROWD {
        drop(dial(&address));
    }
    let mut waiting: Vec<TcpStream> = (0..CROWD).map(|_| dial(&address)).collect();
    for stream in waiting.iter_mut().step_by(2) {
        send(stream, &half_a_record());
    }

    let mut alice = Profile::new(folder.path(), "alice").start();
    connect(&mut alice, &bob);
    alice.must(
        "send",
        json!({"to": bob.peer_id(), "text": "through the crowd"}),
    );
    bob.event("message", |event| event["text"] == "through the crowd");

    for stream in &mut waiting {
        assert!(
            closed_within(stream, SILENCE_LIMIT),
            "a silent stranger was not closed\n{}",
            bob.report()
        );
    }
    alice.must("send", json!({"to": bob.peer_id(), "text": "still here"}));
    bob.event("message", |event| event["text"] == "still here");
    assert!(bob.quit().success());
}
