//! Everything that is measured in a call, over the conversation; and a line of
//! each for those who do not read bars.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use twocan_peer::api::CallStats;

use super::super::draw::{self, line, put_all, span};
use super::super::theme::Theme;
use super::super::window::{inner_cells, inner_rows, window};
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
        Some(call) => rows(state, call, theme, (cells, inner_rows(room))),
        None => vec![line("Not in a call.", theme.dim())],
    };
    let height = u16::try_from(rows.len() + 2).unwrap_or(u16::MAX);
    let inner = window(buf, theme, room, "CALL", "Esc close", (WIDTH, height));
    put_all(buf, inner, &rows);
}

fn rows(
    state: &State,
    call: &CallView,
    theme: Theme,
    (cells, height): (usize, usize),
) -> Vec<Line<'static>> {
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
        Some(stats) => {
            let room = height.saturating_sub(rows.len());
            rows.extend(numbers(call, stats, theme, (cells, room)));
        }
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

/// A row of numbers.
struct Row<'a> {
    /// Which rows are left out first where there is not room for all: those
    /// with the largest number.
    rank: u8,
    label: &'static str,
    number: String,
    beside: Beside<'a>,
}

/// What a row of numbers shows beside the number: the last minute on a fixed
/// scale, or what the number means.
enum Beside<'a> {
    Minute(&'a Series, f32),
    Words(String),
}

/// What stands for a number that is not known.
const UNKNOWN: &str = "-";

fn percent(share: f32) -> String {
    format!("{:.1} %", share * 100.0)
}

fn ms(ms: f32) -> String {
    format!("{ms:.0} ms")
}

fn kbps(rate: f32) -> String {
    format!("{rate:.0} kb/s")
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

/// The operating point and the length of what is sent at it.
fn sending(s: &CallStats) -> String {
    let packet = format!("{:.0} ms a packet", s.sent_frame_ms);
    match s.sending.is_empty() {
        true => packet,
        false => format!("{}, {packet}", s.sending),
    }
}

/// What else the other side tells of our packets. An old twocan and other
/// programs tell less.
fn their_end(s: &CallStats) -> String {
    let left = s
        .their_unrepaired
        .map(|share| format!("{} not repaired", percent(share)));
    let run = s.their_burst.and_then(in_a_row);
    let jitter = s
        .their_jitter_ms
        .map(|jitter| format!("jitter {}", ms(jitter)));
    let told: Vec<String> = [left, run, jitter].into_iter().flatten().collect();
    match told.is_empty() {
        true => "of what you send".to_owned(),
        false => told.join(", "),
    }
}

/// How many packets are lost one after another, if any are.
fn in_a_row(burst: f32) -> Option<String> {
    (burst > 0.0).then(|| format!("{burst:.1} in a row"))
}

/// The measurements in their order.
fn measured<'a>(call: &'a CallView, s: &CallStats) -> Vec<Row<'a>> {
    use Beside::{Minute, Words};
    let row = |rank, label, number, beside| Row {
        rank,
        label,
        number,
        beside,
    };
    let words = |text: &str| Words(text.to_owned());
    let unknown = || UNKNOWN.to_owned();
    let rtt = s.rtt_ms.map_or_else(unknown, ms);
    let their_loss = s.their_loss.map_or_else(unknown, percent);
    let runs = in_a_row(s.burst).map_or_else(String::new, |run| format!("lost {run}"));
    vec![
        row(1, "round trip", rtt, Minute(&call.rtt, 400.0)),
        row(6, "jitter", ms(s.jitter_ms), Minute(&call.jitter, 60.0)),
        row(
            9,
            "buffer",
            ms(s.buffer_ms),
            words("waits here, so that jitter is not heard"),
        ),
        row(0, "lost", percent(s.loss), Minute(&call.loss, 10.0)),
        row(
            10,
            "repaired",
            percent(s.recovered),
            words("of what is heard, by redundancy"),
        ),
        row(3, "not repaired", percent(s.unrepaired), Words(runs)),
        row(
            7,
            "invented",
            percent(s.concealed),
            Minute(&call.invented, 10.0),
        ),
        row(
            2,
            "mouth to ear",
            ms(s.mouth_to_ear_ms),
            words("estimated, from them to you"),
        ),
        row(
            8,
            "received",
            kbps(s.received_kbps),
            Minute(&call.rate, 64.0),
        ),
        row(11, "sent", kbps(s.sent_kbps), words(way(s))),
        row(5, "encoder", kbps(s.encoder_kbps), Words(sending(s))),
        row(4, "they lose", their_loss, Words(their_end(s))),
    ]
}

/// The measurements in so many cells and rows, the least important left out.
fn numbers(
    call: &CallView,
    s: &CallStats,
    theme: Theme,
    (cells, height): (usize, usize),
) -> Vec<Line<'static>> {
    let label = |label: &str| span(format!("{label:<LABEL$}"), theme.dim());
    let quality = Line::from(vec![
        label("quality"),
        span(format!("{:<NUMBER$}", quality_word(call)), theme.heading()),
        span(format!("{:.1} of 4.5", s.quality), theme.dim()),
    ]);
    let activation = activation_words(call.call.activation);
    let microphone = Line::from(vec![
        label("microphone"),
        span(format!("{}, {activation}", call.mic_word()), theme.text()),
    ]);
    let scale = "Lines show the last minute: 0 to 400 ms, 60 ms, 10 %, 64 kb/s.";
    let scale = draw::paragraph(scale, cells, "", theme.dim());

    let mut rows = measured(call, s);
    let fitting = height.saturating_sub(1).max(1);
    rows.retain(|row| usize::from(row.rank) < fitting);
    let beside = cells.saturating_sub(LABEL + NUMBER);
    let mut lines: Vec<_> = rows
        .into_iter()
        .map(|row| {
            let more = match row.beside {
                Beside::Minute(series, most) => sparkline(series, beside.min(40), most, theme),
                Beside::Words(text) => wrap::truncate(&text, beside, theme.signs.cut),
            };
            Line::from(vec![
                label(row.label),
                span(format!("{:<NUMBER$}", row.number), theme.text()),
                span(more, theme.dim()),
            ])
        })
        .collect();
    lines.push(quality);
    for more in [vec![microphone], scale] {
        if lines.len() + more.len() <= height {
            lines.extend(more);
        }
    }
    lines
}
