//! What goes through the owner's mailbox or telephone: links for a new password,
//! one-time codes, notices.

use crate::{
    common::{BOUND, Fixture, account, error, start, start_with},
    smtp::{Mail, MailServer, Manner},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{
    num::NonZeroU32,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use twocan_proto::api::SessionGrant;
use twocan_registry::config::{CodeBy, Config, GatewayConfig, MailConfig, MailTls};

/// Sends mails through `server`.
pub(crate) fn with_mail(config: &mut Config, server: &MailServer) {
    config.outside.mail = Some(MailConfig {
        host: server.address.ip().to_string(),
        port: server.address.port(),
        tls: MailTls::None,
        from: "registry@mail.example".parse().unwrap(),
        login: None,
    });
}

/// An account with an e-mail address.
pub(crate) async fn register(registry: &Fixture, name: &str) {
    let mut body = account(name);
    body["email"] = json!(format!("{name}@mail.example"));
    let answer = registry.post("/register", body).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
}

pub(crate) async fn forgotten(registry: &Fixture, name: &str) -> reqwest::Response {
    registry
        .post("/password-reset", json!({"username": name}))
        .await
}

/// The link in a mail.
pub(crate) fn link(mail: &Mail) -> String {
    // The address of the registry stands in the mail before the link as well.
    let lines = mail.content.lines().map(str::trim);
    let mut links = lines.filter(|line| line.starts_with("https://"));
    links.next().unwrap().to_owned()
}

fn token(link: &str) -> &str {
    link.split_once("token=").unwrap().1
}

async fn submit(
    registry: &Fixture,
    token: &str,
    password: &str,
    again: &str,
) -> (StatusCode, String) {
    let form = [("token", token), ("password", password), ("again", again)];
    let body: Vec<_> = form
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let request = registry
        .request(Method::POST, "/reset")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body.join("&"));
    let answer = request.send().await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

async fn sign_in(registry: &Fixture, name: &str, password: &str) -> StatusCode {
    let body = json!({"username": name, "password": password});
    registry.post("/sessions", body).await.status()
}

#[tokio::test]
async fn a_forgotten_password_is_set_anew_once_through_the_link() {
    let mut server = MailServer::start(Manner::Takes).await;
    let registry = start_with(|config| with_mail(config, &server)).await;
    register(&registry, "ada").await;
    let body = json!({"username": "ada", "password": "pw"});
    let old: SessionGrant = registry.post("/sessions", body).await.json().await.unwrap();

    assert_eq!(
        forgotten(&registry, "Ada").await.status(),
        StatusCode::ACCEPTED
    );
    let mail = server.mail().await;
    assert_eq!(
        (mail.from.as_str(), &mail.to[..]),
        (
            "registry@mail.example",
            &["ada@mail.example".to_owned()][..]
        )
    );
    let link = link(&mail);
    let token = token(&link);
    assert_eq!(token.len(), 43, "{link}");

    // Opening it changes nothing, however often.
    for _ in 0..2 {
        let page = registry.get(&format!("/reset?token={token}")).await;
        assert_eq!(page.status(), StatusCode::OK);
        let headers = page.headers().clone();
        assert!(
            headers["content-security-policy"]
                .to_str()
                .unwrap()
                .contains("default-src 'none'")
        );
        assert_eq!(headers["cache-control"], "no-store");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        let html = page.text().await.unwrap();
        assert!(html.contains("<strong>ada</strong>") && !html.contains("<script"));
    }
    let long = "x".repeat(73);
    for (password, again, part) in [
        ("", "", "must not be empty"),
        ("new", "nev", "not the same"),
        (long.as_str(), long.as_str(), "at most 72 bytes"),
    ] {
        let (status, html) = submit(&registry, token, password, again).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(html.contains(part) && html.contains("<form"), "{html}");
    }
    let (status, html) = submit(&registry, token, "new", "new").await;
    assert_eq!(status, StatusCode::OK, "{html}");
    assert_eq!(
        sign_in(&registry, "ada", "pw").await,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(sign_in(&registry, "ada", "new").await, StatusCode::CREATED);
    let resume = registry.request(Method::PUT, "/sessions/current");
    let resumed = resume.bearer_auth(old.token.expose()).send().await.unwrap();
    assert_eq!(
        resumed.status(),
        StatusCode::UNAUTHORIZED,
        "the old sign-ins have ended"
    );
    assert_eq!(
        submit(&registry, token, "third", "third").await.0,
        StatusCode::GONE
    );
    assert_eq!(
        registry
            .get(&format!("/reset?token={token}"))
            .await
            .status(),
        StatusCode::GONE
    );
    assert!(
        server
            .mail()
            .await
            .content
            .contains("password of the account ada")
    );
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn the_answer_says_nothing_of_who_exists() {
    let mut server = MailServer::start(Manner::Takes).await;
    let registry = start_with(|config| with_mail(config, &server)).await;
    register(&registry, "ada").await;
    registry.register("bare").await;
    let mut answers = Vec::new();
    for name in ["ada", "bare", "nobody"] {
        let answer = forgotten(&registry, name).await;
        let mut headers = answer.headers().clone();
        headers.remove("date");
        answers.push((answer.status(), headers, answer.bytes().await.unwrap()));
    }
    assert!(
        answers[0] == answers[1] && answers[1] == answers[2],
        "{answers:?}"
    );
    assert_eq!(server.mail().await.to, ["ada@mail.example"]);
    server.no_mail().await;
    let answer = registry
        .post("/password-reset", json!({"username": "a b"}))
        .await;
    assert_eq!(
        error(answer, "username: ").await,
        (400, "bad_request".into())
    );
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn the_answer_does_not_wait_for_the_mail_server() {
    let server = MailServer::start(Manner::Hangs).await;
    let registry = start_with(|config| with_mail(config, &server)).await;
    register(&registry, "ada").await;
    let begun = Instant::now();
    assert_eq!(
        forgotten(&registry, "ada").await.status(),
        StatusCode::ACCEPTED
    );
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn mails_for_one_name_are_limited_whether_it_exists_or_not() {
    let server = MailServer::start(Manner::Refuses).await;
    let registry = start_with(|config| with_mail(config, &server)).await;
    register(&registry, "ada").await;
    for name in ["ada", "nobody"] {
        for _ in 0..3 {
            assert_eq!(
                forgotten(&registry, name).await.status(),
                StatusCode::ACCEPTED
            );
        }
        let answer = forgotten(&registry, name).await;
        assert_eq!(answer.headers()["retry-after"], "300");
        assert_eq!(
            error(answer, "try again in 300 s").await,
            (429, "limited".into())
        );
    }
    registry.server.stop().await.unwrap();

    let registry = start().await;
    let answer = forgotten(&registry, "ada").await;
    assert_eq!(
        error(answer, "sends no mail").await,
        (403, "refused".into())
    );
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn links_outlive_a_restart_and_other_requests_do_not_spoil_them() {
    let mut server = MailServer::start(Manner::Takes).await;
    let registry = start_with(|config| with_mail(config, &server)).await;
    register(&registry, "ada").await;
    forgotten(&registry, "ada").await;
    let first = link(&server.mail().await);
    forgotten(&registry, "ada").await;
    let second = link(&server.mail().await);
    assert_ne!(first, second);
    let registry = registry.restarted().await;
    assert_eq!(
        submit(&registry, token(&first), "new", "new").await.0,
        StatusCode::OK
    );
    assert_eq!(
        submit(&registry, token(&second), "other", "other").await.0,
        StatusCode::GONE
    );
    assert_eq!(sign_in(&registry, "ada", "new").await, StatusCode::CREATED);
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn a_new_account_needs_the_code_from_the_mail() {
    let mut server = MailServer::start(Manner::Takes).await;
    let registry = start_with(|config| {
        with_mail(config, &server);
        config.outside.code_by = CodeBy::Mail;
    })
    .await;
    let mut body = json!({"username": "ada", "password": "pw", "register": true});
    let answer = registry.post("/sessions", body.clone()).await;
    assert_eq!(
        error(answer, "email: is missing").await,
        (400, "bad_request".into())
    );
    body["email"] = json!("ada@mail.example");
    let answer = registry.post("/sessions", body.clone()).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let refusal: Value = answer.json().await.unwrap();
    assert_eq!(
        (&refusal["error"]["code"], &refusal["error"]["needs"]),
        (&json!("refused"), &json!("code"))
    );
    let mail = server.mail().await;
    assert_eq!(mail.to, ["ada@mail.example"]);
    let code = mail
        .after("Your twocan code is ")
        .split(',')
        .next()
        .unwrap()
        .to_owned();
    assert!(
        code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()),
        "{code}"
    );

    let answer = registry.post("/sessions", body.clone()).await;
    assert_eq!(error(answer, "not long ago").await, (429, "limited".into()));
    body["code"] = json!("wrong");
    let answer = registry.post("/sessions", body.clone()).await;
    assert_eq!(error(answer, "4 times more").await, (403, "refused".into()));
    body["code"] = json!(code);
    // The code of one address is none of another's, nor for another name.
    for (field, value) in [("email", "eve@mail.example"), ("username", "eve")] {
        let mut other = body.clone();
        other[field] = json!(value);
        let answer = registry.post("/sessions", other).await;
        assert_eq!(
            error(answer, "not valid any more").await,
            (403, "refused".into())
        );
    }
    let grant: SessionGrant = registry.post("/sessions", body).await.json().await.unwrap();
    assert!(grant.created);

    // A changed address is checked so, too, and the old one hears of it.
    let change = |code: Option<&str>| {
        let body = json!({"password": "pw", "email": "countess@mail.example", "code": code});
        let request = registry.request(Method::PUT, "/account/email").json(&body);
        request.bearer_auth(grant.token.expose()).send()
    };
    let answer = change(None).await.unwrap();
    assert_eq!(
        error(answer, "a code was sent").await,
        (403, "refused".into())
    );
    let mail = server.mail().await;
    assert_eq!(mail.to, ["countess@mail.example"]);
    let code = mail
        .after("Your twocan code is ")
        .split(',')
        .next()
        .unwrap()
        .to_owned();
    let account: Value = change(Some(&code)).await.unwrap().json().await.unwrap();
    assert_eq!(account["email"], "countess@mail.example");
    let notice = server.mail().await;
    assert_eq!(notice.to, ["ada@mail.example"]);
    assert!(notice.content.contains("e-mail address of the account ada"));
    registry.server.stop().await.unwrap();
}

/// An HTTP gateway that takes one message and answers `status`.
async fn gateway(
    status: &'static str,
) -> (
    GatewayConfig,
    tokio::task::JoinHandle<String>,
    tempfile::TempDir,
) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/send", listener.local_addr().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "gateway-secret\n").unwrap();
    let config = GatewayConfig {
        url,
        token_file: Some(file),
    };
    let taken = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            assert!(stream.read_buf(&mut request).await.unwrap() > 0);
        }
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(request).unwrap()
    });
    (config, taken, folder)
}

#[tokio::test]
async fn a_code_goes_out_through_the_gateway() {
    let (config, taken, _folder) = gateway("204 No Content").await;
    let registry = start_with(|changed| {
        changed.outside.gateway = Some(config);
        changed.outside.code_by = CodeBy::Gateway;
    })
    .await;
    let mut body = account("ada");
    let answer = registry.post("/register", body.clone()).await;
    assert_eq!(
        error(answer, "phone: is missing").await,
        (400, "bad_request".into())
    );
    body["phone"] = json!("+44 20 7946 0018");
    let answer = registry.post("/register", body.clone()).await;
    assert_eq!(
        error(answer, "a code was sent").await,
        (403, "refused".into())
    );
    let request = tokio::time::timeout(BOUND, taken).await.unwrap().unwrap();
    assert!(
        request
            .to_ascii_lowercase()
            .contains("authorization: bearer gateway-secret")
    );
    let (_, sent) = request.split_once("\r\n\r\n").unwrap();
    let sent: Value = serde_json::from_str(sent).unwrap();
    assert_eq!(sent["to"], "+442079460018");
    let text = sent["text"].as_str().unwrap();
    let code = text.split(' ').find_map(|word| {
        let digits = word.trim_end_matches(',');
        (digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_digit())).then_some(digits)
    });
    body["code"] = json!(code.unwrap());
    assert_eq!(
        registry.post("/register", body).await.status(),
        StatusCode::CREATED
    );
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn an_operator_may_limit_registrations() {
    let registry = start_with(|config| config.registrations_per_hour = NonZeroU32::new(2)).await;
    for name in ["ada", "bob"] {
        registry.register(name).await;
    }
    let answer = registry.post("/register", account("carl")).await;
    assert_eq!(
        error(answer, "too many new accounts").await,
        (429, "limited".into())
    );
    registry.server.stop().await.unwrap();
}
