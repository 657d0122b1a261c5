//! Calls: the prompt of an incoming one, the strip, the panel, the banner over
//! other screens.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::draw::{self, frame, line, put, put_all, put_ends, rule, span};
use super::status::{path_word, trust, trust_word};
use super::theme::Theme;
use super::wrap;
use crate::app::State;
use crate::app::calls::{CallView, FLOOR_DB, Meter, Series, duration};

const ANSWER: &str = "Ctrl+X a answer";
const DECLINE: &str = "Ctrl+X r decline";
const MIC_WARNING: &str = "Answering turns your microphone ON";

/// The incoming call, in the conversation's column.
pub(crate) fn ringing(state: &State, theme: Theme, buf: &mut Buffer, area: Rect) {
    let Some(call) = state.calls.incoming() else {
        return;
    };
    if area.height == 0 {
        return;
    }
    let name = state.name_of(call.call.contact);
    let rang = duration(call.seconds(state.now));
    if area.height < 5 {
        let text = wrap::truncate(
            &format!("INCOMING CALL {name} {rang}"),
            usize::from(area.width),
            "",
        );
        put(buf, area, 0, &line(text, theme.alert()));
        put(buf, area, 1, &buttons(theme, area.width));
        return;
    }
    let inner = frame(
        buf,
        theme,
        area,
        "INCOMING CALL",
        &format!("ringing {rang}"),
    );
    put(buf, inner, 0, &Line::from(caller(state, call, theme)));
    put(buf, inner, 1, &line(MIC_WARNING, theme.warn()));
    put(buf, inner, 2, &buttons(theme, inner.width));
}

fn caller(state: &State, call: &CallView, theme: Theme) -> Vec<Span<'static>> {
    let id = call.call.contact;
    let mut spans = vec![span(state.name_of(id), theme.name(id))];
    if let Some(contact) = state.contacts.get(&id) {
        let (sign, style) = trust(contact.trust, theme);
        spans.push(span(
            format!("  {sign} {}", trust_word(contact.trust)),
            style,
        ));
    }
    spans
}

/// The words to answer or decline, as keys and as places to click.
fn buttons(theme: Theme, width: u16) -> Line<'static> {
    let shorten = |text: &str| {
        if width < 40 {
            text.replace("Ctrl+X ", "^X")
        } else {
            text.to_owned()
        }
    };
    Line::from(vec![
        span(shorten(ANSWER), theme.good().patch(theme.heading())),
        Span::raw("   "),
        span(shorten(DECLINE), theme.bad()),
    ])
}

/// What a click on a prompt of this area hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Button {
    Answer,
    Decline,
}

/// The button at a place of the screen, if the prompt in `area` has one there.
pub(crate) fn button_at(area: Rect, column: u16, row: u16) -> Option<Button> {
    let (x, y, width) = match area.height {
        0 => return None,
        1..5 => (area.x, area.y + 1, area.width),
        _ => (area.x + 2, area.y + 3, area.width.saturating_sub(4)),
    };
    let at = usize::from(column.checked_sub(x)?);
    let cells = |text: &str| {
        if width < 40 {
            text.len() - "Ctrl+X ".len() + "^X".len()
        } else {
            text.len()
        }
    };
    let (answer, decline) = (cells(ANSWER), cells(DECLINE));
    if row != y {
        None
    } else if at < answer {
        Some(Button::Answer)
    } else if (answer + 3..answer + 3 + decline).contains(&at) {
        Some(Button::Decline)
    } else {
        None
    }
}

/// One row at the top of other screens while somebody calls.
pub(crate) fn banner(state: &State, theme: Theme, buf: &mut Buffer, area: Rect) {
    let Some(call) = state.calls.incoming() else {
        return;
    };
    let text = format!(
        " {} is calling: {ANSWER}, {DECLINE}",
        state.name_of(call.call.contact)
    );
    let fitted = wrap::fit(&text, usize::from(area.width), theme.signs.cut);
    put(buf, area, 0, &line(fitted, theme.alert()));
}

