//! The command line's side: finds a way to the registry and gives the command.

use super::{AdminError, Command, socket};
use crate::{
    config::Config,
    limits,
    server::{Offline, StartError, take_folder},
    store,
};
use anyhow::{Context, bail};
use serde_json::{Value, json};
use std::{
    io,
    path::{Path, PathBuf},
    time::Instant,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};
use twocan_proto::api::{ErrorBody, Secret};
use twocan_proto::registry_url::RegistryUrl;

/// Does `command` at the registry of this machine, running or not.
///
/// # Errors
/// What the registry said, or why it could not be asked.
pub(crate) async fn local(config: Config, command: Command) -> anyhow::Result<Value> {
    let make = command.makes_registry();
    match reach(&config, make, Offline::open).await? {
        Way::Running(stream) => ask(stream, &command).await,
        Way::Stopped(offline) => {
            let outcome = socket::logged(command, &offline.service).await;
            offline.close().await?;
            Ok(outcome?)
        }
    }
}

/// Puts a backup in the place of everything, even where the database of a
/// stopped registry cannot be opened any more.
///
/// # Errors
/// As [`local`].
pub(crate) async fn restore(config: Config, file: PathBuf) -> anyhow::Result<Value> {
    let open = async |config: Config, _| take_folder(&config.data);
    match reach(&config, true, open).await? {
        Way::Running(stream) => ask(stream, &Command::Restore { file }).await,
        Way::Stopped(lock) => {
            let restored = tokio::task::spawn_blocking(move || {
                let content = store::restore(&config.database(), &config.data, &file);
                drop(lock);
                content
            });
            Ok(json!({"rows": restored.await??.rows}))
        }
    }
}

/// How a registry can be worked on.
enum Way<T> {
    Running(UnixStream),
    Stopped(T),
}

/// Finds the running registry, or takes hold of a stopped one with `open`.
async fn reach<T>(
    config: &Config,
    make: bool,
    open: impl AsyncFn(Config, bool) -> Result<T, StartError>,
) -> anyhow::Result<Way<T>> {
    let begun = Instant::now();
    loop {
        match connect(&config.data).await {
            Ok(stream) => return Ok(Way::Running(stream)),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                bail!(
                    "{}: {error}; run this as the user that the registry runs as, or as root",
                    config.data.display()
                );
            }
            Err(_) => {}
        }
        match open(config.clone(), make).await {
            Ok(opened) => return Ok(Way::Stopped(opened)),
            // It is just starting or stopping.
            Err(StartError::InUse(_)) if begun.elapsed() < limits::ADMIN_WAIT => {
                tokio::time::sleep(limits::ACCEPT_PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

async fn connect(folder: &Path) -> io::Result<UnixStream> {
    let (path, _open) = socket::short_path(folder)?;
    UnixStream::connect(path).await
}

async fn ask(mut stream: UnixStream, command: &Command) -> anyhow::Result<Value> {
    let mut line = serde_json::to_vec(command)?;
    line.push(b'\n');
    let mut answer = Vec::new();
    let talk = async {
        stream.write_all(&line).await?;
        stream.read_to_end(&mut answer).await
    };
    talk.await.context("the registry broke off")?;
    understood(&answer)
}

fn understood(answer: &[u8]) -> anyhow::Result<Value> {
    if let Ok(refusal) = serde_json::from_slice::<ErrorBody>(answer) {
        let (code, message) = (refusal.error.code, refusal.error.message);
        return Err(AdminError { code, message }.into());
    }
    let mut answer: Value =
        serde_json::from_slice(answer).context("the registry gave no answer")?;
    Ok(answer.get_mut("ok").map(Value::take).unwrap_or_default())
}

/// Does `command` at a registry elsewhere, with an administrator's token.
///
/// # Errors
/// What the registry said, or why it could not be asked.
pub(crate) async fn remote(
    url: &RegistryUrl,
    token: &Secret,
    command: &Command,
) -> anyhow::Result<Value> {
    let answer = crate::ping::client(url.pin())?
        .post(format!("{}/admin", url.base()))
        .bearer_auth(token.expose())
        .json(command)
        .send()
        .await;
    let answer = answer.map_err(|error| anyhow::Error::msg(crate::ping::innermost(&error)));
    let answer = answer.with_context(|| format!("{} does not answer", url.base()))?;
    let bytes = answer.bytes().await.context("the registry broke off")?;
    understood(&bytes)
}
