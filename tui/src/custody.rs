//! Commands for the profile as a thing of its own: what protects it on the
//! disk, and taking it elsewhere. The engine does not run meanwhile.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tokio::task::spawn_blocking;
use twocan_peer::api::{Config, Error, ErrorCode};
use twocan_peer::vault::{self, Passphrase, Protected, Protection, protected};

use crate::cli::secret::ask_new;
use crate::cli::{Failure, LOG, say};
use crate::unlock;

/// What becomes of the protection of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// A plain profile gets a passphrase.
    Set,
    /// An encrypted one gets another passphrase.
    Another,
    /// An encrypted one becomes plain.
    Remove,
    /// The system keyring takes the key.
    Keyring,
}

/// Changes what protects the profile; `new` is the passphrase to come, asked
/// for if it is needed and not given.
///
/// # Errors
/// What keeps it from being done; the profile is as it was then.
pub(crate) async fn passphrase(
    config: Config,
    change: Change,
    new: Option<Passphrase>,
) -> Result<ExitCode, Failure> {
    let plain = protected(&config.data)? == Protected::Plain;
    if let Some(problem) = misfit(change, plain) {
        return Err(Error::new(ErrorCode::Conflict, problem).into());
    }
    let (current, new) = match (change, config.protection.clone(), new) {
        // A profile without a passphrase leaves one meaning to the flag.
        (Change::Set, Protection::Passphrase(given), None) => (Protection::None, Some(given)),
        (_, _, new) => (unlock::current(&config)?, new),
    };
    let wanted = match change {
        Change::Remove => Protection::None,
        Change::Keyring => Protection::Keyring,
        Change::Set | Change::Another => Protection::Passphrase(match new {
            Some(passphrase) => passphrase,
            None => ask_new("New passphrase: ")?,
        }),
    };
    let folder = config.data;
    done(move || {
        vault::protect(&folder, &current, &wanted)?;
        match plain {
            true => remove_log(&folder.join(LOG)),
            false => Ok(()),
        }
    })
    .await?;
    say(match change {
        Change::Set => "encrypted; without the passphrase nobody opens it, you included",
        Change::Another => "changed; copies of the folder made before open with what opened them",
        Change::Remove => "decrypted; whoever can read this disk can read the profile now",
        Change::Keyring => {
            "the system keyring holds the key now; without it nobody opens the profile, you included"
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Removes what was logged while the profile was plain.
fn remove_log(path: &Path) -> Result<(), Error> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::new(
            ErrorCode::Io,
            format!(
                "the profile is encrypted now, but its log {} stays: {error}",
                path.display()
            ),
        )),
        _ => Ok(()),
    }
}

/// Why this change does not fit the profile, if it does not.
fn misfit(change: Change, plain: bool) -> Option<&'static str> {
    match (change, plain) {
        (Change::Set, false) => {
            Some("the profile is encrypted already: use twocan passphrase change")
        }
        (Change::Another, true) => Some("the profile is not encrypted: use twocan passphrase set"),
        (Change::Remove, true) => Some("the profile is not encrypted"),
        _ => None,
    }
}

/// Writes the whole profile to one file, under a passphrase of its own.
///
/// # Errors
/// What keeps it from being written.
pub(crate) async fn export(
    config: Config,
    file: PathBuf,
    passphrase: Option<Passphrase>,
) -> Result<ExitCode, Failure> {
    let current = unlock::current(&config)?;
    let passphrase = match passphrase {
        Some(passphrase) => passphrase,
        None => ask_new("Passphrase of the backup: ")?,
    };
    let (folder, to) = (config.data, file.clone());
    let id = done(move || vault::export(&folder, &current, &to, &passphrase)).await?;
    say(&format!("exported {id} to {}", file.display()))?;
    say("one person, one place: end this profile before the copy is used elsewhere")?;
    Ok(ExitCode::SUCCESS)
}

/// Makes a profile of an exported file. Unless something else was asked for,
/// the passphrase of the file protects it.
///
/// # Errors
/// What keeps it from being made; nothing is left of it then.
pub(crate) async fn import(
    config: Config,
    keep_plain: bool,
    file: &Path,
    passphrase: Option<Passphrase>,
) -> Result<ExitCode, Failure> {
    let passphrase = match passphrase {
        Some(passphrase) => passphrase,
        None => crate::cli::secret::ask("Passphrase of the backup: ")?,
    };
    let protection = match config.protection {
        Protection::None if !keep_plain => Protection::Passphrase(passphrase.clone()),
        chosen => chosen,
    };
    let (folder, from) = (config.data.clone(), file.to_owned());
    let same = matches!(&protection, Protection::Passphrase(chosen) if *chosen == passphrase);
    let id = done(move || vault::import(&folder, &from, &passphrase, &protection)).await?;
    say(&format!("imported {id} to {}", config.data.display()))?;
    if same {
        say("it opens with the passphrase of the backup; twocan passphrase changes that")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs what blocks where it holds nothing up.
async fn done<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Failure> {
    let done = spawn_blocking(work).await;
    Ok(done.map_err(|error| Failure::Run(error.to_string()))??)
}
