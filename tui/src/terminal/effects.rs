//! Carries effects out: each becomes a call of the engine whose answer comes
//! back as an outcome. Nothing here blocks the interface.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use twocan_peer::Engine;
use twocan_peer::api::{CallLevels, Config, DirectoryQuery, Draft, Error, ErrorCode, ExportFormat};

use super::{history, paths};
use crate::app::audio::{SWITCHES, SoundSetup};
use crate::app::call_log::PAGE as CALLS;
use crate::app::conversation::PAGE;
use crate::app::effect::{Effect, FileVerb, Outcome};
use crate::app::preferences::{self, Preferences};
use crate::app::settings::{self, Held};
use crate::doctor;

/// Effects that wait for the engine, in order.
const ORDERED: usize = 256;
/// Effects that may take long at once: connecting, signing in.
const SLOW: usize = 16;
/// Outcomes that wait for the interface.
const OUTCOMES: usize = 256;

/// The setting that holds what the interface remembers.
const REMEMBERED: &str = "ui";
/// How long the end waits for what was asked for before.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Takes effects for the engine.
#[derive(Debug)]
pub(crate) struct Runner {
    engine: Engine,
    /// How the engine was started, for the doctor.
    config: Config,
    ordered: mpsc::Sender<Effect>,
    in_order: JoinHandle<()>,
    slow: JoinSet<()>,
    /// Who does all that.
    workers: Handle,
    report: Report,
}

/// Where outcomes go, and how many effects are under way.
#[derive(Debug, Clone)]
struct Report {
    outcomes: mpsc::Sender<Outcome>,
    under_way: watch::Sender<usize>,
}

impl Report {
    fn begun(&self) {
        self.under_way.send_modify(|count| *count += 1);
    }

    /// An effect has ended, with an outcome if there is something to tell.
    async fn ended(&self, outcome: Option<Outcome>) {
        if let Some(outcome) = outcome {
            // Nobody listens once the interface has ended.
            let _ended = self.outcomes.send(outcome).await;
        }
        self.under_way
            .send_modify(|count| *count = count.saturating_sub(1));
    }
}

impl Runner {
    /// A runner, and where the outcomes come.
    /// All of them are carried out by `workers`.
    pub(crate) fn new(
        engine: Engine,
        config: Config,
        workers: &Handle,
    ) -> (Self, mpsc::Receiver<Outcome>) {
        let (outcomes, receiver) = mpsc::channel(OUTCOMES);
        let (ordered, queue) = mpsc::channel(ORDERED);
        let report = Report {
            outcomes,
            under_way: watch::Sender::new(0),
        };
        let in_order = workers.spawn(in_order(engine.clone(), queue, report.clone()));
        let slow = JoinSet::new();
        (
            Self {
                engine,
                config,
                ordered,
                in_order,
                slow,
                workers: workers.clone(),
                report,
            },
            receiver,
        )
    }

    /// Waits until what was asked for last is done: a message that was sent
    /// just before the end is stored, a draft kept.
    pub(crate) async fn finish(self) {
        drop(self.ordered);
        // Late is an engine that hangs; its shutdown comes next.
        let _late = tokio::time::timeout(LAST_WORDS, self.in_order).await;
    }

    /// What the meters of the call show now.
    pub(crate) fn levels(&self) -> Option<CallLevels> {
        self.engine.call_levels()
    }

    /// How many effects are under way; an outcome comes before its effect has
    /// ended.
    pub(crate) fn under_way(&self) -> watch::Receiver<usize> {
        self.report.under_way.subscribe()
    }

    /// Starts an effect. Those that reach over the network run beside each
    /// other; all others one after the other, so that messages keep their
    /// order. If too much waits already, the answer is the outcome that says
    /// so.
    pub(crate) fn start(&mut self, effect: Effect) -> Option<Outcome> {
        while self.slow.try_join_next().is_some() {}
        if !is_slow(&effect) {
            let Ok(place) = self.ordered.try_reserve() else {
                return Some(refused(effect));
            };
            self.report.begun();
            place.send(effect);
            return None;
        }
        if self.slow.len() >= SLOW {
            return Some(refused(effect));
        }
        let (engine, report) = (self.engine.clone(), self.report.clone());
        report.begun();
        if matches!(effect, Effect::Doctor) {
            let config = self.config.clone();
            let doctor = async move {
                let me = engine.whoami().await;
                let own = me.map_or(Vec::new(), |me| me.registries);
                let found = doctor::lines(&config, &own).await;
                report.ended(Some(Outcome::Findings(found))).await;
            };
            self.slow.spawn_on(doctor, &self.workers);
            return None;
        }
        let performed = async move {
            report.ended(perform(&engine, effect).await).await;
        };
        self.slow.spawn_on(performed, &self.workers);
        None
    }
}

