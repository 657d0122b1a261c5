//! Standard output: lines that are added at the end, and a prompt after them
//! where somebody types.

use std::io::{self, IsTerminal, Write};

/// Where lines are printed.
#[derive(Debug)]
pub(super) struct Out<W: Write = io::Stdout> {
    to: W,
    terminal: bool,
    /// The prompt that stands at the end, with what is being typed after it.
    prompt: Option<String>,
}

impl Out {
    pub(super) fn new() -> Self {
        Self::to(io::stdout(), io::stdout().is_terminal())
    }
}

impl<W: Write> Out<W> {
    pub(super) fn to(to: W, terminal: bool) -> Self {
        Self {
            to,
            terminal,
            prompt: None,
        }
    }

    /// Prints lines. What is being typed stays where it is, above them.
    pub(super) fn say(&mut self, lines: &[String]) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        if self.prompt.take().is_some() {
            writeln!(self.to)?;
        }
        for line in lines {
            writeln!(self.to, "{line}")?;
        }
        self.to.flush()
    }

    /// Prints a prompt, unless it stands there already.
    pub(super) fn prompt(&mut self, text: &str) -> io::Result<()> {
        if self.prompt.as_deref() == Some(text) {
            return Ok(());
        }
        if self.prompt.is_some() {
            writeln!(self.to)?;
        }
        write!(self.to, "{text} ")?;
        self.prompt = Some(text.to_owned());
        self.to.flush()
    }

    /// A line was typed: the terminal has gone to the next row, unless it was
    /// told to show nothing.
    pub(super) fn line_came(&mut self, hidden: bool) {
        if self.prompt.take().is_some() && hidden {
            // Nobody is left to tell if that fails; the next line will.
            let _gone = writeln!(self.to);
        }
    }

    /// Another program had the terminal: the prompt is to be printed again.
    pub(super) fn forget_prompt(&mut self) {
        self.prompt = None;
    }

    /// Rings, where somebody is.
    pub(super) fn bell(&mut self) -> io::Result<()> {
        if self.terminal {
            self.to.write_all(b"\x07")?;
            self.to.flush()?;
        }
        Ok(())
    }
}
