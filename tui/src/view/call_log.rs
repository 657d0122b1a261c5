//! The log of calls: over the conversation, and in a few lines of each
//! person's details.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use twocan_peer::api::LoggedCall;
use twocan_proto::identity::PeerId;

use super::draw::{rule, span, time};
use super::theme::Theme;
use super::window::{head, picker, window};
use super::wrap;
use crate::app::State;
use crate::app::calls::{Quality, duration};
use crate::input::action::Action;

/// Calls in the details of a person.
const RECENT: usize = 3;

/// The SIP response code (RFC 3261, 21.6.2) of a call that we did not want.
const DECLINED: u16 = 603;

/// Draws the log.
pub(super) fn draw(state: &State, selected: usize, theme: Theme, buf: &mut Buffer, room: Rect) {
    let inner = window(
        buf,
        theme,
        room,
        "CALLS",
        "Enter opens  Esc close",
        (78, 22),
    );
    let calls = state.call_log.calls();
    if calls.is_empty() {
        let ways = [(Action::Call, "calls the contact of a conversation")];
        let text = state.with_ways("No calls yet", &ways);
        head(buf, theme, inner, &text);
        return;
    }
    let text = state.ways(&[(Action::Call, "calls, once the conversation is open")]);
    let list = head(buf, theme, inner, &text);
    let line_of = |at: usize, cells: usize| calls.get(at).map(|c| row(state, c, theme, cells));
    picker(buf, theme, list, calls.len(), selected, line_of);
}

fn row(state: &State, call: &LoggedCall, theme: Theme, cells: usize) -> Line<'static> {
    let wide = cells >= 50;
    let pattern = if wide {
        "%d %b %Y %H:%M"
    } else {
        "%d %b %H:%M"
    };
    let at = time(call.started, &state.zone, pattern);
    let name = if wide { 18 } else { 8 };
    let (text, missed) = outcome(call);
    let way = way(call);
    let text = if wide {
        text.as_str()
    } else {
        text.trim_start()
    };
    let room = cells.saturating_sub(wrap::width(&at) + name + 8);
    Line::from(vec![
        span(format!("{at}  "), theme.dim()),
        span(
            wrap::fit(&state.name_of(call.contact), name, theme.signs.cut),
            theme.name(call.contact),
        ),
        span(format!(" {way:<4} "), theme.dim()),
        span(
            wrap::truncate(text, room, theme.signs.cut),
            if missed { theme.warn() } else { theme.text() },
        ),
    ])
}

fn way(call: &LoggedCall) -> &'static str {
    if call.outgoing { "out" } else { "in" }
}

/// What became of a call, and whether we missed it.
fn outcome(call: &LoggedCall) -> (String, bool) {
    match (call.answered, call.ended) {
        (_, None) => ("goes on".to_owned(), false),
        (Some(answered), Some(ended)) => {
            let ms = ended.as_millis() - answered.as_millis();
            let time = duration(u64::try_from(ms / 1000).unwrap_or(0));
            let quality = call.quality.map_or("", |q| Quality::of(q).word());
            (format!("{time:>7}  {quality}"), false)
        }
        (None, Some(_)) if call.outgoing => (
            call.reason
                .clone()
                .unwrap_or_else(|| "not answered".to_owned()),
            false,
        ),
        (None, Some(_)) if call.code == Some(DECLINED) => ("declined".to_owned(), false),
        (None, Some(_)) => ("missed".to_owned(), true),
    }
}

/// The last calls with a person, under a rule; nothing if there were none.
pub(super) fn recent(
    state: &State,
    contact: PeerId,
    theme: Theme,
    cells: usize,
) -> Vec<Line<'static>> {
    let over = state.call_log.with(contact).filter(|c| c.ended.is_some());
    let calls: Vec<_> = over.take(RECENT).collect();
    if calls.is_empty() {
        return Vec::new();
    }
    let mut rows = vec![Line::default(), rule(theme, cells, "calls")];
    for call in calls {
        let (text, missed) = outcome(call);
        let at = time(call.started, &state.zone, "%d %b");
        let room = cells.saturating_sub(13);
        rows.push(Line::from(vec![
            span(format!("{at}  {:<4} ", way(call)), theme.dim()),
            span(
                wrap::truncate(text.trim_start(), room, theme.signs.cut),
                if missed { theme.warn() } else { theme.text() },
            ),
        ]));
    }
    rows
}
