//! What waits to be mailed when the registry stops.

use crate::{
    common::start_with,
    process::{Running, program},
    recovery::{forgotten, register, with_mail},
    smtp::{MailServer, Manner},
};
use serde_json::json;
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

#[tokio::test]
async fn what_waits_is_sent_before_a_stop_is_over() {
    // More than are sent at once.
    const MAILS: usize = 7;
    let mut server = MailServer::start(Manner::Slow).await;
    let registry = start_with(|config| with_mail(config, &server)).await;
    for n in 0..MAILS {
        register(&registry, &format!("user{n}")).await;
        forgotten(&registry, &format!("user{n}")).await;
    }
    registry.server.stop().await.unwrap();
    let mut recipients = BTreeSet::new();
    for _ in 0..MAILS {
        recipients.extend(server.mail().await.to);
    }
    assert_eq!(recipients.len(), MAILS, "{recipients:?}");
    server.no_mail().await;
}

#[tokio::test]
async fn what_was_sent_away_is_tried_again_at_a_stop() {
    let mut server = MailServer::start(Manner::Later).await;
    let registry = start_with(|config| with_mail(config, &server)).await;
    register(&registry, "ada").await;
    forgotten(&registry, "ada").await;
    server.sends_away().await;
    let begun = Instant::now();
    registry.server.stop().await.unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "it waited as if it went on"
    );
    assert_eq!(server.mail().await.to, ["ada@mail.example"]);
}

#[tokio::test]
async fn a_mail_server_that_hangs_holds_a_stop_up_for_a_while_only() {
    let server = MailServer::start(Manner::Hangs).await;
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let mut command = program(&["serve", "--data", folder, "--listen", "127.0.0.1:0"]);
    command
        .env("TWOCAN_REGISTRY_MAIL_SERVER", server.address.to_string())
        .env("TWOCAN_REGISTRY_MAIL_TLS", "none")
        .env("TWOCAN_REGISTRY_MAIL_FROM", "registry@mail.example");
    let registry = Running::of(command, data.path());
    let http = registry.client();
    for n in 0..6 {
        let name = format!("user{n}");
        let email = format!("{name}@mail.example");
        let account = json!({"username": name, "password": "pw", "host": "192.0.2.7:7777",
                             "email": email});
        for (path, body) in [
            ("/register", account),
            ("/password-reset", json!({"username": name})),
        ] {
            let request = http.post(registry.path(path)).json(&body);
            assert!(request.send().await.unwrap().status().is_success());
        }
    }
    let begun = Instant::now();
    let log = registry.stop();
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(12), "{took:?}");
    assert!(
        log.contains("given up") && log.contains("messages=6"),
        "{log}"
    );
    assert!(
        !log.contains("user") && !log.contains("mail.example"),
        "{log}"
    );
}
