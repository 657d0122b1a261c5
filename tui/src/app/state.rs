//! The whole state of the interface: plain data. It knows no terminal, no
//! engine and no clock; the moment comes with every message.

use std::collections::{HashMap, VecDeque};

use jiff::tz::TimeZone;
use twocan_peer::api::{
    AccountInfo, Contact, ContactRequest, Nearby, NoticeLevel, Presence, Profile, RegistryState,
    Safety, WhoAmI,
};
use twocan_proto::identity::PeerId;
use twocan_proto::registry_url::RegistryUrl;
use twocan_proto::time::Timestamp;

use super::audio::{Side, SoundSetup, Test};
use super::call_log::CallLog;
use super::calls::{Calls, TalkKey};
use super::conversation::Conversation;
use super::drafts::Drafts;
use super::editor::Editor;
use super::first_run::FirstRun;
use super::history::InputHistory;
use super::lobby::Lobbies;
use super::look::{Look, Themes};
use super::overlay::Overlay;
use super::preferences::Preferences;
use super::roster::{Contacts, Entry};
use super::transfers::Transfers;
use super::update::Unreported;
use super::visible::Stale;
use crate::input::chord::Chord;
use crate::input::complete::{Names, Offer};
use crate::input::keymap::{Context, Keymap, Preset};

/// Lines kept for `/log`.
const LOG_LINES: usize = 500;

/// What keys go to when nothing lies over the main view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Focus {
    Composer,
    Browse,
    List,
}

/// A line that says something happened.
#[derive(Debug, Clone)]
pub(crate) struct Notice {
    pub(crate) at: Timestamp,
    pub(crate) level: NoticeLevel,
    pub(crate) text: String,
}

/// A completion under way: what is offered, and which choice stands.
#[derive(Debug, Clone)]
pub(crate) struct Cycle {
    pub(crate) offer: Offer,
    pub(crate) chosen: usize,
}

/// The state.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) me: Option<WhoAmI>,
    pub(crate) contacts: Contacts,
    /// They have been read; before, there seem to be none.
    pub(crate) contacts_loaded: bool,
    /// Keys that mean somebody who may come with the contacts.
    pub(crate) type_ahead: Vec<Chord>,
    pub(crate) requests: Vec<ContactRequest>,
    /// What we tell of ourselves, once read.
    pub(crate) profile: Option<Profile>,
    pub(crate) transfers: Transfers,
    /// Who is found in the local network.
    pub(crate) nearby: Vec<Nearby>,
    /// What to compare with a contact: the last that was asked for.
    pub(crate) safety: Option<(PeerId, Safety)>,
    pub(crate) conversations: HashMap<PeerId, Conversation>,
    /// Whose conversation is shown.
    pub(crate) open: Option<PeerId>,
    pub(crate) last_open: Option<PeerId>,
    /// What is typed while no conversation is open.
    pub(crate) loose_draft: Editor,
    /// What was typed while none was open.
    loose_history: InputHistory,
    /// What is kept of the drafts in the profile.
    pub(crate) drafts: Drafts,
    pub(crate) focus: Focus,
    pub(crate) chosen: Option<Entry>,
    pub(crate) overlay: Option<Overlay>,
    pub(crate) first_run: Option<FirstRun>,
    pub(crate) calls: Calls,
    pub(crate) talk_key: TalkKey,
    /// Devices and settings of sound, once read.
    pub(crate) sound: Option<SoundSetup>,
    /// A device that was named before they were read.
    pub(crate) device_wanted: Option<(Side, String)>,
    pub(crate) mic_test: Test,
    pub(crate) call_log: CallLog,
    /// Public rooms that we were in.
    pub(crate) lobbies: Lobbies,
    /// Our account at a registry: the last that was asked for.
    pub(crate) account: Option<(RegistryUrl, Box<AccountInfo>)>,
    /// It was said which calls were missed while we were away.
    pub(crate) missed_told: bool,
    /// How many searches were asked for so far: numbers the next one.
    pub(crate) searches: u64,
    pub(crate) toast: Option<Notice>,
    pub(crate) log: VecDeque<Notice>,
    /// How many notices there were so far, also those that the log has let go.
    pub(crate) noticed: u64,
    pub(crate) completion: Option<Cycle>,
    /// Keys typed so far of a longer sequence.
    pub(crate) pending: Vec<Chord>,
    pub(crate) keymap: Keymap,
    /// The composer takes keys as commands, as vi's normal mode does.
    pub(crate) normal_mode: bool,
    pub(crate) now: Timestamp,
    pub(crate) zone: TimeZone,
    /// The terminal window has the focus, as far as we know.
    pub(crate) focused: bool,
    /// All is in plain lines, where keys do nothing.
    pub(crate) in_lines: bool,
    /// An editor has the terminal: nothing of ours is seen.
    pub(crate) elsewhere: bool,
    /// Columns and rows.
    pub(crate) size: (u16, u16),
    pub(crate) sidebar: bool,
    /// Details wanted: a pane where there is room, else over the view.
    pub(crate) details: bool,
    /// Ctrl+C was pressed on an empty line, at this moment.
    pub(crate) quit_asked: Option<Timestamp>,
    pub(crate) look: Look,
    pub(crate) themes: Themes,
    pub(crate) preferences: Preferences,
    /// Nothing but text, so that the terminal's own selecting copies only it.
    pub(crate) plain_view: bool,
    /// Somebody who looks elsewhere was last told of something then.
    pub(crate) alerted_at: Option<Timestamp>,
    /// A registry named on the command line, for forms.
    pub(crate) registry_hint: Option<String>,
    /// Whom the command line asks to be contacts, until they are asked.
    pub(crate) to_ask: Vec<String>,
    /// What may look different since the last frame.
    pub(crate) stale: Stale,
    pub(crate) title_shown: String,
    /// What was read and is reported soon.
    pub(crate) unreported: Option<Unreported>,
}

