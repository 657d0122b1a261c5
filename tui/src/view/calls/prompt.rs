//! A call that rings here: the prompt, and the banner over other screens.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::draw::{line, put, span};
use super::super::marks::Mark;
use super::super::theme::Theme;
use super::super::window::frame;
use super::super::words::{short, trust, trust_word};
use super::super::wrap;
use crate::app::State;
use crate::app::audio::Side;
use crate::app::calls::{CallView, duration};
use crate::input::action::Action;

/// Below so many cells the names of keys are shortened.
const NARROW: u16 = 40;
/// Where there is room for it.
const WITH_A_WORD: &str = "/decline TEXT";

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
        put(buf, area, 1, &buttons(state, theme, area.width));
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
    let warning = wrap::truncate(
        &mic_warning(state),
        usize::from(inner.width),
        theme.signs.cut,
    );
    put(buf, inner, 1, &line(warning, theme.warn()));
    put(buf, inner, 2, &buttons(state, theme, inner.width));
}

/// What answering does, with the microphone by name where we know it.
fn mic_warning(state: &State) -> String {
    let name = state.sound.as_ref().map(|s| s.name(Side::Microphone));
    let name = name.map_or_else(String::new, |name| format!(" ({name})"));
    format!("Answering turns your microphone ON{name}")
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

/// What answers or declines, as keys and as places to click.
fn buttons(state: &State, theme: Theme, width: u16) -> Line<'static> {
    let key = |action| match state.key_of(action) {
        keys if width < NARROW => short(&keys, width),
        keys => keys,
    };
    let key_style = |style| Mark::Key.on(style);
    Line::from(vec![
        span(key(Action::Answer), key_style(theme.heading())),
        span(" answer   ", theme.good().patch(theme.heading())),
        span(key(Action::Decline), key_style(theme.bad())),
        span(" decline   ", theme.bad()),
        span(if width < 54 { "" } else { WITH_A_WORD }, theme.dim()),
    ])
}

/// One row at the top of other screens while somebody calls.
pub(crate) fn banner(state: &State, theme: Theme, buf: &mut Buffer, area: Rect) {
    let Some(call) = state.calls.incoming() else {
        return;
    };
    let key = |action| {
        let keys = short(&state.key_of(action), area.width);
        span(keys, Mark::Key.on(theme.alert()))
    };
    let (answer, decline) = (key(Action::Answer), key(Action::Decline));
    let words = " answer  ".len() + " decline ".len();
    let room = usize::from(area.width).saturating_sub(answer.width() + decline.width() + words);
    let who = format!(" {} is calling:", state.name_of(call.call.contact));
    let who = wrap::fit(
        &who,
        room.saturating_sub(2).min(wrap::width(&who)),
        theme.signs.cut,
    );
    let mut row = Line::from(vec![
        span(format!("{who}  "), theme.alert()),
        answer,
        span(" answer  ", theme.alert()),
        decline,
        span(" decline ", theme.alert()),
    ]);
    let missing = usize::from(area.width).saturating_sub(row.width());
    row.push_span(span(" ".repeat(missing), theme.alert()));
    put(buf, area, 0, &row);
}
