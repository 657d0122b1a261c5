//! Everything that is measured in a call, over the conversation; and a line of
//! each for those who do not read bars.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use twocan_peer::api::CallStats;

use super::super::draw::{self, line, put_all, span};
use super::super::overlays::{inner_cells, window};
use super::super::theme::Theme;
use super::super::wrap;
use super::meters::{meter, sparkline};
use super::{activation_words, quality_word, state_words};
use crate::app::State;
use crate::app::calls::{CallView, Meter, Series, duration};

/// Cells of what a number means.
const LABEL: usize = 13;
/// Cells of a number.
const NUMBER: usize = 10;

/// From here on peaks and what is done with the sound stand beside the bars.
const WIDE: usize = 60;
/// Widest that the overlay becomes.
const WIDTH: u16 = 78;

/// Draws the overlay.
pub(crate) fn draw(state: &State, theme: Theme, buf: &mut Buffer, room: Rect) {
    let cells = inner_cells(room, WIDTH);
    let rows = match state.calls.active() {
        Some(call) => rows(state, call, theme, cells),
        None => vec![line("Not in a call.", theme.dim())],
    };
    let height = u16::try_from(rows.len() + 2).unwrap_or(u16::MAX);
    let inner = window(buf, theme, room, "CALL", "Esc close", (WIDTH, height));
    put_all(buf, inner, &rows);
}

fn rows(state: &State, call: &CallView, theme: Theme, cells: usize) -> Vec<Line<'static>> {
    let name = state.name_of(call.call.contact);
    let time = duration(call.seconds(state.now));
    let mut rows = vec![Line::from(vec![
        span(&name, theme.name(call.call.contact)),
        span(
            format!("  {}  {time}", state_words(call, theme)),
            theme.text(),
        ),
    ])];
    let mic = call.mic_word();
    let volume = match call.call.deafened {
        true => "not played".to_owned(),
        false => format!("volume {} %", call.volume()),
    };
    rows.push(level("you", call.mic, mic, theme, cells));
    rows.push(level(&name, call.speaker, &volume, theme, cells));
    for hint in &call.hints {
        let text = format!("! {}", hint.text());
        rows.extend(draw::paragraph(&text, cells, "", theme.bad()));
    }
    match &call.stats {
        Some(stats) => rows.extend(numbers(call, stats, theme, cells)),
        None => rows.push(line("Nothing is measured yet.", theme.dim())),
    }
    rows
}

/// A meter with what it shows in numbers and in a word.
fn level(name: &str, level: Meter, more: &str, theme: Theme, cells: usize) -> Line<'static> {
    const BEFORE: usize = 10;
    let (db, peak, word) = (level.level, level.peak, level.word());
    let number = match cells >= WIDE {
        true => format!(" {db:>3.0} dB peak {peak:>3.0} {word:<6} {more:<12}"),
        false => format!(" {db:>3.0} dB {word:<6}"),
    };
    let bar = cells
        .saturating_sub(BEFORE + wrap::width(&number))
        .clamp(4, 24);
    let room = cells.saturating_sub(BEFORE + bar);
    let name = wrap::fit(name, BEFORE - 3, theme.signs.cut);
    let mut spans = vec![span(format!("{name} "), theme.text())];
    spans.extend(meter(level, bar, theme));
    spans.push(span(wrap::truncate(&number, room, ""), theme.text()));
    Line::from(spans)
}

/// What a row of numbers shows beside the number: the last minute on a fixed
/// scale, or what the number means.
enum Beside<'a> {
    Minute(&'a Series, f32),
    Words(&'static str),
}

/// What kind of address the sound goes to (RFC 8445 section 4), in words.
fn way(s: &CallStats) -> &'static str {
    match s.candidate.as_deref() {
        Some("host") => "to their own address",
        Some("srflx" | "prflx") => "to the address of their router",
        Some("relay") => "through a relay",
        _ => "",
    }
}

fn numbers(call: &CallView, s: &CallStats, theme: Theme, cells: usize) -> Vec<Line<'static>> {
    use Beside::{Minute, Words};
    let percent = |share: f32| format!("{:.1} %", share * 100.0);
    let ms = |ms: f32| format!("{ms:.0} ms");
    let rate = |kbps: f32| format!("{kbps:.0} kb/s");
    let rows = [
        (
            "round trip",
            s.rtt_ms.map_or_else(|| "-".to_owned(), ms),
            Minute(&call.rtt, 400.0),
        ),
        ("jitter", ms(s.jitter_ms), Minute(&call.jitter, 60.0)),
        (
            "buffer",
            ms(s.buffer_ms),
            Words("waits here, so that jitter is not heard"),
        ),
        ("lost", percent(s.loss), Minute(&call.loss, 10.0)),
        (
            "repaired",
            percent(s.recovered),
            Words("of what is heard, by redundancy"),
        ),
        (
            "invented",
            percent(s.concealed),
            Minute(&call.invented, 10.0),
        ),
        (
            "mouth to ear",
            ms(s.mouth_to_ear_ms),
            Words("estimated, from them to you"),
        ),
        ("received", rate(s.received_kbps), Minute(&call.rate, 64.0)),
        ("sent", rate(s.sent_kbps), Words(way(s))),
    ];
    let beside = cells.saturating_sub(LABEL + NUMBER);
    let mut lines: Vec<_> = rows
        .into_iter()
        .map(|(label, number, more)| {
            let more = match more {
                Minute(series, most) => sparkline(series, beside.min(40), most, theme),
                Words(text) => wrap::truncate(text, beside, theme.signs.cut),
            };
            Line::from(vec![
                span(format!("{label:<LABEL$}"), theme.dim()),
                span(format!("{number:<NUMBER$}"), theme.text()),
                span(more, theme.dim()),
            ])
        })
        .collect();
    lines.push(Line::from(vec![
        span(format!("{:<LABEL$}", "quality"), theme.dim()),
        span(format!("{:<NUMBER$}", quality_word(call)), theme.heading()),
        span(format!("{:.1} of 4.5", s.quality), theme.dim()),
    ]));
    lines.push(Line::from(vec![
        span(format!("{:<LABEL$}", "microphone"), theme.dim()),
        span(
            format!(
                "{}, {}",
                call.mic_word(),
                activation_words(call.call.activation)
            ),
            theme.text(),
        ),
    ]));
    let scale = "Lines show the last minute: 0 to 400 ms, 60 ms, 10 %, 64 kb/s.";
    lines.extend(draw::paragraph(scale, cells, "", theme.dim()));
    lines
}
