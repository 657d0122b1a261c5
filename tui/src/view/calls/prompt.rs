//! A call that rings here: the prompt, what of it can be clicked, and the
//! banner over other screens.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::draw::{frame, line, put, span};
use super::super::status::{trust, trust_word};
use super::super::theme::Theme;
use super::super::wrap;
use crate::app::State;
use crate::app::audio::Side;
use crate::app::calls::{CallView, duration};

const ANSWER: &str = "Ctrl+X a answer";
const DECLINE: &str = "Ctrl+X r decline";
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
    let warning = wrap::truncate(
        &mic_warning(state),
        usize::from(inner.width),
        theme.signs.cut,
    );
    put(buf, inner, 1, &line(warning, theme.warn()));
    put(buf, inner, 2, &buttons(theme, inner.width));
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
        Span::raw("   "),
        span(if width < 54 { "" } else { WITH_A_WORD }, theme.dim()),
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
