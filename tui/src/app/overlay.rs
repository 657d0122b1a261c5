//! What can lie over the main view: help, lists to pick from, pages to read,
//! questions, forms.

use twocan_proto::identity::PeerId;
use twocan_proto::registry_url::RegistryUrl;
use uuid::Uuid;

use super::editor::Editor;
use super::effect::Effect;
use super::form::Form;
use super::search::Search;
use super::settings::Settings;

/// Something over the main view; takes all keys while it is there.
#[derive(Debug)]
pub(crate) enum Overlay {
    /// Everything that can be done, filtered by what is typed.
    Help { filter: Editor, scroll: usize },
    /// All actions, to pick one.
    Palette { filter: Editor, selected: usize },
    /// All contacts, to open one.
    Jump { filter: Editor, selected: usize },
    /// What was written in this conversation, to write it again.
    Earlier { filter: Editor, selected: usize },
    /// Text to read.
    Page(Page),
    /// Notices and errors so far; scrolled this many rows up from the end.
    Log { up: usize },
    /// A question: `y` does it, anything else does not.
    Confirm(Confirm),
    /// Stopping the program would freeze the call.
    Suspend,
    /// Addresses in a message, to open one.
    Links { links: Vec<String>, selected: usize },
    /// A contact request that waits for an answer.
    Request(Uuid),
    /// Two keys to compare.
    Verify(PeerId),
    /// A contact shows another key than the known one.
    KeyChanged(PeerId),
    /// Files on their way, the newest first.
    Transfers { selected: usize },
    /// Who is found in the local network.
    Nearby { selected: usize },
    /// For whom a message is deleted: nothing is without a second key.
    Delete { id: Uuid, mine: bool },
    /// An emoji for a message.
    React(React),
    /// Devices, to choose from, and the microphone test.
    Audio {
        side: super::audio::Side,
        selected: usize,
    },
    /// Calls there were, the newest first.
    CallLog { selected: usize },
    /// Everything that is measured in the call.
    CallStats,
    /// The settings of the engine, to change them.
    Settings(Box<Settings>),
    /// Looking for words in all that was said.
    Search(Box<Search>),
    /// Registries, to choose one.
    Registries { selected: usize },
    /// Our account at a registry.
    Account(RegistryUrl),
    /// The public room of a registry; scrolled this many rows up from the end.
    Lobby {
        registry: RegistryUrl,
        draft: Editor,
        up: usize,
    },
    /// Fields to fill in.
    Form(Form),
}

impl Overlay {
    /// Which row is chosen, where there are rows to choose from.
    pub(crate) fn selected_mut(&mut self) -> Option<&mut usize> {
        match self {
            Self::Palette { selected, .. }
            | Self::Jump { selected, .. }
            | Self::Links { selected, .. }
            | Self::Transfers { selected }
            | Self::Nearby { selected }
            | Self::Audio { selected, .. }
            | Self::CallLog { selected }
            | Self::Registries { selected } => Some(selected),
            Self::Search(search) => Some(&mut search.chosen),
            _ => None,
        }
    }
}

/// Text to read.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) title: String,
    pub(crate) lines: Vec<String>,
    /// Text shown as a QR code below the lines, where it fits.
    pub(crate) qr: Option<String>,
    /// What `c` copies.
    pub(crate) copy: Option<String>,
    pub(crate) scroll: usize,
}

/// Choosing a reaction.
#[derive(Debug)]
pub(crate) struct React {
    /// To which message.
    pub(crate) id: Uuid,
    /// Typed instead of chosen.
    pub(crate) typed: Editor,
    /// Which of [`super::reaction::COMMON`] is chosen.
    pub(crate) chosen: usize,
}

/// A question.
#[derive(Debug)]
pub(crate) struct Confirm {
    pub(crate) question: String,
    /// What `y` does, in a word or two.
    pub(crate) yes: &'static str,
    pub(crate) then: Confirmed,
}

/// What a confirmed question does.
#[derive(Debug, Clone)]
pub(crate) enum Confirmed {
    Effect(Effect),
    /// Put this long paste into the composer.
    Paste(String),
    /// Send this text, which looked like a command.
    SendAnyway(String),
    Quit,
}
