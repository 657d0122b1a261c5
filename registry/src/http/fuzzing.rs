//! What requests bring, for the fuzzer.

use super::{body, call, static_files};
use crate::limits;

/// The body of a request to any route.
pub fn request_body(content_type: &str, bytes: &[u8]) {
    let fields = || body::parse(content_type, bytes).unwrap_or_default();
    let _register = fields().register();
    let _session = fields().session();
    let _resume = fields().resume();
    let _password = fields().password_change();
    let _email = fields().email_change();
    let _account = fields().account_change();
    let _lookups = fields().lookups();
    let _username = fields().username();
    let _proof = fields().proof();
    let _command = body::command(content_type, bytes);
}

/// The query of a request, and its path below `/static/`: names that lead
/// nowhere but down.
///
/// # Panics
/// When one leads elsewhere.
pub fn request_line(text: &str) {
    let _pairs = call::pairs(text);
    let Some(names) = static_files::names(text) else {
        return;
    };
    assert!(names.len() <= limits::STATIC_DEPTH);
    for name in names {
        assert!(!name.is_empty() && !name.starts_with('.'));
        assert!(!name.contains(['/', '\\', '\0']));
    }
}
