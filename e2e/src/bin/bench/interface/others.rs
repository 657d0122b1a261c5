//! The programs beside which the interface is measured: how each is started,
//! and brought to where lines are read.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use twocan_e2e::process::{Must, wait_until};
use twocan_e2e::terminal::{Launch, Terminal, keys};

use super::{SIZE, irc};

/// How long the first start of a program may take.
const STARTING: Duration = Duration::from_secs(20);

/// Another program.
pub(super) struct Other {
    pub(super) name: &'static str,
    launch: fn(&Path, u16) -> Launch,
    /// What brings its channel to the screen; none if it knows no IRC.
    to_channel: Option<&'static str>,
}

pub(super) const OTHERS: [Other; 3] = [
    Other {
        name: "weechat",
        launch: weechat,
        to_channel: Some(""),
    },
    Other {
        name: "irssi",
        launch: irssi,
        // It opens the channel in its second window and stays in the first.
        to_channel: Some("/window goto 2\r"),
    },
    Other {
        name: "toxic",
        launch: toxic,
        to_channel: None,
    },
];

impl Other {
    pub(super) fn is_installed(&self) -> bool {
        let mut asked = Command::new(self.name);
        asked.arg("--version").stdout(Stdio::null());
        asked.stderr(Stdio::null()).status().is_ok()
    }

    /// Makes what a start needs, in a folder that no start has used.
    pub(super) fn prepare(&self, folder: &Path, port: u16) -> Launch {
        fs::create_dir_all(folder).must("make a folder");
        let (columns, rows) = SIZE;
        (self.launch)(folder, port).size(columns, rows)
    }

    /// Waits until it is in its channel and shows it.
    pub(super) fn join(
        &self,
        terminal: &Terminal,
        server: &irc::Server,
    ) -> Option<std::net::TcpStream> {
        let keys = self.to_channel?;
        let client = server.channel();
        if !keys.is_empty() {
            terminal.press(keys);
        }
        Some(client)
    }
}

fn weechat(folder: &Path, port: u16) -> Launch {
    let server = format!("/server add stub 127.0.0.1/{port} -notls");
    let folder_name = folder.display().to_string();
    Launch::new(Path::new("weechat"), folder).args(&[
        "--dir",
        &folder_name,
        "-r",
        &server,
        "-r",
        "/set irc.server.stub.autojoin #c",
        "-r",
        "/connect stub",
    ])
}

fn irssi(folder: &Path, port: u16) -> Launch {
    let config = folder.join("config");
    let text = format!(
        "servers = ( {{ address = \"127.0.0.1\"; chatnet = \"stub\"; port = \"{port}\"; autoconnect = \"yes\"; }} );\n\
         chatnets = {{ stub = {{ type = \"IRC\"; }}; }};\n\
         channels = ( {{ name = \"#c\"; chatnet = \"stub\"; autojoin = \"yes\"; }} );\n\
         settings = {{ core = {{ real_name = \"me\"; user_name = \"me\"; nick = \"me\"; }}; }};\n"
    );
    fs::write(&config, text).must("write a configuration");
    let (home, config) = (folder.display().to_string(), config.display().to_string());
    Launch::new(Path::new("irssi"), folder).args(&["--home", &home, "--config", &config])
}

/// Without a network, so that nothing leaves this machine. The first start
/// asks how the new profile is to be kept; it is answered here.
fn toxic(folder: &Path, _port: u16) -> Launch {
    let folder_name = folder.display().to_string();
    let (profile, config) = (
        format!("{folder_name}/me.tox"),
        format!("{folder_name}/toxic.conf"),
    );
    let launch = || {
        Launch::new(Path::new("toxic"), folder)
            .args(&["--noconnect", "--no-lan", "-f", &profile, "-c", &config])
            .environment(&[("XDG_CONFIG_HOME".to_owned(), folder_name.clone())])
    };
    let first = launch().start();
    first.wait_for("encrypt");
    first.press("n");
    first.press(keys::ENTER);
    wait_until("toxic keeps its profile", STARTING, || {
        Path::new(&profile).exists()
    });
    first.wait_until("its first screen", super::painted);
    drop(first);
    launch()
}
