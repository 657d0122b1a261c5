//! Profiles on the disk: what a stranger reads in the folder, what opens it,
//! and taking it elsewhere, with the programs that people use.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use data_encoding::BASE32_NOPAD;
use serde_json::json;
use twocan_e2e::bus::{ADDRESS, Bus, is_installed};
use twocan_e2e::headless::{Headless, Profile, text};
use twocan_e2e::pair::{connect, folder};
use twocan_e2e::process::{Must, Program, twocan, wait_until};
use twocan_e2e::registry::Registry;
use twocan_e2e::terminal::{Launch, Terminal, keys};

/// Whatever is waited for comes within this time.
const PATIENCE: Duration = Duration::from_secs(30);

const SAID: &str = "the rhododendrons are out";

/// A file with a passphrase.
fn passphrase(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(format!("{name}.passphrase"));
    fs::write(&path, format!("{name} in a row\n")).must("write a passphrase");
    path
}

/// Runs `twocan` to its end: its exit code, and what it wrote.
fn run(arguments: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let output = Command::new(twocan())
        .args(arguments)
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
        .env("XDG_RUNTIME_DIR", "/nonexistent")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .must("run twocan");
    let written = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&written).into_owned(),
    )
}

#[track_caller]
fn must(arguments: &[&str]) -> String {
    let (code, written) = run(arguments, &[]);
    assert_eq!(code, Some(0), "{arguments:?}: {written}");
    written
}

/// Which of these stand in which file under the folder, whatever it is.
fn readable(folder: &Path, secrets: &[(&str, Vec<u8>)]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).must("list a folder") {
        let path = entry.must("list a folder").path();
        if path.is_dir() {
            found.extend(readable(&path, secrets));
            continue;
        }
        // The control socket of a program that runs holds nothing.
        if !path.is_file() {
            continue;
        }
        let content = fs::read(&path).must("read a file");
        for (name, secret) in secrets {
            if content.windows(secret.len()).any(|part| part == secret) {
                found.push(format!("{name} in {}", path.display()));
            }
        }
    }
    found
}

/// The 32 bytes of a peer id.
fn key_of(peer_id: &str) -> Vec<u8> {
    let letters = peer_id.replace('-', "").to_uppercase();
    let bytes = BASE32_NOPAD.decode(letters.as_bytes()).must("read an id");
    bytes[..32].to_vec()
}

fn history(client: &mut Headless) -> Vec<String> {
    let page = client.must("history", json!({"with": "gardener"}));
    let messages = page["messages"].as_array().must("read messages");
    messages
        .iter()
        .map(|message| text(message, "text").to_owned())
        .collect()
}

#[test]
fn a_copy_of_the_folder_shows_nothing_without_the_passphrase() {
    let folder = folder();
    let registry = Registry::start(folder.path());
    let bob = Profile::new(folder.path(), "bobolink").accepting().start();
    let mut profile = Profile::new(folder.path(), "alicanto").registry(registry.url());
    profile.passphrase_file = Some(passphrase(folder.path(), "tulips"));
    let mut alice = profile.start();
    connect(&mut alice, &bob);
    let account = json!({"registry": registry.url(), "username": "amaryllis",
        "password": "a password of hers", "register": true});
    alice.must("sign_in", account);
    let bob_id = bob.peer_id().to_owned();
    alice.must(
        "contact_set",
        json!({"contact": bob_id, "alias": "gardener"}),
    );
    alice.must("send", json!({"to": "gardener", "text": SAID}));
    bob.event("message", |event| event["text"] == SAID);

    let host = registry.url().trim_start_matches("https://");
    let host = host.split('#').next().must("read an address");
    let secrets = [
        ("her name", b"alicanto".to_vec()),
        ("the contact's name", b"bobolink".to_vec()),
        ("the alias", b"gardener".to_vec()),
        ("the account", b"amaryllis".to_vec()),
        ("the text", SAID.as_bytes().to_vec()),
        ("the registry", host.as_bytes().to_vec()),
        ("the contact's address", bob.listen().as_bytes().to_vec()),
        ("her id", alice.peer_id().as_bytes().to_vec()),
        ("her key", key_of(alice.peer_id())),
        ("the contact's id", bob_id.as_bytes().to_vec()),
        ("the contact's key", key_of(&bob_id)),
        ("a table", b"CREATE TABLE".to_vec()),
    ];
    let nothing: Vec<String> = Vec::new();
    // As it runs, with its journal; and as a crash leaves it.
    assert_eq!(readable(&profile.data, &secrets), nothing);
    alice.kill9();
    assert_eq!(readable(&profile.data, &secrets), nothing);

    let right = profile.passphrase_file.clone();
    for wrong in [Some(passphrase(folder.path(), "roses")), None] {
        profile.passphrase_file = wrong;
        let (code, told) = profile.second_start();
        assert_eq!(code, Some(1), "{told}");
        assert!(
            told.contains("passphrase") && told.lines().count() == 1,
            "{told}"
        );
    }
    profile.passphrase_file = right;
    let mut alice = profile.start();
    assert_eq!(history(&mut alice), [SAID]);
    assert!(alice.quit().success());
    assert_eq!(readable(&profile.data, &secrets), nothing);

    // The same search finds all of it once the profile is plain.
    let data = profile.data.display().to_string();
    let file = folder
        .path()
        .join("tulips.passphrase")
        .display()
        .to_string();
    must(&[
        "passphrase",
        "remove",
        "--data",
        &data,
        "--passphrase-file",
        &file,
    ]);
    let found = readable(&profile.data, &secrets).join("\n");
    for (name, _) in secrets.iter().filter(|(name, _)| !name.ends_with(" id")) {
        assert!(
            found.contains(name),
            "{name} was looked for in vain: {found}"
        );
    }
    profile.passphrase_file = None;
    let mut alice = profile.start();
    assert_eq!(history(&mut alice), [SAID]);
    assert!(alice.quit().success());
    assert!(bob.quit().success());
}

