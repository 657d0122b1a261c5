//! What the benchmarks compare with, and how a result is shown.

pub mod bare;
pub mod load;
pub mod plot;
pub mod raw;
pub mod report;
mod row;

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::process::{Must, Program, wait_until};
use crate::terminal::Launch;

pub use row::Row;

/// The median, or zero of nothing.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// The value that `share` of the values do not exceed.
pub fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let at = (values.len() as f64 * share) as usize;
    let last = values.len().saturating_sub(1);
    values.get(at.min(last)).copied().unwrap_or(0.0)
}

/// Median time of writing and syncing 200 bytes twice, in microseconds: what
/// a message has to cost when both sides keep it before they go on.
///
/// # Panics
/// If the folder cannot be written.
#[must_use]
pub fn two_synced_writes_us(folder: &Path, count: usize) -> f64 {
    let mut file = fs::File::create(folder.join("disk")).must("make a file");
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        for _ in 0..2 {
            file.write_all(&[0x5a; 200]).must("write a file");
            file.sync_data().must("sync a file");
        }
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    median(&mut times)
}

/// Median time in milliseconds until a shell in a terminal has echoed a word.
#[must_use]
pub fn shell_paint_ms(home: &Path, count: usize) -> Option<f64> {
    let shell = Path::new("/bin/sh");
    if !shell.exists() {
        return None;
    }
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        let terminal = Launch::new(shell, home)
            .args(&["-c", "echo ready; read line"])
            .start();
        terminal.wait_for("ready");
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Some(median(&mut times))
}

/// nginx on loopback that answers with fixed bytes from memory over TLS 1.3:
/// the least that a server can do.
#[derive(Debug)]
pub struct Nginx {
    program: Program,
    files: PathBuf,
    url: String,
}

impl Nginx {
    /// Starts it in `folder`; `None` if nginx or openssl is not installed.
    ///
    /// # Panics
    /// If it is installed and does not answer.
    #[must_use]
    pub fn start(folder: &Path, body: &[u8]) -> Option<Self> {
        let installed = |program: &str, option: &str| {
            Command::new(program)
                .arg(option)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok()
        };
        if !installed("nginx", "-v") || !installed("openssl", "version") {
            return None;
        }
        fs::create_dir_all(folder).must("make a folder for nginx");
        let body = std::str::from_utf8(body).must("read the answer as text");
        let plain = !body.contains(['\'', '$', '\\']);
        assert!(plain, "nginx would change these bytes: {body}");
        let fingerprint = make_certificate(folder);
        let port = TcpListener::bind("127.0.0.1:0")
            .must("find a port")
            .local_addr()
            .must("read a port")
            .port();
        fs::write(folder.join("nginx.conf"), configuration(folder, port, body))
            .must("write nginx.conf");
        let mut command = Command::new("nginx");
        command
            .arg("-p")
            .arg(folder)
            .arg("-e")
            .arg("error.log")
            .arg("-c")
            .arg("nginx.conf");
        let program = Program::start("nginx", &mut command, &folder.join("stderr.log"));
        wait_until("nginx answers", Duration::from_secs(10), || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Some(Self {
            program,
            files: folder.join("www"),
            url: format!("https://127.0.0.1:{port}#sha256-{fingerprint}"),
        })
    }

    /// Where it is, with the fingerprint of its certificate.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Number of its one process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.program.pid()
    }

    /// Where the files are that it serves.
    #[must_use]
    pub fn files(&self) -> &Path {
        &self.files
    }
}

fn configuration(folder: &Path, port: u16, body: &str) -> String {
    let root = folder.display();
    format!(
        "daemon off;\nmaster_process off;\npid nginx.pid;\nworker_rlimit_nofile 20000;\nevents {{ worker_connections 8192; }}\n\
         http {{\n  access_log off;\n  keepalive_requests 100000000;\n  keepalive_timeout 600s;\n  open_file_cache max=20000 inactive=600s;\n  open_file_cache_valid 600s;\n  default_type application/json;\n\
         server {{\n    listen 127.0.0.1:{port} ssl;\n    ssl_protocols TLSv1.3;\n\
         ssl_certificate {root}/cert.pem;\n    ssl_certificate_key {root}/key.pem;\n    root {root}/www;\n    location = /answer.json {{ return 200 '{body}'; }}\n  }}\n}}\n"
    )
}

/// A P-256 certificate, as the registry makes for itself; its fingerprint.
fn make_certificate(folder: &Path) -> String {
    let mut request = Command::new("openssl");
    request.args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]);
    request.args([
        "-days",
        "1",
        "-subj",
        "/CN=localhost",
        "-keyout",
        "key.pem",
        "-out",
        "cert.pem",
    ]);
    let made = request.current_dir(folder).output().must("run openssl");
    assert!(made.status.success(), "openssl made no certificate");
    let mut show = Command::new("openssl");
    show.args([
        "x509",
        "-in",
        "cert.pem",
        "-noout",
        "-fingerprint",
        "-sha256",
    ])
    .current_dir(folder);
    let shown = show.output().must("run openssl");
    let line = String::from_utf8_lossy(&shown.stdout).into_owned();
    let hex = line.trim().rsplit('=').next().must("read a fingerprint");
    hex.replace(':', "").to_ascii_lowercase()
}
