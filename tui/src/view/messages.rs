//! A conversation's messages as rows. `block` makes the rows of one message,
//! with the separators before it; scrolling counts the same rows.

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use twocan_peer::api::{Message, MessageState};

use super::draw::{clock, day, line, rule, span, time};
use super::theme::Theme;
use super::{markup, wrap};
use crate::app::conversation::{Conversation, Scroll};
use crate::app::{Focus, State, reaction};
use crate::input::action::Action;

/// From this many cells on, time and name stand beside the text.
const BESIDE: usize = 48;
/// Widest column of names.
const NAME_CELLS: usize = 10;
/// Stands before what is marked.
const MARKED: &str = "*";
/// Messages of one person within this time share a name line, where names have
/// lines of their own.
const SAME_BREATH_MS: i64 = 5 * 60_000;

/// What is needed to draw messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Canvas<'a> {
    pub(crate) state: &'a State,
    pub(crate) conversation: &'a Conversation,
    pub(crate) theme: Theme,
    pub(crate) cells: usize,
}

impl<'a> Canvas<'a> {
    /// The open conversation at `cells` wide.
    pub(crate) fn of(state: &'a State, cells: usize) -> Option<Self> {
        let conversation = state.conversation()?;
        Some(Self {
            state,
            conversation,
            theme: Theme::of(state.look),
            cells,
        })
    }

