//! Accounts and sessions over real TLS: every route and every status code.

use crate::common::{account, error, start, start_with};
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use twocan_proto::api::SessionGrant;

#[tokio::test]
async fn a_token_does_not_excuse_a_body_that_makes_no_sense() {
    let registry = start().await;
    let grant = registry.sign_in("ada").await;
    let token = grant.token.expose();
    let leave = || {
        let leave = registry.request(Method::DELETE, "/clients/ada");
        leave.bearer_auth(token)
    };
    let answer = leave().json(&json!(false)).send().await.unwrap();
    assert_eq!(answer.status(), 400);
    assert_eq!(registry.client("ada").await["username"], "ada");
    let answer = leave().send().await.unwrap();
    assert_eq!(answer.status(), 204);
}

#[tokio::test]
async fn a_plain_client_registers_is_found_and_leaves() {
    let registry = start().await;
    let answer = registry.post("/register", account("Ada")).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(answer.headers()["location"], "/clients/Ada");
    let body: Value = answer.json().await.unwrap();
    assert_eq!(
        body,
        json!({"username": "Ada", "host": "192.0.2.7:7777", "key": null,
               "online": false, "last_seen": null})
    );
    assert_eq!(registry.client("aDA").await, body);
    let list: Value = registry.get("/clients").await.json().await.unwrap();
    assert_eq!(list, json!({"clients": [body], "next": null}));

    let leave = registry.request(Method::DELETE, "/clients/ada");
    let answer = leave
        .json(&json!({"password": "wrong"}))
        .send()
        .await
        .unwrap();
    assert_eq!(
        error(answer, "wrong password").await,
        (401, "unauthorized".into())
    );
    let leave = registry.request(Method::DELETE, "/clients/ada");
    let answer = leave.json(&json!({"password": "pw"})).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    let answer = registry.get("/clients/ada").await;
    assert_eq!(error(answer, "no client").await, (404, "not_found".into()));
    registry.register("ada").await;
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn bad_registrations_name_the_field() {
    let registry = start().await;
    let long = "x".repeat(73);
    for (field, value, part) in [
        ("username", json!(null), "username: is missing"),
        ("username", json!("a b"), "username: a name is made of"),
        ("username", json!(7), "username: must be a string"),
        ("password", json!(null), "password: is missing"),
        ("password", json!(""), "password: must not be empty"),
        ("password", json!(long), "password: has at most 72 bytes"),
        ("password", json!(["x"]), "password: must be a string"),
        ("host", json!(null), "host: is missing"),
        ("host", json!("1.2.3.4:99999"), "host: a port"),
        ("host", json!({}), "host: must be a string"),
        ("key", json!("abc"), "key: a peer id"),
        ("email", json!("nobody"), "email: is not"),
    ] {
        let mut body = account("ada");
        body[field] = value;
        let answer = registry.post("/register", body).await;
        assert_eq!(
            error(answer, part).await,
            (400, "bad_request".into()),
            "{field}"
        );
    }
    for (kind, body, part) in [
        ("application/json", "{", "not JSON"),
        ("application/json", "[]", "JSON object"),
        ("application/json", "", "JSON object"),
        ("text/plain", "{}", "Content-Type"),
    ] {
        let request = registry.request(Method::POST, "/register");
        let request = request.header(header::CONTENT_TYPE, kind).body(body);
        let answer = request.send().await.unwrap();
        assert_eq!(
            error(answer, part).await,
            (400, "bad_request".into()),
            "{body}"
        );
    }
    let mut more = account("ada");
    more["colour"] = json!("unknown fields of other clients are ignored");
    assert_eq!(
        registry.post("/register", more).await.status(),
        StatusCode::CREATED
    );
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn paths_methods_and_sizes_have_limits() {
    let registry = start().await;
    let answer = registry.get("/nothing").await;
    assert_eq!(
        error(answer, "nothing under").await,
        (404, "not_found".into())
    );
    let answer = registry.get("/clients/%2e%2e%2f").await;
    assert_eq!(error(answer, "no client").await, (404, "not_found".into()));
    let answer = registry
        .request(Method::PUT, "/clients")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["allow"], "GET");
    assert_eq!(error(answer, "GET only").await, (405, "bad_request".into()));
    let big = json!({"username": "x".repeat(20_000)});
    let answer = registry.post("/register", big).await;
    assert_eq!(error(answer, "bytes").await, (413, "too_large".into()));
    for query in ["limit=0", "limit=1001", "limit=x", "online=perhaps"] {
        let answer = registry.get(&format!("/clients?{query}")).await;
        assert_eq!(
            error(answer, "must be").await,
            (400, "bad_request".into()),
            "{query}"
        );
    }
    let health: Value = registry.get("/healthz").await.json().await.unwrap();
    assert_eq!(health["status"], "ok");
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn the_list_is_paged_and_filtered() {
    let registry = start().await;
    for name in ["bob", "Anna", "ann", "carl"] {
        registry.register(name).await;
    }
    registry.sign_in("anna").await;
    let mut names = Vec::new();
    let mut path = "/clients?limit=3".to_owned();
    loop {
        let page: Value = registry.get(&path).await.json().await.unwrap();
        let clients = page["clients"].as_array().unwrap();
        names.extend(clients.iter().map(|client| client["username"].clone()));
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/clients?limit=3&after={next}");
    }
    assert_eq!(names, ["ann", "Anna", "bob", "carl"]);
    let page: Value = registry
        .get("/clients?prefix=AN&online=true")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(page["clients"].as_array().unwrap().len(), 1);
    assert_eq!(page["clients"][0]["username"], "Anna");
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn one_name_is_given_once_however_many_ask() {
    let registry = start().await;
    let all = (0..20).map(|_| registry.post("/register", account("ada")));
    let answers = futures_util::future::join_all(all).await;
    let count = |status| {
        answers
            .iter()
            .filter(|answer| answer.status() == status)
            .count()
    };
    let limited = count(StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(count(StatusCode::CREATED), 1);
    assert_eq!(count(StatusCode::CONFLICT), 19 - limited);
    let answer = registry.post("/register", account("ADA")).await;
    assert_eq!(error(answer, "ADA is taken").await, (409, "taken".into()));
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn a_session_opens_resumes_and_ends() {
    let registry = start().await;
    let unknown = json!({"username": "ada", "password": "pw"});
    let answer = registry.post("/sessions", unknown.clone()).await;
    assert_eq!(
        error(answer, "unknown name or wrong").await,
        (401, "unauthorized".into())
    );
    let grant = registry.sign_in("ada").await;
    assert!(grant.created);
    assert!(!registry.sign_in("ada").await.created);
    let wrong = json!({"username": "ada", "password": "no", "register": true});
    let answer = registry.post("/sessions", wrong).await;
    assert_eq!(
        error(answer, "unknown name or wrong").await,
        (401, "unauthorized".into())
    );
    assert_eq!(registry.client("ada").await["online"], true);
    assert_eq!(registry.client("ada").await["host"], "127.0.0.1:7777");

    let resume = registry.request(Method::PUT, "/sessions/current");
    let resume = resume
        .bearer_auth(grant.token.expose())
        .json(&json!({"host": "192.0.2.9:1"}));
    let fresh: SessionGrant = resume.send().await.unwrap().json().await.unwrap();
    assert_eq!(fresh.token, grant.token);
    assert_ne!(fresh.session_id, grant.session_id);
    assert_eq!(registry.client("ada").await["host"], "192.0.2.9:1");

    for path in ["/sessions", "/sessions/current"] {
        let end = || {
            registry
                .request(Method::DELETE, path)
                .bearer_auth(grant.token.expose())
        };
        let answer = end().send().await.unwrap();
        if path == "/sessions" {
            assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        } else {
            assert_eq!(error(answer, "sign in").await, (401, "unauthorized".into()));
        }
    }
    let answer = registry
        .request(Method::PUT, "/sessions/current")
        .send()
        .await
        .unwrap();
    assert_eq!(error(answer, "sign in").await, (401, "unauthorized".into()));
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn a_key_comes_with_the_account_and_changes_with_the_password() {
    let registry = start().await;
    let (old, new) = (key(1), key(2));
    let mut body = account("ada");
    body["key"] = json!(old);
    assert_eq!(
        registry.post("/register", body).await.status(),
        StatusCode::CREATED
    );
    assert_eq!(registry.client("ada").await["key"], old);
    registry.sign_in("ada").await;
    assert_eq!(
        registry.client("ada").await["key"],
        old,
        "a sign-in without key keeps it"
    );
    let body = json!({"username": "ada", "password": "pw", "key": new});
    assert_eq!(
        registry.post("/sessions", body).await.status(),
        StatusCode::CREATED
    );
    assert_eq!(registry.client("ada").await["key"], new);
    registry.server.stop().await.unwrap();
}

fn key(seed: u8) -> String {
    // The public keys of RFC 8032 section 7.1, tests 1 and 2.
    let hex = match seed {
        1 => "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        _ => "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    };
    let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap();
    let id = twocan_proto::identity::PeerId::from_bytes(bytes.try_into().unwrap());
    id.unwrap().to_string()
}

#[tokio::test]
async fn an_account_is_deleted_by_its_owner_alone() {
    let registry = start().await;
    let ada = registry.sign_in("ada").await;
    let bob = registry.sign_in("bob").await;
    let delete = |name: &str| registry.request(Method::DELETE, &format!("/clients/{name}"));
    let answer = delete("bob").send().await.unwrap();
    assert_eq!(
        error(answer, "password").await,
        (401, "unauthorized".into())
    );
    let answer = delete("bob")
        .bearer_auth(ada.token.expose())
        .send()
        .await
        .unwrap();
    assert_eq!(error(answer, "not yours").await, (403, "refused".into()));
    let answer = delete("bob").bearer_auth("nonsense").send().await.unwrap();
    assert_eq!(error(answer, "sign in").await, (401, "unauthorized".into()));
    let answer = delete("carl")
        .json(&json!({"password": "pw"}))
        .send()
        .await
        .unwrap();
    assert_eq!(error(answer, "no client").await, (404, "not_found".into()));
    let answer = delete("BOB")
        .bearer_auth(bob.token.expose())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    let answer = delete("bob")
        .bearer_auth(bob.token.expose())
        .send()
        .await
        .unwrap();
    assert_eq!(error(answer, "sign in").await, (401, "unauthorized".into()));
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn guessing_is_slowed_down_with_the_time_to_wait() {
    let registry = start().await;
    registry.register("ada").await;
    let guess = json!({"username": "ada", "password": "no"});
    for _ in 0..10 {
        let answer = registry.post("/sessions", guess.clone()).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    }
    let answer = registry.post("/sessions", guess).await;
    let wait: u64 = answer.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=16).contains(&wait));
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["error"]["code"], "limited");
    assert_eq!(body["error"]["retry_after_s"], wait);
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn an_operator_may_close_directory_and_registration() {
    let registry = start_with(|config| config.directory_open = false).await;
    let ada = registry.sign_in("ada").await;
    for path in ["/clients", "/clients/ada", "/clients/nobody"] {
        let answer = registry.get(path).await;
        assert_eq!(error(answer, "sign in").await, (401, "unauthorized".into()));
    }
    let list = registry
        .request(Method::GET, "/clients")
        .bearer_auth(ada.token.expose());
    assert_eq!(list.send().await.unwrap().status(), StatusCode::OK);
    let delete = registry.request(Method::DELETE, "/clients/nobody");
    let answer = delete
        .json(&json!({"password": "pw"}))
        .send()
        .await
        .unwrap();
    assert_eq!(
        error(answer, "unknown name or wrong").await,
        (401, "unauthorized".into())
    );
    registry.server.stop().await.unwrap();

    let registry = start_with(|config| config.registration_open = false).await;
    let answer = registry.post("/register", account("ada")).await;
    assert_eq!(
        error(answer, "no new accounts").await,
        (403, "refused".into())
    );
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn look_ups_are_answered_while_the_password_pool_is_full() {
    let registry = start_with(|config| {
        config.bcrypt_cost = 10;
        config.password_threads = 1;
    })
    .await;
    registry.register("ada").await;
    let storm = (0..60).map(|n| registry.post("/register", account(&format!("u{n}"))));
    let storm = futures_util::future::join_all(storm);
    let look_ups = async {
        for _ in 0..50 {
            assert_eq!(registry.get("/clients/ada").await.status(), StatusCode::OK);
        }
    };
    let (answers, ()) = futures_util::future::join(storm, look_ups).await;
    let limited: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status() == StatusCode::TOO_MANY_REQUESTS)
        .collect();
    assert!(!limited.is_empty());
    for answer in limited {
        let wait: u64 = answer.headers()["retry-after"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!(wait >= 1);
    }
    registry.server.stop().await.unwrap();
}
