//! A short turn of what `bench chaos` does for ten minutes.

use std::time::Duration;

use twocan_e2e::chaos;
use twocan_e2e::pair::folder;

const LENGTH: Duration = Duration::from_secs(20);
/// Another seed disturbs otherwise.
const SEED: u64 = 20_261_125;

#[test]
fn everything_goes_wrong_and_nothing_is_lost() {
    let folder = folder();
    let report = chaos::run(folder.path(), SEED, LENGTH);
    eprintln!("{report}");
    assert!(report.said > 0 && report.kills > 0, "{report}");
}
