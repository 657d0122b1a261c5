//! What lies over the conversation on a screen, as lines to read and questions
//! to answer. A question is made of the state alone; its answer becomes the
//! keys that somebody at a screen would press.

use twocan_proto::identity::PeerId;

use super::{lists, words};
use crate::app::State;
use crate::app::first_run::{FirstRun, PLACES, Step};
use crate::app::form::Form;
use crate::app::msg::Msg;
use crate::app::overlay::Overlay;
use crate::app::search::Search;
use crate::input::action::{Group, info};
use crate::input::chord::{Chord, Key};
use crate::input::command::{self, Line};

/// Leaves a question.
const LEAVE: &str = ".";
/// Hits shown of a search.
const HITS: usize = 20;

/// What a question wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wants {
    /// A line.
    Line,
    /// A line that nobody sees.
    Secret,
    /// That something comes which is under way.
    Nothing,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ask {
    /// What it belongs to: said before the first question of several.
    pub(super) title: Option<String>,
    /// Said before it, once.
    pub(super) lines: Vec<String>,
    pub(super) prompt: String,
    pub(super) wants: Wants,
}

impl Ask {
    fn new(lines: Vec<String>, prompt: impl Into<String>) -> Self {
        Self {
            title: None,
            lines,
            prompt: prompt.into(),
            wants: Wants::Line,
        }
    }

    fn waiting(line: &str) -> Self {
        Self {
            title: None,
            lines: vec![line.to_owned()],
            prompt: String::new(),
            wants: Wants::Nothing,
        }
    }

    pub(super) fn is_secret(&self) -> bool {
        self.wants == Wants::Secret
    }
}

/// Whether a line is a command about a call: these are never the answer to a
/// question, so that a call can always be taken or ended.
pub(super) fn is_for_call(line: &str) -> bool {
    match command::read(line) {
        Line::Command { action, .. } => info(action).is_some_and(|i| i.group == Group::Calls),
        _ => false,
    }
}

/// What is only read, and then put away.
pub(super) fn to_read(state: &State) -> Option<Vec<String>> {
    Some(match state.overlay.as_ref()? {
        Overlay::Help { filter, .. } | Overlay::Palette { filter, .. } => {
            lists::help(filter.text())
        }
        Overlay::Jump { .. } => lists::contacts(state),
        Overlay::Page(page) => {
            let title = std::iter::once(format!("{}:", page.title.to_lowercase()));
            let lines = page.lines.iter().filter(|line| !line.is_empty());
            title.chain(lines.cloned()).collect()
        }
        Overlay::Log { .. } => lists::log(state),
        Overlay::Transfers { .. } => lists::files(state),
        Overlay::Audio { .. } => lists::sound(state),
        Overlay::CallLog { .. } => lists::calls(state),
        Overlay::CallStats => match state.calls.active() {
            Some(call) => words::stats(state, call),
            None => vec!["not in a call".to_owned()],
        },
        Overlay::Registries { .. } => lists::registries(state),
        Overlay::Settings(_) => lists::settings(),
        _ => return None,
    })
}

/// The question that waits for an answer.
pub(super) fn ask(state: &State) -> Option<Ask> {
    match (&state.overlay, &state.first_run) {
        (Some(overlay), _) => over(state, overlay),
        (None, Some(first_run)) => Some(step(state, first_run)),
        (None, None) => editing(state),
    }
}

fn editing(state: &State) -> Option<Ask> {
    let editing = state.conversation()?.editing.as_ref()?;
    let text = format!("It reads: {}", editing.before);
    let how = format!("Type the new text; {LEAVE} leaves it as it is.");
    Some(Ask::new(vec![text, how], "new text:"))
}

