//! The program itself: its one line, its exit codes, its signals.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twocan-registry"));
    command
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(arguments: &[&str]) -> Output {
    program(arguments).output().unwrap()
}

struct Running {
    child: Child,
    url: String,
}

fn serve(data: &Path) -> Running {
    let data = data.to_str().unwrap();
    let mut command = program(&["serve", "--data", data, "--listen", "127.0.0.1:0"]);
    let mut child = command
        .env("TWOCAN_REGISTRY_BCRYPT_COST", "4")
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    let url = line
        .trim_end()
        .strip_prefix("listening ")
        .unwrap()
        .to_owned();
    assert!(
        url.starts_with("https://127.0.0.1:") && url.contains("#sha256-"),
        "{url}"
    );
    Running { child, url }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Already gone unless the test failed half-way.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn last_line(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr)
        .lines()
        .last()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn serves_pongs_and_stops_on_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = serve(folder.path());
    let pong = run(&["ping", "--registry", &running.url]);
    assert_eq!(
        (pong.status.code(), &pong.stdout[..]),
        (Some(0), &b"pong\n"[..])
    );

    let other = running
        .url
        .replace(&running.url[running.url.len() - 8..], "00000000");
    let refused = run(&["ping", "--registry", &other]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        last_line(&refused).contains("certificate"),
        "{}",
        last_line(&refused)
    );

    let second = run(&[
        "serve",
        "--data",
        folder.path().to_str().unwrap(),
        "--listen",
        "127.0.0.1:0",
    ]);
    assert_eq!(second.status.code(), Some(1));
    assert!(
        last_line(&second).contains("another twocan-registry"),
        "{}",
        last_line(&second)
    );
    assert!(second.stdout.is_empty());

    let stop = Command::new("kill")
        .arg(running.child.id().to_string())
        .status()
        .unwrap();
    assert!(stop.success());
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = running.child.try_wait().unwrap() {
            break status;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "still running");
        std::thread::sleep(Duration::from_millis(10));
    };
    assert_eq!(status.code(), Some(0));
    let silent = run(&["ping", "--registry", &running.url]);
    assert_eq!(silent.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&silent.stderr).lines().count(), 1);
}

#[test]
fn a_taken_port_is_one_line_and_exit_1() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = folder.path().to_str().unwrap();
    let output = run(&["serve", "--data", data, "--listen", &address]);
    assert_eq!(output.status.code(), Some(1));
    let line = last_line(&output);
    assert!(
        line.contains(&address) && line.contains("--listen"),
        "{line}"
    );
}

#[test]
fn bad_arguments_are_exit_2() {
    for arguments in [
        &["serve", "--listen", "nowhere"][..],
        &["serve", "--cert", "a.pem"],
        &["ping", "--registry", "http://a"],
        &["dance"],
        &[],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn check_config_reads_the_example_and_names_mistakes() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/registry.example.toml");
    let output = run(&["check-config", "--config", example]);
    assert_eq!(
        (output.status.code(), &output.stdout[..]),
        (Some(0), &b"ok\n"[..])
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.toml");
    std::fs::write(&file, "bcrypt_cots = 4\n").unwrap();
    let output = run(&["check-config", "--config", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(last_line(&output).contains("did you mean 'bcrypt_cost'?"));
}
