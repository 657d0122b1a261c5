//! The papers that come with a program: man pages and completions for shells,
//! made of the definition of its command line. Both programs have the two
//! commands in [`Papers`]; `scripts/dist.sh` runs them.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Command, Subcommand};
use clap_complete::Shell;

/// Commands for those who pack a program; its own help does not list them.
#[derive(Debug, Subcommand)]
pub enum Papers {
    /// Write the man pages of the program and its commands
    #[command(hide = true)]
    Man {
        /// The folder for them, made if missing
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
    },
    /// Print what completes the command line in a shell
    #[command(hide = true)]
    Completions {
        /// The shell
        shell: Shell,
    },
}

impl Papers {
    /// Makes what was asked for of `command`, the whole command line.
    ///
    /// # Errors
    /// When the folder or standard output cannot be written.
    pub fn make(self, command: Command) -> io::Result<()> {
        match self {
            Self::Man { dir } => man_pages(command, &dir),
            Self::Completions { shell } => io::stdout().write_all(&completions(command, shell)),
        }
    }
}

/// One page for the program and one for each command that its help lists.
fn man_pages(command: Command, dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    clap_mangen::generate_to(command, dir)
}

/// In memory first: the generator panics where it cannot write.
fn completions(mut command: Command, shell: Shell) -> Vec<u8> {
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    script
}

/// Makes all papers of `command` and looks for each of its commands in them.
/// For the tests of the programs.
///
/// # Errors
/// What is missing, or what could not be made.
pub fn check(command: &Command, dir: &Path) -> Result<(), String> {
    man_pages(command.clone(), dir).map_err(|error| format!("man pages: {error}"))?;
    let mut built = command.clone();
    built.build();
    let shown = built.get_subcommands().filter(|sub| !sub.is_hide_set());
    let names: Vec<&str> = shown.map(Command::get_name).collect();
    let program = command.get_name();
    for name in names.iter().filter(|name| **name != "help") {
        let page = dir.join(format!("{program}-{name}.1"));
        let text = fs::read_to_string(&page).map_err(|_| format!("no page for {name}"))?;
        if !text.contains(".SH SYNOPSIS") {
            return Err(format!("the page of {name} is none"));
        }
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = completions(command.clone(), shell);
            if !String::from_utf8_lossy(&script).contains(name) {
                return Err(format!("{shell} does not complete {name}"));
            }
        }
    }
    Ok(())
}
