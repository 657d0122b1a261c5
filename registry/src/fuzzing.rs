//! What the fuzzer may reach of the private parts: here only while it builds,
//! and nobody's interface. Each function panics when something does not hold
//! that has to hold for any input.

use crate::{
    bans::{REASON_MAX, Reason, Subject},
    config::Typed,
};

pub use crate::{
    http::fuzzing::{request_body, request_line},
    live::fuzzing::live_frames,
};

/// A configuration: what makes sense becomes one, and the rest is named.
///
/// # Panics
/// When a refusal says nothing.
pub fn config(text: &str) {
    let refused = match Typed::of_text(text, "f").map(Typed::resolve) {
        Ok(Ok(_)) => return,
        Ok(Err(error)) | Err(error) => error,
    };
    assert!(!refused.to_string().is_empty());
}

/// The words of an operator who bans: what is kept is read again in the same
/// way, and is not everybody.
///
/// # Panics
/// When it is not.
pub fn ban(text: &str) {
    for subject in [Subject::address(text).ok(), Subject::network(text).ok()] {
        let Some(Subject::Network(net)) = subject else {
            continue;
        };
        assert!(net.prefix_len() > 0 && net == net.trunc());
        assert_eq!(
            Subject::network(&net.to_string()),
            Ok(Subject::Network(net))
        );
    }
    if let Ok(reason) = text.parse::<Reason>() {
        assert!(String::from(reason).chars().count() <= REASON_MAX);
    }
}
