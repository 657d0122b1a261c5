//! What each action does. Keys, commands, palette and clicks all end here.

use twocan_peer::api::NoticeLevel;

use super::super::editor::Editor;
use super::super::effect::Effect;
use super::super::first_run::FirstRun;
use super::super::form::Form;
use super::super::overlay::{Confirm, Confirmed, Overlay, Page};
use super::{
    Effects, calls, completion, compose, days, files, messages, modes, moving, people, pick,
    registries, search, settings,
};
use crate::app::preferences;
use crate::app::{Focus, State};
use crate::input::action::{Action, commands};
use crate::view::layout::details_fit_beside;
use crate::view::theme::palette;

/// Title of the page of findings.
const DOCTOR: &str = "DOCTOR";

/// Does `action`; `args` is what was typed after a command, else empty.
pub(super) fn run(state: &mut State, action: Action, args: &str, out: &mut Effects) {
    match action {
        Action::Send => compose::send(state, out),
        Action::NewLine => compose::insert(state, "\n", out),
        Action::Complete => completion::complete(state, false, out),
        Action::CompleteBack => completion::complete(state, true, out),
        Action::Up => compose::vertical(state, true),
        Action::Down => compose::vertical(state, false),
        Action::EarlierInput => earlier_input(state),
        Action::KillToEnd if state.draft().is_empty() && !state.normal_mode => jump(state),
        Action::Left
        | Action::Right
        | Action::WordLeft
        | Action::WordRight
        | Action::LineStart
        | Action::LineEnd
        | Action::TextStart
        | Action::TextEnd
        | Action::DeleteBack
        | Action::DeleteForward
        | Action::DeleteWordBack
        | Action::DeleteBlankBack
        | Action::DeleteWordForward
        | Action::KillToStart
        | Action::KillToEnd
        | Action::Yank
        | Action::RotateYank
        | Action::Undo
        | Action::Redo => compose::edit(state, action),
        Action::Editor => compose::open_editor(state, out),
        Action::Normal
        | Action::Insert
        | Action::Append
        | Action::InsertAtStart
        | Action::AppendAtEnd
        | Action::OpenBelow
        | Action::NextWord
        | Action::DeleteToNextWord
        | Action::ChangeWord
        | Action::DeleteLine
        | Action::SlashLine => modes::run(state, action),
        Action::ClearDraft => compose::clear_draft(state, out),
        Action::NextChat
        | Action::PreviousChat
        | Action::LastChat
        | Action::NextUnread
        | Action::FirstUnread
        | Action::Chat(_)
        | Action::ScrollUp
        | Action::ScrollDown
        | Action::Oldest
        | Action::Newest
        | Action::Browse
        | Action::Leave
        | Action::SelectUp
        | Action::SelectDown
        | Action::SelectFirst
        | Action::SelectLast
        | Action::FocusList
        | Action::ListUp
        | Action::ListDown
        | Action::ListOpen => moves(state, action, out),
        Action::Mark
        | Action::MarkStretch
        | Action::Copy
        | Action::CopyWithName
        | Action::OpenLink
        | Action::Quote
        | Action::Reply
        | Action::Edit
        | Action::Delete
        | Action::React
        | Action::ToQuoted
        | Action::Revisions => messages::run(state, action, args, out),
        Action::Add
        | Action::Connect
        | Action::Disconnect
        | Action::Accept
        | Action::Reject
        | Action::Block
        | Action::Unblock
        | Action::Remove
        | Action::Alias
        | Action::Group
        | Action::Favourite
        | Action::Silence
        | Action::Nearby
        | Action::Status
        | Action::Presence
        | Action::Verify
        | Action::Whois
        | Action::Invite
        | Action::Msg
        | Action::Me
        | Action::Notify
        | Action::Receipts
        | Action::Typing
        | Action::Nick => people::run(state, action, args, out),
        Action::SignIn
        | Action::SignOut
        | Action::Account
        | Action::Lobby
        | Action::Registries
        | Action::Clients => registries::run(state, action, args, out),
        Action::File
        | Action::Files
        | Action::FileGet
        | Action::FileRefuse
        | Action::FilePause
        | Action::FileResume
        | Action::FileCancel => files::run(state, action, args, out),
        Action::Call
        | Action::Answer
        | Action::Decline
        | Action::HangUp
        | Action::Mute
        | Action::Deafen
        | Action::Talk
        | Action::PushToTalk
        | Action::Activation
        | Action::Volume
        | Action::Audio
        | Action::MicTest
        | Action::CallLog
        | Action::Stats => {
            calls::run(state, action, args, out);
        }
        Action::Search => search::open(state, args, out),
        Action::GoTo => days::go_to(state, args, out),
        Action::Jump
        | Action::Details
        | Action::FocusNext
        | Action::Sidebar
        | Action::Help
        | Action::Palette
        | Action::Keys
        | Action::Reload
        | Action::Setup
        | Action::Clear
        | Action::Export
        | Action::Doctor
        | Action::Log
        | Action::Version
        | Action::Set
        | Action::Theme
        | Action::PlainView
        | Action::Redraw
        | Action::Suspend
        | Action::Quit => {
            program(state, action, args, out);
        }
    }
}

