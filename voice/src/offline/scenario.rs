//! The networks by which twocan is judged, by name.

use std::time::Duration;

use super::{Bottleneck, Bursts, Line};

/// A network with a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// What it is called.
    pub name: &'static str,
    /// What it does, in each direction.
    pub line: Line,
}

/// All of them, from the best to the worst.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let ms = Duration::from_millis;
    let clean = Line::clean;
    let jitter = |spread: u64| Line {
        delay: ms(30),
        jitter: ms(spread),
        ..clean()
    };
    let loss = |loss: f64| Line { loss, ..clean() };
    let lines = [
        ("clean", clean()),
        ("jitter20", jitter(20)),
        ("jitter40", jitter(40)),
        (
            "jitter40io",
            Line {
                jitter_correlation: 0.9,
                reorder: false,
                ..jitter(40)
            },
        ),
        ("loss5", loss(0.05)),
        ("loss10", loss(0.1)),
        ("loss20", loss(0.2)),
        ("loss30", loss(0.3)),
        (
            "burst20",
            Line {
                bursts: Some(Bursts {
                    share: 0.2,
                    mean: 5.0,
                }),
                ..clean()
            },
        ),
        (
            "rate24",
            Line {
                bottleneck: Some(Bottleneck {
                    bits_per_second: 24_000.0,
                    queue: ms(300),
                }),
                ..clean()
            },
        ),
        (
            // With all repair of 10 % more is sent than fits.
            "loss10rate64",
            Line {
                bottleneck: Some(Bottleneck {
                    bits_per_second: 64_000.0,
                    queue: ms(300),
                }),
                ..loss(0.1)
            },
        ),
        (
            // In a sentence of the reference speech, in both directions.
            "outage2",
            Line {
                outages: vec![(ms(14_500), ms(2_000))],
                ..clean()
            },
        ),
    ];
    lines.map(|(name, line)| Scenario { name, line }).into()
}
