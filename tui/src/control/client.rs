//! `twocan ctl`: says words to the control socket of a running profile.

use std::path::Path;
use std::process::ExitCode;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;

use super::{place, words};
use crate::cli::{Failure, say};
use crate::signals::Signals;

/// Says one line to the profile in `folder` and prints what is answered. The
/// key of push to talk is held until a signal, or until the call is over.
///
/// # Errors
/// [`Failure::Usage`] for words that mean nothing, [`Failure::Run`] when
/// nothing runs there or it refuses.
pub(crate) async fn run(folder: &Path, line: &str) -> Result<ExitCode, Failure> {
    let word = words::parse(line).map_err(|error| Failure::Usage(error.message))?;
    let mut signals = Signals::new()?;
    let stream = UnixStream::connect(place::of(folder)).await;
    let stream = stream.map_err(|error| {
        Failure::Run(format!(
            "no twocan runs with the profile {}: start it, or say which with --data DIR ({error})",
            folder.display()
        ))
    })?;
    let (input, mut output) = stream.into_split();
    output.write_all(format!("{line}\n").as_bytes()).await?;
    let mut answers = BufReader::new(input).lines();
    let answer = answer(&mut answers).await?;
    say(&answer.to_string())?;
    if word == words::Word::Hold {
        tokio::select! {
            () = signals.any() => {}
            _closed = answers.next_line() => {}
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn answer(lines: &mut Lines<BufReader<OwnedReadHalf>>) -> Result<Value, Failure> {
    let Some(line) = lines.next_line().await? else {
        let text = "twocan gives no answer: too many speak to it at once; try again";
        return Err(Failure::Run(text.to_owned()));
    };
    let answer: Value = serde_json::from_str(&line)
        .map_err(|error| Failure::Run(format!("the answer makes no sense: {error}")))?;
    match answer.get("ok") {
        Some(ok) => Ok(ok.clone()),
        None => {
            let message = answer["error"]["message"].as_str().unwrap_or("refused");
            Err(Failure::Run(message.to_owned()))
        }
    }
}
