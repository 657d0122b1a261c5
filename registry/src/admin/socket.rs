//! The way to a running registry for who may read its data folder: a local
//! socket with mode 0600 in it. One connection carries one command, a line of
//! JSON, and its answer, another.

use super::{AdminError, Command};
use crate::{limits, service::Service};
use actix_web::web::Data;
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::Semaphore,
};
use twocan_proto::api::ErrorCode;

/// Name of the socket in the data folder.
pub(crate) const NAME: &str = "admin.sock";

/// A path to the socket that is short, whatever the path of the folder: the
/// system takes no more than about a hundred bytes. Good as long as the folder
/// is open.
pub(super) fn short_path(folder: &Path) -> io::Result<(PathBuf, Option<File>)> {
    let whole = folder.join(NAME);
    if cfg!(target_os = "linux") && whole.as_os_str().len() > 90 {
        use std::os::fd::AsRawFd;
        let open = File::open(folder)?;
        let path = format!("/proc/self/fd/{}/{NAME}", open.as_raw_fd());
        return Ok((path.into(), Some(open)));
    }
    Ok((whole, None))
}

/// Makes the socket. The caller holds the folder for itself alone, so what is
/// there of an earlier run is dead.
pub(crate) fn listen(folder: &Path) -> io::Result<UnixListener> {
    use std::os::unix::fs::PermissionsExt;
    match fs::remove_file(folder.join(NAME)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let (path, _open) = short_path(folder)?;
    // Nobody can connect before `listen`, which is after the mode is set.
    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)?;
    socket.bind(&socket2::SockAddr::unix(path)?)?;
    fs::set_permissions(folder.join(NAME), fs::Permissions::from_mode(0o600))?;
    socket.listen(limits::ADMIN_CONNECTIONS.try_into().unwrap_or(i32::MAX))?;
    socket.set_nonblocking(true)?;
    UnixListener::from_std(socket.into())
}

/// Takes commands until its task is aborted.
pub(crate) async fn serve(listener: UnixListener, service: Data<Service>) {
    let places = Arc::new(Semaphore::new(limits::ADMIN_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let service = service.clone();
                tokio::spawn(async move {
                    if let Err(error) = answer(stream, &service).await {
                        tracing::debug!(%error, "an operator's program left");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the local socket took no connection");
                tokio::time::sleep(limits::ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn answer(stream: UnixStream, service: &Service) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    let most = u64::try_from(limits::ADMIN_REQUEST_MAX).unwrap_or(u64::MAX);
    let mut part = (&mut stream).take(most);
    let read = part.read_until(b'\n', &mut line);
    tokio::time::timeout(limits::ADMIN_WAIT, read).await??;
    let outcome = match serde_json::from_slice::<Command>(&line) {
        Ok(command) => logged(command, service).await,
        Err(error) => Err(AdminError::new(ErrorCode::BadRequest, error.to_string())),
    };
    let mut text = shown(outcome).to_string();
    text.push('\n');
    let write = stream.get_mut().write_all(text.as_bytes());
    tokio::time::timeout(limits::ADMIN_WAIT, write).await?
}

/// Does a command, and writes to the log that it was done.
pub(crate) async fn logged(command: Command, service: &Service) -> Result<Value, AdminError> {
    let (word, quiet) = (command.word(), command.only_reads());
    let outcome = command.run(service).await;
    match &outcome {
        Ok(_) if quiet => {}
        Ok(_) => tracing::info!(command = word, "done for an operator"),
        Err(error) => {
            tracing::info!(command = word, code = %error.code, "not done for an operator")
        }
    }
    outcome
}

/// The line that is answered.
pub(super) fn shown(outcome: Result<Value, AdminError>) -> Value {
    match outcome {
        Ok(value) => json!({"ok": value}),
        Err(error) => json!({"error": {"code": error.code, "message": error.message}}),
    }
}
