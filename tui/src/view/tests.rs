//! The screens as they look, at each size; and what holds at all sizes.

mod scenes;

use std::fmt::Write;

use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::{CrosstermBackend, TestBackend};
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use ratatui::{Frame, TerminalOptions, Viewport};
use twocan_peer::api::{Event, MessageState};

use self::scenes::{SCENES, Scene, after, press};
use super::layout::{Layout, layout};
use super::screen;
use crate::app::msg::Msg;
use crate::app::sample;
use crate::app::update::update;
use crate::app::{Glyphs, Look, State};

const SIZES: [(u16, u16); 5] = [(120, 36), (80, 24), (40, 15), (20, 5), (1, 1)];

/// The state on a terminal.
fn on_screen(state: &State) -> TestBackend {
    let (width, height) = state.size;
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view(state, frame)).unwrap();
    terminal.backend().clone()
}

fn view(state: &State, frame: &mut Frame<'_>) {
    if let Some(cursor) = screen(state, frame.buffer_mut()) {
        frame.set_cursor_position(cursor);
    }
}

fn drawn(state: &State) -> Buffer {
    on_screen(state).buffer().clone()
}

/// The text of each row as the state is drawn.
pub(crate) fn shown(state: &State) -> Vec<String> {
    rows(&drawn(state))
}

/// The text of each row, without the blanks at its end.
fn rows(buffer: &Buffer) -> Vec<String> {
    let mut rows = Vec::new();
    for y in 0..buffer.area.height {
        let mut row = String::new();
        let mut hidden = 0;
        for x in 0..buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            if hidden == 0 {
                row.push_str(symbol);
            }
            hidden = super::wrap::width(symbol).max(hidden).saturating_sub(1);
        }
        rows.push(row.trim_end().to_owned());
    }
    rows
}

/// One scene at all sizes.
fn at_all_sizes(scene: Scene, look: Look) -> String {
    let mut all = String::new();
    for (width, height) in SIZES {
        let shown = rows(&drawn(&scene((width, height), look)));
        writeln!(all, "=== {width}x{height}").unwrap();
        for row in shown {
            writeln!(all, "{row}").unwrap();
        }
    }
    all
}

#[test]
fn every_screen_as_it_looks() {
    for (name, scene) in SCENES {
        insta::assert_snapshot!(*name, at_all_sizes(*scene, Look::default()));
    }
}

/// A style in words, for a picture of styles.
fn in_words(cell: &Cell) -> String {
    let mut words = Vec::new();
    for (modifier, word) in [
        (Modifier::BOLD, "bold"),
        (Modifier::REVERSED, "reverse"),
        (Modifier::UNDERLINED, "underline"),
    ] {
        if cell.modifier.contains(modifier) {
            words.push(word.to_owned());
        }
    }
    if cell.fg != Color::Reset {
        words.push(cell.fg.to_string());
    }
    if cell.bg != Color::Reset {
        words.push(format!("on {}", cell.bg));
    }
    words.join(" ")
}

/// Each run of cells that is not plain: row, first cell, cells, style.
fn styles(buffer: &Buffer) -> String {
    let mut all = String::new();
    let width = usize::from(buffer.area.width).max(1);
    for (y, row) in buffer.content().chunks(width).enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|a, b| in_words(a) == in_words(b)) {
            let style = in_words(&run[0]);
            if !style.is_empty() {
                writeln!(all, "{y}:{x}+{} {style}", run.len()).unwrap();
            }
            x += run.len();
        }
    }
    all
}

/// The same scenes in ASCII at all sizes, and their styles at a size for two
/// panes and one for one, with colours and without.
#[test]
fn every_screen_in_its_other_looks() {
    for (name, scene) in SCENES {
        let ascii = Look {
            glyphs: Glyphs::Ascii,
            ..Look::default()
        };
        let mut all = at_all_sizes(*scene, ascii);
        for (mono, word) in [(false, "colour"), (true, "mono")] {
            let look = Look {
                mono,
                ..Look::default()
            };
            for size in [(80, 24), (40, 15)] {
                writeln!(all, "=== styles {word} {}x{}", size.0, size.1).unwrap();
                all.push_str(&styles(&drawn(&scene(size, look))));
            }
        }
        insta::assert_snapshot!(format!("looks_{name}"), all);
    }
}

/// The most important in one row, where there is only one.
#[test]
fn one_row_says_who_and_whether_the_microphone_is_on() {
    let look = Look::default();
    let row = |state: &State| shown(state).join("|");
    assert_eq!(row(&sample::in_call((29, 1), look)), "MIC LIVE 1:04 Dana");
    assert_eq!(
        row(&sample::busy((29, 1), look)),
        "twocan: 7 unread Bob Ortega"
    );
    assert!(row(&sample::ringing((29, 1), look)).starts_with("CALL Dana ^Xa answer"));
}

