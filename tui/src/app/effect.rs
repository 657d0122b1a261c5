//! What update() wants done outside, as data, and what comes of it. One place
//! in `terminal` carries effects out; nothing here does.

use std::collections::BTreeMap;

use serde_json::Value;
use twocan_peer::api::{
    AccountAction, AccountAnswer, CallChange, CallId, Connected, Contact, ContactChange,
    ContactRequest, DeleteFor, Directory, Error, KeyDecision, LobbyAsk, LoggedCall, Message,
    Nearby, Page, Profile, Revision, Safety, SearchQuery, SignIn, SignedIn, Transfer, TransferId,
    WhoAmI,
};
use twocan_proto::identity::PeerId;
use twocan_proto::registry_url::RegistryUrl;
use twocan_proto::time::Timestamp;
use uuid::Uuid;

use super::audio::SoundSetup;
use super::preferences::{Preferences, Ways};
use super::settings::Held;

/// Something to do outside the state.
#[derive(Debug, Clone)]
pub(crate) enum Effect {
    LoadSelf,
    /// What the interface remembers in the profile.
    LoadRemembered,
    /// Remember this from now on.
    Remember(Value),
    LoadContacts,
    LoadRequests,
    LoadHistory {
        with: PeerId,
        page: Page,
    },
    /// The messages around one, for whoever goes there.
    LoadAround {
        with: PeerId,
        id: Uuid,
        /// Most messages on each side of it.
        each: usize,
    },
    LoadRevisions(Uuid),
    /// The first message from a moment on.
    FindDay {
        with: PeerId,
        day: Timestamp,
    },
    /// Write a conversation to a new file.
    Export {
        with: PeerId,
        /// As typed: a leading `~` is the home folder.
        path: String,
    },
    /// Look for what keeps calls and chats from working.
    Doctor,
    LoadTransfers,
    SendFile {
        to: PeerId,
        /// As typed: a leading `~` is the home folder.
        path: String,
    },
    File {
        transfer: TransferId,
        verb: FileVerb,
    },
    /// Asks what a path that is being typed could become.
    CompletePath(String),
    LoadProfile,
    SaveProfile(Profile),
    LoadNearby,
    LoadSafety(PeerId),
    Lobby {
        registry: RegistryUrl,
        ask: LobbyAsk,
    },
    DecideKey {
        contact: PeerId,
        decision: KeyDecision,
    },
    Search {
        /// Tells this search from those before it.
        number: u64,
        query: SearchQuery,
    },
    SetName(String),
    AddContact {
        who: String,
        note: String,
    },
    Connect(String),
    Disconnect(PeerId),
    ChangeContact {
        contact: PeerId,
        change: ContactChange,
    },
    RemoveContact(PeerId),
    Accept(Uuid),
    Reject(Uuid),
    Send {
        to: PeerId,
        text: String,
        reply_to: Option<Uuid>,
    },
    Edit {
        with: PeerId,
        id: Uuid,
        text: String,
    },
    Delete {
        id: Uuid,
        scope: DeleteFor,
    },
    /// An empty emoji takes the reaction back.
    React {
        id: Uuid,
        emoji: String,
    },
    MarkRead {
        with: PeerId,
        upto: Uuid,
    },
    Typing {
        to: PeerId,
        on: bool,
    },
    SignIn(SignIn),
    SignOut(RegistryUrl),
    Account {
        registry: RegistryUrl,
        action: AccountAction,
    },
    Directory {
        prefix: Option<String>,
    },
    Call(PeerId),
    Answer(CallId),
    Decline {
        call: CallId,
        /// What the caller is told; empty for nothing.
        text: String,
    },
    /// The calls before one, or the newest.
    LoadCalls {
        before: Option<CallId>,
    },
    /// All missed calls were seen.
    CallsSeen,
    HangUp(CallId),
    ChangeCall {
        call: CallId,
        change: CallChange,
    },
    SaveSetting {
        key: String,
        value: String,
    },
    LoadSetting(String),
    /// All of them.
    LoadSettings,
    /// Devices, and the settings of sound.
    LoadSound,
    /// Begin a microphone test, or end what it does now.
    MicTest(bool),
    /// Look at the meters of the call.
    ReadMeters,
    /// Have the terminal say when keys are let go, or no longer.
    WatchKeys(bool),
    /// Tell somebody who looks elsewhere.
    Alert(Alert),
    /// Have the mouse reported, or leave it to the terminal.
    ReportMouse(bool),
    /// Have an address, or a file, opened by the program that is for it.
    OpenOutside(String),
    /// What the user prefers of looks and notifications.
    LoadPreferences,
    /// Read the files of the profile that people write.
    ReadUserFiles,
    /// Set the window's title.
    Title(String),
    /// Put text on the clipboard of whoever looks at the terminal (OSC 52).
    Clipboard(String),
    /// Have a text written in the person's own editor.
    WriteElsewhere(Elsewhere),
    /// Draw everything anew.
    Redraw,
    /// Stop as Ctrl+Z does, until `fg`.
    Suspend,
    /// End the program.
    Quit,
}

