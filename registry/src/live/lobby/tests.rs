use super::*;
use crate::live::samples::{at, channel, heard, name};

/// The events of the room that wait for a channel.
fn room(channel: &Channel) -> Vec<LobbyEvent> {
    let events = heard(channel).into_iter().map(|event| match event {
        Event::Lobby(event) => event,
        other => panic!("{other:?}"),
    });
    events.collect()
}

fn joined(lobby: &mut Lobby, id: u8, text: &str, role: Role) -> Arc<Channel> {
    let channel = channel(id, text, role);
    lobby.join(&channel, at(0)).unwrap();
    channel
}

fn names(event: &LobbyEvent) -> Vec<&str> {
    let LobbyEvent::Who { users, .. } = event else {
        panic!("{event:?}");
    };
    users.iter().map(|user| user.username.as_str()).collect()
}

#[test]
fn all_hear_who_comes_speaks_and_goes() {
    let mut lobby = Lobby::default();
    let ada = joined(&mut lobby, 1, "ada", Role::User);
    let bob = joined(&mut lobby, 2, "Bob", Role::Guest);
    let seen = room(&ada);
    assert_eq!(names(&seen[0]), ["ada"]);
    assert!(matches!(&seen[1], LobbyEvent::Joined { user }
        if user.username == name("Bob") && user.role == Role::Guest && user.online));
    assert_eq!(names(&room(&bob)[0]), ["ada", "Bob"]);
    lobby.typing(&bob, at(1)).unwrap();
    lobby.speak(&bob, "hello".to_owned(), at(2)).unwrap();
    let said = LobbyEvent::Said {
        user: name("Bob"),
        text: "hello".to_owned(),
        at: at(2),
    };
    let typing = LobbyEvent::Typing { user: name("Bob") };
    assert_eq!(room(&ada), [typing, said.clone()]);
    assert_eq!(room(&bob), [said]);
    lobby.leave(&bob).unwrap();
    let left = LobbyEvent::Left { user: name("Bob") };
    assert_eq!(room(&ada), std::slice::from_ref(&left));
    assert_eq!(room(&bob), [left]);
    let outside = lobby.speak(&bob, "still here".to_owned(), at(3));
    assert_eq!(outside, Err(LobbyError::Outside));
    assert_eq!(lobby.leave(&bob), Err(LobbyError::Outside));
}

#[test]
fn a_lost_channel_keeps_the_place_for_a_while() {
    let mut lobby = Lobby::default();
    let ada = joined(&mut lobby, 1, "ada", Role::User);
    let bob = joined(&mut lobby, 2, "bob", Role::User);
    room(&ada);
    lobby.lost(&bob, at(0));
    let offline = LobbyEvent::Offline { user: name("bob") };
    assert_eq!(room(&ada), [offline]);
    lobby.who(&ada, None, at(0)).unwrap();
    assert!(matches!(&room(&ada)[0], LobbyEvent::Who { users, .. } if !users[1].online));
    let mut again = channel(2, "bob", Role::User);
    // The same account on another channel.
    Arc::get_mut(&mut again).unwrap().id = 9;
    lobby.join(&again, at(1)).unwrap();
    let online = LobbyEvent::Online { user: name("bob") };
    assert_eq!(room(&ada), [online]);
    // The old one's end means nothing any more.
    lobby.lost(&bob, at(2));
    assert!(room(&ada).is_empty());
    lobby.lost(&again, at(3));
    let away = i64::try_from(limits::LOBBY_AWAY_MS).unwrap();
    lobby.sweep(at(2 + away));
    assert_eq!(room(&ada).len(), 1);
    lobby.sweep(at(3 + away));
    let left = LobbyEvent::Left { user: name("bob") };
    assert_eq!(room(&ada), [left]);
}

#[test]
fn who_may_not_be_there_any_more_leaves_at_once() {
    let mut lobby = Lobby::default();
    let ada = joined(&mut lobby, 1, "ada", Role::User);
    let bob = joined(&mut lobby, 2, "bob", Role::User);
    room(&ada);
    bob.end(LiveEnd::Banned);
    lobby.lost(&bob, at(0));
    let left = LobbyEvent::Left { user: name("bob") };
    assert_eq!(room(&ada), [left]);
}