#[test]
fn of_what_was_read_the_last_says_so_where_rows_are_short() {
    let mut state = sample::busy((80, 24), Look::default());
    let text = "as long as a row of the screen allows";
    for n in 80..83 {
        let mut message = sample::message(n, true, text);
        message.state = Some(MessageState::Read);
        let event = Msg::Engine(Box::new(Event::Message(message)));
        let now = state.now;
        update(&mut state, now, event);
    }
    let shown = shown(&state);
    let from = shown.iter().position(|row| row.contains(text)).unwrap();
    let ends = |row: &String| row.trim_end_matches(['│', ' ']).to_owned();
    let rows: Vec<_> = shown[from..from + 4].iter().map(ends).collect();
    assert!(rows[0].ends_with("allows   ✓✓"), "{rows:#?}");
    assert!(rows[1].ends_with("allows   ✓✓"), "{rows:#?}");
    assert!(rows[2].ends_with("allows"), "{rows:#?}");
    assert!(rows[3].ends_with("✓✓ read"), "{rows:#?}");
}

#[test]
fn a_notice_without_room_says_that_it_goes_on() {
    let mut state = sample::busy((40, 15), Look::default());
    let text = "word ".repeat(60);
    state.error(text.trim_end());
    let shown = shown(&state);
    let notice: Vec<_> = shown.iter().filter(|row| row.contains("word")).collect();
    let (last, before) = notice.split_last().unwrap();
    assert!(last.ends_with('…'), "{shown:#?}");
    assert!(!before.is_empty(), "{shown:#?}");
    assert!(before.iter().all(|row| !row.contains('…')), "{shown:#?}");
}

#[test]
fn wide_screens_keep_lines_short() {
    let state = sample::busy((300, 100), Look::default());
    let Layout::Panes(panes) = layout(&state) else {
        panic!("no panes")
    };
    assert_eq!(panes.messages.width, 100);
}

#[test]
fn emoji_are_offered_with_their_signs() {
    let scene = |size, look| {
        let mut state = sample::busy(size, look);
        state.draft_mut().replace("well done :cla");
        press(&mut state, "Tab");
        state
    };
    insta::assert_snapshot!("completing_emoji", at_all_sizes(scene, Look::default()));
}

/// The signs beside ASCII that the kernel's own font and all of Debian's for
/// Latin, Greek and Cyrillic have.
const OF_THE_CONSOLE: &str = "─│┌┐└┘░█▼•·■↑↓";

#[test]
fn where_fonts_have_few_signs_no_others_are_drawn() {
    for (glyphs, more) in [(Glyphs::Ascii, ""), (Glyphs::Console, OF_THE_CONSOLE)] {
        let look = Look {
            glyphs,
            ..Look::default()
        };
        for (name, scene) in SCENES {
            for size in SIZES {
                for row in rows(&drawn(&scene(size, look))) {
                    // What people wrote stays as it is.
                    let theirs = [
                        "\u{4f60}\u{597d}",
                        "\u{2764}",
                        "\u{5e9}\u{5dc}\u{5d5}\u{5dd}",
                    ];
                    let ours = theirs
                        .iter()
                        .fold(row.clone(), |row, text| row.replace(text, ""));
                    let has = |c: char| c.is_ascii() || more.contains(c);
                    assert!(ours.chars().all(has), "{glyphs:?} {name} {size:?}: {row}");
                }
            }
        }
    }
}

/// Where the cells stand out without any colour.
fn marked(buffer: &Buffer) -> String {
    let mut all = String::new();
    for y in 0..buffer.area.height {
        for x in 0..buffer.area.width {
            let cell = &buffer[(x, y)];
            all.push(match cell.modifier {
                m if m.contains(Modifier::REVERSED) => 'R',
                m if m.contains(Modifier::BOLD) => 'B',
                _ => ' ',
            });
        }
        all.truncate(all.trim_end_matches(' ').len());
        all.push('\n');
    }
    all
}

#[test]
fn without_colours_selection_and_microphone_stand_out() {
    let look = Look {
        mono: true,
        ..Look::default()
    };
    let browsing = drawn(&after("Esc k k", (80, 24), look));
    let live = drawn(&sample::in_call((80, 24), look));
    for buffer in [&browsing, &live] {
        let plain = |c: &Cell| c.fg == Color::Reset && c.bg == Color::Reset;
        assert!(buffer.content().iter().all(plain), "a colour is left");
    }
    insta::assert_snapshot!("marks_browsing", marked(&browsing));
    insta::assert_snapshot!("marks_in_call", marked(&live));
    let changed = drawn(&sample::changed((80, 24), look));
    let underlined = |c: &&Cell| c.modifier.contains(Modifier::UNDERLINED);
    let code: String = changed
        .content()
        .iter()
        .filter(underlined)
        .map(|c| c.symbol())
        .collect();
    assert_eq!(code, "`cargo test````fn main() {    run();}```");
}

