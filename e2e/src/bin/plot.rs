//! Draws calls that were measured, as SVG: `plot CALLS.json PICTURE.svg`.

use std::fs;
use std::io;
use std::path::PathBuf;

use clap::Parser;
use twocan_e2e::bench::plot::{Calls, draw};

/// Draws how calls sound and how late, against what the network loses.
#[derive(Parser)]
#[command(name = "plot")]
struct Arguments {
    /// The calls: programs by name, and for each call its loss, PESQ and delay
    calls: PathBuf,
    /// Where the picture goes
    picture: PathBuf,
}

fn main() -> io::Result<()> {
    let Arguments { calls, picture } = Arguments::parse();
    let calls: Calls = serde_json::from_slice(&fs::read(calls)?)?;
    let svg = draw(&calls).map_err(io::Error::other)?;
    fs::write(picture, svg)
}
