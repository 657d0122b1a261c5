//! Starting the engine for a person at a terminal, who can be asked for the
//! passphrase, and for what shall protect a new profile.

use tokio::sync::mpsc::Receiver;
use twocan_peer::Engine;
use twocan_peer::api::{Config, Error, ErrorCode, Event};
use twocan_peer::vault::{Protected, Protection, protected};

use crate::cli::Failure;
use crate::cli::secret::{ask, ask_new, ask_openly, can_ask, tell};

/// How often a wrong passphrase is asked for again.
const ATTEMPTS: usize = 3;

const OFFER: &str = "\
A new profile. What shall protect your key and your messages on this disk?
  1  a passphrase, asked for at every start; nobody can give you a new one
  2  the system keyring, which opens with your login
  3  nothing: whoever can read this disk can read along and write in your name
It can be changed later with: twocan passphrase";

/// Starts the engine, and asks for the passphrase if the profile has one that
/// was not given.
///
/// # Errors
/// What keeps it from starting.
pub(crate) async fn start(mut config: Config) -> Result<(Engine, Receiver<Event>), Failure> {
    let locked =
        config.protection == Protection::None && protected(&config.data)? == Protected::Passphrase;
    if !locked || !can_ask() {
        return Ok(Engine::start(config).await?);
    }
    let mut attempts = ATTEMPTS;
    loop {
        config.protection = Protection::Passphrase(ask("Passphrase: ")?);
        attempts -= 1;
        match Engine::start(config.clone()).await {
            Err(error) if error.code == ErrorCode::Unauthorized && attempts > 0 => {
                tell(&error.message)?;
            }
            ended => return Ok(ended?),
        }
    }
}

/// As [`start`], but somebody new is asked what shall protect the profile.
///
/// # Errors
/// As [`start`].
pub(crate) async fn first_start(mut config: Config) -> Result<(Engine, Receiver<Event>), Failure> {
    let given = config.protection != Protection::None;
    if given || !can_ask() || protected(&config.data)? != Protected::New {
        return start(config).await;
    }
    for line in OFFER.lines() {
        tell(line)?;
    }
    loop {
        config.protection = choice()?;
        match Engine::start(config.clone()).await {
            Err(error) if config.protection == Protection::Keyring => tell(&error.message)?,
            ended => return Ok(ended?),
        }
    }
}

fn choice() -> Result<Protection, Failure> {
    loop {
        match ask_openly("1, 2 or 3: ")?.as_str() {
            "1" => {
                let passphrase = ask_new("New passphrase: ")?;
                return Ok(Protection::Passphrase(passphrase));
            }
            "2" => return Ok(Protection::Keyring),
            "3" => return Ok(Protection::None),
            _ => {}
        }
    }
}

/// What opens the profile that is to be worked on: as given, or asked for.
///
/// # Errors
/// When it is needed and nobody can be asked.
pub(crate) fn current(config: &Config) -> Result<Protection, Failure> {
    match (&config.protection, protected(&config.data)?) {
        (_, Protected::New) => Err(Failure::from(Error::new(
            ErrorCode::NotFound,
            format!("there is no profile in {}", config.data.display()),
        ))),
        (Protection::None, Protected::Passphrase) => {
            Ok(Protection::Passphrase(ask("Passphrase: ")?))
        }
        (given, _) => Ok(given.clone()),
    }
}
