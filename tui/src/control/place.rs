//! Where the control socket of a profile is. The server and `twocan ctl` both
//! ask here, so that they meet.

use std::env;
use std::os::unix::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The socket, in the folder of the profile.
pub(super) const SOCKET: &str = "control.sock";
/// Where the desktop has a folder for the sockets of each user, which nobody
/// else can enter (XDG Base Directory Specification).
const RUNTIME: &str = "XDG_RUNTIME_DIR";
/// Letters of the hash in the name of a socket elsewhere: 64 bits.
const HASH_CHARS: usize = 16;

/// The socket of the profile in `folder`.
pub(super) fn of(folder: &Path) -> PathBuf {
    let runtime = env::var_os(RUNTIME).map(PathBuf::from);
    beside(folder, runtime.as_deref())
}

/// The socket in the folder itself, or in the `runtime` folder under the hash
/// of the profile's path, where that path is too long for the system: about
/// 100 bytes. Without a runtime folder there is no other place.
pub(super) fn beside(folder: &Path, runtime: Option<&Path>) -> PathBuf {
    let inside = folder.join(SOCKET);
    if SocketAddr::from_pathname(&inside).is_ok() {
        return inside;
    }
    // The same profile may be named in several ways.
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let hash = blake3::hash(folder.as_os_str().as_encoded_bytes()).to_hex();
    match runtime.filter(|runtime| runtime.is_absolute()) {
        Some(runtime) => runtime.join(format!("twocan-{}.sock", &hash[..HASH_CHARS])),
        None => inside,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_goes_elsewhere_and_a_short_one_does_not() {
        let place = tempfile::tempdir().unwrap();
        let runtime = Path::new("/run/user/1000");
        let short = place.path().join("short");
        assert_eq!(beside(&short, Some(runtime)), short.join(SOCKET));

        let long = place.path().join("l".repeat(150));
        std::fs::create_dir(&long).unwrap();
        let elsewhere = beside(&long, Some(runtime));
        assert!(elsewhere.starts_with(runtime), "{}", elsewhere.display());
        assert!(SocketAddr::from_pathname(&elsewhere).is_ok());
        let other_words = long.join("..").join("l".repeat(150));
        assert_eq!(beside(&other_words, Some(runtime)), elsewhere);
        let other = place.path().join("m".repeat(150));
        assert_ne!(beside(&other, Some(runtime)), elsewhere);
        assert_eq!(beside(&long, None), long.join(SOCKET));
    }
}
