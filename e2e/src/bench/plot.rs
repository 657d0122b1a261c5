//! The picture of how calls sound and how late, against how much the network
//! loses: drawn from the measured calls of several programs.

use std::collections::BTreeMap;

use plotters::coord::Shift;
use plotters::prelude::*;
use serde::Deserialize;

/// Width and height of the picture, in pixels.
const SIZE: (u32, u32) = (860, 340);
const TITLE: (&str, u32) = ("sans-serif", 17);
const TEXT: (&str, u32) = ("sans-serif", 13);
/// Colours that stay apart for eyes that see fewer of them (Okabe and Ito).
const COLOURS: [RGBColor; 6] = [
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0x56, 0xb4, 0xe9),
    RGBColor(0x66, 0x66, 0x66),
];

/// Calls that were measured, one entry for each direction.
#[derive(Debug, Deserialize)]
pub struct Calls {
    /// Programs in the order in which they are named, ours first.
    pub programs: Vec<String>,
    /// What was heard.
    pub calls: Vec<Call>,
}

/// What one side heard.
#[derive(Debug, Deserialize)]
pub struct Call {
    /// One of [`Calls::programs`].
    pub program: String,
    /// Random loss in percent, each way.
    pub loss: f64,
    /// Mean PESQ-WB after the first sentence: 1 to 4.64.
    pub pesq: f64,
    /// Mouth to ear in milliseconds.
    pub delay_ms: f64,
}

/// One half of the picture: what it shows of a call, over which range.
struct Panel {
    title: &'static str,
    axis: &'static str,
    range: std::ops::Range<f64>,
    /// Decimals of its labels.
    places: usize,
    /// Names the programs, where there is room.
    names: bool,
    value: fn(&Call) -> f64,
}

const PANELS: [Panel; 2] = [
    Panel {
        title: "Quality of speech",
        axis: "PESQ-WB, more is better",
        range: 1.0..4.7,
        places: 1,
        names: false,
        value: |call| call.pesq,
    },
    Panel {
        title: "Mouth to ear",
        axis: "ms, less is better",
        range: 0.0..400.0,
        places: 0,
        names: true,
        value: |call| call.delay_ms,
    },
];

/// The picture as SVG.
///
/// # Errors
/// If the calls hold no program or no loss, in words.
pub fn draw(calls: &Calls) -> Result<String, String> {
    let most = calls.calls.iter().map(|call| call.loss).fold(0.0, f64::max);
    if calls.programs.is_empty() || most <= 0.0 {
        return Err("no calls with loss to draw: measure some first".to_owned());
    }
    let mut svg = String::new();
    {
        let whole = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        whole.fill(&WHITE).map_err(|error| error.to_string())?;
        for (area, panel) in whole.split_evenly((1, PANELS.len())).iter().zip(&PANELS) {
            half(area, panel, calls, most).map_err(|error| error.to_string())?;
        }
        whole.present().map_err(|error| error.to_string())?;
    }
    // Ends as text files do.
    svg.push('\n');
    Ok(svg)
}

fn half<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    panel: &Panel,
    calls: &Calls,
    most: f64,
) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
    let mut chart = ChartBuilder::on(area)
        .caption(panel.title, TITLE)
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(52)
        .build_cartesian_2d(0.0..most, panel.range.clone())?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .label_style(TEXT)
        .x_desc("packets lost at random, %")
        .y_desc(panel.axis)
        .x_labels(7)
        .x_label_formatter(&|loss| format!("{loss:.0}"))
        .y_label_formatter(&|value| format!("{value:.*}", panel.places))
        .draw()?;
    for (n, name) in calls.programs.iter().enumerate() {
        let style = COLOURS[n % COLOURS.len()].stroke_width(if n == 0 { 3 } else { 2 });
        let line = means(calls, name, panel.value);
        let dots: Vec<_> = line
            .iter()
            .map(|at| Circle::new(*at, 3, style.filled()))
            .collect();
        chart
            .draw_series(LineSeries::new(line, style))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
        chart.draw_series(dots)?;
    }
    if !panel.names {
        return Ok(());
    }
    chart
        .configure_series_labels()
        .label_font(TEXT)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .position(SeriesLabelPosition::LowerRight)
        .draw()
}

/// The mean of all calls of a program at each loss, by loss.
fn means(calls: &Calls, program: &str, value: fn(&Call) -> f64) -> Vec<(f64, f64)> {
    // In tenths of a percent, as a number with a fraction is no key.
    let mut at: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for call in calls.calls.iter().filter(|call| call.program == program) {
        at.entry((call.loss * 10.0).round() as u64)
            .or_default()
            .push(value(call));
    }
    at.into_iter()
        .map(|(loss, values)| {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            (loss as f64 / 10.0, mean)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Must;

    fn call(program: &str, loss: f64, pesq: f64) -> Call {
        let program = program.to_owned();
        Call {
            program,
            loss,
            pesq,
            delay_ms: 100.0,
        }
    }

    fn calls() -> Calls {
        let programs = vec!["ours".to_owned(), "theirs".to_owned()];
        let calls = vec![
            call("ours", 10.0, 4.0),
            call("ours", 10.0, 4.4),
            call("ours", 0.0, 4.5),
            call("theirs", 10.0, 2.0),
        ];
        Calls { programs, calls }
    }

    #[test]
    fn calls_of_one_loss_are_one_point() {
        let line = means(&calls(), "ours", |call| call.pesq);
        assert_eq!(line.len(), 2);
        assert_eq!(line[0], (0.0, 4.5));
        assert!((line[1].1 - 4.2).abs() < 1e-9, "{line:?}");
    }

    #[test]
    fn every_program_is_named() {
        let svg = draw(&calls()).must("draw");
        for name in ["ours", "theirs"] {
            assert_eq!(svg.matches(&format!("{name}\n")).count(), 1, "{name}");
        }
    }

    #[test]
    fn the_picture_in_docs_is_of_the_calls_beside_it() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/bench");
        let read =
            |name: &str| std::fs::read(format!("{folder}/{name}")).must("read a picture's part");
        let calls: Calls = serde_json::from_slice(&read("calls.json")).must("parse the calls");
        let drawn = draw(&calls).must("draw");
        assert!(
            drawn.as_bytes() == read("calls.svg"),
            "docs/bench/calls.svg is stale; renew it: make picture"
        );
    }

    #[test]
    fn nothing_is_no_picture() {
        let none = Calls {
            programs: vec!["ours".to_owned()],
            calls: Vec::new(),
        };
        assert!(draw(&none).is_err());
    }
}