impl State {
    /// A state in which nothing has happened yet.
    pub(crate) fn new(now: Timestamp, zone: TimeZone, size: (u16, u16), look: Look) -> Self {
        Self {
            me: None,
            contacts: Contacts::default(),
            contacts_loaded: false,
            type_ahead: Vec::new(),
            requests: Vec::new(),
            profile: None,
            transfers: Transfers::default(),
            nearby: Vec::new(),
            safety: None,
            conversations: HashMap::new(),
            open: None,
            last_open: None,
            loose_draft: Editor::default(),
            loose_history: InputHistory::default(),
            drafts: Drafts::default(),
            focus: Focus::Composer,
            chosen: None,
            overlay: None,
            first_run: None,
            calls: Calls::default(),
            talk_key: TalkKey::default(),
            sound: None,
            device_wanted: None,
            mic_test: Test::default(),
            call_log: CallLog::default(),
            lobbies: Lobbies::default(),
            account: None,
            missed_told: false,
            searches: 0,
            toast: None,
            log: VecDeque::new(),
            noticed: 0,
            completion: None,
            pending: Vec::new(),
            keymap: Keymap::preset(Preset::Default),
            normal_mode: false,
            now,
            zone,
            focused: true,
            in_lines: false,
            elsewhere: false,
            size,
            sidebar: true,
            details: true,
            quit_asked: None,
            look,
            themes: Themes::default(),
            preferences: Preferences::default(),
            plain_view: false,
            alerted_at: None,
            registry_hint: None,
            to_ask: Vec::new(),
            stale: Stale::All,
            title_shown: String::new(),
            unreported: None,
        }
    }

    pub(crate) fn conversation(&self) -> Option<&Conversation> {
        self.open.and_then(|id| self.conversations.get(&id))
    }

    pub(crate) fn conversation_mut(&mut self) -> Option<&mut Conversation> {
        self.open
            .map(|id| self.conversations.entry(id).or_default())
    }

    /// What is being written now.
    pub(crate) fn draft(&self) -> &Editor {
        self.conversation().map_or(&self.loose_draft, |c| &c.draft)
    }

    pub(crate) fn draft_mut(&mut self) -> &mut Editor {
        match self.open {
            Some(id) => &mut self.conversations.entry(id).or_default().draft,
            None => &mut self.loose_draft,
        }
    }

    /// What is typed while no conversation is open, and was before.
    pub(crate) fn loose(&mut self) -> (&mut Editor, &mut InputHistory) {
        (&mut self.loose_draft, &mut self.loose_history)
    }

    /// What was written here before.
    pub(crate) fn history(&self) -> &InputHistory {
        self.conversation()
            .map_or(&self.loose_history, |c| &c.history)
    }

    pub(crate) fn history_mut(&mut self) -> &mut InputHistory {
        match self.open {
            Some(id) => &mut self.conversations.entry(id).or_default().history,
            None => &mut self.loose_history,
        }
    }