/// What a terminal shows of a state that is written to it.
fn on_a_terminal(state: &State) -> vt100::Parser {
    let (width, height) = state.size;
    let area = ratatui::layout::Rect::new(0, 0, width, height);
    let options = TerminalOptions {
        viewport: Viewport::Fixed(area),
    };
    let mut bytes = Vec::new();
    let mut terminal = Terminal::with_options(CrosstermBackend::new(&mut bytes), options).unwrap();
    terminal.draw(|frame| view(state, frame)).unwrap();
    drop(terminal);
    let cells = |n| std::num::NonZeroU16::new(n).unwrap();
    let mut parser = vt100::Parser::new(cells(height), cells(width), 0);
    parser.process(&bytes);
    parser
}

/// As NO_COLOR makes crossterm write: what it sends must still show reverse.
#[test]
fn no_color_keeps_reverse_on_the_wire() {
    let look = Look {
        mono: true,
        ..Look::default()
    };
    let state = sample::in_call((80, 24), look);
    crossterm::style::force_color_output(false);
    let parser = on_a_terminal(&state);
    crossterm::style::force_color_output(true);
    let shown = parser.screen();
    let last = shown.rows(0, 80).last().unwrap();
    assert!(last.contains("MIC LIVE"), "{last}");
    let column = u16::try_from(last.find("MIC LIVE").unwrap()).unwrap();
    let cell = shown.cell(23, column).unwrap();
    assert!(cell.inverse(), "the live microphone does not stand out");
}

fn glyphs() -> impl Strategy<Value = Glyphs> {
    prop::sample::select(&Glyphs::ALL[..])
}

/// Texts with everything that terminals lay out in their own ways.
fn texts() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[a-z ]{1,12}",
        Just("\u{4f60}\u{597d}".to_owned()),
        Just("e\u{301}\u{323}".to_owned()),
        Just("\u{2764}\u{fe0f}".to_owned()),
        Just("\u{2328}\u{fe0f}".to_owned()),
        Just("\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}".to_owned()),
        Just("\u{1f44d}\u{1f3fd}".to_owned()),
        Just("\u{1f1e9}\u{1f1ea}".to_owned()),
        Just("\u{5e9}\u{5dc}\u{5d5}\u{5dd}".to_owned()),
        Just("\u{645}\u{631}\u{62d}\u{628}\u{627}".to_owned()),
        Just("\u{202e}evil\u{202c}".to_owned()),
        Just("\u{1b}[31mred\u{7}".to_owned()),
        Just("\n".to_owned()),
        Just("https://example.org/\u{e9}".to_owned()),
        "\\PC{0,6}",
    ];
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// What a terminal makes of our bytes is what was meant, cell by cell.
    #[test]
    fn columns_stay_where_they_are(text in texts(), wide: bool, glyphs in glyphs(), mono: bool) {
        let look = Look { glyphs, mono, ..Look::default() };
        let mut state = sample::busy(if wide { (100, 20) } else { (40, 15) }, look);
        // As the engine hands it on.
        let text = twocan_proto::text::multiline(&text);
        // The emulator takes this sign for a mistake of ours.
        let text = text.replace('\u{fffd}', "");
        let message = sample::message(80, false, &text);
        let now = state.now;
        update(&mut state, now, Msg::Engine(Box::new(Event::Message(message))));
        let meant = drawn(&state);
        let parser = on_a_terminal(&state);
        for y in 0..meant.area.height {
            let mut x = 0;
            while x < meant.area.width {
                let symbol = meant[(x, y)].symbol();
                let cells = u16::try_from(super::wrap::width(symbol).max(1)).unwrap();
                let contents = |x| parser.screen().cell(y, x).map_or("", |cell| cell.contents());
                // A flag is one sign of two cells, or two of one.
                let shown: String = (x..x + cells).map(contents).collect();
                let shown = if shown.is_empty() { " ".to_owned() } else { shown };
                prop_assert_eq!(&shown, symbol, "{:?} at {},{}", &text, x, y);
                x += cells;
            }
        }
    }
}

#[test]
fn the_cursor_stands_where_typing_goes() {
    let mut state = sample::busy((80, 24), Look::default());
    for chord in ["h", "i"] {
        press(&mut state, chord);
    }
    let shown = on_screen(&state);
    let (cursor, buffer) = (shown.cursor_position(), shown.buffer());
    assert_eq!(buffer[(cursor.x - 1, cursor.y)].symbol(), "i");
    assert_eq!(buffer[(cursor.x - 2, cursor.y)].symbol(), "h");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_size_is_drawn(width in 0u16..200, height in 0u16..60, glyphs in glyphs(), mono: bool) {
        for (_, scene) in SCENES {
            drawn(&scene((width, height), Look { glyphs, mono, ..Look::default() }));
        }
    }
}
