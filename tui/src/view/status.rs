//! The rows that say how things stand: top bar, header of the conversation,
//! notice row, status line.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use twocan_peer::api::{Activation, Contact, Presence};

use super::draw::{clock, line, paragraph, put, put_all, put_ends, rule, span};
use super::layout::{Panes, details_fit_beside};
use super::theme::Theme;
use super::words::{
    level_style, path_word, presence, presence_word, relation_word, short, trust, trust_word,
};
use super::wrap;
use crate::app::calls::duration;
use crate::app::{Focus, State};
use crate::input::action::Action;
use crate::input::complete;

/// Who we are, with whom we speak, what waits, what time it is.
pub(crate) fn top(state: &State, theme: Theme, buf: &mut Buffer, panes: &Panes) {
    let mut right = Vec::new();
    let unread = state.contacts.unread();
    if unread > 0 {
        let words = if panes.single() { "" } else { " unread" };
        right.push(span(format!("{unread}{words}  "), theme.count()));
    } else if let Some(network) = network(state) {
        right.push(span(format!("{network}  "), theme.dim()));
    }
    right.push(span(clock(state.now, &state.zone), theme.text()));
    let left = if panes.single() {
        single_title(state, theme)
    } else {
        title(state, theme)
    };
    let ends = [&left, &Line::from(right)];
    put_ends(buf, panes.top, 0, ends, theme.signs.cut);
}

/// How our registries stand, in a word or two.
fn network(state: &State) -> Option<String> {
    match state.registries_up() {
        (_, 0) => None,
        (up, all) if up == all => Some("registry up".to_owned()),
        (up, all) => Some(format!("{up} of {all} registries up")),
    }
}

fn title(state: &State, theme: Theme) -> Line<'static> {
    let name = state.me.as_ref().map_or("", |m| m.name.as_str());
    let mut spans = vec![
        span("twocan", theme.heading()),
        span(format!("  {name}"), theme.text()),
    ];
    if let Some(word) = state
        .profile
        .as_ref()
        .and_then(|p| own_presence(p.presence))
    {
        spans.push(span(format!(" ({word})"), theme.warn()));
    }
    if !details_fit_beside(state)
        && let Some(contact) = state.open_contact()
    {
        spans.push(Span::raw("   "));
        spans.extend(who(contact, theme, false));
    }
    Line::from(spans)
}

/// Our own presence, when it is not the usual.
fn own_presence(presence: Presence) -> Option<&'static str> {
    match presence {
        Presence::Available => None,
        Presence::Away => Some("away"),
        Presence::DoNotDisturb => Some("do not disturb"),
        Presence::Invisible => Some("invisible"),
    }
}

fn single_title(state: &State, theme: Theme) -> Line<'static> {
    if state.focus == Focus::List {
        return line("Conversations", theme.heading());
    }
    match state.open_contact() {
        Some(contact) => {
            let mut spans = vec![span(format!("{} ", theme.signs.back), theme.dim())];
            spans.extend(who(contact, theme, false));
            Line::from(spans)
        }
        None => line("twocan", theme.heading()),
    }
}

/// A contact's name with presence, path and trust.
fn who(contact: &Contact, theme: Theme, words: bool) -> Vec<Span<'static>> {
    let mut spans = vec![
        span(&contact.alias, theme.name(contact.peer_id)),
        Span::raw(" "),
    ];
    let (sign, style) = presence(contact, theme);
    spans.push(span(sign, style));
    let mut facts = Vec::new();
    if words {
        facts.push(presence_word(contact));
    }
    facts.extend(contact.path.map(path_word));
    facts.extend(relation_word(contact));
    if words {
        facts.push(trust_word(contact.trust));
    }
    if facts.is_empty() && !contact.online {
        facts.push("offline");
    }
    let between = format!(" {} ", theme.signs.between);
    spans.push(span(format!(" {} ", facts.join(&between)), theme.dim()));
    let (sign, style) = trust(contact.trust, theme);
    spans.push(span(sign, style));
    spans
}

