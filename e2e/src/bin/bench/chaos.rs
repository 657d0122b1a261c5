//! Ten minutes in which everything goes wrong.

use twocan_e2e::bench::Row;
use twocan_e2e::chaos;
use twocan_e2e::pair::folder;

/// Names the seconds it takes, and the seed of its disturbances.
const SECONDS: &str = "TWOCAN_CHAOS_SECONDS";
const SEED: &str = "TWOCAN_CHAOS_SEED";

pub(super) fn chaos() -> Vec<Row> {
    let seed = std::env::var(SEED).ok();
    let seed = seed.and_then(|text| text.parse().ok()).unwrap_or(1);
    let folder = folder();
    let report = chaos::run(folder.path(), seed, crate::length(SECONDS));
    eprintln!("chaos, seed {seed}: {report}");
    let messages = report.said as f64;
    vec![
        Row::new("messages in chaos, each there once", messages, ""),
        Row::new("settled after chaos", report.settled.as_secs_f64(), "s"),
    ]
}
