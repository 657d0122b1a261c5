//! The call in a few rows above the conversation, where there is no room for
//! the panel beside it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::draw::{line, put, put_ends, rule, span};
use super::super::theme::Theme;
use super::super::wrap;
use super::meters::{meter, sparkline};
use super::{quality_word, state_words};
use crate::app::State;
use crate::app::calls::{CallView, Meter, duration};

/// From here on numbers stand beside the bars.
const WIDE: usize = 56;
/// Cells of the name before a bar.
const NAME: usize = 8;
/// From here on there is also room for how loud it is, in a word.
const WIDER: usize = 76;
/// Cells beside a bar: a level and what the microphone does, and in the second
/// place also how loud it is.
const BESIDE: [usize; 2] = [14, 20];
/// Cells of SILENT.
const LONGEST_WORD: usize = 6;
/// Cells of a number beside a bar.
const NUMBER: usize = 13;

/// Draws the strip: one row, or all five.
pub(crate) fn draw(state: &State, theme: Theme, buf: &mut Buffer, area: Rect) {
    let Some(call) = state.calls.active() else {
        return;
    };
    if area.height == 0 {
        return;
    }
    let cells = usize::from(area.width);
    let name = state.name_of(call.call.contact);
    let head = head(state, call, &name, theme);
    let quality = line(quality_word(call), theme.heading());
    put_ends(buf, area, 0, [&head, &quality], theme.signs.cut);
    if area.height < 5 {
        return;
    }
    let [you, other] = bars(call, &name, cells, theme);
    put(buf, area, 1, &you);
    put(buf, area, 2, &other);
    put(buf, area, 3, &last(call, cells, theme));
    put(buf, area, 4, &rule(theme, cells, ""));
}

fn head(state: &State, call: &CallView, name: &str, theme: Theme) -> Line<'static> {
    let time = duration(call.seconds(state.now));
    Line::from(vec![
        span("CALL ", theme.heading()),
        span(name, theme.name(call.call.contact)),
        span(
            format!(" {time} {}", state_words(call, theme)),
            theme.text(),
        ),
    ])
}

/// Both meters, with round trip and loss beside them where they fit.
fn bars(call: &CallView, name: &str, cells: usize, theme: Theme) -> [Line<'static>; 2] {
    let bar = match cells >= WIDE {
        true => 14,
        false => cells.saturating_sub(NAME + 15).clamp(4, 14),
    };
    let mic = call.mic_word().trim_start_matches("MIC ");
    let label = |text: &str| {
        let fitted = wrap::fit(text, NAME - 1, theme.signs.cut);
        span(format!("{fitted} "), theme.text())
    };
    let mut you = vec![label("you")];
    you.extend(meter(call.mic, bar, theme));
    let room = match cells >= WIDE {
        true => NAME + bar + 2 + BESIDE[usize::from(cells >= WIDER)],
        false => cells,
    };
    let level = format!(" {:>3.0} {mic}", call.mic.level);
    you.push(span(level, theme.text()));
    add_word(&mut you, call.mic, room, theme);
    let mut other = vec![label(name)];
    other.extend(meter(call.speaker, bar, theme));
    other.push(span(format!(" {:>3.0}", call.speaker.level), theme.text()));
    add_word(&mut other, call.speaker, room, theme);
    if cells >= WIDE {
        let from = room;
        let spark = cells.saturating_sub(from + NUMBER).min(20);
        let (rtt, loss, ..) = numbers(call);
        for (row, number, series, most) in [
            (&mut you, rtt, &call.rtt, 400.0),
            (&mut other, loss, &call.loss, 10.0),
        ] {
            let used: usize = row.iter().map(Span::width).sum();
            row.push(Span::raw(" ".repeat(from.saturating_sub(used))));
            row.push(span(format!("{number:<NUMBER$}"), theme.text()));
            row.push(span(sparkline(series, spark, most, theme), theme.dim()));
        }
    }
    [Line::from(you), Line::from(other)]
}

/// How loud it is in a word, where there is room for one of any length: it
/// changes often, and nothing is to jump. Without motion, the number is all.
fn add_word(row: &mut Vec<Span<'static>>, meter: Meter, room: usize, theme: Theme) {
    let used: usize = row.iter().map(Span::width).sum();
    if !theme.still && used + 1 + LONGEST_WORD <= room {
        row.push(span(format!(" {}", meter.word()), theme.dim()));
    }
}

/// What needs attention, else the other numbers.
fn last(call: &CallView, cells: usize, theme: Theme) -> Line<'static> {
    let cut = |text: &str| wrap::truncate(text, cells, theme.signs.cut);
    if let Some(alarm) = call.alarms().first() {
        return line(cut(&format!("! {alarm}")), theme.bad());
    }
    let (rtt, loss, long, short) = numbers(call);
    let text = match cells >= WIDE {
        true => long,
        false => format!("{rtt} {loss} {short}"),
    };
    line(cut(&text), theme.dim())
}

/// Round trip, loss, and the rest in many words and in few.
fn numbers(call: &CallView) -> (String, String, String, String) {
    let Some(s) = &call.stats else {
        let measuring = || "measuring".to_owned();
        return (
            "rtt -".to_owned(),
            "loss -".to_owned(),
            measuring(),
            measuring(),
        );
    };
    let rtt = s
        .rtt_ms
        .map_or_else(|| "rtt -".to_owned(), |ms| format!("rtt {ms:.0} ms"));
    let long = format!(
        "jitter {:.0} ms  buffer {:.0} ms  {:.0} kb/s in, {:.0} out",
        s.jitter_ms, s.buffer_ms, s.received_kbps, s.sent_kbps
    );
    let short = format!("jit {:.0} ms {:.0} kb/s", s.jitter_ms, s.received_kbps);
    (rtt, format!("loss {:.1} %", s.loss * 100.0), long, short)
}