/// Carries effects out one after the other.
async fn in_order(engine: Engine, mut queue: mpsc::Receiver<Effect>, report: Report) {
    while let Some(effect) = queue.recv().await {
        report.ended(perform(&engine, effect).await).await;
    }
}

fn is_slow(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::AddContact { .. }
            | Effect::Connect(_)
            | Effect::SendFile { .. }
            | Effect::CompletePath(_)
            | Effect::LoadSound
            | Effect::FindDay { .. }
            | Effect::Export { .. }
            | Effect::Doctor
            | Effect::SignIn(_)
            | Effect::SignOut(_)
            | Effect::Account { .. }
            | Effect::Lobby { .. }
            | Effect::Directory { .. }
    )
}

/// What becomes of an effect that found no room.
fn refused(effect: Effect) -> Outcome {
    let error = Error::new(
        ErrorCode::Busy,
        "too much is waiting already; try again in a moment",
    );
    match effect {
        Effect::Send { to, text, .. } => Outcome::NotSent { to, text, error },
        Effect::Edit { with, id, text } => Outcome::NotEdited {
            with,
            id,
            text,
            error,
        },
        Effect::LoadAround { with, id, .. } => Outcome::Around {
            with,
            id,
            found: Err(error),
        },
        Effect::Search { number, .. } => Outcome::Found {
            number,
            took_ms: 0,
            found: Err(error),
        },
        Effect::MarkRead { with, .. } => Outcome::MarkedRead {
            with,
            result: Err(error),
        },
        Effect::LoadCalls { before } => Outcome::Calls {
            before,
            found: Err(error),
        },
        Effect::SignIn(_) => Outcome::SignedIn(Err(error)),
        Effect::Account { registry, .. } => Outcome::Account {
            registry,
            result: Err(error),
        },
        Effect::SetName(_) => Outcome::Named(Err(error)),
        Effect::LoadHistory { with, page, .. } => Outcome::History {
            with,
            page,
            found: Err(error),
        },
        _ => Outcome::Failed {
            what: "not done".to_owned(),
            error,
        },
    }
}

