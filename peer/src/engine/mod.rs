//! The handle to the engine. Every method is a message to the core task and
//! its answer; nothing is decided here. The methods of each subject are in a
//! file of its own.

mod calls;
mod files;
mod messages;
mod people;
mod registries;

use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};
use twocan_voice::LevelReader;

use crate::api::{Config, Error, Event, WhoAmI};
use crate::core::{self, Command, Reply};

/// Events that wait to be taken, besides those the core itself holds back.
const EVENTS: usize = 1024;
/// Commands that wait for the core; whoever brings one more waits.
const COMMANDS: usize = 256;

/// A handle to a running engine. The engine ends with [`Self::shutdown`], or
/// when the last handle is gone.
#[derive(Clone, Debug)]
pub struct Engine {
    commands: mpsc::Sender<Command>,
    levels: watch::Receiver<Option<LevelReader>>,
}

impl Engine {
    /// Opens the profile and starts the engine on the current tokio runtime.
    /// The receiver brings what happens, in order; whoever does not take it
    /// holds nothing up, but misses the oldest after many thousand.
    ///
    /// # Errors
    /// What keeps it from starting, with what to do about it: a profile in
    /// use, a damaged key or database, a port that is taken.
    pub async fn start(config: Config) -> Result<(Self, mpsc::Receiver<Event>), Error> {
        let (events, receiver) = mpsc::channel(EVENTS);
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let (meters, levels) = watch::channel(None);
        core::start(config, inbox, events, meters).await?;
        Ok((Self { commands, levels }, receiver))
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.commands
            .send(command(reply))
            .await
            .map_err(|_| Error::stopped())?;
        answer.await.map_err(|_| Error::stopped())?
    }

    /// Who we are.
    ///
    /// # Errors
    /// Only when the engine has ended.
    pub async fn whoami(&self) -> Result<WhoAmI, Error> {
        self.ask(Command::WhoAmI).await
    }

    /// Changes the name that others see.
    ///
    /// # Errors
    /// `bad_request` for a name that is empty or too long.
    pub async fn set_name(&self, name: &str) -> Result<(), Error> {
        let name = name.to_owned();
        self.ask(|reply| Command::SetName(name, reply)).await
    }

    /// Changes a setting; see [`crate::api::SETTINGS`].
    ///
    /// # Errors
    /// `not_found` for an unknown setting, `bad_request` for a wrong value.
    pub async fn set(&self, key: &str, value: Value) -> Result<(), Error> {
        let key = key.to_owned();
        self.ask(|reply| Command::Set { key, value, reply }).await
    }

    /// A setting; `null` if it was never set.
    ///
    /// # Errors
    /// `not_found` for an unknown setting.
    pub async fn get(&self, key: &str) -> Result<Value, Error> {
        let key = key.to_owned();
        self.ask(|reply| Command::Get(key, reply)).await
    }

    /// Ends everything in order: calls and links get a reason, what is being
    /// written is finished. Answers when that is done.
    pub async fn shutdown(&self) {
        let (reply, done) = oneshot::channel();
        if self.commands.send(Command::Shutdown(reply)).await.is_ok() {
            // A dropped answer means that the core ended before it could say so.
            let _ended = done.await;
        }
    }
}
