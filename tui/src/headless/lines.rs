//! Standard input and output as bounded queues of lines. Each has a thread, as
//! reading and writing them may block for as long as whoever is at the other
//! end of the pipe likes.

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use twocan_peer::api::Error;

/// Longest request in bytes, far above the longest message, so that a message
/// that is too long is told so by its own limit.
pub(super) const LINE_BYTES: usize = 1024 * 1024;
/// Lines read ahead; further ones wait in the pipe.
const READ_AHEAD: usize = 1024;
/// Lines waiting to be written. When the reader is slower, answers wait, and
/// the engine drops its oldest events.
const UNWRITTEN: usize = 4096;

/// A line of input without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Bytes(Vec<u8>),
    /// Longer than [`LINE_BYTES`], and passed over.
    TooLong,
}

/// Reads lines in a thread of their own until the input ends.
///
/// # Errors
/// When there is no thread to be had.
pub(super) fn read(input: impl Read + Send + 'static) -> io::Result<mpsc::Receiver<Line>> {
    let (sender, lines) = mpsc::channel(READ_AHEAD);
    std::thread::Builder::new()
        .name("stdin".to_owned())
        .spawn(move || {
            let mut input = BufReader::new(input);
            // An input that cannot be read any more has ended.
            while let Ok(Some(line)) = next_line(&mut input) {
                if sender.blocking_send(line).is_err() {
                    return;
                }
            }
        })?;
    Ok(lines)
}

fn next_line(input: &mut impl BufRead) -> io::Result<Option<Line>> {
    let mut bytes = Vec::new();
    let most = LINE_BYTES as u64 + 1;
    input.by_ref().take(most).read_until(b'\n', &mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    } else if bytes.len() > LINE_BYTES {
        input.skip_until(b'\n')?;
        return Ok(Some(Line::TooLong));
    }
    Ok(Some(Line::Bytes(bytes)))
}

/// The outcome of a request.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    Ok(Value),
    Error(Value),
}

impl From<Result<Value, Error>> for Answer {
    fn from(result: Result<Value, Error>) -> Self {
        match result {
            Ok(value) => Self::Ok(value),
            Err(error) => Self::Error(refusal(&error)),
        }
    }
}

#[derive(Debug, Serialize)]
struct Answered<'a> {
    id: &'a Value,
    #[serde(flatten)]
    answer: Answer,
}

/// Where lines are written: whole, one at a time, in the order given.
#[derive(Debug, Clone)]
pub(super) struct Output {
    lines: mpsc::Sender<Entry>,
}

#[derive(Debug)]
enum Entry {
    Line(String),
    /// Everything before it is written when this is answered.
    End(oneshot::Sender<()>),
}

impl Output {
    /// Writes lines in a thread of their own for as long as they are taken.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub(super) fn start(output: impl Write + Send + 'static) -> io::Result<Self> {
        let (lines, entries) = mpsc::channel(UNWRITTEN);
        std::thread::Builder::new()
            .name("stdout".to_owned())
            .spawn(move || {
                // A reader that is gone is noticed by the closed queue.
                if let Err(error) = write_all(output, entries) {
                    tracing::debug!(%error, "standard output is closed");
                }
            })?;
        Ok(Self { lines })
    }

    /// Whether the line has its place in the queue; not when nobody reads.
    pub(super) async fn write(&self, line: &impl Serialize) -> bool {
        match serde_json::to_string(line) {
            Ok(text) => self.lines.send(Entry::Line(text)).await.is_ok(),
            Err(error) => {
                tracing::error!(%error, "a line could not be written as JSON");
                true
            }
        }
    }

    pub(super) async fn answer(&self, id: &Value, answer: Answer) -> bool {
        self.write(&Answered { id, answer }).await
    }

    /// Waits until nobody reads any more.
    pub(super) async fn closed(&self) {
        self.lines.closed().await;
    }

    /// Waits until everything is written, at most `limit`.
    pub(super) async fn finish(self, limit: Duration) {
        let (end, ended) = oneshot::channel();
        let _late_or_closed = timeout(limit, async {
            if self.lines.send(Entry::End(end)).await.is_ok() {
                let _closed = ended.await;
            }
        })
        .await;
    }
}

fn refusal(error: &Error) -> Value {
    let mut value = json!({"code": error.code.as_str(), "message": error.message});
    if let Some(wait) = error.retry_after {
        value["retry_after_s"] = json!(wait.as_secs_f64());
    }
    if let Some(needs) = &error.needs {
        value["needs"] = json!(needs);
    }
    value
}

/// Lines that are there together are flushed together, and none waits for one
/// that is not there yet.
fn write_all(output: impl Write, mut entries: mpsc::Receiver<Entry>) -> io::Result<()> {
    let mut output = BufWriter::new(output);
    while let Some(first) = entries.blocking_recv() {
        let mut next = Some(first);
        while let Some(entry) = next {
            match entry {
                Entry::Line(line) => {
                    output.write_all(line.as_bytes())?;
                    output.write_all(b"\n")?;
                }
                Entry::End(ended) => {
                    output.flush()?;
                    let _not_waiting = ended.send(());
                    return Ok(());
                }
            }
            next = entries.try_recv().ok();
        }
        output.flush()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_and_without_an_end() {
        let mut input = io::Cursor::new(b"one\n\ntwo".to_vec());
        for expected in ["one", "", "two"] {
            let line = next_line(&mut input).unwrap();
            assert_eq!(line, Some(Line::Bytes(expected.into())));
        }
        assert_eq!(next_line(&mut input).unwrap(), None);
    }

    #[test]
    fn a_line_too_long_is_passed_over_whole() {
        for (length, expected) in [
            (LINE_BYTES, Line::Bytes(vec![b'x'; LINE_BYTES])),
            (LINE_BYTES + 1, Line::TooLong),
            (3 * LINE_BYTES, Line::TooLong),
        ] {
            let mut input = io::Cursor::new([&vec![b'x'; length][..], b"\nnext\n"].concat());
            assert!(next_line(&mut input).unwrap() == Some(expected), "{length}");
            let next = next_line(&mut input).unwrap();
            assert_eq!(next, Some(Line::Bytes(b"next".to_vec())), "{length}");
        }
    }

    #[tokio::test]
    async fn a_refusal_says_when_to_try_again() {
        let error = Error {
            retry_after: Some(Duration::from_secs(2)),
            needs: None,
            ..Error::new(twocan_peer::api::ErrorCode::Limited, "too often")
        };
        assert_eq!(
            refusal(&error),
            json!({"code": "limited", "message": "too often", "retry_after_s": 2.0})
        );
    }
}