/// Asks the engine for one thing.
async fn perform(engine: &Engine, effect: Effect) -> Option<Outcome> {
    let outcome = match effect {
        Effect::LoadSelf => loaded(
            "reading the profile",
            engine.whoami().await.map(Outcome::Myself),
        ),
        Effect::LoadRemembered => loaded(
            "reading the drafts",
            engine.get(REMEMBERED).await.map(Outcome::Remembered),
        ),
        Effect::LoadContacts => loaded(
            "reading the contacts",
            engine.contacts().await.map(Outcome::Contacts),
        ),
        Effect::LoadRequests => loaded(
            "reading the requests",
            engine.requests().await.map(Outcome::Requests),
        ),
        Effect::LoadHistory { with, page } => {
            let found = engine.history(with, page, PAGE).await;
            Outcome::History { with, page, found }
        }
        Effect::LoadAround { with, id, each } => {
            let found = history::around(engine, with, id, each).await;
            Outcome::Around { with, id, found }
        }
        Effect::FindDay { with, day } => {
            let found = history::first_since(engine, with, day).await;
            Outcome::Day { with, found }
        }
        Effect::Export { with, path } => {
            let to = paths::expanded(&path);
            let format = match to.extension() {
                Some(e) if e == "json" => ExportFormat::Json,
                _ => ExportFormat::Text,
            };
            let result = engine.export(Some(with), format, to).await;
            Outcome::Exported { path, result }
        }
        Effect::Search { number, query } => {
            let begun = std::time::Instant::now();
            let found = engine.search(query).await;
            let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            Outcome::Found {
                number,
                took_ms,
                found,
            }
        }
        Effect::LoadPreferences => loaded("reading the settings", preferences(engine).await),
        Effect::LoadSound => Outcome::Sound(sound(engine).await.map(Box::new)),
        Effect::LoadCalls { before } => Outcome::Calls {
            before,
            found: engine.call_log(before, CALLS).await,
        },
        Effect::LoadTransfers => loaded(
            "reading the transfers",
            engine.transfers().await.map(Outcome::Transfers),
        ),
        Effect::CompletePath(typed) => {
            let choices = paths::completions(typed.clone()).await;
            Outcome::Paths { typed, choices }
        }
        Effect::LoadProfile => loaded(
            "reading the profile",
            engine.profile().await.map(Outcome::Profile),
        ),
        Effect::SaveProfile(profile) => {
            let saved = engine.set_profile(profile).await;
            let now = match saved {
                Ok(()) => engine.profile().await,
                Err(error) => Err(error),
            };
            loaded("changing the profile", now.map(Outcome::Profile))
        }
        Effect::LoadNearby => loaded("looking around", engine.nearby().await.map(Outcome::Nearby)),
        Effect::LoadSafety(contact) => {
            let safety = engine.safety(contact).await;
            let safety = safety.map(|safety| Outcome::Safety { contact, safety });
            loaded("making the safety number", safety)
        }
        Effect::DecideKey { contact, decision } => {
            let decided = engine.decide_key(contact, decision).await;
            Outcome::KeyDecided(decided.map(Box::new))
        }
        Effect::MarkRead { with, upto } => {
            let result = engine.mark_read(with, upto).await;
            Outcome::MarkedRead { with, result }
        }
        Effect::LoadRevisions(id) => Outcome::Revisions(engine.revisions(id).await),
        Effect::Edit { with, id, text } => {
            let error = engine.edit(id, &text).await.err()?;
            Outcome::NotEdited {
                with,
                id,
                text,
                error,
            }
        }
        Effect::SetName(name) => Outcome::Named(engine.set_name(&name).await.map(|()| name)),
        Effect::AddContact { who, note } => {
            Outcome::Added(engine.contact_add(&who, &note).await.map(Box::new))
        }
        Effect::Connect(to) => Outcome::Connected(engine.connect(&to).await),
        Effect::RemoveContact(contact) => {
            let result = engine.contact_remove(contact).await;
            Outcome::Removed { contact, result }
        }
        Effect::Accept(request) => Outcome::Accepted(engine.accept(request).await.map(Box::new)),
        Effect::Reject(request) => {
            let result = engine.reject(request).await;
            Outcome::Rejected { request, result }
        }
        Effect::Send { to, text, reply_to } => {
            let draft = Draft {
                text: text.clone(),
                reply_to,
                client_id: None,
            };
            let error = engine.send(to, draft).await.err()?;
            Outcome::NotSent { to, text, error }
        }
        Effect::Lobby { registry, ask } => {
            let error = engine.lobby(registry.clone(), ask).await.err()?;
            Outcome::LobbyRefused { registry, error }
        }
        Effect::Account { registry, action } => {
            let result = engine.account(registry.clone(), action).await;
            Outcome::Account { registry, result }
        }
        Effect::SignIn(sign_in) => Outcome::SignedIn(engine.sign_in(sign_in).await),
        Effect::Directory { prefix } => {
            let query = DirectoryQuery {
                prefix,
                ..DirectoryQuery::default()
            };
            Outcome::Directory(engine.directory(query).await)
        }
        Effect::LoadSettings => loaded("reading the settings", settings(engine).await),
        Effect::LoadSetting(key) => {
            let value = engine.get(&key).await;
            let value = value.map(|value| Held::of(&key, &value));
            Outcome::Setting { key, value }
        }
        Effect::SaveSetting { key, value } => {
            let value = json(&value);
            let saved = engine.set(&key, value.clone()).await;
            let value = saved.map(|()| Held::of(&key, &value));
            Outcome::Setting { key, value }
        }
        other => return plain(engine, other).await,
    };
    Some(outcome)
}