#[test]
fn a_plain_profile_is_encrypted_and_taken_elsewhere() {
    let folder = folder();
    let bob = Profile::new(folder.path(), "bob").accepting().start();
    let mut profile = Profile::new(folder.path(), "alice");
    let mut alice = profile.start();
    connect(&mut alice, &bob);
    let bob_id = bob.peer_id().to_owned();
    alice.must(
        "contact_set",
        json!({"contact": bob_id, "alias": "gardener"}),
    );
    alice.must("send", json!({"to": "gardener", "text": SAID}));
    bob.event("message", |event| event["text"] == SAID);
    let id = alice.peer_id().to_owned();
    assert!(alice.quit().success());
    assert!(bob.quit().success());

    let (new, other) = (
        passphrase(folder.path(), "tulips"),
        passphrase(folder.path(), "roses"),
    );
    let (new, other) = (new.display().to_string(), other.display().to_string());
    let data = profile.data.display().to_string();
    profile.passphrase_file = Some(PathBuf::from(&new));
    let (code, told) = profile.second_start();
    assert_eq!(code, Some(1));
    assert!(told.contains("twocan passphrase set"), "{told}");
    must(&[
        "passphrase",
        "set",
        "--data",
        &data,
        "--new-passphrase-file",
        &new,
    ]);
    let mut alice = profile.start();
    assert_eq!(history(&mut alice), [SAID]);
    assert!(alice.quit().success());

    let backup = folder.path().join("alice.backup").display().to_string();
    let elsewhere = folder.path().join("elsewhere");
    let to = elsewhere.display().to_string();
    must(&[
        "export",
        &backup,
        "--data",
        &data,
        "--passphrase-file",
        &new,
        "--backup-passphrase-file",
        &other,
    ]);
    let import = ["import", &backup, "--data", &to, "--backup-passphrase-file"];
    let (code, told) = run(&[&import[..], &[&new]].concat(), &[]);
    assert_eq!(code, Some(1));
    assert!(
        told.contains("wrong passphrase") && !elsewhere.exists(),
        "{told}"
    );
    must(&[&import[..], &[&other]].concat());
    profile.data = elsewhere;
    profile.passphrase_file = Some(PathBuf::from(&other));
    let mut alice = profile.start();
    assert_eq!(alice.peer_id(), id);
    assert_eq!(history(&mut alice), [SAID]);
    assert!(alice.quit().success());
}

