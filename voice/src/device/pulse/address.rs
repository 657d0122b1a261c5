//! Where the server of this machine listens, and the cookie that it asks for,
//! as libpulse looks for them. Servers on other machines are not for calls.

use std::{ffi::OsString, fmt, fs::File, io::Read, path::PathBuf};

/// Bytes of a cookie; the server takes no other length.
const COOKIE_BYTES: usize = 256;
/// Where a server listens that runs for the whole machine.
const OF_THE_SYSTEM: &str = "/var/run/pulse/native";

/// Looks up a variable of the environment.
type Lookup<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// A server and how it knows us.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Server {
    /// The sockets to try, the best first.
    pub(super) sockets: Vec<PathBuf>,
    /// The secret that shows that we may use it.
    pub(super) cookie: Vec<u8>,
}

impl Server {
    /// The one that the environment names.
    pub(super) fn of_environment() -> Self {
        Self {
            sockets: sockets(&environment),
            cookie: cookie(&environment),
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}

/// The environment of this process.
pub(super) fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// The sockets to try, the best first.
fn sockets(variable: Lookup<'_>) -> Vec<PathBuf> {
    if let Some(servers) = variable("PULSE_SERVER") {
        // Some servers apart by spaces, each perhaps after the "{id}" of the
        // machine for which it is meant.
        let servers = servers.to_string_lossy();
        return servers.split_whitespace().filter_map(local).collect();
    }
    let own = match variable("PULSE_RUNTIME_PATH") {
        Some(folder) => Some(PathBuf::from(folder).join("native")),
        None => variable("XDG_RUNTIME_DIR").map(|dir| PathBuf::from(dir).join("pulse/native")),
    };
    own.into_iter().chain([OF_THE_SYSTEM.into()]).collect()
}

/// The path of a server's socket, if it has one.
fn local(server: &str) -> Option<PathBuf> {
    let server = match server.strip_prefix('{') {
        Some(rest) => rest.split_once('}')?.1,
        None => server,
    };
    let path = server.strip_prefix("unix:").unwrap_or(server);
    path.starts_with('/').then(|| path.into())
}

/// Whether there seems to be a server.
pub(in crate::device) fn is_there() -> bool {
    sockets(&environment).iter().any(|socket| socket.exists())
}

/// What the server knows us by. Without a cookie it is all zeros, which a
/// server takes that asks for none.
fn cookie(variable: Lookup<'_>) -> Vec<u8> {
    let home = || variable("HOME").map(PathBuf::from);
    let config = variable("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| home().map(|home| home.join(".config")));
    let places = [
        variable("PULSE_COOKIE").map(PathBuf::from),
        config.map(|config| config.join("pulse/cookie")),
        home().map(|home| home.join(".pulse-cookie")),
    ];
    let mut cookie = vec![0; COOKIE_BYTES];
    let read = |place: PathBuf| File::open(place)?.read_exact(&mut cookie);
    if !places
        .into_iter()
        .flatten()
        .map(read)
        .any(|read| read.is_ok())
    {
        // Half a cookie may have been read.
        cookie.fill(0);
    }
    cookie
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(variables: &[(&str, &str)]) -> Vec<String> {
        let lookup = |name: &str| {
            let value = variables.iter().find(|(known, _)| *known == name)?.1;
            Some(value.into())
        };
        let paths = sockets(&lookup).into_iter();
        paths.map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn the_server_is_where_libpulse_looks_for_it() {
        assert_eq!(found(&[]), [OF_THE_SYSTEM]);
        let mut variables = vec![("XDG_RUNTIME_DIR", "/run/user/7")];
        assert_eq!(found(&variables)[0], "/run/user/7/pulse/native");
        variables.push(("PULSE_RUNTIME_PATH", "/own"));
        assert_eq!(found(&variables), ["/own/native", OF_THE_SYSTEM]);
        let several = "{ab12}unix:/a tcp:host:4713 /b {cd unix:relative";
        variables.push(("PULSE_SERVER", several));
        assert_eq!(found(&variables), ["/a", "/b"]);
    }

    #[test]
    fn a_server_does_not_print_its_cookie() {
        let (sockets, cookie) = (vec!["/a".into()], vec![93; COOKIE_BYTES]);
        let shown = format!("{:?}", Server { sockets, cookie });
        assert_eq!(shown, "Server { .. }");
    }

    #[test]
    fn a_cookie_has_its_length_wherever_it_comes_from() {
        let folder = tempfile::tempdir().unwrap();
        let (half, whole) = (
            folder.path().join("half"),
            folder.path().join("pulse/cookie"),
        );
        std::fs::write(&half, [1; 100]).unwrap();
        std::fs::create_dir(folder.path().join("pulse")).unwrap();
        let lookup = |name: &str| match name {
            "PULSE_COOKIE" => Some(half.clone().into_os_string()),
            "XDG_CONFIG_HOME" => Some(folder.path().into()),
            _ => None,
        };
        assert_eq!(cookie(&lookup), [0; COOKIE_BYTES]);
        std::fs::write(&whole, [2; 300]).unwrap();
        assert_eq!(cookie(&lookup), [2; COOKIE_BYTES]);
    }
}
