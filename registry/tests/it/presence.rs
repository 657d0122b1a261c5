//! Presence over real UDP: who beats is online, who stops is not, and nobody
//! beats for somebody else.

use crate::{
    common::{Heart, start, start_with},
    visibility::sign_in_as,
};
use reqwest::{Method, StatusCode};
use serde_json::json;
use twocan_proto::api::SessionGrant;
use twocan_registry::Server;

#[tokio::test]
async fn heartbeats_are_answered_with_the_address_they_came_from() {
    let registry = start().await;
    let grant = registry.sign_in("ada").await;
    let heart = Heart::new(&registry, &grant).await;
    heart.socket.send(&heart.datagram(1)).await.unwrap();
    let seen = heart.answer().await;
    assert_eq!(seen.observed, heart.socket.local_addr().unwrap());
    assert_eq!((seen.session, seen.counter), (heart.session, 1));
    assert_eq!(registry.client("ada").await["online"], true);
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn presence_lapses_and_comes_back() {
    let registry = start_with(|config| config.heartbeat_ms = 50).await;
    let grant = registry.sign_in("ada").await;
    assert_eq!(grant.heartbeat_ms, 50);
    registry.until_online("ada", false).await;
    let heart = Heart::new(&registry, &grant).await;
    heart.socket.send(&heart.datagram(1)).await.unwrap();
    heart.answer().await;
    registry.until_online("ada", false).await;
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn whoever_leaves_is_offline_at_once_and_keeps_the_session() {
    let registry = start().await;
    let grant: SessionGrant = sign_in_as(&registry, "ada", 1, json!({}))
        .await
        .json()
        .await
        .unwrap();
    let bob = registry.sign_in("bob").await;
    let left = Heart::new(&registry, &grant).await;
    let leave = registry.as_owner(&grant, Method::DELETE, "/sessions/current/presence");
    assert_eq!(leave.send().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(registry.client("ada").await["online"], false);

    // A heartbeat that was still under way brings nobody back.
    left.socket.send(&left.datagram(1)).await.unwrap();
    let of_bob = Heart::new(&registry, &bob).await;
    of_bob.socket.send(&of_bob.datagram(1)).await.unwrap();
    of_bob.answer().await;
    assert_eq!(registry.client("ada").await["online"], false);

    let resume = registry.as_owner(&grant, Method::PUT, "/sessions/current");
    assert_eq!(resume.send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(registry.client("ada").await["online"], true);
    let leave = registry.as_owner(&grant, Method::DELETE, "/sessions/current/presence");
    assert_eq!(leave.send().await.unwrap().status(), StatusCode::NO_CONTENT);
    let elsewhere = sign_in_as(&registry, "ada", 2, json!({})).await;
    assert_eq!(elsewhere.status(), StatusCode::CREATED, "the name is free");
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn replayed_and_forged_datagrams_get_no_answer_and_change_nothing() {
    let registry = start_with(|config| config.heartbeat_ms = 100).await;
    let grant = registry.sign_in("ada").await;
    let bob = registry.sign_in("bob").await;
    let heart = Heart::new(&registry, &grant).await;
    let of_bob = Heart::new(&registry, &bob).await;
    heart.socket.send(&heart.datagram(1)).await.unwrap();
    heart.answer().await;
    registry.until_online("ada", false).await;
    let before = registry.client("ada").await;

    let mut forged = heart.datagram(2);
    forged[40] ^= 1;
    let mut of_another = of_bob.datagram(3);
    of_another[2..18].copy_from_slice(&heart.session.0);
    let mut longer = heart.datagram(4);
    longer.push(0);
    for datagram in [
        heart.datagram(1),
        forged,
        of_another,
        longer,
        vec![],
        vec![1; 1400],
    ] {
        heart.socket.send(&datagram).await.unwrap();
    }
    // Datagrams of one socket arrive in order on loopback: when a good one of
    // bob's, sent after, is answered, those of before have been looked at.
    of_bob.socket.send(&of_bob.datagram(1)).await.unwrap();
    of_bob.answer().await;
    assert_eq!(registry.client("ada").await, before);
    heart.socket.send(&heart.datagram(9)).await.unwrap();
    assert_eq!(
        heart.answer().await.counter,
        9,
        "the first answer is that to the good one"
    );
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn heartbeats_in_a_flood_of_forged_ones_are_answered_each_to_its_sender() {
    const CLIENTS: usize = 20;
    const FORGED: usize = 5;
    let registry = start().await;
    let mut hearts = Vec::new();
    for number in 0..CLIENTS {
        let grant = registry.sign_in(&format!("u{number}")).await;
        hearts.push(Heart::new(&registry, &grant).await);
    }
    // More than one batch, and little enough for any socket's buffer.
    for heart in &hearts {
        let mut forged = heart.datagram(2);
        forged[45] ^= 1;
        for _ in 0..FORGED {
            heart.socket.send(&forged).await.unwrap();
        }
        heart.socket.send(&heart.datagram(1)).await.unwrap();
    }
    for heart in &hearts {
        let seen = heart.answer().await;
        assert_eq!(seen.observed, heart.socket.local_addr().unwrap());
        assert_eq!((seen.session, seen.counter), (heart.session, 1));
    }
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn signing_out_is_offline_at_once() {
    let registry = start().await;
    let grant = registry.sign_in("ada").await;
    let end = registry
        .request(Method::DELETE, "/sessions")
        .bearer_auth(grant.token.expose());
    assert_eq!(end.send().await.unwrap().status(), 204);
    assert_eq!(registry.client("ada").await["online"], false);
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn accounts_and_sessions_outlive_a_restart() {
    let registry = start().await;
    let grant = registry.sign_in("ada").await;
    let pin = registry.server.url().pin();
    registry.server.stop().await.unwrap();

    let config = crate::common::config(&registry.folder);
    let server = Server::start(config).await.unwrap();
    assert_eq!(server.url().pin(), pin);
    let http = twocan_registry::ping::client(pin).unwrap();
    let registry = crate::common::Fixture {
        server,
        http,
        folder: registry.folder,
    };
    let ada = registry.client("ada").await;
    assert_eq!(
        (&ada["online"], &ada["host"]),
        (&false.into(), &"127.0.0.1:7777".into())
    );
    assert!(ada["last_seen"].is_string());

    // A datagram of before the restart is worthless, the kept token is not.
    let resume = registry.request(Method::PUT, "/sessions/current");
    let answer = resume
        .bearer_auth(grant.token.expose())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let fresh = answer.json().await.unwrap();
    let heart = Heart::new(&registry, &fresh).await;
    heart.socket.send(&heart.datagram(1)).await.unwrap();
    heart.answer().await;
    assert_eq!(registry.client("ada").await["online"], true);
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn a_running_clients_heartbeats_count_again_after_a_restart() {
    let registry = start().await;
    let grant = registry.sign_in("ada").await;
    registry.server.stop().await.unwrap();
    let server = Server::start(crate::common::config(&registry.folder))
        .await
        .unwrap();
    let http = twocan_registry::ping::client(server.url().pin()).unwrap();
    let registry = crate::common::Fixture {
        server,
        http,
        folder: registry.folder,
    };
    let fresh = SessionGrant {
        heartbeat_port: registry.server.udp_address().port(),
        ..grant
    };
    let mut heart = Heart::new(&registry, &fresh).await;
    heart.socket.send(&heart.datagram(1)).await.unwrap();
    // Stamped after the restart, unlike the one above.
    let ms = heart.server_time.as_millis() + 60_000;
    heart.server_time = twocan_proto::time::Timestamp::from_millis(ms);
    heart.socket.send(&heart.datagram(2)).await.unwrap();
    assert_eq!(heart.answer().await.counter, 2);
    registry.server.stop().await.unwrap();
}
