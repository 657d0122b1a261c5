//! Choosing devices, switching what is done to the sound, and the microphone
//! test.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use twocan_peer::api::MicTestPhase;

use super::calls::{activation_words, meter};
use super::draw::{self, line, put_all, span};
use super::marks::Mark;
use super::theme::Theme;
use super::window::{inner_cells, window};
use super::wrap;
use crate::app::State;
use crate::app::audio::{OTHER_LIST, SWITCHES, Side, SoundSetup};

/// Widest that the window becomes.
const WIDTH: u16 = 78;
/// From here on both lists stand beside each other.
const BESIDE: usize = 60;
/// Cells of what stands around and after the bar of a test.
const BESIDE_BAR: usize = 35;
/// Most devices of a list that are shown at once.
const ROWS: usize = 6;

/// Draws the picker.
pub(super) fn draw(
    state: &State,
    (side, selected): (Side, usize),
    theme: Theme,
    buf: &mut Buffer,
    room: Rect,
) {
    let cells = inner_cells(room, WIDTH);
    let mut rows = match &state.sound {
        Some(setup) => {
            let mut rows = lists(setup, side, selected, theme, cells);
            rows.push(Line::default());
            rows.extend(switches(setup, theme, cells));
            rows
        }
        None => vec![line("Looking for devices.", theme.dim()), Line::default()],
    };
    rows.extend(test(state, theme, cells));
    let height = u16::try_from(rows.len() + 2).unwrap_or(u16::MAX);
    let hint = "Tab other list  Enter use  Esc close";
    let inner = window(buf, theme, room, "SOUND", hint, (WIDTH, height));
    put_all(buf, inner, &rows);
}

/// Both lists, or the one that is chosen from where there is room for one.
fn lists(
    setup: &SoundSetup,
    side: Side,
    selected: usize,
    theme: Theme,
    cells: usize,
) -> Vec<Line<'static>> {
    if cells < BESIDE {
        return list(setup, side, Some(selected), theme, cells);
    }
    let half = cells / 2;
    let of = |which| {
        let selected = (which == side).then_some(selected);
        list(setup, which, selected, theme, half)
    };
    let (left, right) = (of(Side::Microphone), of(Side::Loudspeaker));
    let mut right = right.into_iter();
    let count = left.len().max(right.len());
    let left = left.into_iter().chain(std::iter::repeat(Line::default()));
    left.take(count)
        .map(|mut row| {
            let gap = half.saturating_sub(row.width());
            row.spans.push(Span::raw(" ".repeat(gap)));
            row.spans.extend(right.next().unwrap_or_default().spans);
            row
        })
        .collect()
}

fn list(
    setup: &SoundSetup,
    side: Side,
    selected: Option<usize>,
    theme: Theme,
    cells: usize,
) -> Vec<Line<'static>> {
    let style = match selected {
        Some(_) => theme.heading(),
        None => theme.dim(),
    };
    let mut rows = vec![line(side.word(), style)];
    let choices = setup.choices(side);
    let at = selected.map_or(0, |at| at.min(choices.len().saturating_sub(1)));
    let from = (at + 1).saturating_sub(ROWS);
    for (n, choice) in choices.iter().enumerate().skip(from).take(ROWS) {
        let mark = match selected == Some(n) {
            true => theme.signs.chosen,
            false => " ",
        };
        let used = match choice.chosen {
            true => theme.signs.online,
            false => " ",
        };
        let name = wrap::truncate(&choice.name, cells.saturating_sub(5), theme.signs.cut);
        let style = match choice.chosen {
            true => theme.good(),
            false => theme.text(),
        };
        let at = match selected {
            Some(_) => n,
            None => OTHER_LIST + n,
        };
        let clicked = Mark::row(at);
        rows.push(Line::from(vec![
            span(format!("{mark} "), clicked.on(theme.accent())),
            span(format!("{used} {name}"), clicked.on(style)),
        ]));
    }
    rows
}

fn switches(setup: &SoundSetup, theme: Theme, cells: usize) -> Vec<Line<'static>> {
    let mut parts: Vec<(String, String)> = SWITCHES
        .iter()
        .zip(setup.switches)
        .map(|(switch, on)| {
            let mark = if on { "[x]" } else { "[ ]" };
            (switch.key.to_string(), format!(" {} {mark}", switch.word))
        })
        .collect();
    let activation = activation_words(setup.activation);
    parts.push(("a".to_owned(), format!(" microphone {activation}")));
    let mut rows = Vec::new();
    let mut row = Line::default();
    for (key, text) in parts {
        let wide = wrap::width(&key) + wrap::width(&text);
        if row.width() > 0 && row.width() + wide > cells {
            rows.push(std::mem::take(&mut row));
        }
        row.spans.push(span(key, theme.key()));
        row.spans.push(span(format!("{text}   "), theme.text()));
    }
    rows.push(row);
    rows
}

fn test(state: &State, theme: Theme, cells: usize) -> Vec<Line<'static>> {
    let level = state.mic_test.meter;
    let now = state.mic_test.now.as_ref();
    let (word, style) = match now.map(|test| (test.phase, test.at_ms, test.length_ms)) {
        Some((MicTestPhase::Recording, at, length)) => (
            format!("recording {} of {} s", at / 1000, length / 1000),
            theme.bad(),
        ),
        Some((MicTestPhase::Playing, at, length)) => (
            format!("playing {} of {} s", at / 1000, length / 1000),
            theme.good(),
        ),
        _ => (String::new(), theme.dim()),
    };
    let running = state.mic_test.is_running();
    let does = match now.map(|test| test.phase).filter(|_| running) {
        Some(MicTestPhase::Recording) => " plays what was recorded",
        Some(_) => " ends the test",
        None => " records 5 s and plays them back",
    };
    let mut rows = vec![
        Line::default(),
        Line::from(vec![span("t", theme.key()), span(does, theme.text())]),
    ];
    if running {
        let bar = cells.saturating_sub(BESIDE_BAR).clamp(4, 30);
        let mut spans = meter(level, bar, theme);
        spans.push(span(
            format!(" {:>3.0} dB {:<6} ", level.level, level.word()),
            theme.text(),
        ));
        spans.push(span(word, style));
        rows.push(Line::from(spans));
    }
    let text = "Nothing moves? Look at the mute switch of the microphone.";
    rows.extend(draw::paragraph(text, cells, "", theme.dim()));
    rows
}