#[test]
fn somebody_new_is_offered_a_passphrase_and_asked_for_it_from_then_on() {
    let folder = folder();
    let data = folder.path().join("data").display().to_string();
    let open = || {
        Launch::new(&twocan(), folder.path())
            .args(&["--data", &data, "--listen", "127.0.0.1:0", "--no-lan"])
            .size(100, 30)
            .start()
    };
    let terminal = open();
    // A question is the last line as long as nothing that shows was typed.
    let asked = |terminal: &Terminal, question: &str| {
        terminal.wait_until(question, |screen| {
            let last = screen.trim_end().lines().last();
            last.is_some_and(|line| line.trim() == question)
        });
    };
    for (question, answer) in [
        ("1, 2 or 3:", "2"),
        ("1, 2 or 3:", "1"),
        ("New passphrase:", "rhododendron"),
        ("The same once more:", "rhododendrom"),
        ("New passphrase:", "rhododendron"),
        ("The same once more:", "rhododendron"),
    ] {
        asked(&terminal, question);
        terminal.press(answer);
        terminal.press(keys::ENTER);
        let screen = terminal.screen();
        assert!(!screen.contains("rhodo"), "{screen}");
        if answer == "2" {
            terminal.wait_for("no system keyring");
        }
    }
    terminal.wait_for("first run");
    terminal.press("\x03");
    terminal.ended_tidily();
    let log = Path::new(&data).join("twocan.log");
    assert!(!log.exists(), "a plain log beside an encrypted profile");

    let terminal = open();
    asked(&terminal, "Passphrase:");
    terminal.press("rhododendrom");
    terminal.press(keys::ENTER);
    terminal.wait_for("wrong passphrase");
    asked(&terminal, "Passphrase:");
    terminal.press("rhododendron");
    terminal.press(keys::ENTER);
    terminal.wait_for("first run");
}

/// A session bus and a keyring of this test alone.
struct Keyring {
    bus: Bus,
    _daemon: Program,
}

impl Keyring {
    /// `None` where there is none to be had.
    fn start(folder: &Path) -> Option<Self> {
        if !is_installed("gnome-keyring-daemon") {
            return None;
        }
        let bus = Bus::start(folder)?;
        let login = folder.join("login");
        fs::write(&login, "a login\n").must("write a login");
        let mut command = Command::new("gnome-keyring-daemon");
        command.args(["--foreground", "--unlock", "--components=secrets"]);
        command.env(ADDRESS, &bus.address);
        command.env("HOME", folder).env("XDG_RUNTIME_DIR", folder);
        command.env("XDG_DATA_HOME", folder.join("share"));
        command.stdin(fs::File::open(login).must("open the login"));
        command.stdout(Stdio::null());
        let log = folder.join("keyring.log");
        let daemon = Program::start("keyring", &mut command, &log);
        Some(Self {
            bus,
            _daemon: daemon,
        })
    }
}

#[test]
fn the_keyring_opens_what_it_holds_and_its_loss_is_told() {
    let folder = folder();
    let data = folder.path().join("data").display().to_string();
    let id = ["id", "--data", &data, "--listen", "127.0.0.1:0"];
    let take = ["passphrase", "keyring", "--data", &data];
    let plain = must(&id);
    let (code, told) = run(&take, &[]);
    assert_eq!(code, Some(1));
    assert!(told.contains("there is no system keyring here"), "{told}");
    // The link tells a port that differs each time.
    let who = |written: &str| written.lines().next().unwrap_or_default().to_owned();
    assert_eq!(who(&must(&id)), who(&plain));

    let Some(keyring) = Keyring::start(folder.path()) else {
        eprintln!("left out: dbus-daemon or gnome-keyring-daemon is missing");
        return;
    };
    let bus = [(ADDRESS, keyring.bus.address.as_str())];
    // The keyring takes its name on the bus in its own time.
    wait_until("the keyring", PATIENCE, || run(&take, &bus).0 == Some(0));
    let (code, told) = run(&id, &bus);
    assert_eq!((code, who(&told)), (Some(0), who(&plain)));
    let (code, told) = run(&id, &[]);
    assert_eq!(code, Some(1), "{told}");

    let copy = folder.path().join("copy");
    fs::create_dir(&copy).must("make a folder");
    for name in ["vault.json", "twocan.sealed.db"] {
        fs::copy(Path::new(&data).join(name), copy.join(name)).must("copy a file");
    }
    let (code, told) = run(&["passphrase", "remove", "--data", &data], &bus);
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(who(&must(&id)), who(&plain));
    let copy = copy.display().to_string();
    let (code, told) = run(&["id", "--data", &copy, "--listen", "127.0.0.1:0"], &bus);
    assert_eq!(code, Some(1));
    assert!(told.contains("no key for this profile any more"), "{told}");
}
