//! The control socket: a Unix socket in the folder of the profile, or where
//! `place` says if that has too long a name, so that a shortcut of the desktop can do what a key does. `docs/control.md` has the
//! words; `twocan ctl` speaks them.
//!
//! The profile belongs to one process at a time, so a socket file that is
//! there when one starts was left behind by one that is gone.

pub(crate) mod client;
mod desk;
mod place;
pub(crate) mod words;

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;
use twocan_peer::Engine;
use twocan_peer::api::{Error, ErrorCode};

use crate::headless::Answer;
use desk::Desk;

/// Longest line in bytes; the longest word has a few.
const LINE_BYTES: usize = 256;
/// Clients at once; a person has one keyboard.
const CLIENTS: usize = 16;
/// How long a client may say nothing, unless it holds the key.
const SILENCE: Duration = Duration::from_secs(30);

/// The open socket; dropping it closes it and takes its file away.
#[derive(Debug)]
pub(crate) struct Control {
    path: PathBuf,
    task: AbortHandle,
}

impl Drop for Control {
    fn drop(&mut self) {
        self.task.abort();
        // Whoever starts next takes it away otherwise.
        let _gone = fs::remove_file(&self.path);
    }
}

/// Opens the socket of the profile in `folder`. Without it everything else
/// works, so what keeps it from opening is only logged.
pub(crate) fn open(engine: &Engine, folder: &Path) -> Option<Control> {
    let path = place::of(folder);
    match listen(&path) {
        Ok(listener) => {
            let task = tokio::spawn(serve(listener, Arc::new(Desk::new(engine.clone()))));
            Some(Control {
                path,
                task: task.abort_handle(),
            })
        }
        Err(error) => {
            tracing::warn!(%error, "no control socket: twocan ctl does not reach this profile");
            None
        }
    }
}

fn listen(path: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    // The folder lets nobody else in; the socket says so itself, too.
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn serve(listener: UnixListener, desk: Arc<Desk>) {
    let mut clients = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if clients.len() < CLIENTS => {
                    clients.spawn(attend(stream, Arc::clone(&desk)));
                }
                Ok((stream, _)) => drop(stream),
                Err(error) => {
                    tracing::warn!(%error, "a client of the control socket is lost");
                    // Out of files, most likely: others are about to close some.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_) = clients.join_next() => {}
        }
    }
}

/// Answers a client line by line. The key it holds is let go when it leaves,
/// however it leaves.
async fn attend(stream: UnixStream, desk: Arc<Desk>) {
    let (input, mut output) = stream.into_split();
    let mut input = BufReader::new(input);
    let mut holds = false;
    loop {
        let line = match holds {
            true => next_line(&mut input).await,
            false => match timeout(SILENCE, next_line(&mut input)).await {
                Ok(line) => line,
                Err(_silent) => break,
            },
        };
        let result = match line {
            Ok(Some(line)) => match words::parse(&line) {
                Ok(word) => desk.act(word, &mut holds).await,
                Err(error) => Err(error),
            },
            Ok(None) => break,
            Err(error) => {
                let _gone = reply(&mut output, Err(error)).await;
                break;
            }
        };
        if reply(&mut output, result).await.is_err() {
            break;
        }
    }
    if holds {
        desk.let_go().await;
    }
}

