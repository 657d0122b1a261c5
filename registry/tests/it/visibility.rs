//! Who finds whom: listed and seen by contacts alone, several at once, profiles
//! and their search, and the two notations of an answer.

use crate::common::{Fixture, account, error, start, start_with};
use reqwest::{Method, Response, StatusCode, header};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use twocan_proto::{
    api::{Format, SessionGrant},
    identity::{Identity, PeerId},
};

pub(crate) fn key(seed: u8) -> PeerId {
    Identity::from_seed(&[seed; 32]).peer_id()
}

/// Signs in with a key, and makes the account when it is new.
pub(crate) async fn sign_in_as(registry: &Fixture, name: &str, seed: u8, more: Value) -> Response {
    let mut body = json!({"username": name, "password": "pw", "register": true,
                          "host": "0.0.0.0:7777", "key": key(seed)});
    for (field, value) in more.as_object().unwrap() {
        body[field] = value.clone();
    }
    registry.post("/sessions", body).await
}

async fn hidden(registry: &Fixture, name: &str) -> SessionGrant {
    let more = json!({"visibility": "contacts"});
    let answer = sign_in_as(registry, name, 1, more).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    answer.json().await.unwrap()
}

/// All of an answer but what differs between any two.
async fn whole(answer: Response) -> (StatusCode, header::HeaderMap, Vec<u8>) {
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    headers.remove(header::DATE);
    (status, headers, answer.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn who_is_for_contacts_is_to_others_as_if_unknown() {
    let registry = start().await;
    hidden(&registry, "ada").await;
    registry.register("bob").await;
    let (right, wrong) = (key(1), key(2));
    for path in [
        "/clients/{}",
        "/clients/{}/profile",
        "/clients/{}?key=WRONG",
        "/clients/{}/profile?key=WRONG",
    ] {
        let path = path.replace("WRONG", &wrong.compact());
        let known = registry.get(&path.replace("{}", "ada")).await;
        let unknown = registry.get(&path.replace("{}", "eve")).await;
        let known = whole(known).await;
        assert_eq!(known.0, StatusCode::NOT_FOUND);
        assert_eq!(known, whole(unknown).await, "{path}");
    }
    let leave = |name: &str| {
        let leave = registry.request(Method::DELETE, &format!("/clients/{name}"));
        leave.json(&json!({"password": "wrong"})).send()
    };
    let known = whole(leave("ada").await.unwrap()).await;
    assert_eq!(known, whole(leave("eve").await.unwrap()).await);
    for (list, field) in [
        ("/clients", "clients"),
        ("/clients?prefix=a", "clients"),
        ("/profiles", "profiles"),
        ("/clients?limit=1", "clients"),
    ] {
        let list: Value = registry.get(list).await.json().await.unwrap();
        let names: Vec<_> = list[field]
            .as_array()
            .unwrap()
            .iter()
            .map(|client| &client["username"])
            .collect();
        assert!(!names.contains(&&json!("ada")), "{names:?}");
        assert_ne!(list["next"], "ada");
    }
    let asked = |key: Option<PeerId>| json!({"clients": [{"username": "ada", "key": key}, {"username": "eve"}, {"username": "bob"}, {"username": "a b"}]});
    let names = |answer: &Value| {
        answer["clients"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c["username"].clone())
            .collect::<Vec<_>>()
    };
    let answer: Value = registry
        .post("/lookups", asked(Some(wrong)))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(names(&answer), ["bob"]);

    let found: Value = registry
        .get(&format!("/clients/ADA?key={}", right.compact()))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(
        (&found["username"], &found["online"]),
        (&json!("ada"), &json!(true))
    );
    let answer: Value = registry
        .post("/lookups", asked(Some(right)))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(names(&answer), ["ada", "bob"]);
    let answer = registry.get("/clients/eve?key=nonsense").await;
    assert_eq!(error(answer, "key: ").await, (400, "bad_request".into()));
    registry.server.stop().await.unwrap();
}

/// The middle one of many look-ups of each of two names, taken in turns.
async fn medians(registry: &Fixture, paths: [&str; 2]) -> [Duration; 2] {
    const TURNS: usize = 400;
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..TURNS {
        for (path, times) in paths.iter().zip(&mut times) {
            let begun = Instant::now();
            let answer = registry.get(path).await;
            assert_eq!(answer.status(), StatusCode::NOT_FOUND);
            answer.bytes().await.unwrap();
            times.push(begun.elapsed());
        }
    }
    times.map(|mut times| {
        times.sort_unstable();
        times[TURNS / 2]
    })
}

#[tokio::test]
async fn the_time_of_an_answer_says_no_more_than_its_text() {
    let registry = start().await;
    hidden(&registry, "ada").await;
    let wrong = key(2).compact();
    let paths = [
        format!("/clients/ada?key={wrong}"),
        format!("/clients/eve?key={wrong}"),
    ];
    let [known, unknown] = medians(&registry, [&paths[0], &paths[1]]).await;
    // An answer takes some 100 us; a hash of a password would take a millisecond
    // and more even here.
    let apart = known.abs_diff(unknown);
    assert!(
        apart < unknown / 4 + Duration::from_micros(50),
        "{known:?} and {unknown:?}"
    );
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn visibility_and_profile_are_the_owners_to_change() {
    let registry = start().await;
    let plain = registry.sign_in("plain").await;
    let patch = |grant: &SessionGrant, body: Value| {
        registry
            .as_owner(grant, Method::PATCH, "/account")
            .json(&body)
            .send()
    };
    let answer = patch(&plain, json!({"visibility": "contacts"}))
        .await
        .unwrap();
    assert_eq!(
        error(answer, "visibility: contacts needs a key").await,
        (400, "bad_request".into())
    );
    let answer = registry.post("/register", {
        let mut body = account("other");
        body["visibility"] = json!("contacts");
        body
    });
    assert_eq!(
        error(answer.await, "needs a key").await,
        (400, "bad_request".into())
    );

    let ada: SessionGrant = sign_in_as(&registry, "ada", 1, json!({}))
        .await
        .json()
        .await
        .unwrap();
    for (body, part) in [
        (
            json!({"visibility": "friends"}),
            "visibility: must be listed or contacts",
        ),
        (json!({"profile": []}), "profile: has display_name"),
        (
            json!({"profile": {"status": "x".repeat(141)}}),
            "profile: status has at most 140 bytes",
        ),
        (
            json!({"profile": {"fields": [{"name": "", "value": "x"}]}}),
            "profile: each field needs a name",
        ),
    ] {
        let answer = patch(&ada, body).await.unwrap();
        assert_eq!(error(answer, part).await, (400, "bad_request".into()));
    }
    let profile = json!({"display_name": "Ada\u{202e} Byron", "status": "computing", "fields": [
        {"name": "town", "value": "London", "public": true},
        {"name": "street", "value": "St James's Square", "public": false}]});
    let account: Value = patch(&ada, json!({"profile": profile}))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        account["profile"]["display_name"], "Ada Byron",
        "without the override"
    );
    assert_eq!(
        (&account["role"], &account["visibility"]),
        (&json!("user"), &json!("listed"))
    );

    let shown: Value = registry
        .get("/clients/ada/profile")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(
        shown["profile"]["fields"].as_array().unwrap().len(),
        1,
        "the public one"
    );
    assert_eq!(
        (&shown["status"], &shown["online"]),
        (&Value::Null, &json!(true))
    );
    let path = format!("/clients/ada/profile?key={}", key(1));
    let shown: Value = registry.get(&path).await.json().await.unwrap();
    assert_eq!(
        shown["profile"]["fields"].as_array().unwrap().len(),
        2,
        "to who has the key"
    );
    for (search, count) in [
        ("BYRON", 1),
        ("lond", 1),
        ("james", 0),
        ("comput", 1),
        ("plain", 0),
    ] {
        let found: Value = registry
            .get(&format!("/profiles?search={search}"))
            .await
            .json()
            .await
            .unwrap();
        assert_eq!(
            found["profiles"].as_array().unwrap().len(),
            count,
            "{search}"
        );
    }
    let answer = registry.get("/profiles?search=x").await;
    assert_eq!(
        error(answer, "search: needs at least 2").await,
        (400, "bad_request".into())
    );

    patch(&ada, json!({"visibility": "contacts"}))
        .await
        .unwrap();
    assert_eq!(
        registry.get("/clients/ada").await.status(),
        StatusCode::NOT_FOUND
    );
    let registry = registry.restarted().await;
    assert_eq!(
        registry.get("/clients/ada").await.status(),
        StatusCode::NOT_FOUND
    );
    let shown: Value = registry.get(&path).await.json().await.unwrap();
    assert_eq!(shown["profile"]["status"], "computing");
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn too_many_at_once_are_refused() {
    let registry = start().await;
    let many = vec![json!({"username": "ada"}); 101];
    let answer = registry.post("/lookups", json!({"clients": many})).await;
    assert_eq!(
        error(answer, "clients: has at most 100").await,
        (400, "bad_request".into())
    );
    for body in [
        json!({}),
        json!({"clients": {}}),
        json!({"clients": ["ada"]}),
    ] {
        let answer = registry.post("/lookups", body).await;
        assert_eq!(
            error(answer, "clients: must be a list").await,
            (400, "bad_request".into())
        );
    }
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn answers_and_bodies_are_json_or_messagepack() {
    let registry = start_with(|config| config.guests = true).await;
    let packed = |method: Method, path: &str| {
        let request = registry.request(method, path);
        request.header(header::ACCEPT, "application/msgpack")
    };
    let body = Format::MessagePack.encode(&account("ada")).unwrap();
    let request =
        packed(Method::POST, "/register").header(header::CONTENT_TYPE, "application/msgpack");
    let answer = request.body(body).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    for (path, status) in [
        ("/clients/ada", 200),
        ("/clients", 200),
        ("/healthz", 200),
        ("/clients/eve", 404),
        ("/nothing", 404),
        ("/account", 401),
        ("/register", 405),
    ] {
        let answer = packed(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(answer.headers()["content-type"], "application/msgpack");
        let value: Value = Format::MessagePack
            .decode(&answer.bytes().await.unwrap())
            .unwrap();
        let json: Value = registry.get(path).await.json().await.unwrap();
        assert_eq!(value, json, "{path}");
    }
    // Nothing is done for who cannot read the answer.
    let request = registry
        .request(Method::POST, "/register")
        .header(header::ACCEPT, "text/xml");
    let answer = request.json(&account("bob")).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/json");
    let refused = error(answer, "application/json or application/msgpack").await;
    assert_eq!(refused, (406, "bad_request".into()));
    assert_eq!(
        registry.get("/clients/bob").await.status(),
        StatusCode::NOT_FOUND
    );
    for body in [&b"\xc1"[..], b"\x91\x01", b"\x81\xa1"] {
        let request =
            packed(Method::POST, "/register").header(header::CONTENT_TYPE, "application/msgpack");
        let answer = request.body(body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{body:?}");
    }
    registry.server.stop().await.unwrap();
}
