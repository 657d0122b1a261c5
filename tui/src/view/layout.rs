//! Where everything stands on a screen of a given size. Pure geometry, read by
//! the view to draw and by update() to scroll and to find what was clicked.

use ratatui::layout::Rect;

use super::wrap;
use crate::app::{Focus, State};

/// Below this everything shrinks to one line.
const LEAST: (u16, u16) = (30, 8);
/// From here on the list stands beside the conversation.
const TWO_PANES: u16 = 70;
/// From here on the details stand beside both.
const THREE_PANES: u16 = 110;
/// Text wider than this is hard to read.
const CHAT_CELLS: u16 = 100;
const DETAILS_CELLS: u16 = 34;
/// The composer grows up to this.
const COMPOSER_ROWS: u16 = 8;
/// Files of the conversation that are shown at once below its messages.
const FILE_ROWS: u16 = 3;
/// Rows of what went wrong at most.
const TOAST_ROWS: u16 = 4;
/// What stands before the text in the composer: `> `.
pub(crate) const PROMPT_CELLS: u16 = 2;

/// How the screen is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Too small: one line says the most important.
    Tiny(Rect),
    Panes(Panes),
}

/// The parts of the main view. Parts that are not there have no area.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Panes {
    pub(crate) top: Rect,
    pub(crate) top_rule: Rect,
    pub(crate) list: Rect,
    /// Column between list and conversation.
    pub(crate) list_rule: Rect,
    /// Who the conversation is with, where the top bar does not say it.
    pub(crate) header: Rect,
    /// The prompt of an incoming call.
    pub(crate) ringing: Rect,
    /// The call, where the panel beside has no room.
    pub(crate) strip: Rect,
    pub(crate) messages: Rect,
    /// Files of this conversation that are on their way.
    pub(crate) files: Rect,
    /// One row: toast, hint, or who is typing; more for what went wrong.
    pub(crate) notice: Rect,
    pub(crate) composer_rule: Rect,
    /// One row: the message that is answered or edited.
    pub(crate) subject: Rect,
    pub(crate) composer: Rect,
    pub(crate) details_rule: Rect,
    pub(crate) details: Rect,
    pub(crate) status: Rect,
}

impl Panes {
    /// Whether there is only room for one pane.
    pub(crate) fn single(&self) -> bool {
        self.top.width < TWO_PANES
    }

    /// Where somebody writes: the composer with its subject.
    pub(crate) fn writing(&self) -> Rect {
        self.subject.union(self.composer)
    }

    /// Cells of the text of messages.
    pub(crate) fn message_cells(&self) -> usize {
        usize::from(self.messages.width)
    }

    /// Cells of the text in the composer.
    pub(crate) fn composer_cells(&self) -> usize {
        usize::from(self.composer.width.saturating_sub(PROMPT_CELLS)).max(1)
    }
}

/// Whether the window is wide enough for details beside the conversation.
pub(crate) fn details_fit_beside(state: &State) -> bool {
    state.size.0 >= THREE_PANES
}

/// Divides the screen.
pub(crate) fn layout(state: &State) -> Layout {
    let (width, height) = state.size;
    let screen = Rect::new(0, 0, width, height);
    if width < LEAST.0 || height < LEAST.1 {
        return Layout::Tiny(screen);
    }
    let mut panes = Panes {
        top: row(screen, 0),
        status: row(screen, height - 1),
        ..Panes::default()
    };
    let mut body = Rect::new(0, 1, width, height - 2);
    if height >= 12 && !state.plain_view {
        panes.top_rule = row(screen, 1);
        body = cut_top(&mut body, 1).1;
    }
    let body = split_columns(state, &mut panes, body);
    split_rows(state, &mut panes, body);
    Layout::Panes(panes)
}

fn row(screen: Rect, y: u16) -> Rect {
    Rect::new(screen.x, screen.y + y, screen.width, 1)
}

/// Takes up to `rows` from the top of `area`: the part taken, and the rest.
fn cut_top(area: &mut Rect, rows: u16) -> (Rect, Rect) {
    let rows = rows.min(area.height);
    let taken = Rect {
        height: rows,
        ..*area
    };
    let rest = Rect {
        y: area.y + rows,
        height: area.height - rows,
        ..*area
    };
    *area = rest;
    (taken, rest)
}

/// Sets list and details; returns what is left for the conversation.
fn split_columns(state: &State, panes: &mut Panes, mut body: Rect) -> Rect {
    if state.plain_view {
        body.width = body.width.min(CHAT_CELLS);
        return body;
    }
    if panes.single() {
        if state.focus == Focus::List {
            panes.list = body;
            return Rect { height: 0, ..body };
        }
        return body;
    }
    if state.sidebar || state.focus == Focus::List {
        let cells = if details_fit_beside(state) { 22 } else { 18 };
        panes.list = Rect {
            width: cells,
            ..body
        };
        panes.list_rule = Rect {
            x: body.x + cells,
            width: 1,
            ..body
        };
        body = Rect {
            x: body.x + cells + 2,
            width: body.width - cells - 2,
            ..body
        };
    }
    if details_fit_beside(state) && state.details {
        let x = body.right() - DETAILS_CELLS;
        panes.details = Rect {
            x,
            width: DETAILS_CELLS,
            ..body
        };
        panes.details_rule = Rect {
            x: x - 2,
            width: 1,
            ..body
        };
        body.width -= DETAILS_CELLS + 3;
    }
    body.width = body.width.min(CHAT_CELLS);
    body
}