#[test]
fn administrators_mute_and_kick() {
    let mut lobby = Lobby::default();
    let root = joined(&mut lobby, 1, "root", Role::Admin);
    let bob = joined(&mut lobby, 2, "bob", Role::User);
    let mute = |lobby: &mut Lobby, by: &Arc<Channel>, user: &str, seconds| {
        lobby.mute(by, (&name(user), seconds), at(0))
    };
    assert_eq!(mute(&mut lobby, &bob, "root", 9), Err(LobbyError::NotAdmin));
    assert_eq!(mute(&mut lobby, &root, "root", 9), Err(LobbyError::Admin));
    assert_eq!(mute(&mut lobby, &root, "eve", 9), Err(LobbyError::Nobody));
    assert_eq!(mute(&mut lobby, &root, "BOB", 60), Ok(()));
    let wait = Duration::from_secs(60);
    assert_eq!(lobby.typing(&bob, at(0)), Err(LobbyError::Muted(wait)));
    // Leaving and coming back does not help.
    lobby.leave(&bob).unwrap();
    lobby.join(&bob, at(1)).unwrap();
    assert!(lobby.speak(&bob, "now?".to_owned(), at(59_999)).is_err());
    assert_eq!(lobby.speak(&bob, "now?".to_owned(), at(60_000)), Ok(()));
    mute(&mut lobby, &root, "bob", 60).unwrap();
    mute(&mut lobby, &root, "bob", 0).unwrap();
    assert_eq!(lobby.may_speak(&bob, at(1)), Ok(()));
    room(&bob);
    let reason = Some("too loud".to_owned());
    lobby
        .kick(&root, (&name("bob"), reason.clone()), at(0))
        .unwrap();
    let kicked = LobbyEvent::Kicked {
        user: name("bob"),
        by: name("root"),
        reason,
    };
    assert_eq!(room(&bob), [kicked]);
    assert!(matches!(
        lobby.join(&bob, at(1)),
        Err(LobbyError::Barred(_))
    ));
    let back = i64::try_from(limits::LOBBY_KICK_MS).unwrap();
    assert_eq!(lobby.join(&bob, at(back)), Ok(()));
}

#[test]
fn a_muted_guest_is_muted_under_every_name() {
    let mut lobby = Lobby::default();
    let root = joined(&mut lobby, 1, "root", Role::Admin);
    let eve = joined(&mut lobby, 2, "eve", Role::Guest);
    lobby.mute(&root, (&name("eve"), 60), at(0)).unwrap();
    lobby.leave(&eve).unwrap();
    let session = crate::live::samples::member(2, "eve2", Role::Guest, None);
    let mut again = channel(2, "eve", Role::Guest);
    let channel = Arc::get_mut(&mut again).unwrap();
    (channel.id, channel.member) = (7, Arc::new(session));
    lobby.join(&again, at(1)).unwrap();
    assert!(lobby.may_speak(&again, at(1)).is_err());
}

#[test]
fn pages_hold_everybody_once_and_the_room_has_an_end() {
    let mut lobby = Lobby::default();
    let first = joined(&mut lobby, 1, "a0", Role::User);
    for id in 1..limits::LOBBY_USERS {
        let user = channel(2, &format!("u{id:04}"), Role::User);
        assert_eq!(lobby.join(&user, at(0)), Ok(()));
        user.end(LiveEnd::Normal);
        room(&first);
    }
    let late = channel(3, "late", Role::User);
    assert_eq!(lobby.join(&late, at(0)), Err(LobbyError::Full));
    let (mut after, mut all) = (None, 0);
    loop {
        lobby.who(&first, after.as_ref(), at(0)).unwrap();
        let Some(LobbyEvent::Who { users, next }) = room(&first).pop() else {
            panic!("no page");
        };
        all += users.len();
        after = next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(all, limits::LOBBY_USERS);
}