/// The call in a few rows above the conversation.
pub(crate) fn strip(state: &State, theme: Theme, buf: &mut Buffer, area: Rect) {
    let Some(call) = state.calls.active() else {
        return;
    };
    if area.height == 0 {
        return;
    }
    let name = state.name_of(call.call.contact);
    let cells = usize::from(area.width);
    let time = duration(call.seconds(state.now));
    let head = Line::from(vec![
        span("CALL ", theme.heading()),
        span(&name, theme.name(call.call.contact)),
        span(
            format!(" {time} {}", state_words(call, theme)),
            theme.text(),
        ),
    ]);
    put_ends(
        buf,
        area,
        0,
        &head,
        &line(quality_word(call), theme.heading()),
    );
    if area.height < 5 {
        return;
    }
    let bar = if cells >= 56 {
        18
    } else {
        cells.saturating_sub(20).clamp(4, 14)
    };
    let mic = call.mic_word().trim_start_matches("MIC ");
    let mut you = vec![span(wrap::fit("you ", 8, ""), theme.text())];
    you.extend(meter(call.mic, bar, theme));
    you.push(span(
        format!(" {:>3.0} {mic}", call.mic.level),
        theme.text(),
    ));
    let mut other = vec![
        span(wrap::fit(&name, 7, theme.signs.cut), theme.text()),
        Span::raw(" "),
    ];
    other.extend(meter(call.speaker, bar, theme));
    other.push(span(format!(" {:>3.0}", call.speaker.level), theme.text()));
    let (rtt, loss, short) = numbers(call);
    if cells >= 56 {
        let spark = cells.saturating_sub(8 + bar + 2 + 11 + 14).min(20);
        you.push(span(format!("   {rtt:<10}"), theme.text()));
        you.push(span(sparkline(&call.rtt, spark, 400.0, theme), theme.dim()));
        let missing = 8 + bar + 2 + 10;
        let used: usize = other.iter().map(Span::width).sum();
        other.push(Span::raw(" ".repeat(missing.saturating_sub(used))));
        other.push(span(format!("  {loss:<10}"), theme.text()));
        other.push(span(sparkline(&call.loss, spark, 10.0, theme), theme.dim()));
    }
    put(buf, area, 1, &Line::from(you));
    put(buf, area, 2, &Line::from(other));
    let last = if cells >= 56 {
        short
    } else {
        format!("{rtt} {loss} {short}")
    };
    put(
        buf,
        area,
        3,
        &line(wrap::truncate(&last, cells, theme.signs.cut), theme.dim()),
    );
    put(buf, area, 4, &rule(theme, cells, ""));
}

/// Round trip, loss, and the rest.
fn numbers(call: &CallView) -> (String, String, String) {
    match &call.stats {
        None => (
            "rtt -".to_owned(),
            "loss -".to_owned(),
            "measuring".to_owned(),
        ),
        Some(s) => {
            let rtt = s
                .rtt_ms
                .map_or_else(|| "rtt -".to_owned(), |ms| format!("rtt {ms:.0}ms"));
            let rest = format!("jitter {:.0}ms  {:.0} kb/s", s.jitter_ms, s.received_kbps);
            (rtt, format!("loss {:.1}%", s.loss * 100.0), rest)
        }
    }
}

fn state_words(call: &CallView, theme: Theme) -> String {
    let path = call.call.path.map_or_else(String::new, |p| {
        format!(" {} {}", theme.signs.between, path_word(p))
    });
    format!("{}{path}", call.state_word())
}

fn quality_word(call: &CallView) -> &'static str {
    call.quality()
        .map_or("", super::super::app::calls::Quality::word)
}

/// The call in the panel beside the conversation.
pub(crate) fn panel(
    state: &State,
    call: &CallView,
    theme: Theme,
    cells: usize,
) -> Vec<Line<'static>> {
    let name = state.name_of(call.call.contact);
    let time = duration(call.seconds(state.now));
    let name_room = cells.saturating_sub(7 + time.len());
    let mut lines = vec![
        Line::from(vec![
            span("CALL  ", theme.heading()),
            span(
                wrap::fit(&name, name_room, theme.signs.cut),
                theme.name(call.call.contact),
            ),
            span(format!(" {time}"), theme.heading()),
        ]),
        line(
            format!("{} {}", theme.signs.online, state_words(call, theme)),
            theme.good(),
        ),
        Line::default(),
    ];
    let bar = cells.saturating_sub(20).clamp(4, 14);
    for (who, level) in [("you", call.mic), (name.as_str(), call.speaker)] {
        let mut spans = vec![
            span(wrap::fit(who, 6, theme.signs.cut), theme.text()),
            Span::raw(" "),
        ];
        spans.extend(meter(level, bar, theme));
        spans.push(span(
            format!(" {:>3.0} {}", level.level, level.word()),
            theme.text(),
        ));
        lines.push(Line::from(spans));
    }
    lines.push(Line::default());
    lines.extend(measurements(call, theme, cells));
    lines.push(Line::default());
    let mic = call.mic_word();
    let mic_style = if call.mic_live() {
        theme.bad()
    } else {
        theme.warn()
    };
    lines.push(Line::from(vec![
        span("mic      ", theme.dim()),
        span(mic, mic_style),
    ]));
    let sound = if call.call.deafened {
        "OFF".to_owned()
    } else {
        format!("ON  {} %", call.volume())
    };
    lines.push(Line::from(vec![
        span("speaker  ", theme.dim()),
        span(sound, theme.text()),
    ]));
    lines.push(Line::default());
    let mute = mute_word(call);
    for text in [
        format!("F9 {mute:<10} Ctrl+X d {}", deafen_word(call)).as_str(),
        "Ctrl+X h hang up",
        "/volume /audio /stats",
    ] {
        lines.push(line(text, theme.dim()));
    }
    lines
}

/// What F9 does now.
pub(crate) fn mute_word(call: &CallView) -> &'static str {
    if call.call.muted { "unmute" } else { "mute" }
}

/// What deafening does now.
pub(crate) fn deafen_word(call: &CallView) -> &'static str {
    if call.call.deafened {
        "undeafen"
    } else {
        "deafen"
    }
}

