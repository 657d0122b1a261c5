//! What can lie over the main view: help, lists to pick from, pages to read,
//! questions, forms.

use twocan_peer::api::SignIn;
use twocan_proto::identity::PeerId;
use uuid::Uuid;

use super::editor::Editor;
use super::effect::Effect;
use super::search::Search;

/// Something over the main view; takes all keys while it is there.
#[derive(Debug)]
pub(crate) enum Overlay {
    /// Everything that can be done, filtered by what is typed.
    Help { filter: Editor, scroll: usize },
    /// All actions, to pick one.
    Palette { filter: Editor, selected: usize },
    /// All contacts, to open one.
    Jump { filter: Editor, selected: usize },
    /// Text to read.
    Page(Page),
    /// Notices and errors so far; scrolled this many rows up from the end.
    Log { up: usize },
    /// A question: `y` does it, anything else does not.
    Confirm(Confirm),
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
    /// Looking for words in all that was said.
    Search(Box<Search>),
    /// Fields to fill in.
    Form(Form),
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

/// One field of a form.
#[derive(Debug, Default)]
pub(crate) struct Field {
    pub(crate) label: &'static str,
    pub(crate) editor: Editor,
    /// Shown as dots.
    pub(crate) secret: bool,
    /// What to put in, in a few words.
    pub(crate) hint: &'static str,
}

/// The form that signs in to a registry.
#[derive(Debug, Default)]
pub(crate) struct Form {
    pub(crate) fields: Vec<Field>,
    pub(crate) focus: usize,
    /// Why the last try failed, or what is missing.
    pub(crate) error: Option<String>,
    /// Sent, waiting for an answer.
    pub(crate) busy: bool,
}

impl Form {
    /// The form for a registry, with what is known filled in.
    pub(crate) fn sign_in(url: &str, username: &str) -> Self {
        let field = |label, text: &str, secret, hint| Field {
            label,
            editor: Editor::with_text(text),
            secret,
            hint,
        };
        let fields = vec![
            field(
                "Registry",
                url,
                false,
                "https://HOST:7443#sha256-..., from whoever runs it",
            ),
            field("Username", username, false, "others find you by it"),
            field(
                "Password",
                "",
                true,
                "an account is made if the name is new",
            ),
        ];
        let focus = fields.iter().position(|f| f.editor.is_empty()).unwrap_or(0);
        Self {
            fields,
            focus,
            error: None,
            busy: false,
        }
    }

    fn text(&self, field: usize) -> &str {
        self.fields.get(field).map_or("", |f| f.editor.text())
    }

    /// The field that is typed into.
    pub(crate) fn focused(&mut self) -> Option<&mut Field> {
        self.fields.get_mut(self.focus)
    }

    /// What the filled form asks for.
    ///
    /// # Errors
    /// A sentence that says which field is wrong and how; that field gets the
    /// focus.
    pub(crate) fn read(&mut self) -> Result<SignIn, String> {
        for at in 0..self.fields.len() {
            if self.text(at).trim().is_empty() {
                self.focus = at;
                return Err(format!("{} is missing", self.fields[at].label));
            }
        }
        let registry = self.text(0).trim().parse().map_err(|e| {
            self.focus = 0;
            format!("Registry: {e}")
        })?;
        Ok(SignIn {
            registry,
            username: self.text(1).trim().to_owned(),
            password: self.text(2).to_owned(),
            register: true,
        })
    }
}
