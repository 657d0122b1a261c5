//! A message bus (D-Bus) of one test alone, in the place of a desktop's.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::process::{Must, Program, wait_until};

/// The variable that names a session's bus.
pub const ADDRESS: &str = "DBUS_SESSION_BUS_ADDRESS";

/// A bus that starts nothing by itself: whoever asked for a service before it
/// has its name would be given another one, of the user's.
const CONFIG: &str = r#"<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

/// How long the bus may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running bus; it ends with this.
#[derive(Debug)]
pub struct Bus {
    /// Where it is, as [`ADDRESS`] takes it.
    pub address: String,
    _daemon: Program,
}

impl Bus {
    /// Starts a bus with its files in `folder`; none where dbus-daemon is not
    /// installed.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(folder: &Path) -> Option<Self> {
        if !is_installed("dbus-daemon") {
            return None;
        }
        let socket = folder.join("bus");
        let address = format!("unix:path={}", socket.display());
        let config = folder.join("bus.conf");
        fs::write(&config, CONFIG).must("write how the bus is to be");
        let mut command = Command::new("dbus-daemon");
        command.args(["--nofork", "--address", &address, "--config-file"]);
        command.arg(&config);
        let daemon = Program::start("dbus", &mut command, &folder.join("dbus.log"));
        wait_until("the bus", PATIENCE, || socket.exists());
        Some(Self {
            address,
            _daemon: daemon,
        })
    }
}

/// Whether a program of this name can be started.
#[must_use]
pub fn is_installed(name: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|path| path.join(name).is_file())
}
