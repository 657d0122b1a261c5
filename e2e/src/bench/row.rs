//! One line of the table of results.

use std::fmt;

use serde_json::{Value, json};

use super::{median, quantile};

/// Between which shares of the samples the spread lies.
const SPREAD: [f64; 2] = [0.1, 0.9];

/// One line of the table.
#[derive(Debug)]
pub struct Row {
    what: String,
    ours: f64,
    unit: &'static str,
    spread: Option<[f64; 2]>,
    beside: Option<(&'static str, Option<f64>)>,
}

impl Row {
    /// A figure of ours.
    #[must_use]
    pub fn new(what: &str, ours: f64, unit: &'static str) -> Self {
        Self {
            what: what.to_owned(),
            ours,
            unit,
            spread: None,
            beside: None,
        }
    }

    /// The median of samples of ours, with the tenth and ninetieth of a hundred.
    #[must_use]
    pub fn of(what: &str, samples: &mut [f64], unit: &'static str) -> Self {
        Self {
            spread: Some(SPREAD.map(|share| quantile(samples, share))),
            ..Self::new(what, median(samples), unit)
        }
    }

    /// Puts beside it what `name` reaches, in the same unit; `None` if it is
    /// not installed.
    #[must_use]
    pub fn beside(mut self, name: &'static str, theirs: Option<f64>) -> Self {
        self.beside = Some((name, theirs));
        self
    }

    /// As it is kept: what is not known is left out.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut row = json!({"what": self.what, "value": self.ours, "unit": self.unit});
        if let Some(spread) = self.spread {
            row["spread"] = json!(spread);
        }
        if let Some((name, theirs)) = self.beside {
            row["beside"] = json!({"what": name});
            if let Some(theirs) = theirs {
                row["beside"]["value"] = json!(theirs);
                row["ratio"] = json!(self.ours / theirs);
            }
        }
        row
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ours = Figure(self.ours).to_string();
        write!(f, "{:<44} {ours:>10} {:<4}", self.what, self.unit)?;
        if let Some([low, high]) = self.spread {
            write!(f, " ({} to {})", Figure(low), Figure(high))?;
        }
        match self.beside {
            None => Ok(()),
            Some((name, None)) => write!(f, "  {name}: left out, not installed"),
            Some((name, Some(theirs))) => {
                write!(
                    f,
                    "  {name} {} {}: x {:.2}",
                    Figure(theirs),
                    self.unit,
                    self.ours / theirs
                )
            }
        }
    }
}

/// A number with as many places as it takes to compare it.
struct Figure(f64);

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = if self.0.abs() < 1.0 { 4 } else { 1 };
        write!(f, "{:.places$}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_shows_its_spread_and_ratio() {
        let mut samples: Vec<f64> = (1..=11).map(f64::from).collect();
        let row = Row::of("a look-up", &mut samples, "us").beside("nginx", Some(3.0));
        let text = row.to_string();
        assert!(
            text.ends_with("6.0 us   (2.0 to 10.0)  nginx 3.0 us: x 2.00"),
            "{text}"
        );
        let kept = row.to_json();
        assert_eq!(kept["spread"], json!([2.0, 10.0]));
        assert_eq!(kept["ratio"], json!(2.0));
    }

    #[test]
    fn what_is_not_installed_has_no_ratio() {
        let kept = Row::new("a look-up", 6.0, "us")
            .beside("nginx", None)
            .to_json();
        assert_eq!(kept["beside"], json!({"what": "nginx"}));
        assert!(kept.get("ratio").is_none());
    }
}
