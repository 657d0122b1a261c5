//! The table of actions: name, explanation, keys, command, example of each.

use super::action::{Action, Command, Group, Info, Takes};
use super::keymap::Context::{self, Browse, Composer, Global, List};

const fn key(
    action: Action,
    group: Group,
    title: &'static str,
    keys: &'static [(Context, &'static str)],
) -> Info {
    Info {
        action,
        group,
        title,
        keys,
        command: None,
    }
}

const fn command(
    action: Action,
    group: Group,
    title: &'static str,
    keys: &'static [(Context, &'static str)],
    name: &'static str,
    usage: &'static str,
    example: &'static str,
    takes: Takes,
) -> Info {
    Info {
        action,
        group,
        title,
        keys,
        command: Some(Command {
            name,
            usage,
            example,
            takes,
        }),
    }
}

/// All actions, in the order of the palette.
#[rustfmt::skip]
pub(crate) static TABLE: &[Info] = &[
    // Writing.
    key(Action::Send, Group::Typing, "send", &[(Composer, "Enter")]),
    key(Action::NewLine, Group::Typing, "new line", &[(Composer, "Alt+Enter"), (Composer, "Shift+Enter"), (Composer, "Ctrl+J")]),
    key(Action::Complete, Group::Typing, "complete a command or name", &[(Composer, "Tab")]),
    key(Action::CompleteBack, Group::Typing, "complete backwards", &[(Composer, "Shift+Tab")]),
    key(Action::Up, Group::Typing, "line up, or earlier input", &[(Composer, "Up")]),
    key(Action::Down, Group::Typing, "line down, or later input", &[(Composer, "Down")]),
    key(Action::Left, Group::Typing, "character left", &[(Composer, "Left"), (Composer, "Ctrl+B")]),
    key(Action::Right, Group::Typing, "character right", &[(Composer, "Right"), (Composer, "Ctrl+F")]),
    key(Action::WordLeft, Group::Typing, "word left", &[(Composer, "Alt+b"), (Composer, "Ctrl+Left"), (Composer, "Alt+Left")]),
    key(Action::WordRight, Group::Typing, "word right", &[(Composer, "Alt+f"), (Composer, "Ctrl+Right"), (Composer, "Alt+Right")]),
    key(Action::LineStart, Group::Typing, "start of line", &[(Composer, "Ctrl+A"), (Composer, "Home")]),
    key(Action::LineEnd, Group::Typing, "end of line", &[(Composer, "Ctrl+E"), (Composer, "End")]),
    key(Action::DeleteBack, Group::Typing, "delete backwards", &[(Composer, "Backspace"), (Composer, "Ctrl+H")]),
    key(Action::DeleteForward, Group::Typing, "delete forwards", &[(Composer, "Delete"), (Composer, "Ctrl+D")]),
    key(Action::DeleteWordBack, Group::Typing, "delete word backwards", &[(Composer, "Ctrl+W"), (Composer, "Alt+Backspace")]),
    key(Action::DeleteWordForward, Group::Typing, "delete word forwards", &[(Composer, "Alt+d")]),
    key(Action::KillToStart, Group::Typing, "cut to start of line", &[(Composer, "Ctrl+U")]),
    key(Action::KillToEnd, Group::Typing, "cut to end of line", &[(Composer, "Ctrl+K")]),
    key(Action::Yank, Group::Typing, "put back what was cut", &[(Composer, "Ctrl+Y")]),
    key(Action::Undo, Group::Typing, "undo", &[(Composer, "Ctrl+_"), (Composer, "Ctrl+/")]),
    key(Action::ClearDraft, Group::Typing, "clear draft; twice on empty quits", &[(Global, "Ctrl+C")]),
    // Moving.
    key(Action::NextUnread, Group::Moving, "next unread conversation", &[(Global, "Alt+a")]),
    key(Action::FirstUnread, Group::Moving, "first unread message", &[(Global, "Alt+u")]),
    key(Action::NextChat, Group::Moving, "next conversation", &[(Global, "Ctrl+N"), (Global, "Alt+Down")]),
    key(Action::PreviousChat, Group::Moving, "previous conversation", &[(Global, "Ctrl+P"), (Global, "Alt+Up")]),
    key(Action::LastChat, Group::Moving, "back to the last conversation", &[(Global, "Alt+/")]),
    key(Action::Jump, Group::Moving, "jump to a contact by a few letters", &[(Global, "Ctrl+T")]),
    key(Action::Chat(0), Group::Moving, "first conversation, and so on", &[(Global, "Alt+1")]),
    key(Action::Chat(1), Group::Moving, "conversation 2", &[(Global, "Alt+2")]),
    key(Action::Chat(2), Group::Moving, "conversation 3", &[(Global, "Alt+3")]),
    key(Action::Chat(3), Group::Moving, "conversation 4", &[(Global, "Alt+4")]),
    key(Action::Chat(4), Group::Moving, "conversation 5", &[(Global, "Alt+5")]),
    key(Action::Chat(5), Group::Moving, "conversation 6", &[(Global, "Alt+6")]),
    key(Action::Chat(6), Group::Moving, "conversation 7", &[(Global, "Alt+7")]),
    key(Action::Chat(7), Group::Moving, "conversation 8", &[(Global, "Alt+8")]),
    key(Action::Chat(8), Group::Moving, "conversation 9", &[(Global, "Alt+9")]),
    key(Action::Chat(9), Group::Moving, "tenth conversation", &[(Global, "Alt+0")]),
    key(Action::ScrollUp, Group::Moving, "scroll up", &[(Global, "PgUp")]),
    key(Action::ScrollDown, Group::Moving, "scroll down", &[(Global, "PgDn")]),
    key(Action::Oldest, Group::Moving, "to the oldest message loaded", &[(Global, "Alt+Home")]),
    key(Action::Newest, Group::Moving, "to the newest message", &[(Global, "Alt+End")]),
    key(Action::FocusList, Group::Moving, "list of contacts", &[(Global, "F3")]),
    key(Action::Details, Group::Moving, "details or call panel", &[(Global, "F4")]),
    key(Action::FocusNext, Group::Moving, "next pane", &[(Global, "F6")]),
    key(Action::Sidebar, Group::Moving, "show or hide the list", &[(Global, "F7")]),
    key(Action::ListUp, Group::Moving, "list: up", &[(List, "Up"), (List, "k")]),
    key(Action::ListDown, Group::Moving, "list: down", &[(List, "Down"), (List, "j")]),
    key(Action::ListOpen, Group::Moving, "list: open", &[(List, "Enter"), (List, "Right"), (List, "l")]),
    // Browsing.
    key(Action::Browse, Group::Messages, "choose a message", &[(Composer, "Esc")]),
    key(Action::Leave, Group::Messages, "back to typing", &[(Browse, "Esc"), (Browse, "i"), (Browse, "Enter"), (List, "Esc"), (List, "i"), (List, "Left")]),
    key(Action::SelectUp, Group::Messages, "message up", &[(Browse, "Up"), (Browse, "k")]),
    key(Action::SelectDown, Group::Messages, "message down", &[(Browse, "Down"), (Browse, "j")]),
    key(Action::SelectFirst, Group::Messages, "oldest message", &[(Browse, "g"), (Browse, "Home")]),
    key(Action::SelectLast, Group::Messages, "newest message", &[(Browse, "G"), (Browse, "End")]),
    key(Action::Copy, Group::Messages, "copy the text", &[(Browse, "y")]),
    key(Action::CopyWithName, Group::Messages, "copy with name and time", &[(Browse, "Y")]),
    key(Action::Reply, Group::Messages, "reply", &[(Browse, "r")]),
    // People.
    command(Action::Add, Group::Contacts, "add a contact by name, link or address", &[], "add", "WHO [NOTE]", "/add bob@registry.example.org It is Alice from work", Takes::Text),
    command(Action::Connect, Group::Contacts, "connect to an address", &[], "connect", "HOST[:PORT]", "/connect 192.168.1.20:7777", Takes::Text),
    command(Action::Disconnect, Group::Contacts, "close the link to a contact", &[], "disconnect", "[NAME]", "/disconnect bob", Takes::Contact),
    command(Action::Accept, Group::Contacts, "accept a contact request", &[], "accept", "[NAME]", "/accept dana", Takes::Request),
    command(Action::Reject, Group::Contacts, "reject a contact request", &[], "reject", "[NAME]", "/reject dana", Takes::Request),
    command(Action::Block, Group::Contacts, "block: no messages, no calls", &[], "block", "[NAME]", "/block bob", Takes::Contact),
    command(Action::Unblock, Group::Contacts, "take a block back", &[], "unblock", "[NAME]", "/unblock bob", Takes::Contact),
    command(Action::Remove, Group::Contacts, "remove a contact", &[], "remove", "[NAME]", "/remove bob", Takes::Contact),
    command(Action::Alias, Group::Contacts, "call the contact something else", &[], "alias", "NEW-NAME", "/alias Bob from work", Takes::Text),
    command(Action::Verify, Group::Contacts, "compare keys and mark as verified", &[(Global, "Ctrl+X v")], "verify", "[NAME]", "/verify bob", Takes::Contact),
    command(Action::Whois, Group::Contacts, "who a contact is, or who you are", &[(Global, "Ctrl+X w")], "whois", "[NAME]", "/whois bob", Takes::Contact),
    command(Action::Invite, Group::Contacts, "your own link, to give to a friend", &[(Global, "Ctrl+X i")], "invite", "", "/invite", Takes::Nothing),
    command(Action::Msg, Group::Contacts, "write to a contact", &[], "msg", "NAME TEXT", "/msg bob see you at eight", Takes::Contact),
    // Calls.
    command(Action::Call, Group::Calls, "call this contact", &[(Global, "Ctrl+X c")], "call", "[NAME]", "/call bob", Takes::Contact),
    command(Action::Answer, Group::Calls, "answer: microphone on", &[(Global, "Ctrl+X a")], "answer", "", "/answer", Takes::Nothing),
    command(Action::Decline, Group::Calls, "decline a call", &[(Global, "Ctrl+X r")], "decline", "", "/decline", Takes::Nothing),
    command(Action::HangUp, Group::Calls, "hang up", &[(Global, "Ctrl+X h")], "hangup", "", "/hangup", Takes::Nothing),
    command(Action::Mute, Group::Calls, "mute or unmute", &[(Global, "F9"), (Global, "Ctrl+X m")], "mute", "", "/mute", Takes::Nothing),
    command(Action::Deafen, Group::Calls, "deafen or undeafen", &[(Global, "Ctrl+X d")], "deafen", "", "/deafen", Takes::Nothing),
    command(Action::Volume, Group::Calls, "loudness of the other, 0 to 200 %", &[], "volume", "PERCENT", "/volume 120", Takes::Text),
    command(Action::Audio, Group::Calls, "other microphone or loudspeaker for this call", &[], "audio", "in|out SPEC", "/audio in device:USB Headset", Takes::Words(&["in", "out"])),
    command(Action::Stats, Group::Calls, "measurements of the call", &[(Global, "Ctrl+X s")], "stats", "", "/stats", Takes::Nothing),
    // Registries.
    command(Action::SignIn, Group::Registries, "sign in, or make an account", &[], "signin", "[URL]", "/signin https://registry.example.org:7443", Takes::Registry),
    command(Action::SignOut, Group::Registries, "sign out", &[], "signout", "[URL]", "/signout https://registry.example.org:7443", Takes::Registry),
    command(Action::Clients, Group::Registries, "who is known at the registries", &[(Global, "Ctrl+X p")], "clients", "[PREFIX]", "/clients bo", Takes::Text),
    // The program.
    command(Action::Help, Group::Program, "this help", &[(Global, "F1"), (Browse, "?"), (List, "?")], "help", "[COMMAND]", "/help add", Takes::Command),
    command(Action::Palette, Group::Program, "all commands", &[(Global, "F2"), (Global, "Ctrl+X x")], "commands", "", "/commands", Takes::Nothing),
    command(Action::Keys, Group::Program, "all keys", &[(Global, "Ctrl+X k")], "keys", "", "/keys", Takes::Nothing),
    command(Action::Nick, Group::Program, "change the name others see", &[], "nick", "NAME", "/nick Alice", Takes::Text),
    command(Action::Setup, Group::Program, "go through the first steps again", &[], "setup", "", "/setup", Takes::Nothing),
    command(Action::Clear, Group::Program, "forget what was said here in this window", &[], "clear", "", "/clear", Takes::Nothing),
    command(Action::Log, Group::Program, "notices and errors so far", &[(Global, "Ctrl+X l")], "log", "", "/log", Takes::Nothing),
    command(Action::Version, Group::Program, "version of twocan", &[], "version", "", "/version", Takes::Nothing),
    command(Action::Set, Group::Program, "show or change a setting", &[], "set", "KEY [VALUE]", "/set call.ring_timeout_s 45", Takes::Setting),
    command(Action::Redraw, Group::Program, "draw everything anew", &[(Global, "Ctrl+L")], "redraw", "", "/redraw", Takes::Nothing),
    key(Action::Suspend, Group::Program, "suspend (fg brings it back)", &[(Global, "Ctrl+Z")]),
    command(Action::Quit, Group::Program, "quit", &[(Global, "Ctrl+X q"), (Global, "Ctrl+Q")], "quit", "", "/quit", Takes::Nothing),
];
