//! Interoperability: a headless Chromium completes a call with our media.
//! Offer and answer pass by hand through this test. Where there is no
//! Chromium, the tests say so and do nothing.

use std::net::{IpAddr, Ipv4Addr};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use twocan_voice::{CallConfig, InputSpec, OutputSpec};
use uuid::Uuid;

use super::{Description, Media, MediaEvent, Role};
use crate::api::CallStats;

const PAGE: &str = include_str!("browser.html");
/// For a browser to start, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);
const NEAR: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// What the page tells.
enum Told {
    /// Its offer, and who waits for the answer.
    Offer(String, oneshot::Sender<String>),
    Stats(Value),
    Failed(String),
}

fn chromium() -> Option<&'static str> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = names.into_iter().find(|name| {
        let mut command = std::process::Command::new(name);
        let quiet = command
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        quiet.status().is_ok_and(|status| status.success())
    });
    if found.is_none() {
        let is_required = std::env::var_os("TWOCAN_REQUIRE_BROWSER").is_some();
        assert!(!is_required, "no chromium here, and it is required");
        eprintln!("skipped: no chromium here");
    }
    found
}

/// A browser with this page open; it ends with the handle.
fn browse(program: &str, folder: &std::path::Path, page: &str) -> Child {
    Command::new(program)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            "--autoplay-policy=no-user-gesture-required",
            "--allow-loopback-in-peer-connection",
        ])
        .arg(format!("--user-data-dir={}", folder.display()))
        .arg(page)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Serves the page, and brings what it tells.
async fn serve(listener: TcpListener, told: mpsc::Sender<Told>) {
    while let Ok((stream, _)) = listener.accept().await {
        let told = told.clone();
        tokio::spawn(async move { drop(request(stream, told).await) });
    }
}

async fn request(mut stream: TcpStream, told: mpsc::Sender<Told>) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    let (path, body) = loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let head_lower = head.to_ascii_lowercase();
        let length = head_lower
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"))
            .map_or(0, |length| length.trim().parse().unwrap_or(0));
        if body.len() >= length {
            let path = head.split(' ').nth(1).unwrap_or_default();
            break (path.to_owned(), body.to_owned());
        }
    };
    let said: Value = serde_json::from_str(&body).unwrap_or_default();
    let text = said.as_str().unwrap_or_default().to_owned();
    let answer = match path.as_str() {
        "/" => PAGE.to_owned(),
        "/offer" => {
            let (reply, answer) = oneshot::channel();
            drop(told.send(Told::Offer(text, reply)).await);
            answer.await.unwrap_or_default()
        }
        "/stats" => {
            drop(told.send(Told::Stats(said)).await);
            String::new()
        }
        "/failed" => {
            drop(told.send(Told::Failed(text)).await);
            String::new()
        }
        // Browsers ask for icons and the like.
        _ => String::new(),
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        answer.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(answer.as_bytes()).await
}

/// One side's media and what it tells.
fn answering(offer: String) -> (Media, mpsc::Receiver<MediaEvent>) {
    let (events_in, events) = mpsc::channel(64);
    let sound = CallConfig {
        input: InputSpec::Tone(440.0),
        output: OutputSpec::Null,
        ..CallConfig::default()
    };
    let media = Media::start(
        Uuid::now_v7(),
        Role::Callee { offer },
        NEAR,
        sound,
        move |event| {
            let events = events_in.clone();
            Box::pin(async move { drop(events.send(event).await) })
        },
    );
    (media, events)
}

/// What both have seen when they hear each other.
struct Heard {
    browser: Value,
    ours: Box<CallStats>,
    loudest: f32,
}

async fn hear_each_other(mut told: mpsc::Receiver<Told>) -> Heard {
    let mut call: Option<(Media, mpsc::Receiver<MediaEvent>)> = None;
    let mut waiting = None;
    let (mut browser, mut ours, mut loudest) = (Value::Null, None, f32::MIN);
    loop {
        let event = async {
            match &mut call {
                Some((_, events)) => events.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            told = told.recv() => match told.unwrap() {
                Told::Offer(offer, reply) => {
                    call = Some(answering(offer));
                    waiting = Some(reply);
                }
                Told::Stats(stats) => browser = stats,
                Told::Failed(why) => panic!("the page failed: {why}"),
            },
            event = event => match event.expect("the media runs") {
                MediaEvent::Description(Description { sdp, .. }) => {
                    drop(waiting.take().map(|reply| reply.send(sdp)));
                }
                MediaEvent::Failed(why) => panic!("our media failed: {why}"),
                MediaEvent::Stats(stats) => {
                    // The browser's own microphone beeps once a second.
                    loudest = loudest.max(stats.level_out_db);
                    ours = Some(stats);
                }
                _ => {}
            },
        }
        let hears = browser["energy"]
            .as_f64()
            .is_some_and(|energy| energy > 0.01)
            && browser["samples"]
                .as_f64()
                .is_some_and(|samples| samples > 96_000.0);
        if let Some(ours) = ours.take_if(|_| hears && loudest > -50.0) {
            return Heard {
                browser,
                ours,
                loudest,
            };
        }
    }
}

async fn call_with(program: &str, hash: &str) -> Heard {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind((NEAR, 0)).await.unwrap();
    // A page of localhost may use the microphone.
    let page = format!(
        "http://localhost:{}/{hash}",
        listener.local_addr().unwrap().port()
    );
    let (told_in, told) = mpsc::channel(16);
    let serving = tokio::spawn(serve(listener, told_in));
    let mut browser = browse(program, folder.path(), &page);
    let heard = timeout(PATIENCE, hear_each_other(told)).await;
    serving.abort();
    browser.kill().await.unwrap();
    let heard = heard.expect("both hear each other in time");
    eprintln!(
        "the browser: {}; we: {:.0} dB at the loudest, {} packets, concealed {:.3}",
        heard.browser, heard.loudest, heard.ours.received_packets, heard.ours.concealed
    );
    let share = |name: &str| heard.browser[name].as_f64().unwrap_or(f64::NAN);
    assert!(
        share("concealed") < share("samples") * 0.2,
        "{}",
        heard.browser
    );
    heard
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_and_we_hear_each_other() {
    let Some(program) = chromium() else { return };
    let heard = call_with(program, "").await;
    let formats = (heard.ours.sent_format, heard.ours.received_format);
    assert_eq!(formats, ("opus", "opus"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_and_we_hear_each_other_with_redundant_audio() {
    let Some(program) = chromium() else { return };
    let heard = call_with(program, "#red").await;
    let formats = (heard.ours.sent_format, heard.ours.received_format);
    assert_eq!(formats, ("red", "red"));
}
