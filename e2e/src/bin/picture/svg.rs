//! What a terminal shows, as an SVG picture.

use std::fmt::Write;

use vt100::{Cell, Color, Screen};

/// Size of a cell, in units of the picture.
const CELL: (f64, f64) = (8.4, 18.0);
/// Space around the screen.
const MARGIN: f64 = 12.0;
/// From the top of a row to the line that letters stand on.
const BASELINE: f64 = 13.5;
const BACKGROUND: &str = "#14171c";
const FOREGROUND: &str = "#d6dae0";
/// The sixteen colours that a terminal chooses by itself.
const SIXTEEN: [&str; 16] = [
    "#14171c", "#e06c75", "#8cc265", "#d7a65f", "#61a8ef", "#c678dd", "#42b3c2", "#c8ccd4",
    "#7a828e", "#ff8b92", "#a5e075", "#f0c987", "#8cc8ff", "#de9cf0", "#6fd3e0", "#ffffff",
];

/// A blank that nothing that draws the picture leaves out.
const BLANK: &str = "\u{a0}";

/// How some cells beside each other look.
#[derive(Clone, PartialEq, Eq)]
struct Look {
    ink: String,
    paper: Option<String>,
    bold: bool,
    underline: bool,
    dim: bool,
}

impl Look {
    fn of(cell: &Cell) -> Self {
        let ink = colour(cell.fgcolor()).unwrap_or_else(|| FOREGROUND.to_owned());
        let paper = colour(cell.bgcolor());
        let (ink, paper) = match cell.inverse() {
            true => (paper.unwrap_or_else(|| BACKGROUND.to_owned()), Some(ink)),
            false => (ink, paper),
        };
        Self {
            ink,
            paper,
            bold: cell.bold(),
            underline: cell.underline(),
            dim: cell.dim(),
        }
    }
}

fn colour(colour: Color) -> Option<String> {
    match colour {
        Color::Default => None,
        Color::Idx(n) => Some(indexed(n)),
        Color::Rgb(red, green, blue) => Some(format!("#{red:02x}{green:02x}{blue:02x}")),
    }
}

/// A colour of the 256 that terminals number alike: sixteen of their own, a
/// cube of six steps each way, and greys.
fn indexed(n: u8) -> String {
    if let Some(own) = SIXTEEN.get(usize::from(n)) {
        return (*own).to_owned();
    }
    let step = |level: u8| if level == 0 { 0 } else { 55 + 40 * level };
    let [red, green, blue] = match n.checked_sub(232) {
        Some(grey) => [8 + 10 * grey; 3],
        None => {
            let cube = n - 16;
            [cube / 36, cube / 6 % 6, cube % 6].map(step)
        }
    };
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// Draws a screen.
pub(crate) fn draw(screen: &Screen, title: &str) -> String {
    let (rows, columns) = screen.size();
    let (rows, columns) = (rows.get(), columns.get());
    let width = f64::from(columns) * CELL.0 + 2.0 * MARGIN;
    let height = f64::from(rows) * CELL.1 + 2.0 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\">\n\
         <title>{}</title>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n\
         <g font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"14\">\n",
        escaped(title),
    );
    for row in 0..rows {
        draw_row(screen, row, columns, &mut svg);
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

/// Draws the runs of cells of a row that look alike, each at its own column,
/// so that no font can move what follows.
fn draw_row(screen: &Screen, row: u16, columns: u16, svg: &mut String) {
    let mut column = 0;
    while column < columns {
        let Some(look) = screen.cell(row, column).map(Look::of) else {
            return;
        };
        let start = column;
        let mut text = String::new();
        while let Some(cell) = screen.cell(row, column).filter(|c| Look::of(c) == look) {
            if !cell.is_wide_continuation() {
                text.push_str(match cell.contents() {
                    "" | " " => BLANK,
                    shown => shown,
                });
            }
            column += 1;
        }
        run(&text, &look, (start, row, column - start), svg);
    }
}

fn run(text: &str, look: &Look, (column, row, cells): (u16, u16, u16), svg: &mut String) {
    let x = MARGIN + f64::from(column) * CELL.0;
    let y = MARGIN + f64::from(row) * CELL.1;
    let wide = f64::from(cells) * CELL.0;
    if let Some(paper) = &look.paper {
        put(
            svg,
            format_args!(
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{:.1}\" fill=\"{paper}\"/>\n",
                CELL.1
            ),
        );
    }
    if text.chars().all(char::is_whitespace) {
        return;
    }
    let bold = if look.bold {
        " font-weight=\"bold\""
    } else {
        ""
    };
    let line = if look.underline {
        " text-decoration=\"underline\""
    } else {
        ""
    };
    let dim = if look.dim { " opacity=\"0.6\"" } else { "" };
    put(
        svg,
        format_args!(
            "<text x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{wide:.1}\" fill=\"{}\"{bold}{line}{dim}>{}</text>\n",
            y + BASELINE,
            look.ink,
            escaped(text),
        ),
    );
}

fn put(svg: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _written = svg.write_fmt(text);
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