fn over(state: &State, overlay: &Overlay) -> Option<Ask> {
    Some(match overlay {
        Overlay::Confirm(confirm) => {
            let lines = vec![confirm.question.clone()];
            Ask::new(lines, format!("yes: {}, no:", confirm.yes))
        }
        Overlay::Request(id) => {
            let request = state.requests.iter().find(|r| r.request == *id)?;
            let mut lines = vec![format!("{} asks to become a contact.", request.from)];
            if !request.note.is_empty() {
                lines.push(request.note.clone());
            }
            Ask::new(lines, "accept, reject or later:")
        }
        Overlay::Verify(contact) => verify(state, *contact),
        Overlay::KeyChanged(contact) => key_changed(state, *contact)?,
        Overlay::Delete { mine, .. } => {
            let (text, prompt) = match mine {
                true => (
                    "Delete the message for you alone, or for both?",
                    "me, both or no:",
                ),
                false => (
                    "Delete the message for you? Only its author can for both.",
                    "me or no:",
                ),
            };
            Ask::new(vec![text.to_owned()], prompt)
        }
        Overlay::React(_) => {
            let names = crate::app::reaction::NAMES.join(", ");
            Ask::new(
                vec![format!("React with one emoji, or with {names}.")],
                "reaction:",
            )
        }
        Overlay::Nearby { .. } => nearby(state),
        Overlay::Search(search) => found(state, search),
        Overlay::Account(registry) => match state.account_at(registry) {
            None => Ask::waiting("Asking the registry."),
            Some(account) => {
                let email = account
                    .email
                    .as_ref()
                    .map_or("none", |email| email.as_str());
                let lines = vec![
                    format!("{}@{}", account.username.as_str(), registry.address()),
                    format!("e-mail: {email}"),
                    format!("found by: {}", account.visibility.as_str()),
                ];
                Ask::new(
                    lines,
                    "password, email, visibility, card, delete or nothing:",
                )
            }
        },
        Overlay::Lobby { registry, .. } => {
            let at = registry.address();
            let how = format!(
                "In the lobby of {at}. /leave goes out, {LEAVE} goes back to the conversation."
            );
            Ask::new(vec![how], format!("lobby {at}:"))
        }
        Overlay::Form(form) => field(form),
        // Read and put away before anything is asked.
        _ => return None,
    })
}

fn verify(state: &State, contact: PeerId) -> Ask {
    let Some((_, safety)) = state.safety.as_ref().filter(|(of, _)| *of == contact) else {
        return Ask::waiting("Making the safety number.");
    };
    let name = state.name_of(contact);
    let lines = vec![
        format!(
            "Compare with {name}, where you know the voice or side by side: the digits or the words."
        ),
        safety.digits.clone(),
        safety.words.join(" "),
    ];
    Ask::new(lines, "the same on both sides? yes or later:")
}

fn key_changed(state: &State, contact: PeerId) -> Option<Ask> {
    let known = state.contacts.get(&contact)?;
    let new = known.new_key?;
    let lines = vec![
        format!(
            "{} shows another key. A new machine, or somebody in between: ask over another way. Nothing goes out until you decide.",
            known.alias
        ),
        format!("known:     {contact}"),
        format!("shown now: {new}"),
    ];
    Some(Ask::new(
        lines,
        "keep the known key, take the new one, or later:",
    ))
}

fn nearby(state: &State) -> Ask {
    let mut lines: Vec<String> = state
        .nearby
        .iter()
        .zip(1..)
        .map(|(near, number)| {
            let name = match (near.is_contact, near.name.as_str()) {
                (true, _) => format!("{}, a contact", state.name_of(near.peer_id)),
                (false, "") => "no name told".to_owned(),
                (false, name) => name.to_owned(),
            };
            format!("{number}. {name}, {}", near.peer_id.short())
        })
        .collect();
    if lines.is_empty() {
        lines.push("Nobody is found in the local network so far.".to_owned());
    }
    Ask::new(lines, "number to add or open, or nothing:")
}