    /// The contact whose conversation is open.
    pub(crate) fn open_contact(&self) -> Option<&Contact> {
        self.open.and_then(|id| self.contacts.get(&id))
    }

    /// Whether something lies over the main view and takes the keys.
    pub(crate) fn covered(&self) -> bool {
        self.overlay.is_some() || self.first_run.is_some()
    }

    /// Where keys go.
    pub(crate) fn context(&self) -> Context {
        if self.covered() {
            return Context::Global;
        }
        match self.focus {
            Focus::Composer if self.normal_mode => Context::Normal,
            Focus::Composer => Context::Composer,
            Focus::Browse => Context::Browse,
            Focus::List => Context::List,
        }
    }

    /// Says something where the user looks, and keeps it for `/log`.
    pub(crate) fn notify(&mut self, level: NoticeLevel, text: impl Into<String>) {
        let notice = Notice {
            at: self.now,
            level,
            text: text.into(),
        };
        self.remember(notice.clone());
        self.toast = Some(notice);
        self.stale = Stale::All;
    }

    /// Keeps something for `/log` without a toast.
    pub(crate) fn remember(&mut self, notice: Notice) {
        if self.log.len() == LOG_LINES {
            self.log.pop_front();
        }
        self.log.push_back(notice);
        self.noticed += 1;
    }

    pub(crate) fn info(&mut self, text: impl Into<String>) {
        self.notify(NoticeLevel::Info, text);
    }

    pub(crate) fn error(&mut self, text: impl Into<String>) {
        self.notify(NoticeLevel::Error, text);
    }

    /// Whether something of this contact may ring or notify.
    pub(crate) fn may_ring(&self, contact: PeerId) -> bool {
        let quiet = self
            .contacts
            .get(&contact)
            .is_some_and(|c| c.blocked || c.muted);
        !quiet && !self.do_not_disturb()
    }

    /// Whether we asked for silence.
    pub(crate) fn do_not_disturb(&self) -> bool {
        let presence = self.profile.as_ref().map(|p| p.presence);
        presence == Some(Presence::DoNotDisturb)
    }

    /// Registries that hear us, and how many we know.
    pub(crate) fn registries_up(&self) -> (usize, usize) {
        let all = self.me.as_ref().map_or(&[][..], |m| &m.registries);
        (
            all.iter()
                .filter(|r| r.state == RegistryState::SignedIn)
                .count(),
            all.len(),
        )
    }

    /// Whether there are registries, none of which hears us yet.
    pub(crate) fn signing_in(&self) -> bool {
        matches!(self.registries_up(), (0, known) if known > 0)
    }

    /// Names for completion.
    pub(crate) fn names(&self) -> Names {
        Names {
            contacts: self.contacts.values().map(|c| c.alias.clone()).collect(),
            requests: self.requests.iter().map(|r| r.from.clone()).collect(),
            registries: self
                .me
                .iter()
                .flat_map(|m| m.registries.iter().map(|r| r.registry.to_string()))
                .collect(),
        }
    }

    /// Makes the palette anew after something it is made from has changed.
    pub(crate) fn settle_theme(&mut self) {
        let palette = self.themes.palette();
        if palette != self.look.palette {
            self.look.palette = palette;
            self.stale = Stale::All;
        }
    }

    /// The title of the window.
    pub(crate) fn title(&self) -> String {
        if let Some(call) = self.calls.incoming() {
            return format!("CALL {}", self.name_of(call.call.contact));
        }
        match self.contacts.unread() {
            0 => "twocan".to_owned(),
            n => format!("({n}) twocan"),
        }
    }

    /// What stands because it went wrong: it is shown in full.
    pub(crate) fn grave_toast(&self) -> Option<&Notice> {
        let grave = |toast: &&Notice| toast.level != NoticeLevel::Info;
        self.toast.as_ref().filter(grave)
    }
}

/// How a registry stands.
pub(crate) fn registry_word(state: RegistryState) -> &'static str {
    match state {
        RegistryState::Connecting => "connecting",
        RegistryState::SignedIn => "signed in",
        RegistryState::SignedOut => "signed out",
        RegistryState::Unreachable => "does not answer; trying again",
        RegistryState::Refused => "refused us",
        RegistryState::Outdated => "wants a newer twocan",
        RegistryState::Banned => "does not want us",
        RegistryState::ShuttingDown => "is about to stop",
    }
}
