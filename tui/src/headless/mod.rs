//! `twocan headless`: the engine behind JSON lines, one object a line, as
//! `docs/headless.md` describes.
//!
//! ```text
//! stdin --thread--> requests --task each--> engine
//!                                  |          | events
//!                                  v          v
//! stdout <--thread-- lines <---- answers and events
//! ```
//!
//! Requests run side by side and are answered as they finish. Messages get
//! their place in the outbox in the order of their lines.

mod desk;
mod events;
mod lines;
mod registries;
mod requests;

use std::io;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinSet;
use tokio::time::timeout;
use twocan_peer::Engine;
use twocan_peer::api::{Config, Event, WhoAmI};
use twocan_proto::identity::PeerId;
use twocan_proto::link::ContactLink;

use crate::cli::Failure;
use crate::control;
use crate::signals::Signals;
use desk::Desk;
use events::{Events, stamped};
pub(crate) use lines::Answer;
use lines::Output;
use requests::{Ask, Request};

/// Requests under way at once; further lines wait in the pipe.
const UNDER_WAY: usize = 1024;
/// How long requests under way may take to finish when the program ends;
/// then they are answered as refused.
const FINISHING: Duration = Duration::from_secs(3);
/// How long a reader of our output gets to take what is left of it.
const TAKING: Duration = Duration::from_secs(5);

/// Runs until `quit`, the end of input, or a signal.
///
/// # Errors
/// What keeps it from starting.
pub(crate) async fn run(config: Config) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    let folder = config.data.clone();
    let (engine, events) = Engine::start(config).await?;
    let control = control::open(&engine, &folder);
    let me = engine.whoami().await?;
    let output = Output::start(io::stdout())?;
    output.write(&stamped(&Ready::new(&me))).await;
    let told = tokio::spawn(tell(events, output.clone()));

    let mut desk = Desk::new(engine.clone(), output.clone());
    let mut under_way = JoinSet::new();
    let quit = serve(&mut desk, &mut under_way, &mut signals, &output).await?;

    let _late = timeout(FINISHING, finished(&mut under_way)).await;
    drop(control);
    engine.shutdown().await;
    // What was still under way is refused by now; only a reader that takes
    // nothing can hold these up.
    let _late = timeout(TAKING, finished(&mut under_way)).await;
    under_way.abort_all();
    let _late = timeout(TAKING, told).await;
    if let Some(id) = quit {
        let answer = Answer::Ok(Value::Object(serde_json::Map::new()));
        let _late = timeout(TAKING, output.answer(&id, answer)).await;
    }
    drop(desk);
    output.finish(TAKING).await;
    Ok(())
}

/// Takes requests until there are no more, or none are wanted. Gives the id
/// of `quit`, if that was it.
async fn serve(
    desk: &mut Desk,
    under_way: &mut JoinSet<()>,
    signals: &mut Signals,
    output: &Output,
) -> Result<Option<Value>, Failure> {
    let mut input = lines::read(io::stdin())?;
    loop {
        tokio::select! {
            line = input.recv(), if under_way.len() < UNDER_WAY => match line {
                Some(line) => match requests::parse(line) {
                    Ok(Request { id, ask: Ask::Quit }) => return Ok(Some(id)),
                    Ok(request) => desk.take(request, under_way).await,
                    Err(refusal) => desk.refuse(refusal, under_way),
                },
                None => return Ok(None),
            },
            Some(_) = under_way.join_next() => {}
            () = signals.any() => return Ok(None),
            () = output.closed() => return Ok(None),
        }
    }
}

async fn finished(under_way: &mut JoinSet<()>) {
    while under_way.join_next().await.is_some() {}
}

/// Writes what happens, until the engine ends or nobody reads.
async fn tell(mut received: Receiver<Event>, output: Output) {
    let mut events = Events::default();
    while let Some(event) = received.recv().await {
        if let Some(line) = events.line(&event)
            && !output.write(&line).await
        {
            return;
        }
    }
}

/// The first line.
#[derive(Debug, Serialize)]
struct Ready<'a> {
    event: &'static str,
    peer_id: PeerId,
    name: &'a str,
    link: &'a ContactLink,
    /// The address that fits others best; all of them are in `addresses`.
    listen: String,
    addresses: &'a [std::net::SocketAddr],
    version: &'static str,
}

impl<'a> Ready<'a> {
    fn new(me: &'a WhoAmI) -> Self {
        Self {
            event: "ready",
            peer_id: me.peer_id,
            name: &me.name,
            link: &me.link,
            listen: first_address(me),
            addresses: &me.listen,
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// Where peers connect, as one `IP:PORT`.
fn first_address(me: &WhoAmI) -> String {
    me.listen
        .first()
        .map(ToString::to_string)
        .unwrap_or_default()
}

/// The id of the request that a line makes; for the fuzzer.
///
/// # Errors
/// What is wrong with the line.
#[cfg(fuzzing)]
pub(crate) fn parse(line: &[u8]) -> Result<Value, twocan_peer::api::Error> {
    let line = lines::Line::Bytes(line.to_vec());
    let request = requests::parse(line).map_err(|refusal| refusal.error)?;
    Ok(request.id)
}