fn found(state: &State, search: &Search) -> Ask {
    if search.asked.is_some() {
        return Ask::waiting("Searching.");
    }
    if let Some(error) = &search.error {
        return Ask::new(vec![error.clone()], "search for:");
    }
    if search.query.text().trim().is_empty() {
        let place = match search.with.filter(|_| search.here) {
            Some(id) => format!("Search the conversation with {}.", state.name_of(id)),
            None => "Search all conversations.".to_owned(),
        };
        return Ask::new(vec![place], "search for:");
    }
    let mut lines: Vec<String> = search
        .hits
        .iter()
        .take(HITS)
        .zip(1..)
        .map(|(hit, number)| {
            let day = crate::view::draw::time(hit.sent_at, &state.zone, "%Y-%m-%d");
            format!("{number}. {day} {}", words::message(state, hit))
        })
        .collect();
    match search.hits.len() {
        0 => lines.push("Nothing found.".to_owned()),
        n if n > HITS => lines.push(format!(
            "The newest {HITS} are shown; say more to find less."
        )),
        _ => {}
    }
    let everywhere = match (search.with, search.here) {
        (Some(_), true) => ", all for everywhere",
        (Some(_), false) => ", here for this conversation",
        (None, _) => "",
    };
    Ask::new(
        lines,
        format!("number to go there{everywhere}, or nothing:"),
    )
}

fn field(form: &Form) -> Ask {
    let title = Some(format!(
        "{}: an empty line keeps what is there, {LEAVE} leaves.",
        form.title().to_lowercase()
    ));
    if form.busy {
        return Ask {
            title,
            ..Ask::waiting("Asking the registry.")
        };
    }
    let mut lines: Vec<String> = form.error.clone().into_iter().collect();
    let Some(field) = form.fields.get(form.focus) else {
        return Ask {
            title,
            ..Ask::new(lines, "Enter:")
        };
    };
    if !field.hint.is_empty() {
        lines.push(format!("{}: {}", field.label, field.hint));
    }
    let prompt = match field.editor.text() {
        text if field.secret || text.is_empty() => format!("{}:", field.label),
        text => format!("{} ({text}):", field.label),
    };
    Ask {
        title,
        wants: if field.secret {
            Wants::Secret
        } else {
            Wants::Line
        },
        ..Ask::new(lines, prompt)
    }
}

fn step(state: &State, first_run: &FirstRun) -> Ask {
    match first_run.step {
        Step::Name => {
            let mut lines = vec![format!(
                "First steps. What should others call you? The name goes with your messages; /nick changes it. {LEAVE} skips all steps."
            )];
            lines.extend(first_run.error.clone());
            let known = state.me.as_ref().map_or("", |me| me.name.as_str());
            Ask::new(lines, with_offer("your name", known))
        }
        Step::Key => {
            let place = state
                .me
                .as_ref()
                .map(|me| me.key_file.display().to_string());
            let lines = vec![
                "A key was made on this computer. It is you: whoever has the file can write in your name, and nobody can give you a new one. Keep a copy somewhere safe.".to_owned(),
                format!("It is kept in {}", place.unwrap_or_default()),
            ];
            Ask::new(lines, "Enter goes on:")
        }
        Step::Place => {
            let mut lines = vec!["How do friends find you?".to_owned()];
            lines.extend(
                PLACES
                    .iter()
                    .zip(1..)
                    .map(|((place, about), number)| format!("{number}. {place}: {about}")),
            );
            Ask::new(lines, "1, 2 or 3:")
        }
        Step::Registry => field(&first_run.form),
        Step::Lan => {
            let mut lines = vec![
                "Give a friend your link, over any channel. It is public: it lets them ask you, nothing more. Your friend types /add and the link.".to_owned(),
            ];
            if let Some(me) = &state.me {
                lines.push(me.link.to_string());
            }
            Ask::new(lines, "Enter ends the first steps:")
        }
    }
}

fn with_offer(label: &str, offered: &str) -> String {
    match offered {
        "" => format!("{label}:"),
        offered => format!("{label} ({offered}):"),
    }
}