/// Effects of which nothing is told unless they fail: the engine's events say
/// the rest.
async fn plain(engine: &Engine, effect: Effect) -> Option<Outcome> {
    let (what, result) = match effect {
        Effect::Remember(all) => ("keeping the drafts", engine.set(REMEMBERED, all).await),
        Effect::Disconnect(contact) => ("disconnecting", engine.disconnect(contact).await),
        Effect::ChangeContact { contact, change } => (
            "changing the contact",
            nothing(engine.contact_set(contact, change)).await,
        ),
        Effect::SendFile { to, path } => {
            let path = paths::expanded(&path);
            (
                "offering the file",
                nothing(engine.file_send(to, &path)).await,
            )
        }
        Effect::File { transfer, verb } => match verb {
            FileVerb::Accept => ("taking the file", engine.file_accept(transfer, None).await),
            FileVerb::Decline => ("refusing the file", engine.file_reject(transfer).await),
            FileVerb::Pause => ("pausing the file", engine.file_pause(transfer).await),
            FileVerb::Resume => ("resuming the file", engine.file_resume(transfer).await),
            FileVerb::Cancel => ("ending the file", engine.file_cancel(transfer).await),
        },
        Effect::Delete { id, scope } => ("deleting", engine.delete(id, scope).await),
        Effect::React { id, emoji } => ("reacting", engine.react(id, &emoji).await),
        Effect::Typing { to, on } => {
            // Not worth a word: the other misses a "typing" at most.
            let _unheard = engine.typing(to, on).await;
            return None;
        }
        Effect::SignOut(registry) => ("signing out", engine.sign_out(registry).await),
        Effect::Call(to) => ("calling", nothing(engine.call(to)).await),
        Effect::Answer(call) => ("answering", engine.answer(call).await),
        Effect::Decline { call, text } => ("declining", engine.decline(call, None, &text).await),
        Effect::MicTest(true) => ("testing the microphone", engine.mic_test_start().await),
        Effect::MicTest(false) => ("testing the microphone", engine.mic_test_stop().await),
        Effect::CallsSeen => ("marking the calls as seen", engine.calls_seen().await),
        Effect::HangUp(call) => ("hanging up", engine.hangup(call, None).await),
        Effect::ChangeCall { call, change } => {
            ("changing the call", engine.call_set(call, change).await)
        }
        // The others are of the terminal; `mod.rs` keeps them to itself.
        _ => return None,
    };
    let error = result.err()?;
    Some(Outcome::Failed {
        what: what.to_owned(),
        error,
    })
}

/// Devices, and the settings of sound.
async fn sound(engine: &Engine) -> Result<SoundSetup, Error> {
    let devices = engine.devices().await?;
    let mut switches = [true; SWITCHES.len()];
    for (on, switch) in switches.iter_mut().zip(SWITCHES) {
        *on = engine.get(switch.setting).await? != Value::Bool(false);
    }
    let activation = engine.get("call.activation").await?;
    let activation = activation.as_str().and_then(|text| text.parse().ok());
    Ok(SoundSetup {
        devices,
        switches,
        activation: activation.unwrap_or_default(),
    })
}

/// Looks and notifications.
async fn preferences(engine: &Engine) -> Result<Outcome, Error> {
    let mut preferences = Preferences::default();
    for (key, switch) in preferences::SWITCHES {
        *switch(&mut preferences) = engine.get(key).await? != Value::Bool(false);
    }
    let theme = engine.get(preferences::THEME).await?;
    Ok(Outcome::Preferences {
        preferences,
        theme: theme.as_str().map(str::to_owned),
    })
}

/// The values of all settings.
async fn settings(engine: &Engine) -> Result<Outcome, Error> {
    let mut values = BTreeMap::new();
    for (key, _) in settings::all() {
        let value = engine.get(key).await?;
        values.insert(key.to_owned(), Held::of(key, &value));
    }
    Ok(Outcome::Settings(values))
}

async fn nothing<T>(asked: impl Future<Output = Result<T, Error>>) -> Result<(), Error> {
    asked.await.map(drop)
}

fn loaded(what: &str, result: Result<Outcome, Error>) -> Outcome {
    result.unwrap_or_else(|error| Outcome::Failed {
        what: what.to_owned(),
        error,
    })
}

/// A value as a person types it: JSON if it is some, else a text.
fn json(typed: &str) -> Value {
    serde_json::from_str(typed).unwrap_or_else(|_| Value::String(typed.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_typed_without_quotes() {
        assert_eq!(json("45"), Value::from(45));
        assert_eq!(json("dark"), Value::from("dark"));
    }

    #[test]
    fn a_message_that_found_no_room_comes_back() {
        let to = twocan_proto::identity::Identity::from_seed(&[7; 32]).peer_id();
        let effect = Effect::Send {
            to,
            text: "kept".to_owned(),
            reply_to: None,
        };
        assert!(matches!(refused(effect), Outcome::NotSent { text, .. } if text == "kept"));
    }
}
