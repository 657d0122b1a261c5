use super::*;
use crate::{api::ErrorCode, time::Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

fn name(text: &str) -> Username {
    text.parse().unwrap()
}

fn client(text: &str) -> ClientInfo {
    ClientInfo {
        username: name(text),
        host: "192.0.2.7:7777".to_owned(),
        key: None,
        online: true,
        last_seen: Some(Timestamp::from_millis(0)),
        guest: false,
    }
}

#[test]
fn messages_look_as_documented() {
    for (text, ask) in [
        (
            json!({"type": "hello", "version": 1, "client": "twocan/0.1.0"}),
            Ask::Hello {
                version: 1,
                client: "twocan/0.1.0".to_owned(),
            },
        ),
        (
            json!({"type": "watch", "clients": [{"username": "ada"}]}),
            Ask::Watch {
                clients: vec![Lookup {
                    username: name("ada"),
                    key: None,
                }],
                add: false,
            },
        ),
        (
            json!({"type": "unwatch", "clients": ["ada"]}),
            Ask::Unwatch {
                clients: vec![name("ada")],
            },
        ),
        (
            json!({"type": "knock", "username": "ada"}),
            Ask::Knock {
                username: name("ada"),
                key: None,
            },
        ),
        (
            json!({"type": "lobby", "action": "say", "text": "hello"}),
            Ask::Lobby(LobbyAsk::Say {
                text: "hello".to_owned(),
            }),
        ),
        (
            json!({"type": "lobby", "action": "join"}),
            Ask::Lobby(LobbyAsk::Join),
        ),
        (json!({"type": "dance", "with": ["ada"]}), Ask::Unknown),
        (
            json!({"type": "lobby", "action": "dance", "with": "ada"}),
            Ask::Lobby(LobbyAsk::Unknown),
        ),
    ] {
        for format in Format::ALL {
            let bytes = format.encode(&text).unwrap();
            assert_eq!(Ask::read(format, &bytes), Ok(ask.clone()), "{text}");
        }
    }
}

#[test]
fn both_notations_carry_every_event() {
    let user = LobbyUser {
        username: name("ada"),
        role: Role::Guest,
        online: true,
        muted: false,
    };
    for event in [
        Event::Hello(LiveHello {
            version: LIVE_VERSION,
            server: "twocan-registry/0.1.0".to_owned(),
            username: name("ada"),
            role: Role::Admin,
            watch_max: WATCH_MAX,
            ping_s: 30,
        }),
        Event::Presence {
            clients: vec![client("bob")],
            unknown: vec![name("eve")],
        },
        Event::Knock {
            from: client("bob"),
        },
        Event::Notice(Notice::Shutdown { back_after_s: 5 }),
        Event::Lobby(LobbyEvent::Who {
            users: vec![user.clone()],
            next: None,
        }),
        Event::Lobby(LobbyEvent::Joined { user }),
        Event::Lobby(LobbyEvent::Said {
            user: name("ada"),
            text: "two\nlines".to_owned(),
            at: Timestamp::from_millis(7),
        }),
        Event::Error {
            about: "knock".to_owned(),
            error: ErrorDetail {
                code: ErrorCode::Limited,
                message: "too many knocks".to_owned(),
                retry_after_s: Some(3),
                needs: None,
            },
        },
    ] {
        for format in Format::ALL {
            let bytes = event.write(format).unwrap();
            assert_eq!(Event::read(format, &bytes), Ok(event.clone()));
        }
    }
    let newer = br#"{"type":"notice","kind":"party","at":[1]}"#;
    let newer = Event::read(Format::Json, newer);
    assert_eq!(newer, Ok(Event::Notice(Notice::Unknown)));
}

#[test]
fn what_is_too_much_is_named() {
    let read = |value: &Value| Ask::read(Format::Json, value.to_string().as_bytes());
    let field = |ask: Value| match read(&ask) {
        Err(LiveError::Field { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    let many = vec![json!({"username": "ada"}); WATCH_AT_ONCE + 1];
    assert_eq!(field(json!({"type": "watch", "clients": many})), "clients");
    let long = "x".repeat(LOBBY_TEXT_BYTES + 1);
    let say = |text: &str| json!({"type": "lobby", "action": "say", "text": text});
    assert_eq!(field(say(&long)), "text");
    assert_eq!(field(say(" \u{202e}\n")), "text");
    assert!(read(&say(&long[1..])).is_ok());
    let mute = json!({"type": "lobby", "action": "mute", "user": "ada", "seconds": MUTE_MAX_S + 1});
    assert_eq!(field(mute), "seconds");
    let hello = json!({"type": "hello", "version": 1, "client": long});
    assert_eq!(field(hello), "client");
    let huge = say(&"x".repeat(ASK_MAX));
    assert_eq!(read(&huge), Err(LiveError::Long(ASK_MAX)));
}

#[test]
fn the_longest_honest_messages_fit() {
    let key = crate::identity::Identity::from_seed(&[1; 32]).peer_id();
    let lookup = Lookup {
        username: name(&"x".repeat(Username::MAX)),
        key: Some(key),
    };
    let watch = Ask::Watch {
        clients: vec![lookup; WATCH_AT_ONCE],
        add: true,
    };
    for format in Format::ALL {
        let bytes = watch.write(format).unwrap();
        assert_eq!(Ask::read(format, &bytes), Ok(watch.clone()));
    }
}

#[test]
fn texts_of_a_registry_are_safe_to_show() {
    let notice = Event::Notice(Notice::Announcement {
        text: "hi\u{1b}[2J\nthere".to_owned(),
    });
    let bytes = notice.write(Format::Json).unwrap();
    let Ok(Event::Notice(Notice::Announcement { text })) = Event::read(Format::Json, &bytes) else {
        panic!("not read");
    };
    assert!(!text.contains(['\u{1b}', '\n']), "{text:?}");
}

#[test]
fn sub_protocols_choose_the_notation() {
    let offered = Format::offered;
    assert_eq!(offered("twocan.live.v1.json"), Some(Format::Json));
    assert_eq!(
        offered("chat, twocan.live.v1.msgpack , twocan.live.v1.json"),
        Some(Format::MessagePack)
    );
    for other in ["", "chat", "twocan.live.v2.json", "TWOCAN.LIVE.V1.JSON"] {
        assert_eq!(offered(other), None, "{other}");
    }
}

#[test]
fn codes_of_an_end_are_its_own() {
    for end in LiveEnd::ALL {
        assert_eq!(LiveEnd::of_code(end.code()), Some(end));
        assert!(end.reason().len() <= 123);
    }
    assert_eq!(LiveEnd::of_code(4999), None);
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for format in Format::ALL {
            drop(Ask::read(format, &bytes));
            drop(Event::read(format, &bytes));
        }
    }

    #[test]
    fn any_offer_is_answered(text in "\\PC{0,60}") {
        let _format = Format::offered(&text);
    }

    #[test]
    fn what_is_said_reads_back(text in "\\PC{1,60}", version: u16, add: bool, user in "[a-z]{1,32}") {
        let user = name(&user);
        let lookup = Lookup { username: user.clone(), key: None };
        for ask in [
            Ask::Hello { version, client: text.chars().take(16).collect() },
            Ask::Watch { clients: vec![lookup], add },
            Ask::Lobby(LobbyAsk::Kick { user, reason: Some(text.chars().take(60).collect()) }),
        ] {
            for format in Format::ALL {
                let bytes = ask.write(format).unwrap();
                prop_assert_eq!(Ask::read(format, &bytes), Ok(ask.clone()));
            }
        }
    }
}
