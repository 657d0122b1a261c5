//! Starting a program in a terminal.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use vt100::Parser;

use super::display::{Answers, Display, Input, Shared, cells, show};
use super::{Terminal, modes};
use crate::process::Must;

/// A program to be started in a terminal.
#[derive(Debug)]
pub struct Launch {
    command: CommandBuilder,
    size: PtySize,
    kitty: bool,
    late: bool,
}

impl Launch {
    /// A program in a terminal of 80 by 24, with nothing in its environment
    /// but what is named here.
    #[must_use]
    pub fn new(program: &Path, home: &Path) -> Self {
        let mut command = CommandBuilder::new(program);
        command.env_clear();
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        command.env("HOME", home);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.cwd(home);
        Self {
            command,
            size: PtySize::default(),
            kitty: false,
            late: false,
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, arguments: &[&str]) -> Self {
        self.command.args(arguments);
        self
    }

    /// Adds variables.
    #[must_use]
    pub fn environment(mut self, variables: &[(String, String)]) -> Self {
        for (name, value) in variables {
            self.command.env(name, value);
        }
        self
    }

    /// Another size, columns by rows.
    #[must_use]
    pub fn size(mut self, columns: u16, rows: u16) -> Self {
        self.size = PtySize {
            rows,
            cols: columns,
            ..PtySize::default()
        };
        self
    }

    /// In a terminal that knows the kitty keyboard protocol.
    #[must_use]
    pub fn kitty(mut self) -> Self {
        self.kitty = true;
        self
    }

    /// In a terminal that answers nothing until [`Terminal::answer`].
    #[must_use]
    pub fn late(mut self) -> Self {
        self.late = true;
        self
    }

    /// Starts it.
    ///
    /// # Panics
    /// If the system has no pseudo-terminal or the program cannot be started.
    #[must_use]
    pub fn start(self) -> Terminal {
        let pair = native_pty_system()
            .openpty(self.size)
            .must("open a pseudo-terminal");
        let modes_before = modes(pair.master.as_ref());
        let (rows, columns) = cells(self.size.rows, self.size.cols);
        let answers = Answers {
            kitty: self.kitty.then(Vec::new),
            late: self.late,
            ..Answers::default()
        };
        let parser = Parser::new_with_callbacks(rows, columns, 0, answers);
        let display: Shared = Arc::new((
            Mutex::new(Display {
                parser,
                written: 0,
                heard: None,
                ended: false,
            }),
            Condvar::new(),
        ));
        let input: Input = Arc::new(Mutex::new(
            pair.master.take_writer().must("write to a terminal"),
        ));
        let output = pair.master.try_clone_reader().must("read from a terminal");
        let child = pair
            .slave
            .spawn_command(self.command)
            .must("start a program in a terminal");
        let (shown, answers) = (Arc::clone(&display), Arc::clone(&input));
        std::thread::spawn(move || show(output, &shown, &answers));
        Terminal {
            master: pair.master,
            child,
            display,
            modes_before,
            input,
        }
    }
}
