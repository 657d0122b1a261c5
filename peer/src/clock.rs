//! The calendar clock, read in one place.

use std::time::{SystemTime, UNIX_EPOCH};

use twocan_proto::time::Timestamp;

/// The time now. A machine whose clock is before 1970 gets 1970.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
