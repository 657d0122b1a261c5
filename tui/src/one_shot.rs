//! Commands that do one thing with a profile and end.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;
use twocan_peer::Engine;
use twocan_peer::api::{
    Call, CallState, Config, Contact, Draft, Event, ExportFormat, Imported, MessageState,
};
use twocan_proto::identity::PeerId;
use uuid::Uuid;

use crate::cli::{Failure, say};
use crate::signals::Signals;
use crate::unlock;

/// The exit code of a message that waits for its recipient.
const QUEUED: u8 = 3;
/// How long a contact gets to be linked before she is called regardless.
const LINKING: Duration = Duration::from_secs(10);

/// Prints who we are.
///
/// # Errors
/// What keeps the profile from being opened.
pub(crate) async fn id(config: Config) -> Result<ExitCode, Failure> {
    let (engine, _events) = unlock::start(config).await?;
    let me = engine.whoami().await?;
    engine.shutdown().await;
    say(&format!("id    {}", me.peer_id))?;
    say(&format!("link  {}", me.link))?;
    say(&format!("key   {}", me.key_file.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// Prints one contact a line: alias, trust, unread messages, peer id.
///
/// # Errors
/// What keeps the profile from being opened.
pub(crate) async fn contacts(config: Config) -> Result<ExitCode, Failure> {
    let (engine, _events) = unlock::start(config).await?;
    let contacts = engine.contacts().await?;
    engine.shutdown().await;
    for contact in &contacts {
        say(&described(contact))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn described(contact: &Contact) -> String {
    let standing = match contact.blocked {
        true => "blocked",
        false => match contact.trust {
            twocan_peer::api::Trust::Verified => "verified",
            twocan_peer::api::Trust::Known => "known",
            twocan_peer::api::Trust::Changed => "changed",
        },
    };
    format!(
        "{}\t{standing}\t{} unread\t{}",
        contact.alias, contact.unread, contact.peer_id
    )
}

/// Writes conversations to a new file.
///
/// # Errors
/// What keeps the profile from being opened or the file from being written.
pub(crate) async fn export(
    config: Config,
    with: Option<&str>,
    format: ExportFormat,
    path: PathBuf,
) -> Result<ExitCode, Failure> {
    let (engine, _events) = unlock::start(config).await?;
    let exported = async {
        let with = match with {
            Some(who) => Some(engine.resolve(who).await?),
            None => None,
        };
        engine.export(with, format, path).await
    };
    let count = exported.await;
    engine.shutdown().await;
    say(&format!("{} messages written", count?))?;
    Ok(ExitCode::SUCCESS)
}

/// Takes in the messages of a file.
///
/// # Errors
/// What keeps the profile from being opened or the file from being read.
pub(crate) async fn import(config: Config, path: PathBuf) -> Result<ExitCode, Failure> {
    let (engine, _events) = unlock::start(config).await?;
    let imported = engine.import(path).await;
    engine.shutdown().await;
    let Imported { new, known } = imported?;
    say(&format!("{new} messages taken in, {known} were known"))?;
    Ok(ExitCode::SUCCESS)
}

/// Sends one message and waits until it has arrived, at most `wait`.
///
/// # Errors
/// What keeps the profile from being opened or the message from being sent.
pub(crate) async fn send(
    config: Config,
    who: &str,
    text: String,
    wait: Duration,
) -> Result<ExitCode, Failure> {
    let (engine, mut events) = unlock::start(config).await?;
    let sent = async {
        let to = engine.resolve(who).await?;
        let draft = Draft {
            text,
            ..Draft::default()
        };
        let id = engine.send(to, draft).await?;
        Ok::<_, Failure>(timeout(wait, arrival(&mut events, id)).await)
    };
    let sent = sent.await;
    engine.shutdown().await;
    match sent? {
        Ok(Ok(())) => {
            say("delivered")?;
            Ok(ExitCode::SUCCESS)
        }
        Ok(Err(reason)) => Err(Failure::Run(format!("not delivered: {reason}"))),
        Err(_too_late) => {
            say("queued: it goes out when this profile runs while the contact is there")?;
            Ok(ExitCode::from(QUEUED))
        }
    }
}

/// Waits until the message is on the other's disk, or has failed for a reason.
async fn arrival(events: &mut Receiver<Event>, message: Uuid) -> Result<(), String> {
    while let Some(event) = events.recv().await {
        match event {
            Event::MessageState {
                id, state, reason, ..
            } if id == message => match state {
                MessageState::Delivered | MessageState::Read => return Ok(()),
                MessageState::Failed => return Err(reason.unwrap_or_default()),
                MessageState::Queued | MessageState::Sent => {}
            },
            _ => {}
        }
    }
    Err("twocan is shutting down".to_owned())
}

/// Calls a contact and prints each state, until Ctrl+C or the end of the call.
///
/// # Errors
/// What keeps the profile from being opened or the contact from being called.
pub(crate) async fn call(config: Config, who: &str) -> Result<ExitCode, Failure> {
    let mut signals = Signals::new()?;
    let (engine, mut events) = unlock::start(config).await?;
    let result = tokio::select! {
        result = talk(&engine, &mut events, who) => result,
        () = signals.any() => Ok(()),
    };
    // Hangs up, too.
    engine.shutdown().await;
    result.map(|()| ExitCode::SUCCESS)
}

async fn talk(engine: &Engine, events: &mut Receiver<Event>, who: &str) -> Result<(), Failure> {
    let contact = engine.resolve(who).await?;
    let linked = engine
        .contacts()
        .await?
        .iter()
        .any(|known| known.peer_id == contact && known.path.is_some());
    if !linked {
        // Not being linked in time is for the call itself to report.
        let _late = timeout(LINKING, link(events, contact)).await;
    }
    let id = engine.call(contact).await?;
    while let Some(event) = events.recv().await {
        match event {
            Event::Call(call) if call.call == id => {
                say(&state_line(&call))?;
                if call.state == CallState::Ended {
                    return Ok(());
                }
            }
            Event::Notice { text, .. } => say(&text)?,
            _ => {}
        }
    }
    Ok(())
}

async fn link(events: &mut Receiver<Event>, contact: PeerId) {
    while let Some(event) = events.recv().await {
        if matches!(event, Event::Contact(known) if known.peer_id == contact && known.path.is_some())
        {
            return;
        }
    }
}

fn state_line(call: &Call) -> String {
    let state = match call.state {
        CallState::Calling => "calling",
        CallState::Ringing => "ringing",
        CallState::Incoming => "incoming",
        CallState::Connecting => "connecting",
        CallState::Connected => "connected, Ctrl+C hangs up",
        CallState::Reconnecting => "reconnecting",
        CallState::Ended => "ended",
    };
    match &call.reason {
        Some(reason) => format!("{state}: {reason}"),
        None => state.to_owned(),
    }
}
