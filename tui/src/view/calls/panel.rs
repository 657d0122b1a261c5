//! The call in the panel beside the conversation.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use twocan_peer::api::Activation;

use super::super::call_log::recent;
use super::super::draw::{self, line, put_all, span};
use super::super::theme::Theme;
use super::super::wrap;
use super::meters::{meter, sparkline};
use super::{activation_words, deafen_word, mute_word, quality_word, state_words, talk_word};
use crate::app::State;
use crate::app::audio::Side;
use crate::app::calls::{CallView, Series, duration};
use crate::input::action::Action;

/// Cells of what a number means.
const LABEL: usize = 9;
/// Cells of a number.
const NUMBER: usize = 9;

/// Draws the panel into `area`.
pub(crate) fn draw(state: &State, call: &CallView, theme: Theme, buf: &mut Buffer, area: Rect) {
    let cells = usize::from(area.width);
    let mut rows = head(state, call, theme, cells);
    rows.extend(alarms(call, theme, cells));
    rows.extend(bars(state, call, theme, cells));
    rows.push(Line::default());
    rows.extend(measurements(call, theme, cells));
    rows.push(Line::default());
    rows.extend(controls(state, call, theme, cells));
    rows.push(Line::default());
    rows.extend(keys(state, call, theme));
    rows.extend(recent(state, call.call.contact, theme, cells));
    put_all(buf, area, &rows);
}

fn head(state: &State, call: &CallView, theme: Theme, cells: usize) -> Vec<Line<'static>> {
    let name = state.name_of(call.call.contact);
    let time = duration(call.seconds(state.now));
    let room = cells.saturating_sub(7 + time.len());
    vec![
        Line::from(vec![
            span("CALL  ", theme.heading()),
            span(
                wrap::fit(&name, room, theme.signs.cut),
                theme.name(call.call.contact),
            ),
            span(format!(" {time}"), theme.heading()),
        ]),
        line(
            format!("{} {}", theme.signs.online, state_words(call, theme)),
            theme.good(),
        ),
        Line::default(),
    ]
}

/// What needs attention, above everything that only informs.
fn alarms(call: &CallView, theme: Theme, cells: usize) -> Vec<Line<'static>> {
    let mut rows = Vec::new();
    for alarm in call.alarms() {
        let text = format!("! {alarm}");
        rows.extend(draw::paragraph(&text, cells, "", theme.bad()));
    }
    if !rows.is_empty() {
        rows.push(Line::default());
    }
    rows
}

fn bars(state: &State, call: &CallView, theme: Theme, cells: usize) -> Vec<Line<'static>> {
    let name = state.name_of(call.call.contact);
    let bar = cells.saturating_sub(20).clamp(4, 14);
    [("you", call.mic), (name.as_str(), call.speaker)]
        .into_iter()
        .map(|(who, level)| {
            let who = wrap::fit(who, 6, theme.signs.cut);
            let mut spans = vec![span(format!("{who} "), theme.text())];
            spans.extend(meter(level, bar, theme));
            let number = format!(" {:>3.0} {}", level.level, level.word());
            spans.push(span(number, theme.text()));
            Line::from(spans)
        })
        .collect()
}

/// Measured values with the last minute beside some of them.
fn measurements(call: &CallView, theme: Theme, cells: usize) -> Vec<Line<'static>> {
    let Some(stats) = &call.stats else {
        let text = if call.connected_at.is_some() {
            "measuring"
        } else {
            "no sound yet: your microphone is off"
        };
        return draw::paragraph(text, cells, "", theme.dim());
    };
    let percent = |share: f32| format!("{:.1} %", share * 100.0);
    let rtt = stats
        .rtt_ms
        .map_or_else(|| "-".to_owned(), |ms| format!("{ms:.0} ms"));
    let rows: [(&str, String, &Series, f32); 4] = [
        ("rtt", rtt, &call.rtt, 400.0),
        ("loss", percent(stats.loss), &call.loss, 10.0),
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
    let spark = cells.saturating_sub(LABEL + NUMBER);
    let mut lines: Vec<_> = rows
        .into_iter()
        .map(|(label, value, series, most)| {
            let value = format!("{value:<NUMBER$}");
            with_label(label, &value, theme, sparkline(series, spark, most, theme))
        })
        .collect();
    let plain = |label, value: String| with_label(label, &value, theme, String::new());
    lines.extend([
        plain("repaired", percent(stats.recovered)),
        plain("invented", percent(stats.concealed)),
        plain("buffer", format!("{:.0} ms", stats.buffer_ms)),
        Line::from(vec![
            span(format!("{:<LABEL$}", "quality"), theme.dim()),
            span(quality_word(call), theme.heading()),
            span(format!("  {:.1} of 4.5", stats.quality), theme.dim()),
        ]),
    ]);
    lines
}

fn with_label(label: &str, value: &str, theme: Theme, beside: String) -> Line<'static> {
    Line::from(vec![
        span(format!("{label:<LABEL$}"), theme.dim()),
        span(value, theme.text()),
        span(beside, theme.dim()),
    ])
}

/// What is on and what is off.
fn controls(state: &State, call: &CallView, theme: Theme, cells: usize) -> Vec<Line<'static>> {
    let style = match call.mic_live() {
        true => theme.bad(),
        false => theme.warn(),
    };
    let sound = match call.call.deafened {
        true => "OFF".to_owned(),
        false => format!("ON  volume {} %", call.volume()),
    };
    let when = activation_words(call.call.activation);
    let device = |side| {
        let room = cells.saturating_sub(LABEL);
        let name = match call.lacks(side) {
            true => "none; it is waited for".to_owned(),
            false => state.sound.as_ref()?.name(side),
        };
        let fitted = wrap::truncate(&name, room, theme.signs.cut);
        Some(with_label("", &fitted, theme, String::new()))
    };
    [
        Some(Line::from(vec![
            span(format!("{:<LABEL$}", "mic"), theme.dim()),
            span(call.mic_word().trim_start_matches("MIC "), style),
            span(format!("  {when}"), theme.text()),
        ])),
        device(Side::Microphone),
        Some(with_label("spk", &sound, theme, String::new())),
        device(Side::Loudspeaker),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn keys(state: &State, call: &CallView, theme: Theme) -> Vec<Line<'static>> {
    let mute = state.ways(&[(Action::Mute, mute_word(call))]);
    let deafen = state.ways(&[(Action::Deafen, deafen_word(call))]);
    let mut rows = vec![format!("{mute:<13} {deafen}")];
    if call.call.activation == Activation::PushToTalk {
        rows.push(state.ways(&[(Action::Talk, talk_word(state, call))]));
    }
    rows.push(state.ways(&[(Action::HangUp, "hang up")]));
    rows.push("/volume /audio /stats".to_owned());
    rows.into_iter()
        .map(|text| line(text, theme.dim()))
        .collect()
}