/// The conversation's own header, on wide screens.
pub(crate) fn header(state: &State, theme: Theme, buf: &mut Buffer, area: Rect) {
    let spans = match state.open_contact() {
        Some(contact) => who(contact, theme, true),
        None => vec![span("No conversation open", theme.dim())],
    };
    put(buf, area, 0, &Line::from(spans));
    put(buf, area, 1, &rule(theme, usize::from(area.width), ""));
}

/// The rows above the composer: what went wrong, else a hint for what is being
/// typed, else what was just said, else who is typing.
pub(crate) fn notice(state: &State, theme: Theme, buf: &mut Buffer, area: Rect) {
    let cells = usize::from(area.width);
    let cut = |text: &str| wrap::truncate(text, cells, theme.signs.cut);
    if let Some(bad) = state.grave_toast() {
        let style = level_style(bad.level, theme);
        let mut lines = paragraph(&bad.text, cells, "", style);
        let rows = usize::from(area.height);
        if lines.len() > rows
            && let Some(last) = rows.checked_sub(1)
        {
            let rest: Vec<_> = lines.drain(last..).map(|line| line.to_string()).collect();
            lines.push(line(cut(&rest.join(" ")), style));
        }
        return put_all(buf, area, &lines);
    }
    if let Some(text) = typing_hint(state) {
        put(buf, area, 0, &line(cut(&text), theme.dim()));
        return;
    }
    if let Some(said) = &state.toast {
        // News are no reason to take rows from what people say; /log has them
        // in full.
        let style = level_style(said.level, theme);
        put(buf, area, 0, &line(cut(&said.text), style));
        return;
    }
    let mut left = String::new();
    if let Some(conversation) = state.conversation() {
        if conversation.seeking.is_some() {
            left = format!("Going to the message{}", theme.signs.cut);
        } else if conversation
            .typing_until
            .is_some_and(|until| until > state.now)
            && let Some(id) = state.open
        {
            left = format!("{} is typing{}", state.name_of(id), theme.signs.cut);
        } else if conversation.scroll != crate::app::conversation::Scroll::Bottom {
            let text = format!("{} more below", theme.signs.more_below);
            left = state.with_ways(&text, &[(Action::Newest, "goes to the newest")]);
        }
    }
    put(buf, area, 0, &line(cut(&left), theme.dim()));
}

/// What the command being typed does.
fn typing_hint(state: &State) -> Option<String> {
    if !state.pending.is_empty() {
        return None;
    }
    let text = state.draft().text();
    let editing = state.conversation().is_some_and(|c| c.editing.is_some());
    if let Some(hint) = complete::hint(text).filter(|_| !editing) {
        return Some(hint);
    }
    let lines = text.split('\n').count();
    let ways = [(Action::NewLine, "new line"), (Action::Send, "send")];
    (lines > 1).then(|| state.with_ways(&format!("{lines} lines"), &ways))
}

/// The last row: the call if there is one, then keys that help now.
pub(crate) fn bottom(state: &State, theme: Theme, buf: &mut Buffer, area: Rect) {
    let mut spans = Vec::new();
    if let Some(call) = state.calls.active() {
        let style = if call.mic_live() {
            theme.alert()
        } else {
            theme.warn()
        };
        spans.push(span(format!(" {} ", call.mic_word()), style));
        spans.push(span(
            format!(" {} ", duration(call.seconds(state.now))),
            theme.text(),
        ));
        if let Some(hint) = super::calls::alarm(call) {
            spans.push(span(
                format!("{} ", super::calls::alarm_word(hint)),
                theme.bad(),
            ));
        }
        // On small screens the strip says it, and keys need the room.
        if let Some(quality) = call.quality().filter(|_| area.width >= 60) {
            spans.push(span(format!("{} ", quality.word()), theme.text()));
        }
        spans.push(Span::raw(" "));
    }
    if let Some(mode) = mode(state) {
        spans.push(span(format!(" {mode} "), theme.heading()));
    }
    let mut used: usize = spans.iter().map(Span::width).sum();
    for (keys, what) in hints(state) {
        let (keys, what) = (short(&keys, area.width), format!(" {what}  "));
        used += wrap::width(&keys) + wrap::width(&what);
        // Half a word helps nobody; the blanks at its end may go.
        if used > usize::from(area.width) + 2 {
            break;
        }
        spans.push(span(keys, theme.key()));
        spans.push(span(what, theme.text()));
    }
    put(buf, area, 0, &Line::from(spans));
}

