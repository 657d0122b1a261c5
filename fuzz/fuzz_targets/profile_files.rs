//! Files that somebody may have put in the place of a profile's: the vault, a
//! backup, an export to be read back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use twocan_peer::fuzzing;
use twocan_proto::identity::Identity;

fuzz_target!(|bytes: &[u8]| {
    fuzzing::vault_file(bytes);
    fuzzing::backup_file(bytes);
    fuzzing::exported_file(bytes, Identity::from_seed(&[1; 32]).peer_id());
});
