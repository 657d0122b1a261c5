//! What a person can do here. The one table that says how, in `table.rs`, is
//! what key map, slash commands, completion, help and palette are made from,
//! so none of them can go stale.

use super::keymap::Context;
use super::table::TABLE;

/// A thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    // Writing.
    Send,
    NewLine,
    Complete,
    CompleteBack,
    Up,
    Down,
    EarlierInput,
    Left,
    Right,
    WordLeft,
    WordRight,
    LineStart,
    LineEnd,
    DeleteBack,
    DeleteForward,
    DeleteWordBack,
    DeleteWordForward,
    KillToStart,
    KillToEnd,
    Yank,
    Undo,
    ClearDraft,
    // Moving.
    NextChat,
    PreviousChat,
    LastChat,
    NextUnread,
    FirstUnread,
    Search,
    Jump,
    Chat(u8),
    ScrollUp,
    ScrollDown,
    Oldest,
    Newest,
    // Browsing messages.
    Browse,
    Leave,
    SelectUp,
    SelectDown,
    SelectFirst,
    SelectLast,
    Copy,
    CopyWithName,
    OpenLink,
    Reply,
    Edit,
    Delete,
    React,
    ToQuoted,
    Revisions,
    // The list of contacts.
    FocusList,
    ListUp,
    ListDown,
    ListOpen,
    Details,
    FocusNext,
    Sidebar,
    // Contacts.
    Add,
    Connect,
    Disconnect,
    Accept,
    Reject,
    Block,
    Unblock,
    Remove,
    Alias,
    Group,
    Favourite,
    Silence,
    Nearby,
    Status,
    Presence,
    Verify,
    Whois,
    Invite,
    Msg,
    // Files.
    File,
    Files,
    FileGet,
    FileRefuse,
    FilePause,
    FileResume,
    FileCancel,
    // Calls.
    Call,
    Answer,
    Decline,
    HangUp,
    Mute,
    Deafen,
    Talk,
    PushToTalk,
    Activation,
    Volume,
    Audio,
    MicTest,
    Stats,
    CallLog,
    // Registries.
    SignIn,
    SignOut,
    Registries,
    Account,
    Lobby,
    Clients,
    // The program.
    Help,
    Palette,
    Keys,
    Nick,
    Setup,
    Clear,
    Log,
    Version,
    Set,
    Theme,
    Reload,
    PlainView,
    Redraw,
    Suspend,
    Quit,
}

/// Groups of the help overlay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    Typing,
    Moving,
    Messages,
    Contacts,
    Files,
    Calls,
    Registries,
    Program,
}

impl Group {
    pub(crate) const ALL: [Self; 8] = [
        Self::Contacts,
        Self::Files,
        Self::Calls,
        Self::Registries,
        Self::Messages,
        Self::Moving,
        Self::Program,
        Self::Typing,
    ];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Typing => "TYPING",
            Self::Moving => "MOVING",
            Self::Messages => "BROWSING MESSAGES (Esc)",
            Self::Contacts => "PEOPLE",
            Self::Files => "FILES",
            Self::Calls => "CALLS",
            Self::Registries => "REGISTRIES",
            Self::Program => "PROGRAM",
        }
    }
}

/// A slash command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Command {
    /// Without the slash.
    pub(crate) name: &'static str,
    /// What goes after the name; empty if nothing does.
    pub(crate) usage: &'static str,
    /// A whole line that somebody could type.
    pub(crate) example: &'static str,
    /// What completion offers after the name.
    pub(crate) takes: Takes,
}

/// What a command wants first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    Nothing,
    Contact,
    Request,
    Command,
    Registry,
    Setting,
    Words(&'static [&'static str]),
    Path,
    Text,
}

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Info {
    pub(crate) action: Action,
    pub(crate) group: Group,
    /// What it does, in a few words.
    pub(crate) title: &'static str,
    pub(crate) keys: &'static [(Context, &'static str)],
    pub(crate) command: Option<Command>,
}

/// The line of the table for `action`.
pub(crate) fn info(action: Action) -> Option<&'static Info> {
    TABLE.iter().find(|i| i.action == action)
}

/// The keys of `action`, the first one, as written; empty if it has none.
pub(crate) fn first_key(action: Action) -> &'static str {
    info(action)
        .and_then(|i| i.keys.first())
        .map_or("", |(_, keys)| keys)
}

/// All keys of `action`, as written.
pub(crate) fn all_keys(info: &Info) -> String {
    let keys: Vec<_> = info.keys.iter().map(|(_, keys)| *keys).collect();
    keys.join("  ")
}

/// All commands with the line they belong to.
pub(crate) fn commands() -> impl Iterator<Item = (&'static Command, &'static Info)> {
    TABLE
        .iter()
        .filter_map(|info| info.command.as_ref().map(|c| (c, info)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_an_example_of_its_own() {
        for (command, info) in commands() {
            let start = format!("/{}", command.name);
            assert!(command.example.starts_with(&start), "{}", command.name);
            assert_eq!(
                command.usage.is_empty(),
                command.example == start,
                "{}",
                command.name
            );
            assert!(!info.title.is_empty());
        }
    }

    #[test]
    fn everything_can_be_reached() {
        for info in TABLE {
            assert!(
                !info.keys.is_empty() || info.command.is_some(),
                "{:?}",
                info.action
            );
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = commands().map(|(c, _)| c.name).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