/// Something to be seen or heard by somebody who looks elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Alert {
    pub(crate) title: String,
    /// May be empty.
    pub(crate) body: String,
    /// A call: it does not wait.
    pub(crate) urgent: bool,
    pub(crate) ways: Ways,
}

/// A text that is written in another program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Elsewhere {
    /// To whom it is written; `None` while no conversation is open.
    pub(crate) whom: Option<PeerId>,
    pub(crate) text: String,
}

/// What can be done to a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileVerb {
    Accept,
    Decline,
    Pause,
    Resume,
    Cancel,
}

/// A message with those around it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Around {
    /// In the order of the conversation, without gaps.
    pub(crate) messages: Vec<Message>,
    /// Nothing older exists.
    pub(crate) oldest: bool,
    /// Nothing newer exists.
    pub(crate) newest: bool,
}

/// What came of an effect.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    Myself(WhoAmI),
    Remembered(Value),
    Contacts(Vec<Contact>),
    Requests(Vec<ContactRequest>),
    History {
        with: PeerId,
        page: Page,
        found: Result<Vec<Message>, Error>,
    },
    Around {
        with: PeerId,
        id: Uuid,
        found: Result<Around, Error>,
    },
    MarkedRead {
        with: PeerId,
        result: Result<(), Error>,
    },
    Revisions(Result<Vec<Revision>, Error>),
    Day {
        with: PeerId,
        found: Result<Option<Uuid>, Error>,
    },
    /// How many messages were written to a file.
    Exported {
        path: String,
        result: Result<u64, Error>,
    },
    /// What the doctor found, line by line.
    Findings(Vec<String>),
    Transfers(Vec<Transfer>),
    /// What a typed path could become.
    Paths {
        typed: String,
        choices: Vec<String>,
    },
    Profile(Profile),
    Nearby(Vec<Nearby>),
    Safety {
        contact: PeerId,
        safety: Safety,
    },
    KeyDecided(Result<Box<Contact>, Error>),
    Found {
        number: u64,
        /// How long the search took, in milliseconds.
        took_ms: u64,
        found: Result<Vec<Message>, Error>,
    },
    Named(Result<String, Error>),
    Added(Result<Box<Contact>, Error>),
    Connected(Result<Connected, Error>),
    Accepted(Result<Box<Contact>, Error>),
    Removed {
        contact: PeerId,
        result: Result<(), Error>,
    },
    Rejected {
        request: Uuid,
        result: Result<(), Error>,
    },
    /// The message was not stored: its text goes back to the writer.
    NotSent {
        to: PeerId,
        text: String,
        error: Error,
    },
    /// The message kept its text: the new one goes back to the writer.
    NotEdited {
        with: PeerId,
        id: Uuid,
        text: String,
        error: Error,
    },
    Sound(Result<Box<SoundSetup>, Error>),
    /// What is preferred, and the theme that was chosen.
    Preferences {
        preferences: Preferences,
        theme: Option<String>,
    },
    Calls {
        before: Option<CallId>,
        found: Result<Vec<LoggedCall>, Error>,
    },
    SignedIn(Result<SignedIn, Error>),
    Account {
        registry: RegistryUrl,
        result: Result<AccountAnswer, Error>,
    },
    LobbyRefused {
        registry: RegistryUrl,
        error: Error,
    },
    Directory(Result<Directory, Error>),
    Setting {
        key: String,
        value: Result<Held, Error>,
    },
    /// The values of all settings, by their names.
    Settings(BTreeMap<String, Held>),
    /// Anything else that did not work: what was tried, and why not.
    Failed {
        what: String,
        error: Error,
    },
}
