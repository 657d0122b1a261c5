//! `make bench`: what twocan does, beside what one would use instead, as
//! ratios measured in one run. What is not installed is left out by name.
//! `bench PART...` measures some parts alone; `bench soak`,
//! `soak-clients` and `chaos` what nobody waits for.

mod chaos;
mod chat;
mod files;
mod history;
mod interface;
mod registry;
mod soak;
mod sound;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Parser;
use clap::builder::PossibleValuesParser;
use serde_json::{Value, json};
use twocan_e2e::bench::{self, Row, median, report};
use twocan_e2e::https::Client;
use twocan_e2e::pair::folder;
use twocan_e2e::process::{Must, twocan};
use twocan_e2e::registry::Registry;
use twocan_e2e::terminal::Launch;

/// Look-ups over one kept-alive connection: ours and theirs take turns, so that
/// what else runs on the machine meets both.
const TURNS: usize = 10;
const LOOK_UPS: usize = 500;
/// Starts of the interface, of which the median counts.
const STARTS: usize = 7;

/// Take ten minutes each: run when they are asked for by name.
const ON_REQUEST: [&str; 3] = ["soak", "soak-clients", "chaos"];

/// A part of the table, by the name under which it can be asked for alone.
type Part = (&'static str, fn() -> Vec<Row>);
const PARTS: [Part; 12] = [
    ("look-ups", look_ups),
    ("registry", registry::speed),
    ("messages", chat::messages),
    ("reconnect", chat::reconnect),
    ("files", files::throughput),
    ("history", history::million),
    ("paint", first_paint),
    ("interface", interface::beside_others),
    ("sound", sound::quality),
    ("soak", registry::soak),
    ("soak-clients", soak::clients),
    ("chaos", chaos::chaos),
];

/// Measures twocan beside what one would use instead.
#[derive(Parser)]
#[command(name = "bench")]
struct Arguments {
    /// Keeps the results in this file, beside those of other parts
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// What to measure; all that takes no ten minutes, if nothing is named
    #[arg(value_name = "PART", value_parser = PossibleValuesParser::new(PARTS.map(|(name, _)| name)))]
    parts: Vec<String>,
}

fn main() -> io::Result<()> {
    let Arguments { json, parts } = Arguments::parse();
    let mut out = io::stdout().lock();
    for (name, measure) in PARTS {
        let usual = parts.is_empty() && !ON_REQUEST.contains(&name);
        if usual || parts.iter().any(|asked| asked == name) {
            let rows = measure();
            for row in &rows {
                writeln!(out, "{row}")?;
            }
            if let Some(path) = &json {
                report::keep(path, name, &rows)?;
            }
        }
    }
    Ok(())
}

/// How long a part takes that runs for a while: ten minutes, unless the
/// variable says how many seconds.
fn length(variable: &str) -> Duration {
    let asked = std::env::var(variable).ok();
    let asked = asked.and_then(|text| text.parse().ok());
    Duration::from_secs(asked.unwrap_or(600))
}

/// Median time of a look-up over TLS 1.3, kept alive, beside nginx that serves
/// the very same bytes.
fn look_ups() -> Vec<Row> {
    let folder = folder();
    let registry = Registry::start(folder.path());
    let mut client = registry.client();
    let account =
        json!({"username": "bench", "password": "correct horse battery", "host": "192.0.2.7"});
    assert_eq!(
        client.request("POST", "/register", &account).status,
        201,
        "the registry refuses an account"
    );
    let session = client.request("POST", "/sessions", &account).json();
    if let Some(token) = session["token"].as_str() {
        client.authorize(token);
    }
    let body = client.request("GET", "/clients/bench", &Value::Null);
    assert_eq!(body.status, 200, "the registry does not find its client");
    let nginx = bench::Nginx::start(&folder.path().join("nginx"), &body.body);
    let mut other = nginx.as_ref().map(|nginx| Client::connect(nginx.url()));
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        look_up_us(&mut client, "/clients/bench", &mut ours);
        if let Some(other) = &mut other {
            look_up_us(other, "/answer.json", &mut theirs);
        }
    }
    let theirs = other.is_some().then(|| median(&mut theirs));
    vec![
        Row::of("registry look-up, TLS 1.3 kept alive", &mut ours, "us")
            .beside("nginx, same bytes", theirs),
    ]
}

/// One turn of look-ups; adds the time of each in microseconds.
fn look_up_us(client: &mut Client, path: &str, times: &mut Vec<f64>) {
    for _ in 0..LOOK_UPS {
        let start = Instant::now();
        let status = client.request("GET", path, &Value::Null).status;
        times.push(start.elapsed().as_secs_f64() * 1e6);
        assert_eq!(status, 200, "a look-up failed");
    }
}

/// From the start of the program to the first text on the screen.
fn first_paint() -> Vec<Row> {
    let folder = folder();
    let mut times = Vec::with_capacity(STARTS);
    for n in 0..STARTS {
        let data = folder.path().join(n.to_string()).display().to_string();
        let launch = Launch::new(&twocan(), folder.path()).args(&[
            "--data",
            &data,
            "--listen",
            "127.0.0.1:0",
            "--no-lan",
            "--no-passphrase",
        ]);
        let start = Instant::now();
        let terminal = launch.start();
        terminal.wait_until("anything on the screen", |screen| !screen.trim().is_empty());
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let shell = bench::shell_paint_ms(folder.path(), STARTS).must("paint with a shell");
    vec![
        Row::of("first paint of the interface", &mut times, "ms")
            .beside("a shell's echo", Some(shell)),
    ]
}
