//! `/openapi.json` against the routes that there are.

use crate::common::{Fixture, start};
use reqwest::Method;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The methods that are described for each path.
async fn described(registry: &Fixture) -> BTreeMap<String, BTreeSet<String>> {
    let answer = registry.get("/openapi.json").await;
    assert_eq!(answer.headers()["content-type"], "application/json");
    let document: Value = answer.json().await.unwrap();
    let paths = document["paths"].as_object().unwrap();
    let methods = |path: &Value| {
        let methods = path.as_object().unwrap().keys();
        methods.map(|method| method.to_uppercase()).collect()
    };
    paths
        .iter()
        .map(|(path, value)| (path.clone(), methods(value)))
        .collect()
}

#[tokio::test]
async fn every_path_is_described_with_exactly_its_methods() {
    let registry = start().await;
    let described = described(&registry).await;
    for (path, methods) in &described {
        let path = path.replace("{username}", "ada").replace("{path}", "x");
        let request = registry.request(Method::TRACE, &path);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 405, "{path}");
        let allowed = answer.headers()["allow"].to_str().unwrap();
        // What GET answers, HEAD does without a body.
        let allowed = allowed.split(", ").filter(|method| *method != "HEAD");
        let allowed: BTreeSet<_> = allowed.map(str::to_owned).collect();
        assert_eq!(&allowed, methods, "{path}");
        for method in methods {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = registry.request(method, &path).send().await.unwrap();
            assert_ne!(answer.status(), 405, "{path}");
        }
    }
    let sources = [
        include_str!("../../src/http/routes.rs"),
        include_str!("../../src/http/operation.rs"),
    ];
    let routes: BTreeSet<_> = sources
        .iter()
        .flat_map(|source| source.split("resource(\"").skip(1))
        .chain(
            sources
                .iter()
                .flat_map(|source| source.split("resource(\n            \"").skip(1)),
        )
        .map(|rest| {
            rest.split('"')
                .next()
                .unwrap()
                .replace("{path:.*}", "{path}")
        })
        .collect();
    assert!(routes.len() > 15, "{routes:?}");
    assert_eq!(routes, described.into_keys().collect());
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn answers_hold_what_is_described() {
    let registry = start().await;
    let document: Value = registry.get("/openapi.json").await.json().await.unwrap();
    let schemas = &document["components"]["schemas"];
    let properties = |name: &str| -> BTreeSet<String> {
        let schema = &schemas[name];
        let own = schema["properties"].as_object().into_iter().flatten();
        let parts = schema["allOf"].as_array().into_iter().flatten();
        let parts = parts.flat_map(|part| part["properties"].as_object().into_iter().flatten());
        own.chain(parts).map(|(name, _)| name.clone()).collect()
    };
    let keys = |value: &Value| -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    let grant = registry.sign_in("ada").await;
    let grant = serde_json::to_value(&grant).unwrap();
    assert_eq!(keys(&grant), properties("SessionGrant"));
    let mut client = keys(&registry.client("ada").await);
    // Said of guests alone.
    client.insert("guest".to_owned());
    assert_eq!(client, properties("ClientInfo"));
    let list: Value = registry.get("/clients").await.json().await.unwrap();
    assert_eq!(keys(&list), properties("ClientList"));
    let health: Value = registry.get("/healthz").await.json().await.unwrap();
    assert_eq!(keys(&health), properties("Health"));
    let error: Value = registry.get("/clients/nobody").await.json().await.unwrap();
    let detail = keys(&error["error"]);
    assert!(
        detail.is_subset(&properties("ErrorDetail")) && detail.len() == 2,
        "{detail:?}"
    );
    let codes = &schemas["ErrorCode"]["enum"];
    assert!(
        codes.as_array().unwrap().contains(&Value::from("banned")),
        "{codes}"
    );
    registry.server.stop().await.unwrap();
}