/// Sets what stands above each other in the conversation's column.
fn split_rows(state: &State, panes: &mut Panes, mut body: Rect) {
    if body.height == 0 {
        return;
    }
    if details_fit_beside(state) && !state.plain_view {
        panes.header = cut_top(&mut body, 2).0;
    }
    let room = body.height;
    if state.calls.incoming().is_some() {
        panes.ringing = cut_top(&mut body, ringing_rows(room, panes.single())).0;
    }
    if state.calls.active().is_some() && panes.details.width == 0 {
        panes.strip = cut_top(&mut body, strip_rows(room)).0;
    }
    let most = COMPOSER_ROWS.min(body.height / 3).max(1);
    let cells = usize::from(body.width.saturating_sub(PROMPT_CELLS)).max(1);
    let wanted = wrap::rows(state.draft().text(), cells).len();
    let composer = u16::try_from(wanted).unwrap_or(most).clamp(1, most);
    let rule = u16::from(room >= 8 && !state.plain_view);
    let has_subject = state
        .conversation()
        .is_some_and(|c| c.editing.is_some() || c.reply_to.is_some());
    let subject = u16::from(has_subject && room >= 6);
    let under = state
        .open
        .map_or(0, |id| state.transfers.under_way(id).count());
    let files = u16::try_from(under).unwrap_or(FILE_ROWS);
    let files = files.min(FILE_ROWS).min(room / 6);
    let notice = notice_rows(state, body);
    let rows = body
        .height
        .saturating_sub(composer + rule + subject + files + notice);
    panes.messages = cut_top(&mut body, rows).0;
    panes.files = cut_top(&mut body, files).0;
    panes.notice = cut_top(&mut body, notice).0;
    panes.composer_rule = cut_top(&mut body, rule).0;
    panes.subject = cut_top(&mut body, subject).0;
    panes.composer = body;
}

/// Nothing that went wrong lies over what people say: the messages move up.
fn notice_rows(state: &State, body: Rect) -> u16 {
    let Some(toast) = state.grave_toast() else {
        return 1;
    };
    let most = TOAST_ROWS.min(body.height / 3).max(1);
    let rows = wrap::rows(&toast.text, usize::from(body.width)).len();
    u16::try_from(rows).unwrap_or(most).clamp(1, most)
}

fn ringing_rows(room: u16, single: bool) -> u16 {
    match (room, single) {
        (0..9, _) => 2,
        (_, true) => 5,
        (_, false) => 5,
    }
}

fn strip_rows(room: u16) -> u16 {
    if room < 11 { 1 } else { 5 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Look, sample};
    use proptest::prelude::*;

    fn panes(width: u16, height: u16) -> Panes {
        let mut state = sample::in_call((width, height), Look::default());
        if let Some(conversation) = state.conversation_mut() {
            conversation.reply_to = Some(sample::uuid(1));
        }
        match layout(&state) {
            Layout::Panes(panes) => panes,
            Layout::Tiny(_) => panic!("tiny"),
        }
    }

    #[test]
    fn panes_by_width() {
        assert!(panes(120, 36).details.width > 0);
        assert_eq!(panes(120, 36).strip.height, 0);
        assert_eq!(panes(109, 36).details.width, 0);
        assert!(panes(70, 24).list.width > 0);
        assert_eq!(panes(69, 24).list.width, 0);
        assert!(matches!(
            layout(&sample::busy((29, 20), Look::default())),
            Layout::Tiny(_)
        ));
    }

    proptest! {
        #[test]
        fn parts_stay_on_the_screen_and_apart(width in 30u16..200, height in 8u16..60) {
            let p = panes(width, height);
            let screen = Rect::new(0, 0, width, height);
            let parts = [p.top, p.top_rule, p.list, p.list_rule, p.header, p.ringing, p.strip,
                p.messages, p.files, p.notice, p.composer_rule, p.subject, p.composer, p.details_rule, p.details, p.status];
            for (i, a) in parts.iter().enumerate() {
                if a.area() == 0 { continue }
                prop_assert_eq!(a.intersection(screen), *a);
                for b in &parts[i + 1..] {
                    prop_assert!(b.area() == 0 || a.intersection(*b).area() == 0, "{:?} {:?}", a, b);
                }
            }
            prop_assert!(p.composer.height >= 1);
        }
    }
}