fn moves(state: &mut State, action: Action, out: &mut Effects) {
    match action {
        Action::NextChat => moving::neighbour(state, 1, out),
        Action::PreviousChat => moving::neighbour(state, -1, out),
        Action::LastChat => moving::last(state, out),
        Action::NextUnread => moving::next_unread(state, out),
        Action::FirstUnread => moving::first_unread(state),
        Action::Chat(place) => moving::open_at(state, usize::from(place), out),
        Action::ScrollUp => moving::page(state, true),
        Action::ScrollDown => moving::page(state, false),
        Action::Oldest => moving::to_oldest(state),
        Action::Newest => moving::to_newest(state, out),
        Action::Browse => moving::browse(state),
        Action::Leave => moving::stop_browsing(state),
        Action::FocusList => moving::toggle_list(state),
        Action::ListUp => moving::list_step(state, -1),
        Action::ListDown => moving::list_step(state, 1),
        Action::ListOpen => moving::list_open(state, out),
        _ => moving::select(state, action, out),
    }
}

fn program(state: &mut State, action: Action, args: &str, out: &mut Effects) {
    match action {
        Action::Jump if !args.trim().is_empty() => match state.contact_named(args) {
            Ok(contact) => moving::open(state, contact, out),
            Err(why) => state.error(why),
        },
        Action::Jump => jump(state),
        Action::Details => details(state),
        Action::FocusNext => focus_next(state),
        Action::Sidebar => state.sidebar = !state.sidebar,
        Action::Help => help(state, args),
        Action::Keys => help(state, ""),
        Action::Palette => {
            state.overlay = Some(Overlay::Palette {
                filter: Editor::default(),
                selected: 0,
            });
        }
        Action::Reload => {
            state.info("keys.toml was read again");
            out.push(Effect::ReadUserFiles);
        }
        Action::Setup => setup(state),
        Action::Clear => {
            if let Some(conversation) = state.conversation_mut() {
                conversation.clear();
            }
        }
        Action::Export => export(state, args, out),
        Action::Doctor => {
            let looking = "Looking at sound and network; this takes some seconds.";
            show(state, DOCTOR, vec![looking.to_owned()]);
            out.push(Effect::Doctor);
        }
        Action::Log => state.overlay = Some(Overlay::Log { up: 0 }),
        Action::Version => state.info(format!("twocan {}", env!("CARGO_PKG_VERSION"))),
        Action::Theme => theme(state, args, out),
        Action::PlainView => plain_view(state, out),
        Action::Set => settings::set(state, args, out),
        Action::Redraw => out.push(Effect::Redraw),
        Action::Suspend => suspend(state, out),
        _ => quit(state, out),
    }
}

fn jump(state: &mut State) {
    state.overlay = Some(Overlay::Jump {
        filter: Editor::default(),
        selected: 0,
    });
}

/// A list of what was written here, narrowed by what is typed.
fn earlier_input(state: &mut State) {
    if pick::earlier(state, "").is_empty() {
        return state.info("nothing was written here yet");
    }
    state.overlay = Some(Overlay::Earlier {
        filter: Editor::default(),
        selected: 0,
    });
}

/// Details beside the conversation where they fit, else over it.
fn details(state: &mut State) {
    if details_fit_beside(state) {
        state.details = !state.details;
        return;
    }
    match state.open {
        Some(id) => people::whois_page(state, id),
        None => {
            let ways = [(Action::Jump, "opens one")];
            state.info(state.with_ways("no conversation is open", &ways));
        }
    }
}

fn focus_next(state: &mut State) {
    match state.focus {
        Focus::Composer => moving::browse(state),
        Focus::Browse => moving::toggle_list(state),
        Focus::List => state.focus = Focus::Composer,
    }
}

