//! Datagrams at the registry's UDP port, and those that come back: nothing
//! that the key did not write is believed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use twocan_proto::heartbeat::{Alive, HeartbeatKey, Seen};

fuzz_target!(|datagram: &[u8]| {
    let key = HeartbeatKey::new([7; 32]);
    if let Some(claimed) = Alive::recognise(datagram)
        && let Some(alive) = claimed.prove(&key)
    {
        assert_eq!(alive.encode(&key), datagram);
    }
    if let Some(seen) = Seen::decode(datagram, &key) {
        assert_eq!(seen.encode(&key), datagram);
    }
});