/// What a line answers, as keys.
pub(super) fn answer(state: &State, line: &str) -> Vec<Msg> {
    let word = line.trim().to_lowercase();
    let is = |whole: &str| !word.is_empty() && whole.starts_with(&word);
    let letter = |c| vec![key(Key::Char(c))];
    let leave = || vec![key(Key::Esc)];
    let Some(overlay) = &state.overlay else {
        return match &state.first_run {
            Some(first_run) => step_answer(first_run, line),
            None => vec![Msg::Line(new_text(state, line).to_owned())],
        };
    };
    match overlay {
        Overlay::Confirm(_) if is("yes") => letter('y'),
        Overlay::Request(_) if is("accept") => letter('a'),
        Overlay::Request(_) if is("reject") => letter('r'),
        Overlay::Verify(_) if is("yes") => letter('y'),
        Overlay::KeyChanged(_) if is("keep") => letter('k'),
        Overlay::KeyChanged(_) if is("new") || is("take") => letter('n'),
        Overlay::Delete { .. } if is("me") => letter('m'),
        Overlay::Delete { mine: true, .. } if is("both") => letter('b'),
        Overlay::React(_) if word != LEAVE && !word.is_empty() => typed(line.trim(), false),
        Overlay::Nearby { .. } => numbered(&word, state.nearby.len()).unwrap_or_else(leave),
        Overlay::Search(search) => search_answer(search, line.trim()),
        Overlay::Account(_) => match word.chars().next() {
            Some(c @ ('p' | 'e' | 'v' | 'c' | 'd')) => letter(c),
            _ => leave(),
        },
        Overlay::Lobby { .. } if word != LEAVE => typed(line, false),
        Overlay::Form(form) if line.trim() != LEAVE => typed_over(form, line),
        _ => leave(),
    }
}

/// The new text of the message that is being changed, or the one it has.
fn new_text<'a>(state: &'a State, line: &'a str) -> &'a str {
    let editing = state.conversation().and_then(|c| c.editing.as_ref());
    match editing {
        Some(editing) if line.trim() == LEAVE => &editing.before,
        _ => line,
    }
}

fn step_answer(first_run: &FirstRun, line: &str) -> Vec<Msg> {
    let word = line.trim();
    if word == LEAVE {
        return vec![key(Key::Esc)];
    }
    match first_run.step {
        Step::Name if word.is_empty() => vec![key(Key::Enter)],
        Step::Name => typed(word, true),
        Step::Registry => typed_over(&first_run.form, line),
        Step::Place => word
            .chars()
            .next()
            .filter(|c| ('1'..='3').contains(c))
            .map(|c| key(Key::Char(c)))
            .into_iter()
            .collect(),
        Step::Key | Step::Lan => vec![key(Key::Enter)],
    }
}

/// Another text in the field, unless nothing was typed; and on to the next.
fn typed_over(form: &Form, line: &str) -> Vec<Msg> {
    let secret = form.fields.get(form.focus).is_some_and(|f| f.secret);
    let text = if secret { line } else { line.trim() };
    match text {
        "" => vec![key(Key::Enter)],
        text => typed(text, true),
    }
}

/// A text, in place of what is there if that is wanted, and Enter.
fn typed(text: &str, over: bool) -> Vec<Msg> {
    let clear = Chord {
        ctrl: true,
        ..Chord::plain(Key::Char('u'))
    };
    let clear = over.then(|| [key(Key::End), chord(clear)]);
    let letters = text.chars().map(|c| key(Key::Char(c)));
    let all = clear.into_iter().flatten().chain(letters);
    all.chain([key(Key::Enter)]).collect()
}

/// The line of a list, by its number.
fn numbered(word: &str, count: usize) -> Option<Vec<Msg>> {
    let number: usize = word.parse().ok()?;
    let down = number.checked_sub(1).filter(|_| number <= count)?;
    let mut keys = vec![key(Key::Down); down];
    keys.push(key(Key::Enter));
    Some(keys)
}

fn search_answer(search: &Search, word: &str) -> Vec<Msg> {
    let nothing_yet = search.query.text().trim().is_empty() || search.error.is_some();
    let switches = match word {
        "all" => search.with.is_some() && search.here,
        "here" => search.with.is_some() && !search.here,
        _ => false,
    };
    match word {
        "" | LEAVE => vec![key(Key::Esc)],
        text if nothing_yet => {
            let mut keys = typed(text, true);
            // Searching begins by itself; Enter would go to a hit.
            keys.pop();
            keys
        }
        _ if switches => vec![key(Key::Tab)],
        number => {
            numbered(number, search.hits.len().min(HITS)).unwrap_or_else(|| vec![key(Key::Esc)])
        }
    }
}

fn key(key: Key) -> Msg {
    chord(Chord::plain(key))
}

fn chord(chord: Chord) -> Msg {
    Msg::Key(chord)
}
