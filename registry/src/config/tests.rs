//! Layers, defaults and mistakes.

use super::*;

fn load(text: &str, environment: &[(&str, &str)]) -> Result<Typed, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.toml");
    std::fs::write(&path, text).unwrap();
    let environment = environment
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    Typed::load(Some(&path), environment)
}

#[test]
fn nothing_said_is_the_default() {
    let config = load("", &[("PATH", "x")]).unwrap().resolve().unwrap();
    assert_eq!(config.listen, "[::]:7443".parse().unwrap());
    assert_eq!(
        config.listen_fallback,
        Some("0.0.0.0:7443".parse().unwrap())
    );
    assert_eq!((config.heartbeat_ms, config.bcrypt_cost), (25_000, 12));
    assert_eq!(config.certs_dir, Path::new("certs"));
    assert!(config.directory_open && config.registration_open);
}

#[test]
fn file_then_environment_then_flags() {
    let file = "bcrypt_cost = 5\nworkers = 5\ndata = 'there'\ndirectory = 'members'\n";
    let environment = [
        ("TWOCAN_REGISTRY_BCRYPT_COST", "6"),
        ("TWOCAN_REGISTRY_DATA", "/elsewhere"),
    ];
    let flags = Typed {
        bcrypt_cost: Some(7),
        ..Typed::default()
    };
    let config = load(file, &environment)
        .unwrap()
        .overlaid(flags)
        .resolve()
        .unwrap();
    assert_eq!((config.bcrypt_cost, config.workers), (7, 5));
    assert_eq!(config.data, Path::new("/elsewhere"));
    assert_eq!(config.certs_dir, Path::new("/elsewhere/certs"));
    assert!(!config.directory_open);
}

#[test]
fn a_mistyped_key_is_named_with_the_one_that_was_meant() {
    for (file, environment, key, nearest) in [
        ("heartbeat_s = 1", vec![], "'heartbeat_s'", "'heartbeat_ms'"),
        ("bcryptcost = 4", vec![], "'bcryptcost'", "'bcrypt_cost'"),
        (
            "",
            vec![("TWOCAN_REGISTRY_LISTN", "x")],
            "'listn'",
            "'listen'",
        ),
    ] {
        let error = load(file, &environment).unwrap_err().to_string();
        assert!(error.contains(key) && error.contains(nearest), "{error}");
    }
}

#[test]
fn a_wrong_value_is_named_with_its_key() {
    for (file, environment, part) in [
        ("workers = 'many'", vec![], "workers"),
        ("listen = 'here'", vec![], "listen"),
        ("directory = 'closed'", vec![], "directory"),
        ("workers = ", vec![], "registry.toml"),
        (
            "",
            vec![("TWOCAN_REGISTRY_WORKERS", "many")],
            "TWOCAN_REGISTRY_WORKERS: workers",
        ),
    ] {
        let error = load(file, &environment).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    for (file, part) in [
        ("cert = 'a.pem'", "both cert and key"),
        ("bcrypt_cost = 3", "bcrypt_cost"),
        ("password_min = 99", "password_min"),
        ("heartbeat_ms = 1", "heartbeat_ms"),
        ("session_days = 0", "session_days"),
        ("workers = 0", "workers"),
        ("log = 'a=b=c'", "log"),
        ("min_client = 'new'", "min_client"),
        ("code_minutes = 0", "code_minutes"),
        ("mail_server = 'a'", "mail_from"),
        ("mail_server = 'a b'\nmail_from = 'a@b'", "mail_server"),
        ("mail_server = 'a'\nmail_from = 'b'", "mail_from is"),
        ("mail_server = 'a'\nmail_from = 'a@b'", "public_url"),
        (
            "mail_server = 'a'\nmail_from = 'a@b'\nmail_tls = 'none'",
            "on this machine",
        ),
        (
            "mail_server = 'a'\nmail_from = 'a@b'\nmail_user = 'c'",
            "mail_password_file",
        ),
        ("public_url = 'http://a'", "public_url"),
        ("gateway_url = 'http://a.example/'", "gateway_url begins"),
        ("gateway_token_file = 'a'", "gateway_token_file needs"),
        ("registration_code = 'mail'", "needs mail_server"),
        ("registration_code = 'gateway'", "needs gateway_url"),
    ] {
        let error = load(file, &[]).unwrap().resolve().unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    let error = Typed::load(Some(Path::new("/no/such/file")), std::iter::empty()).unwrap_err();
    assert!(error.to_string().contains("/no/such/file"));
}

#[test]
fn the_example_names_every_key_and_says_the_defaults() {
    let example = include_str!("../../registry.example.toml");
    assert!(keys::all().len() > 15, "{:?}", keys::all());
    for key in keys::all() {
        assert!(example.contains(&format!("# {key} = ")), "{key} is missing");
    }
    // With its settings switched on it must still be read.
    let switched_on: String = example
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest)
                if keys::all()
                    .iter()
                    .any(|k| rest.starts_with(&format!("{k} = "))) =>
            {
                rest
            }
            _ => line,
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    load(&switched_on, &[]).unwrap().resolve().unwrap();
}

#[test]
fn the_port_says_how_the_mail_server_is_spoken_to() {
    let mail = |server: &str| {
        let text =
            format!("mail_server = '{server}'\nmail_from = 'a@b'\npublic_url = 'https://c/'");
        let outside = load(&text, &[]).unwrap().resolve().unwrap().outside;
        assert_eq!(outside.public_url.as_deref(), Some("https://c:7443"));
        let mail = outside.mail.unwrap();
        (mail.host, mail.port, mail.tls)
    };
    assert_eq!(
        mail("m.example"),
        ("m.example".to_owned(), 587, MailTls::Starttls)
    );
    assert_eq!(
        mail("m.example:465"),
        ("m.example".to_owned(), 465, MailTls::Tls)
    );
    assert_eq!(mail("[::1]:25"), ("::1".to_owned(), 25, MailTls::Starttls));
}

#[test]
fn flags_come_from_the_environment_too() {
    let config = load("guests = false", &[("TWOCAN_REGISTRY_GUESTS", "true")]);
    assert!(config.unwrap().resolve().unwrap().guests);
}