/// The next line without its end; none at the end of input.
async fn next_line(
    input: &mut (impl AsyncBufReadExt + AsyncRead + Unpin),
) -> Result<Option<String>, Error> {
    let mut bytes = Vec::new();
    let most = LINE_BYTES as u64 + 1;
    let read = input.take(most).read_until(b'\n', &mut bytes).await;
    if read.is_err() || bytes.is_empty() {
        return Ok(None);
    }
    if bytes.len() > LINE_BYTES {
        let text = format!("a line has at most {LINE_BYTES} bytes");
        return Err(Error::new(ErrorCode::TooLarge, text));
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

async fn reply(
    output: &mut (impl AsyncWriteExt + Unpin),
    result: Result<Value, Error>,
) -> io::Result<()> {
    let mut line = serde_json::to_string(&Answer::from(result))?;
    line.push('\n');
    output.write_all(line.as_bytes()).await
}

#[cfg(test)]
mod tests {
    use super::place::SOCKET;
    use super::*;
    use std::os::unix::net::UnixListener as Plain;
    use twocan_peer::api::{Config, InputSpec, Lan, OutputSpec};
    use twocan_peer::vault::Protection;

    async fn engine(folder: &Path) -> Engine {
        let config = Config {
            data: folder.to_owned(),
            protection: Protection::None,
            listen: Some(([127, 0, 0, 1], 0).into()),
            name: Some("anna".to_owned()),
            registries: Vec::new(),
            audio_in: Some(InputSpec::Silence),
            audio_out: Some(OutputSpec::Null),
            auto_accept: false,
            auto_answer: false,
            echo: false,
            tones: false,
            lan: Lan::Off,
        };
        let (engine, _events) = Engine::start(config).await.unwrap();
        engine
    }

    /// Says lines and gives the answers, until the other side closes.
    async fn talk(folder: &Path, said: &[u8]) -> Vec<Value> {
        let stream = UnixStream::connect(folder.join(SOCKET)).await.unwrap();
        let (input, mut output) = stream.into_split();
        output.write_all(said).await.unwrap();
        drop(output);
        let mut lines = BufReader::new(input).lines();
        let mut answers = Vec::new();
        while let Ok(Some(line)) = lines.next_line().await {
            answers.push(serde_json::from_str(&line).unwrap());
        }
        answers
    }

    #[tokio::test]
    async fn lines_are_answered_and_a_left_over_socket_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(SOCKET);
        let engine = engine(folder.path()).await;
        drop(Plain::bind(&path).unwrap());
        assert!(path.exists(), "left over");

        let control = open(&engine, folder.path()).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let answers = talk(folder.path(), b"status\nptt on\ndance\n\xff\n").await;
        assert_eq!(answers.len(), 4, "{answers:?}");
        assert_eq!(answers[0]["ok"]["calls"], Value::Array(Vec::new()));
        assert_eq!(answers[1]["error"]["code"], "not_found");
        assert_eq!(answers[2]["error"]["code"], "bad_request");

        let long = [b'x'; LINE_BYTES + 1];
        let answers = talk(folder.path(), &long).await;
        assert_eq!(answers[0]["error"]["code"], "too_large");

        drop(control);
        assert!(!path.exists());
        engine.shutdown().await;
    }

    #[tokio::test]
    async fn a_socket_is_its_owners_alone_wherever_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let runtime = folder.path().join("runtime");
        let deep = folder.path().join("d".repeat(120));
        for made in [&runtime, &deep] {
            fs::create_dir(made).unwrap();
        }
        let path = place::beside(&deep, Some(&runtime));
        let _listener = listen(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(
            UnixStream::connect(place::beside(&deep, Some(&runtime)))
                .await
                .is_ok()
        );
    }

    #[tokio::test]
    async fn more_clients_than_there_is_room_for_are_sent_away() {
        let folder = tempfile::tempdir().unwrap();
        let engine = engine(folder.path()).await;
        let _control = open(&engine, folder.path()).unwrap();
        let mut there = Vec::new();
        for _ in 0..CLIENTS {
            let mut stream = UnixStream::connect(folder.path().join(SOCKET))
                .await
                .unwrap();
            stream.write_all(b"status\n").await.unwrap();
            // Answered, so it has its place.
            assert!(stream.read_u8().await.is_ok());
            there.push(stream);
        }
        assert_eq!(talk(folder.path(), b"").await, Vec::<Value>::new());
        drop(there);
        engine.shutdown().await;
    }
}