/// The mode of a composer that has some.
fn mode(state: &State) -> Option<&'static str> {
    let writing = state.focus == Focus::Composer && state.overlay.is_none();
    let modal = state.keymap.modal() && writing && state.first_run.is_none();
    modal.then_some(match state.normal_mode {
        true => "NORMAL",
        false => "INSERT",
    })
}

/// Keys that help at this moment, the most useful first.
fn hints(state: &State) -> Vec<(String, &'static str)> {
    let fixed = |hints: &[(&str, &'static str)]| {
        let owned = hints.iter().map(|(keys, what)| ((*keys).to_owned(), *what));
        owned.collect::<Vec<_>>()
    };
    if !state.pending.is_empty() {
        return fixed(&[("Esc", "never mind")]);
    }
    let of = |action: Action, what: &'static str| (state.key_of(action), what);
    let mut hints = if state.calls.incoming().is_some() {
        vec![
            of(Action::Answer, "answer"),
            of(Action::Decline, "decline"),
            of(Action::Help, "help"),
        ]
    } else if state.overlay.is_some() {
        fixed(&[("Esc", "back")])
    } else if let Some(first_run) = &state.first_run {
        fixed(&super::first_run::hints(first_run.step))
    } else if let Some(call) = state.calls.active() {
        let talk = (call.call.activation == Activation::PushToTalk)
            .then(|| of(Action::Talk, super::calls::talk_word(state, call)));
        let mut hints: Vec<_> = talk.into_iter().collect();
        hints.extend([
            of(Action::Mute, super::calls::mute_word(call)),
            of(Action::HangUp, "hang up"),
            of(Action::Deafen, super::calls::deafen_word(call)),
            of(Action::Help, "help"),
        ]);
        hints
    } else {
        hints_of_focus(state)
    };
    // What somebody has unbound has nothing to be told.
    hints.retain(|(keys, _)| !keys.is_empty());
    hints
}

fn hints_of_focus(state: &State) -> Vec<(String, &'static str)> {
    let of = |action: Action, what: &'static str| (state.key_of(action), what);
    let pair = |one: Action, other: Action| {
        let keys = [state.key_of(one), state.key_of(other)];
        (keys.join(" "), "choose")
    };
    match state.focus {
        Focus::Browse => vec![
            pair(Action::SelectDown, Action::SelectUp),
            of(Action::Reply, "reply"),
            of(Action::Edit, "edit"),
            of(Action::React, "react"),
            of(Action::Delete, "delete"),
            of(Action::Copy, "copy"),
            of(Action::MarkStretch, "mark"),
            of(Action::Search, "search"),
            of(Action::Leave, "back to typing"),
            of(Action::Help, "help"),
        ],
        Focus::List => vec![
            pair(Action::ListDown, Action::ListUp),
            of(Action::ListOpen, "open"),
            of(Action::Favourite, "favourite"),
            of(Action::Silence, "silence"),
            of(Action::Verify, "verify"),
            of(Action::Remove, "remove"),
            of(Action::Leave, "back to typing"),
            of(Action::Help, "help"),
        ],
        Focus::Composer => vec![
            of(Action::Help, "help"),
            of(Action::Palette, "commands"),
            of(Action::FocusList, "list"),
            of(Action::NextUnread, "next unread"),
            of(Action::Browse, "browse"),
            of(Action::Search, "search"),
            of(Action::Call, "call"),
        ],
    }
}