/// Measured values with the last minute beside each.
fn measurements(call: &CallView, theme: Theme, cells: usize) -> Vec<Line<'static>> {
    let Some(stats) = &call.stats else {
        let text = if call.connected_at.is_some() {
            "measuring"
        } else {
            "no sound yet: your microphone is off"
        };
        return draw::paragraph(text, cells, "", theme.dim());
    };
    let rtt = stats
        .rtt_ms
        .map_or_else(|| "-".to_owned(), |ms| format!("{ms:.0} ms"));
    let rows = [
        ("rtt", rtt, &call.rtt, 400.0),
        (
            "loss",
            format!("{:.1} %", stats.loss * 100.0),
            &call.loss,
            10.0,
        ),
        (
            "jitter",
            format!("{:.0} ms", stats.jitter_ms),
            &call.jitter,
            60.0,
        ),
        (
            "rate",
            format!("{:.0} kb/s", stats.received_kbps),
            &call.rate,
            64.0,
        ),
    ];
    let spark = cells.saturating_sub(18);
    let mut lines: Vec<_> = rows
        .into_iter()
        .map(|(label, value, series, most)| {
            Line::from(vec![
                span(format!("{label:<7}"), theme.dim()),
                span(format!("{value:<9} "), theme.text()),
                span(sparkline(series, spark, most, theme), theme.dim()),
            ])
        })
        .collect();
    lines.push(Line::from(vec![
        span("quality ", theme.dim()),
        span(quality_word(call), theme.heading()),
        span(format!("  {:.1} of 4.5", stats.quality), theme.dim()),
    ]));
    lines
}

/// A level meter of `cells` between its edges: -60 to 0 dBFS.
fn meter(meter: Meter, cells: usize, theme: Theme) -> Vec<Span<'static>> {
    let signs = theme.signs;
    let share = |db: f32| ((db - FLOOR_DB) / -FLOOR_DB).clamp(0.0, 1.0);
    let steps = signs.eighths.len();
    let filled = (share(meter.level) * (cells * steps) as f32).round() as usize;
    let peak = (share(meter.peak) * cells as f32).floor() as usize;
    let mut bar = String::new();
    for cell in 0..cells {
        let here = filled.saturating_sub(cell * steps).min(steps);
        bar.push_str(match here {
            0 if cell == peak && meter.peak > FLOOR_DB => signs.peak,
            0 => signs.empty,
            n => signs.eighths.get(n - 1).copied().unwrap_or(signs.empty),
        });
    }
    let style = match meter.level {
        db if db >= -3.0 => theme.bad(),
        db if db >= -9.0 => theme.warn(),
        _ => theme.good(),
    };
    let [left, right] = signs.meter;
    vec![
        span(left, theme.dim()),
        span(bar, style),
        span(right, theme.dim()),
    ]
}

/// The last minute in `cells` cells, on a fixed scale from 0 to `most`.
fn sparkline(series: &Series, cells: usize, most: f32, theme: Theme) -> String {
    let heights = theme.signs.spark;
    let top = heights.len().saturating_sub(1);
    let height = |value: f32| {
        let share = (value / most).clamp(0.0, 1.0);
        heights
            .get((share * top as f32).round() as usize)
            .copied()
            .unwrap_or(" ")
    };
    series.worst(cells).into_iter().map(height).collect()
}

/// `/stats`: the call in words.
pub(crate) fn stats_lines(state: &State) -> Vec<String> {
    let Some(call) = state.calls.active() else {
        return vec!["Not in a call.".to_owned()];
    };
    let mut lines = vec![
        format!(
            "{}, {}",
            state.name_of(call.call.contact),
            call.state_word()
        ),
        format!("duration   {}", duration(call.seconds(state.now))),
        format!(
            "microphone {} ({:.0} dB, {})",
            call.mic_word(),
            call.mic.level,
            call.mic.word()
        ),
    ];
    if let Some(s) = &call.stats {
        let rtt = s
            .rtt_ms
            .map_or_else(|| "not measured yet".to_owned(), |ms| format!("{ms:.1} ms"));
        lines.extend([
            format!("round trip {rtt}"),
            format!("loss       {:.1} % before repair", s.loss * 100.0),
            format!(
                "repaired   {:.1} % by redundancy, {:.1} % invented",
                s.recovered * 100.0,
                s.concealed * 100.0
            ),
            format!(
                "jitter     {:.1} ms, buffer {:.0} ms",
                s.jitter_ms, s.buffer_ms
            ),
            format!(
                "rate       {:.0} kbit/s sent, {:.0} received",
                s.sent_kbps, s.received_kbps
            ),
            format!(
                "quality    {} ({:.1} of 4.5)",
                quality_word(call),
                s.quality
            ),
        ]);
    }
    lines
}

/// Draws the panel into `area`.
pub(crate) fn draw_panel(
    state: &State,
    call: &CallView,
    theme: Theme,
    buf: &mut Buffer,
    area: Rect,
) {
    put_all(
        buf,
        area,
        &panel(state, call, theme, usize::from(area.width)),
    );
}
