//! The public room over real sockets.

use crate::{
    common::{Fixture, config, start},
    live::{Channel, order},
};
use serde_json::json;
use twocan_proto::{
    api::ErrorCode,
    live::{Ask, Event, LobbyAsk, LobbyEvent},
};

async fn enter(registry: &Fixture, name: &str) -> Channel {
    let grant = registry.sign_in(name).await;
    let mut channel = Channel::open(registry, &grant).await;
    channel.ask(&Ask::Lobby(LobbyAsk::Join)).await;
    let LobbyEvent::Who { users, next: None } = heard(&mut channel).await else {
        panic!("not told who is there");
    };
    assert!(users.iter().any(|user| user.username.as_str() == name));
    channel
}

async fn heard(channel: &mut Channel) -> LobbyEvent {
    match channel.event().await {
        Event::Lobby(event) => event,
        other => panic!("{other:?}"),
    }
}

async fn refused(channel: &mut Channel) -> (ErrorCode, String) {
    match channel.event().await {
        Event::Error { about, error } if about == "lobby" => (error.code, error.message),
        other => panic!("{other:?}"),
    }
}

async fn say(channel: &mut Channel, text: &str) {
    let text = text.to_owned();
    channel.ask(&Ask::Lobby(LobbyAsk::Say { text })).await;
}

#[tokio::test]
async fn people_meet_talk_and_go() {
    let registry = start().await;
    let mut ada = enter(&registry, "ada").await;
    let mut bob = enter(&registry, "bob").await;
    let joined = heard(&mut ada).await;
    assert!(matches!(joined, LobbyEvent::Joined { user } if user.username.as_str() == "bob"));
    bob.ask(&Ask::Lobby(LobbyAsk::Typing)).await;
    assert!(matches!(heard(&mut ada).await, LobbyEvent::Typing { .. }));
    say(&mut bob, "hello").await;
    for channel in [&mut ada, &mut bob] {
        let said = heard(channel).await;
        assert!(
            matches!(&said, LobbyEvent::Said { user, text, .. }
                if user.as_str() == "bob" && text == "hello"),
            "{said:?}"
        );
    }
    drop(bob);
    assert!(matches!(heard(&mut ada).await, LobbyEvent::Offline { .. }));
    let mut bob = enter(&registry, "bob").await;
    assert!(matches!(heard(&mut ada).await, LobbyEvent::Online { .. }));
    bob.ask(&Ask::Lobby(LobbyAsk::Leave)).await;
    for channel in [&mut ada, &mut bob] {
        assert!(matches!(heard(channel).await, LobbyEvent::Left { .. }));
    }
    say(&mut bob, "hello?").await;
    assert_eq!(refused(&mut bob).await.0, ErrorCode::Conflict);
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn who_says_too_much_waits_and_administrators_keep_order() {
    let registry = start().await;
    let mut bob = enter(&registry, "bob").await;
    for _ in 0..20 {
        say(&mut bob, "spam").await;
    }
    let mut said = 0;
    loop {
        match bob.event().await {
            Event::Lobby(LobbyEvent::Said { .. }) => said += 1,
            Event::Error { error, .. } => {
                assert_eq!(error.code, ErrorCode::Limited);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(said <= 5, "{said}");
    registry.register("root").await;
    order(
        &registry,
        json!({"do": "role", "username": "root", "role": "admin"}),
    )
    .await;
    let mut root = enter(&registry, "root").await;
    let mut eve = enter(&registry, "eve").await;
    heard(&mut root).await;
    let user = "eve".parse().unwrap();
    let mute = LobbyAsk::Mute { user, seconds: 60 };
    eve.ask(&Ask::Lobby(mute.clone())).await;
    assert_eq!(refused(&mut eve).await.0, ErrorCode::Refused);
    root.ask(&Ask::Lobby(mute)).await;
    for channel in [&mut root, &mut eve] {
        assert!(matches!(
            heard(channel).await,
            LobbyEvent::Muted { seconds: 60, .. }
        ));
    }
    say(&mut eve, "but").await;
    let (code, message) = refused(&mut eve).await;
    assert_eq!(code, ErrorCode::Refused);
    assert!(message.contains("muted"), "{message}");
    let (user, reason) = ("eve".parse().unwrap(), Some("too loud".to_owned()));
    root.ask(&Ask::Lobby(LobbyAsk::Kick { user, reason })).await;
    for channel in [&mut root, &mut eve] {
        let kicked = heard(channel).await;
        assert!(
            matches!(&kicked, LobbyEvent::Kicked { reason: Some(why), .. } if why == "too loud")
        );
    }
    eve.ask(&Ask::Lobby(LobbyAsk::Join)).await;
    assert_eq!(refused(&mut eve).await.0, ErrorCode::Refused);
    registry.server.stop().await.unwrap();
}

#[tokio::test]
async fn an_operator_may_have_no_lobby() {
    let registry = start().await;
    let mut ada = enter(&registry, "ada").await;
    let switch = |on| {
        let mut config = config(&registry.folder);
        config.lobby = on;
        let waiting = registry.server.reload(config).unwrap();
        assert!(!waiting.contains(&"lobby"), "{waiting:?}");
    };
    switch(false);
    let left = heard(&mut ada).await;
    assert!(matches!(left, LobbyEvent::Left { user } if user.as_str() == "ada"));
    ada.ask(&Ask::Lobby(LobbyAsk::Typing)).await;
    for ask in [LobbyAsk::Join, LobbyAsk::Who { after: None }] {
        ada.ask(&Ask::Lobby(ask)).await;
        let (code, message) = refused(&mut ada).await;
        assert_eq!(code, ErrorCode::Refused);
        assert!(message.contains("has no lobby"), "{message}");
    }
    switch(true);
    ada.ask(&Ask::Lobby(LobbyAsk::Join)).await;
    assert!(matches!(heard(&mut ada).await, LobbyEvent::Who { .. }));
    registry.server.stop().await.unwrap();
}
