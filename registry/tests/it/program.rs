//! The program itself: its one line, its exit codes, its signals.

use crate::process::{Running, last_line, run};

#[test]
fn serves_pongs_and_stops_on_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path());
    let url = running.url.to_string();
    assert!(
        url.starts_with("https://127.0.0.1:") && url.contains("#sha256-"),
        "{url}"
    );
    let pong = run(&["ping", "--registry", &url]);
    assert_eq!(
        (pong.status.code(), &pong.stdout[..]),
        (Some(0), &b"pong\n"[..])
    );

    let other = url.replace(&url[url.len() - 8..], "00000000");
    let refused = run(&["ping", "--registry", &other]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        last_line(&refused).contains("certificate"),
        "{}",
        last_line(&refused)
    );

    let data = folder.path().to_str().unwrap();
    let second = run(&["serve", "--data", data, "--listen", "127.0.0.1:0"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(
        last_line(&second).contains("another twocan-registry"),
        "{}",
        last_line(&second)
    );
    assert!(second.stdout.is_empty());

    running.stop();
    let silent = run(&["ping", "--registry", &url]);
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

#[test]
fn check_config_finds_everything_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("weak"), "abc").unwrap();
    std::fs::write(
        path("bad.toml"),
        format!(
            "static_dir = '{}'\ncert = '{}'\nkey = '{}'\nadmin_token_file = '{}'\n\
             metrics_token_file = '{}'\nlisten = '127.0.0.1:1'\nbcrypt_cost = 4\n",
            path("no-folder"),
            path("no-cert"),
            path("no-key"),
            path("no-token"),
            path("weak"),
        ),
    )
    .unwrap();
    let output = run(&["check-config", "--config", &path("bad.toml")]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    for part in [
        "error: static_dir: ",
        "no-cert: ",
        "error: admin_token_file: ",
        "warning: metrics_token_file: ",
        "warning: listen: ",
        "warning: bcrypt_cost: ",
        "has 3 errors",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    assert!(!text.contains("abc"), "a secret is shown: {text}");
    // A static folder around the data would give everything away.
    std::fs::create_dir_all(folder.path().join("site/data")).unwrap();
    let config = format!(
        "static_dir = '{}'\ndata = '{}'\n",
        path("site"),
        path("site/data")
    );
    std::fs::write(path("open.toml"), config).unwrap();
    let output = run(&["check-config", "--config", &path("open.toml")]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("data is inside"));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn the_unit_for_systemd_is_good_and_hardened() {
    let unit = include_str!("../../twocan-registry.service");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("twocan-registry.service");
    let program = env!("CARGO_BIN_EXE_twocan-registry");
    let start = "ExecStart=twocan-registry";
    assert!(unit.contains(start));
    std::fs::write(&path, unit.replace(start, &format!("ExecStart={program}"))).unwrap();
    let analyze = |arguments: &[&str]| {
        let mut command = std::process::Command::new("systemd-analyze");
        command.args(arguments).arg(&path).output()
    };
    let Ok(verified) = analyze(&["verify"]) else {
        eprintln!("left out: there is no systemd-analyze here");
        return;
    };
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && said.is_empty(), "{said}");
    // The threshold is in tenths; what is left is that it talks to the network.
    let Ok(security) = analyze(&["security", "--offline=true", "--threshold=15"]) else {
        return;
    };
    let said = String::from_utf8_lossy(&security.stdout);
    assert!(security.status.success(), "{said}");
}