/// Help, filtered by a command's name if one is given.
fn help(state: &mut State, topic: &str) {
    let filter = Editor::with_text(topic.trim_start_matches('/'));
    state.overlay = Some(Overlay::Help { filter, scroll: 0 });
}

fn setup(state: &mut State) {
    let name = state
        .me
        .as_ref()
        .map(|m| m.name.clone())
        .unwrap_or_default();
    let known = state.me.as_ref().and_then(|m| m.registries.first());
    let url = known
        .map(|r| r.registry.to_string())
        .or_else(|| state.registry_hint.clone());
    state.first_run = Some(FirstRun::new(&name, url.as_deref()));
}

fn export(state: &mut State, path: &str, out: &mut Effects) {
    match state.open {
        _ if path.is_empty() => usage(state, "export"),
        None => state.error("open the conversation that is to be written"),
        Some(with) => {
            let path = path.to_owned();
            out.push(Effect::Export { with, path });
        }
    }
}

/// `/theme NAME` is kept; without a name, it says which there are.
fn theme(state: &mut State, name: &str, out: &mut Effects) {
    let name = name.trim();
    if name.is_empty() {
        let themes = &state.themes;
        let now = themes.asked.as_deref().or(themes.chosen.as_deref());
        let now = now.unwrap_or("auto");
        let all = palette::NAMED.join(", ");
        return state.info(format!("the theme is {now}; there are: {all}"));
    }
    if palette::NAMED.contains(&name) {
        state.themes.asked = None;
    }
    settings::set(state, &format!("{} {name}", preferences::THEME), out);
}

/// Nothing but text, and back.
fn plain_view(state: &mut State, out: &mut Effects) {
    state.plain_view = !state.plain_view;
    out.push(Effect::ReportMouse(!state.plain_view));
    if state.plain_view {
        let text = "plain view, to select text as anywhere else";
        state.info(state.with_ways(text, &[(Action::PlainView, "ends it")]));
    }
}

/// Says how a command is used.
pub(super) fn usage(state: &mut State, name: &str) {
    if let Some((command, _)) = commands().find(|(c, _)| c.name == name) {
        let text = format!(
            "/{} {}, for example {}",
            command.name, command.usage, command.example
        );
        state.notify(NoticeLevel::Warning, text);
    }
}

fn suspend(state: &mut State, out: &mut Effects) {
    if state.calls.active().is_none() {
        out.push(Effect::Suspend);
        return;
    }
    state.overlay = Some(Overlay::Suspend);
}

/// Ends the program; asks first in a call.
pub(super) fn quit(state: &mut State, out: &mut Effects) {
    if state.calls.active().is_none() {
        out.push(Effect::Quit);
        return;
    }
    state.overlay = Some(Overlay::Confirm(Confirm {
        question: "You are in a call. Hang up and quit?".to_owned(),
        yes: "hang up and quit",
        then: Confirmed::Quit,
    }));
}

/// Shows text to read.
pub(super) fn show(state: &mut State, title: &str, lines: Vec<String>) {
    state.overlay = Some(Overlay::Page(Page {
        title: title.to_owned(),
        lines,
        ..Page::default()
    }));
}

/// Shows what the doctor found where it is waited for; in the log when that page
/// was left, as another one would take the keys of what was begun since.
pub(super) fn found(state: &mut State, lines: Vec<String>) {
    if matches!(&state.overlay, Some(Overlay::Page(page)) if page.title == DOCTOR) {
        return show(state, DOCTOR, lines);
    }
    for line in lines {
        state.info(line);
    }
    state.info("the doctor is done: /log has what it found");
}

/// The form that signs in, with what is known filled in.
pub(super) fn sign_in(state: &mut State, url: &str) {
    let known = state.me.as_ref().and_then(|m| m.registries.first());
    let first = known.map(|r| r.registry.to_string());
    let url = match (url, first) {
        ("", Some(known)) => known,
        ("", None) => state.registry_hint.clone().unwrap_or_default(),
        (url, _) => url.to_owned(),
    };
    let me = state.me.as_ref();
    let signed = me.and_then(|m| m.registries.iter().find(|r| r.registry.to_string() == url));
    let name = signed
        .and_then(|r| r.username.clone())
        .or_else(|| me.map(|m| m.name.clone()))
        .unwrap_or_default();
    state.overlay = Some(Overlay::Form(Form::sign_in(&url, &name)));
}
