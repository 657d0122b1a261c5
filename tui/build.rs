//! Packs the relocations of the program where they can be read: from 1.2 MiB,
//! which every start leaves in memory, to some 20 KiB (DT_RELR of the ELF
//! specification). The C library reads them since 2.36, so that a program which
//! is given away does without.

use std::env;
use std::process::Command;

/// The first C library of GNU that reads packed relocations.
const READS_PACKED: (u32, u32) = (2, 36);

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let for_here = env::var("TARGET").is_ok_and(|target| env::var("HOST") == Ok(target));
    let given_away = env::var_os("CARGO_FEATURE_VENDORED_OPENSSL").is_some();
    if for_here && !given_away && c_library().is_some_and(|here| here >= READS_PACKED) {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// The version of this machine's C library, if it is that of GNU.
fn c_library() -> Option<(u32, u32)> {
    let asked = Command::new("getconf").arg("GNU_LIBC_VERSION").output();
    let told = String::from_utf8(asked.ok()?.stdout).ok()?;
    let (major, minor) = told.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