    /// Rows of the message at `index` with the separators before it.
    pub(crate) fn block(&self, index: usize) -> Vec<Line<'static>> {
        let Some(message) = self.conversation.messages().get(index) else {
            return Vec::new();
        };
        let mut rows = self.separators(index, message);
        let joined = rows.is_empty() && self.same_breath(index, message);
        // Terminals that turn such text around turn all of its row.
        let alone = wrap::is_right_to_left(&message.text);
        let mut body = match self.cells >= BESIDE && !alone {
            true => self.beside(message),
            false => self.below(message, joined && !alone),
        };
        let browsing = self.state.focus == Focus::Browse;
        if browsing && self.conversation.is_marked(message.id) {
            self.mark(&mut body);
        }
        if browsing && self.conversation.selected == Some(message.id) {
            for row in &mut body {
                row.style = self.theme.chosen();
                let missing = self.cells.saturating_sub(row.width());
                row.push_span(Span::raw(" ".repeat(missing)));
            }
        }
        rows.append(&mut body);
        rows
    }

    /// A sign in place of the blank that ends the time, or stands for it.
    fn mark(&self, body: &mut [Line<'static>]) {
        let first = body.first_mut().and_then(|row| row.spans.first_mut());
        let Some(first) = first else { return };
        let mut text = first.content.trim_end().to_owned();
        text.push_str(MARKED);
        let missing = first.width().saturating_sub(wrap::width(&text));
        text.push_str(&" ".repeat(missing));
        *first = span(text, self.theme.heading());
    }

    fn before(&self, index: usize) -> Option<&Message> {
        self.conversation.messages().get(index.checked_sub(1)?)
    }

    fn same_breath(&self, index: usize, message: &Message) -> bool {
        self.before(index).is_some_and(|b| {
            let pause = message.sent_at.as_millis() - b.sent_at.as_millis();
            b.from == message.from && (0..SAME_BREATH_MS).contains(&pause)
        })
    }

    /// The day, where it begins, and the line before what is new.
    fn separators(&self, index: usize, message: &Message) -> Vec<Line<'static>> {
        let mut rows = Vec::new();
        let zone = &self.state.zone;
        let today = day(message.sent_at, zone);
        if self
            .before(index)
            .is_none_or(|b| day(b.sent_at, zone) != today)
        {
            let title = time(message.sent_at, zone, "%a %d %b %Y");
            rows.push(rule(self.theme, self.cells, &title));
        }
        if self.conversation.first_unread == Some(message.id) {
            let new = self.conversation.unread_after_marker().max(1);
            let mut marker = rule(self.theme, self.cells, &format!("{new} new"));
            marker.style = self.theme.count();
            rows.push(marker);
        }
        rows
    }

    fn author(&self, message: &Message) -> (String, Style) {
        if message.mine {
            ("you".to_owned(), self.theme.me())
        } else {
            (
                self.state.name_of(message.from),
                self.theme.name(message.from),
            )
        }
    }

    /// `09:14 Bob  text`, with room for ticks at the right.
    fn beside(&self, message: &Message) -> Vec<Line<'static>> {
        let other = self.state.name_of(message.conversation);
        let name_cells = wrap::width(&other).clamp(3, NAME_CELLS);
        let indent = 6 + name_cells + 2;
        let room = self.cells.saturating_sub(indent + 1).max(10);
        let (name, style) = self.author(message);
        let head = vec![
            span(
                format!("{} ", clock(message.sent_at, &self.state.zone)),
                self.theme.dim(),
            ),
            span(wrap::fit(&name, name_cells, self.theme.signs.cut), style),
            span("  ", self.theme.text()),
        ];
        self.body(message, head, indent, room)
    }

    /// Time and name on a line of their own, the text below.
    fn below(&self, message: &Message, joined: bool) -> Vec<Line<'static>> {
        let mut rows = Vec::new();
        if !joined {
            let (name, style) = self.author(message);
            let name = wrap::truncate(&name, self.cells.saturating_sub(6), self.theme.signs.cut);
            let at = clock(message.sent_at, &self.state.zone);
            rows.push(Line::from(vec![
                span(format!("{at} "), self.theme.dim()),
                span(name, style),
            ]));
        }
        let head = vec![span("  ", self.theme.text())];
        let room = self.cells.saturating_sub(3).max(1);
        rows.append(&mut self.body(message, head, 2, room));
        rows
    }

    /// Quote, text, what became of it and reactions, after `head` of `indent`
    /// cells.
    fn body(
        &self,
        message: &Message,
        head: Vec<Span<'static>>,
        indent: usize,
        room: usize,
    ) -> Vec<Line<'static>> {
        let indented = || vec![Span::raw(" ".repeat(indent))];
        let mut head = Some(head);
        let mut rows: Vec<Line<'static>> = Vec::new();
        for mut text in self.texts(message, room) {
            let mut spans = head.take().unwrap_or_else(indented);
            spans.append(&mut text);
            rows.push(Line::from(spans));
        }
        self.add_state(message, &mut rows);
        if !message.reactions.is_empty() {
            let mut spans = indented();
            spans.append(&mut self.reactions(message, room));
            rows.push(Line::from(spans));
        }
        if message.state == Some(MessageState::Failed) {
            let reason = self.conversation.failures.get(&message.id);
            let why = reason.map_or("not sent", String::as_str);
            let why = wrap::truncate(why, room, self.theme.signs.cut);
            rows.push(line(
                format!("{}{why}", " ".repeat(indent)),
                self.theme.bad(),
            ));
        }
        rows
    }

    /// The quoted line and the rows of the text.
    fn texts(&self, message: &Message, room: usize) -> Vec<Vec<Span<'static>>> {
        if message.deleted {
            return vec![vec![span("message deleted", self.theme.dim())]];
        }
        if message.call.is_some() {
            return self.missed_call(message, room);
        }
        let mut texts = Vec::new();
        if let Some(quote) = message.reply_to.map(|id| self.quote(id)) {
            let quote = wrap::truncate(&quote, room, self.theme.signs.cut);
            texts.push(vec![span(quote, self.theme.dim())]);
        }
        let parts = markup::parts(&message.text);
        for row in wrap::rows(&message.text, room) {
            texts.push(markup::spans(&message.text, row, &parts, self.theme));
        }
        texts
    }

    /// The trace of a call that nobody took, as the log of calls shows it, and
    /// how to call back. Its text is for programs that know no better.
    fn missed_call(&self, message: &Message, room: usize) -> Vec<Vec<Span<'static>>> {
        let theme = self.theme;
        let (what, style) = call_trace(message, theme);
        let key = self.state.key_of(Action::Call);
        let hint = match message.mine {
            true => format!("{key} calls again"),
            false => format!("{key} calls back"),
        };
        let cut = |text: &str| wrap::truncate(text, room, theme.signs.cut);
        if wrap::width(what) + 2 + wrap::width(&hint) <= room {
            let hint = span(format!("  {hint}"), theme.dim());
            return vec![vec![span(what, style), hint]];
        }
        vec![
            vec![span(cut(what), style)],
            vec![span(cut(&hint), theme.dim())],
        ]
    }

    /// Puts what became of the message at the right of its last row, or below
    /// it where there is no room.
    fn add_state(&self, message: &Message, rows: &mut Vec<Line<'static>>) {
        if message.deleted {
            return;
        }
        let edited = message
            .edited_at
            .map(|_| span("(edited)", self.theme.dim()));
        let mut state: Vec<Span<'static>> = edited.into_iter().collect();
        let used = rows.last().map_or(self.cells, Line::width);
        if let Some((sign, word, style)) = self.ticks(message) {
            if !state.is_empty() {
                state.push(Span::raw(" "));
            }
            let words = format!("{sign} {word}");
            let others: usize = state.iter().map(Span::width).sum();
            let short = used + 1 + others + wrap::width(&words) > self.cells
                && self.goes_without_saying(message);
            state.push(span(if short { sign } else { &words }, style));
        }
        let cells: usize = state.iter().map(Span::width).sum();
        if cells == 0 {
            return;
        }
        let alone = wrap::is_right_to_left(&message.text);
        if alone || used + 1 + cells > self.cells {
            rows.push(Line::default());
        }
        if let Some(last) = rows.last_mut() {
            let gap = self.cells.saturating_sub(last.width() + cells);
            last.push_span(Span::raw(" ".repeat(gap)));
            last.spans.append(&mut state);
        }
    }

    /// All went well, which the sign says, or what is below says of this one,
    /// too: not worth a row.
    fn goes_without_saying(&self, message: &Message) -> bool {
        match message.state {
            Some(MessageState::Sent | MessageState::Delivered) => true,
            Some(MessageState::Read) => {
                let mut newest_first = self.conversation.messages().iter().rev();
                newest_first
                    .find(|m| m.state == Some(MessageState::Read))
                    .is_some_and(|newest| newest.id != message.id)
            }
            _ => false,
        }
    }

    /// Each reaction with how many chose it; ours says so.
    fn reactions(&self, message: &Message, room: usize) -> Vec<Span<'static>> {
        let me = self.state.me.as_ref().map(|me| me.peer_id);
        let mine = me.and_then(|me| reaction::of(&message.reactions, me));
        let mut spans = Vec::new();
        let mut used = 0;
        for (emoji, count) in reaction::counted(&message.reactions) {
            let shown = self.theme.emoji(emoji);
            let (text, style) = if mine == Some(emoji) {
                (format!("[{shown} {count} you] "), self.theme.heading())
            } else {
                (format!("[{shown} {count}] "), self.theme.dim())
            };
            used += wrap::width(&text);
            if used > room {
                break;
            }
            spans.push(span(text, style));
        }
        spans
    }

    fn quote(&self, id: uuid::Uuid) -> String {
        let sign = self.theme.signs.quote;
        match self.conversation.message(id) {
            Some(quoted) if quoted.deleted => format!("{sign} a deleted message"),
            Some(quoted) if quoted.call.is_some() => {
                let (what, _) = call_trace(quoted, self.theme);
                format!("{sign} {what}")
            }
            Some(quoted) => {
                let (name, _) = self.author(quoted);
                let first = quoted.text.lines().next().unwrap_or_default();
                format!("{sign} {name}: {first}")
            }
            None => format!("{sign} an earlier message, J goes there"),
        }
    }

    /// How far a message of ours has come, as a sign and a word.
    fn ticks(&self, message: &Message) -> Option<(&'static str, &'static str, Style)> {
        let signs = self.theme.signs;
        Some(match message.state? {
            MessageState::Queued => (signs.queued, "queued", self.theme.dim()),
            MessageState::Sent => (signs.sent, "sent", self.theme.dim()),
            MessageState::Delivered => (signs.delivered, "delivered", self.theme.text()),
            MessageState::Read => (signs.delivered, "read", self.theme.read()),
            MessageState::Failed => (signs.failed, "failed", self.theme.bad()),
        })
    }

    /// The row above the oldest message held.
    fn beginning(&self) -> Line<'static> {
        let text = match (
            self.conversation.oldest_loaded,
            self.conversation.messages().is_empty(),
        ) {
            (true, true) => "No messages yet. What you send is kept.",
            (true, false) => "This is where the conversation begins.",
            (false, _) => "Loading earlier messages.",
        };
        line(
            wrap::truncate(text, self.cells, self.theme.signs.cut),
            self.theme.dim(),
        )
    }

    /// The rows on a screen of `height` rows: at the end, the last ones.
    pub(crate) fn visible(&self, height: usize) -> Vec<Line<'static>> {
        match self.conversation.scroll {
            Scroll::Bottom => self.last_rows(height),
            Scroll::At { message, row } => match self.conversation.position(message) {
                Some(index) => self.rows_from(index, row, height),
                None => self.last_rows(height),
            },
        }
    }

    /// The message that is drawn at row `y` of a screen of `height` rows.
    pub(crate) fn message_at(&self, height: usize, y: usize) -> Option<&Message> {
        let anchored = match self.conversation.scroll {
            Scroll::At { message, row } => self.conversation.position(message).map(|at| (at, row)),
            Scroll::Bottom => None,
        };
        let messages = self.conversation.messages();
        let (first, mut row) = match anchored.or_else(|| self.bottom_anchor(height)) {
            Some((first, skipped)) => (first, y + skipped),
            None => {
                // All of them stand at the bottom.
                let all: usize = (0..messages.len()).map(|at| self.block(at).len()).sum();
                (0, y.checked_sub(height.checked_sub(all)?)?)
            }
        };
        for (at, message) in messages.iter().enumerate().skip(first) {
            let rows = self.block(at).len();
            if row < rows {
                return Some(message);
            }
            row -= rows;
        }
        None
    }

    fn last_rows(&self, height: usize) -> Vec<Line<'static>> {
        let mut rows: Vec<Line<'static>> = Vec::new();
        for index in (0..self.conversation.messages().len()).rev() {
            if rows.len() >= height {
                break;
            }
            let mut block = self.block(index);
            block.append(&mut rows);
            rows = block;
        }
        if rows.len() < height {
            rows.insert(0, self.beginning());
        }
        let surplus = rows.len().saturating_sub(height);
        rows.drain(..surplus);
        // Short conversations stand at the bottom, next to the composer.
        let missing = height - rows.len();
        rows.splice(0..0, std::iter::repeat_n(Line::default(), missing));
        rows
    }

    fn rows_from(&self, index: usize, skip: usize, height: usize) -> Vec<Line<'static>> {
        let mut rows = Vec::new();
        for at in index..self.conversation.messages().len() {
            rows.extend(self.block(at));
            if rows.len() >= skip + height {
                break;
            }
        }
        rows.drain(..skip.min(rows.len()));
        rows.truncate(height);
        rows
    }

    /// The anchor of the row that is `up` rows above the last screen's top.
    pub(crate) fn scrolled(&self, from: Scroll, rows: isize, height: usize) -> Scroll {
        let (mut index, mut row) = match from {
            Scroll::Bottom => match self.bottom_anchor(height) {
                Some(anchor) => anchor,
                None => return Scroll::Bottom,
            },
            Scroll::At { message, row } => match self.conversation.position(message) {
                Some(index) => (index, row),
                None => return Scroll::Bottom,
            },
        };
        for _ in 0..rows.unsigned_abs() {
            let moved = if rows < 0 {
                self.row_above(index, row)
            } else {
                self.row_below(index, row)
            };
            let Some(next) = moved else { break };
            (index, row) = next;
        }
        self.settled(index, row, height)
    }

    /// The anchor, or the end if all from there on fits the screen.
    pub(crate) fn settled(&self, index: usize, row: usize, height: usize) -> Scroll {
        if !self.fits(index, row, height)
            && let Some(first) = self.conversation.messages().get(index)
        {
            let message = first.id;
            return Scroll::At { message, row };
        }
        if self.conversation.newest_loaded {
            return Scroll::Bottom;
        }
        // More follows that is not loaded yet: stay at the end of what is.
        let (index, row) = self.bottom_anchor(height).unwrap_or((0, 0));
        match self.conversation.messages().get(index) {
            Some(first) => Scroll::At {
                message: first.id,
                row,
            },
            None => Scroll::Bottom,
        }
    }

    /// Whether all that is loaded from a row of a message on fits the screen.
    pub(crate) fn fits(&self, index: usize, row: usize, height: usize) -> bool {
        let mut below = 0usize;
        (index..self.conversation.messages().len()).all(|at| {
            below += self.block(at).len();
            below <= row + height
        })
    }

    fn row_above(&self, index: usize, row: usize) -> Option<(usize, usize)> {
        if row > 0 {
            return Some((index, row - 1));
        }
        let index = index.checked_sub(1)?;
        Some((index, self.block(index).len().saturating_sub(1)))
    }

    fn row_below(&self, index: usize, row: usize) -> Option<(usize, usize)> {
        if row + 1 < self.block(index).len() {
            return Some((index, row + 1));
        }
        (index + 1 < self.conversation.messages().len()).then_some((index + 1, 0))
    }

    /// Which message and which of its rows stands at the top of the last
    /// screen; `None` if all messages fit.
    pub(crate) fn bottom_anchor(&self, height: usize) -> Option<(usize, usize)> {
        let mut above = 0;
        for index in (0..self.conversation.messages().len()).rev() {
            above += self.block(index).len();
            if above >= height {
                return Some((index, above - height));
            }
        }
        None
    }
}

/// What the trace of a call says: whose it was, and that nobody took it.
fn call_trace(message: &Message, theme: Theme) -> (&'static str, Style) {
    match message.mine {
        true => ("your call was not answered", theme.dim()),
        false => ("missed call", theme.warn()),
    }
}
