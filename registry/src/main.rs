//! The program `twocan-registry`; everything is in the library.

use clap::Parser;

fn main() -> std::process::ExitCode {
    twocan_registry::cli::Cli::parse().run()
}
