//! Exports to be read back, for the fuzzer.

use twocan_proto::identity::PeerId;
use twocan_proto::limits::TEXT_BYTES;

use super::json::{Sink, read};
use crate::api::Exported;

struct Taken(PeerId);

impl Sink for Taken {
    fn me(&self) -> PeerId {
        self.0
    }

    fn message(&mut self, _: PeerId, message: Exported) -> Result<(), String> {
        assert!(message.text.len() <= TEXT_BYTES);
        Ok(())
    }

    fn end_talk(&mut self, _: PeerId) -> Result<(), String> {
        Ok(())
    }
}

/// A file that is said to be an export: no message in it is longer than one that
/// came over a link.
///
/// # Panics
/// When one is.
pub fn exported_file(bytes: &[u8], me: PeerId) {
    let _either = read(bytes, &mut Taken(me));
}
