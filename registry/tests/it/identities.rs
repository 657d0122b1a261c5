//! Who signs in: one identity at a time, guests, clients that are too old, and
//! guessers, who must not keep the owner out.

use crate::{
    common::{Fixture, account, error, start, start_with},
    visibility::{key, sign_in_as},
};
use reqwest::{Method, Response, StatusCode, header};
use serde_json::{Value, json};
use twocan_proto::{
    api::{KeyProof, SessionGrant},
    identity::Identity,
    time::Timestamp,
};

#[tokio::test]
async fn a_name_is_signed_in_from_one_identity_at_a_time() {
    let registry = start().await;
    let one: SessionGrant = sign_in_as(&registry, "ada", 1, json!({}))
        .await
        .json()
        .await
        .unwrap();
    let answer = sign_in_as(&registry, "ada", 2, json!({})).await;
    assert_eq!(
        error(answer, "signed in from another identity").await,
        (409, "conflict".into())
    );
    let wrong = sign_in_as(&registry, "ada", 2, json!({"password": "no"})).await;
    assert_eq!(
        wrong.status(),
        StatusCode::UNAUTHORIZED,
        "to strangers it says nothing"
    );

    // The same identity takes its own session over.
    let again: SessionGrant = sign_in_as(&registry, "ada", 1, json!({}))
        .await
        .json()
        .await
        .unwrap();
    let resume = |grant: &SessionGrant, seed| {
        let resume = registry.as_owner(grant, Method::PUT, "/sessions/current");
        resume.json(&json!({"key": key(seed)})).send()
    };
    assert_eq!(
        resume(&one, 1).await.unwrap().status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(resume(&again, 1).await.unwrap().status(), StatusCode::OK);
    // A token does not put another key in the place of the account's.
    let answer = resume(&again, 2).await.unwrap();
    assert_eq!(
        error(answer, "another identity").await,
        (409, "conflict".into())
    );
    assert_eq!(registry.client("ada").await["key"], json!(key(1)));
    // A plain client is no identity.
    assert_eq!(registry.sign_in("ada").await.username.as_str(), "ada");

    let end = registry
        .as_owner(&again, Method::DELETE, "/sessions")
        .send()
        .await
        .unwrap();
    assert_eq!(end.status(), StatusCode::NO_CONTENT);
    let two = sign_in_as(&registry, "ada", 2, json!({})).await;
    assert_eq!(two.status(), StatusCode::CREATED);
    assert_eq!(registry.client("ada").await["key"], json!(key(2)));
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn of_two_identities_at_once_one_gets_in() {
    let registry = start().await;
    registry.register("ada").await;
    let all = (1..=8).map(|seed| sign_in_as(&registry, "ada", seed, json!({})));
    let answers = futures_util::future::join_all(all).await;
    let count = |status| {
        answers
            .iter()
            .filter(|answer| answer.status() == status)
            .count()
    };
    assert_eq!(
        (count(StatusCode::CREATED), count(StatusCode::CONFLICT)),
        (1, 7)
    );
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn of_two_registrations_at_once_one_gets_the_name() {
    let registry = start_with(|config| config.password_threads = 4).await;
    for round in 0..20 {
        let name = format!("ada{round}");
        let ask = || {
            // Connections of their own, so that they are truly at once.
            let http = twocan_registry::ping::client(registry.server.url().pin()).unwrap();
            let path = format!("{}/register", registry.server.url().base());
            let request = http.post(path).json(&account(&name));
            tokio::spawn(async move { request.send().await.unwrap().status().as_u16() })
        };
        let (one, two) = (ask(), ask());
        let mut both = [one.await.unwrap(), two.await.unwrap()];
        both.sort_unstable();
        assert_eq!(both, [201, 409]);
    }
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn guests_come_and_go_without_a_trace() {
    let registry = start_with(|config| {
        config.guests = true;
        config.heartbeat_ms = 100;
    })
    .await;
    registry.register("ada").await;
    let enter = |name: &str| {
        registry.post(
            "/sessions",
            json!({"username": name, "guest": true, "host": "0.0.0.0:1"}),
        )
    };
    let answer = enter("Ada").await;
    assert_eq!(error(answer, "Ada is taken").await, (409, "taken".into()));
    let gus: Value = enter("gus").await.json().await.unwrap();
    assert_eq!(
        (&gus["role"], &gus["created"]),
        (&json!("guest"), &json!(true))
    );
    assert_eq!(registry.client("gus").await["guest"], true);
    assert!(registry.client("ada").await.get("guest").is_none());
    let answer = enter("gus").await;
    assert_eq!(error(answer, "taken").await, (409, "taken".into()));
    for password in ["", "pw"] {
        let body = json!({"username": "gus", "password": password});
        assert!(
            registry
                .post("/sessions", body)
                .await
                .status()
                .is_client_error()
        );
    }
    let gus: SessionGrant = serde_json::from_value(gus).unwrap();
    let change = json!({"password": "x", "new_password": "y"});
    let answer = registry
        .as_owner(&gus, Method::PUT, "/account/password")
        .json(&change);
    assert_eq!(
        error(answer.send().await.unwrap(), "a guest has no password").await,
        (403, "refused".into())
    );
    let end = registry
        .as_owner(&gus, Method::DELETE, "/sessions")
        .send()
        .await
        .unwrap();
    assert_eq!(end.status(), StatusCode::NO_CONTENT);
    assert_eq!(
        registry.get("/clients/gus").await.status(),
        StatusCode::NOT_FOUND
    );
    registry.register("gus").await;

    // The name of one who just went away is free again, too.
    let eve = enter("eve").await;
    assert_eq!(eve.status(), StatusCode::CREATED);
    registry.until_online("eve", false).await;
    let registry = registry
        .restarted_with(|config| config.heartbeat_ms = 10)
        .await;
    let begun = std::time::Instant::now();
    while registry.get("/clients/eve").await.status() != StatusCode::NOT_FOUND {
        assert!(
            begun.elapsed() < crate::common::BOUND,
            "the guest is still there"
        );
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let answer = registry
        .post("/sessions", json!({"username": "max", "guest": true}))
        .await;
    assert_eq!(
        error(answer, "takes no guests").await,
        (403, "refused".into())
    );
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn an_outdated_twocan_is_told_which_version_it_needs() {
    let registry = start_with(|config| config.min_client = "0.5.0".parse().ok()).await;
    registry.register("ada").await;
    let sign_in = |agent: &'static str| {
        let body = json!({"username": "ada", "password": "pw"});
        let request = registry.request(Method::POST, "/sessions").json(&body);
        request.header(header::USER_AGENT, agent).send()
    };
    for agent in ["curl/8.0", "twocan/0.5.0", "twocan/1.0.0"] {
        assert_eq!(
            sign_in(agent).await.unwrap().status(),
            StatusCode::CREATED,
            "{agent}"
        );
    }
    let answer = sign_in("twocan/0.4.9").await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(
        (&body["error"]["code"], &body["error"]["needs"]),
        (&json!("outdated"), &json!("0.5.0"))
    );
    assert!(
        body["error"]["message"]
            .as_str()
            .unwrap()
            .contains("needs twocan 0.5.0 or newer")
    );
    registry.server.stop().await.unwrap();
}

fn now() -> Timestamp {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp::from_millis(i64::try_from(since_1970.unwrap().as_millis()).unwrap())
}

async fn guess(registry: &Fixture) -> Response {
    let body = json!({"username": "ada", "password": "no"});
    registry.post("/sessions", body).await
}

#[tokio::test]
async fn guessers_wait_across_a_restart_and_the_owner_does_not() {
    let registry = start().await;
    sign_in_as(&registry, "ada", 1, json!({})).await;
    for _ in 0..10 {
        assert_eq!(guess(&registry).await.status(), StatusCode::UNAUTHORIZED);
    }
    let answer = guess(&registry).await;
    assert_eq!(
        error(answer, "too many wrong passwords").await,
        (429, "limited".into())
    );
    let registry = registry.restarted().await;
    let answer = guess(&registry).await;
    let wait: u64 = answer.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=15).contains(&wait));
    let right = json!({"username": "ada", "password": "pw", "key": key(1)});
    let answer = registry.post("/sessions", right.clone()).await;
    assert_eq!(error(answer, "too many").await, (429, "limited".into()));

    // Her key tells the owner from whoever guesses from the same address.
    let prove = |seed: u8| {
        KeyProof::make(
            &Identity::from_seed(&[seed; 32]),
            &"ada".parse().unwrap(),
            now(),
        )
    };
    let with = |proof: KeyProof| {
        let mut body = right.clone();
        body["proof"] = json!(proof);
        registry.post("/sessions", body)
    };
    let answer = with(prove(2)).await;
    assert_eq!(error(answer, "too many").await, (429, "limited".into()));
    assert_eq!(with(prove(1)).await.status(), StatusCode::CREATED);
    // It does not open anything by itself.
    let mut body = json!({"username": "ada", "password": "no", "proof": prove(1)});
    assert_eq!(
        registry.post("/sessions", body.clone()).await.status(),
        StatusCode::UNAUTHORIZED
    );
    body["proof"] = json!("text");
    let answer = registry.post("/sessions", body).await;
    assert_eq!(
        error(answer, "proof: has at").await,
        (400, "bad_request".into())
    );
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn unknown_names_and_wrong_passwords_are_limited_alike() {
    let registry = start().await;
    registry.register("ada").await;
    let guess =
        |name: &str| registry.post("/sessions", json!({"username": name, "password": "no"}));
    for name in ["ada", "nobody"] {
        let mut answers = Vec::new();
        for _ in 0..11 {
            let answer = guess(name).await;
            answers.push((answer.status(), answer.bytes().await.unwrap()));
        }
        assert!(answers[..10].iter().all(|answer| *answer == answers[0]));
        assert_eq!(answers[0].0, StatusCode::UNAUTHORIZED);
        assert_eq!(answers[10].0, StatusCode::TOO_MANY_REQUESTS);
    }
    // The address has made twenty; ten more and it waits for every name.
    for _ in 0..10 {
        guess("third").await;
    }
    assert_eq!(
        guess("fourth").await.status(),
        StatusCode::TOO_MANY_REQUESTS
    );
    let known = json!({"username": "ada", "password": "pw"});
    let answer = registry.post("/sessions", known).await;
    assert_eq!(
        answer.status(),
        StatusCode::TOO_MANY_REQUESTS,
        "guessed at from this very place"
    );
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn a_changed_password_ends_all_sessions_but_gives_a_new_one() {
    let registry = start().await;
    let old = registry.sign_in("ada").await;
    let other = registry.sign_in("ada").await;
    let change = |grant: &SessionGrant, password: &str, new: &str| {
        let body = json!({"password": password, "new_password": new});
        registry
            .as_owner(grant, Method::PUT, "/account/password")
            .json(&body)
            .send()
    };
    let answer = change(&old, "wrong", "new").await.unwrap();
    assert_eq!(
        error(answer, "wrong password").await,
        (401, "unauthorized".into())
    );
    let answer = change(&old, "pw", "").await.unwrap();
    assert_eq!(
        error(answer, "new_password: must not be empty").await,
        (400, "bad_request".into())
    );
    let fresh: SessionGrant = change(&old, "pw", "new")
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    for ended in [&old, &other] {
        let answer = registry
            .as_owner(ended, Method::GET, "/account")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    }
    let account = registry
        .as_owner(&fresh, Method::GET, "/account")
        .send()
        .await
        .unwrap();
    assert_eq!(account.headers()["cache-control"], "no-store");
    assert_eq!(account.json::<Value>().await.unwrap()["username"], "ada");
    let body = json!({"username": "ada", "password": "new"});
    assert_eq!(
        registry.post("/sessions", body).await.status(),
        StatusCode::CREATED
    );

    let body = json!({"password": "new", "email": null});
    let email = registry.as_owner(&fresh, Method::PUT, "/account/email");
    let account: Value = email
        .json(&body)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(account["email"], Value::Null);
    let email = registry.as_owner(&fresh, Method::PUT, "/account/email");
    let answer = email
        .json(&json!({"password": "new"}))
        .send()
        .await
        .unwrap();
    assert_eq!(
        error(answer, "email: is missing").await,
        (400, "bad_request".into())
    );
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn an_unknown_name_costs_as_much_time_as_a_wrong_password() {
    let registry = start_with(|config| config.bcrypt_cost = 10).await;
    registry.register("ada").await;
    let mut best = [std::time::Duration::MAX; 2];
    for _ in 0..5 {
        for (name, best) in ["ada", "nobody"].iter().zip(&mut best) {
            let begun = std::time::Instant::now();
            let body = json!({"username": name, "password": "no"});
            let answer = registry.post("/sessions", body).await;
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
            *best = begun.elapsed().min(*best);
        }
    }
    let [wrong, unknown] = best;
    assert!(
        wrong < unknown * 3 / 2 && unknown < wrong * 3 / 2,
        "{wrong:?} and {unknown:?}"
    );
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn strangers_do_not_lock_the_owner_out() {
    let registry = start().await;
    registry.sign_in("ada").await;
    let from = |address: &str| {
        let builder = reqwest::Client::builder().no_proxy();
        // Whoever it is that answers on this machine.
        let builder = builder.tls_danger_accept_invalid_certs(true);
        let address: std::net::IpAddr = address.parse().unwrap();
        builder.local_address(address).build().unwrap()
    };
    let try_from = async |http: &reqwest::Client, password: &str| {
        let body = json!({"username": "ada", "password": password});
        let path = format!("{}/sessions", registry.server.url().base());
        http.post(path).json(&body).send().await.unwrap()
    };
    let (stranger, other) = (from("127.0.0.2"), from("127.0.0.3"));
    for _ in 0..10 {
        assert_eq!(
            try_from(&stranger, "no").await.status(),
            StatusCode::UNAUTHORIZED
        );
    }
    for http in [&stranger, &other] {
        let answer = try_from(http, "no").await;
        assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    }
    assert_eq!(
        try_from(&from("127.0.0.1"), "pw").await.status(),
        StatusCode::CREATED
    );
    registry.server.stop().await.unwrap();
}
