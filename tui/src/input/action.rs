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
    TextStart,
    TextEnd,
    DeleteBack,
    DeleteForward,
    DeleteWordBack,
    DeleteBlankBack,
    DeleteWordForward,
    KillToStart,
    KillToEnd,
    Yank,
    RotateYank,
    Undo,
    Redo,
    Editor,
    // Modes of the composer.
    Normal,
    Insert,
    Append,
    InsertAtStart,
    AppendAtEnd,
    OpenBelow,
    NextWord,
    DeleteToNextWord,
    ChangeWord,
    DeleteLine,
    SlashLine,
    ClearDraft,
    // Moving.
    NextChat,
    PreviousChat,
    LastChat,
    NextUnread,
    FirstUnread,
    Search,
    GoTo,
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
    Mark,
    MarkStretch,
    Copy,
    CopyWithName,
    OpenLink,
    Quote,
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
    Me,
    Notify,
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
    Receipts,
    Typing,
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
    Reload,
    Keys,
    Nick,
    Setup,
    Clear,
    Export,
    Doctor,
    Log,
    Version,
    Set,
    Theme,
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

impl Action {
    /// Whether it can switch the microphone on, or be a slip in a call: no
    /// bare letter may lead to it.
    pub(crate) fn is_live(self) -> bool {
        use Action::{Answer, Call, Deafen, Decline, HangUp, Mute, Talk};
        matches!(
            self,
            Answer | Call | Mute | Deafen | Talk | HangUp | Decline
        )
    }

    /// As keys.toml calls it: `NextChat` is `next-chat`.
    pub(crate) fn name(self) -> String {
        if let Self::Chat(place) = self {
            return format!("chat-{}", place + 1);
        }
        let mut name = String::new();
        for c in format!("{self:?}").chars() {
            if c.is_ascii_uppercase() && !name.is_empty() {
                name.push('-');
            }
            name.push(c.to_ascii_lowercase());
        }
        name
    }
}

/// The action that keys.toml calls `name`.
pub(crate) fn named(name: &str) -> Option<Action> {
    let mut all = TABLE.iter().map(|info| info.action);
    all.find(|action| action.name() == name)
}

/// What keys.toml calls all actions.
pub(crate) fn names() -> Vec<String> {
    TABLE.iter().map(|info| info.action.name()).collect()
}

/// All commands with the line they belong to.
pub(crate) fn commands() -> impl Iterator<Item = (&'static Command, &'static Info)> {
    TABLE
        .iter()
        .filter_map(|info| info.command.as_ref().map(|c| (c, info)))
}

#[cfg(test)]
mod tests {
    use super::super::table::VI;
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
            let in_vi = VI.iter().any(|(_, _, action)| *action == info.action);
            assert!(
                !info.keys.is_empty() || info.command.is_some() || in_vi,
                "{:?}",
                info.action
            );
        }
    }

    #[test]
    fn every_action_has_a_name_of_its_own() {
        let names = names();
        for (info, name) in TABLE.iter().zip(&names) {
            assert_eq!(named(name), Some(info.action));
        }
        assert_eq!(Action::Chat(0).name(), "chat-1");
        assert_eq!(Action::DeleteWordBack.name(), "delete-word-back");
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
