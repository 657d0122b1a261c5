use super::*;
use crate::live::samples::{HEARTBEAT_MS, add, at, channel, heard, name, sign_in};
use twocan_proto::{
    api::{Role, Visibility},
    identity::Identity,
};

struct World {
    directory: Directory,
    watches: Watches,
    ada: Arc<Channel>,
}

/// What a round told: names with their presence, and unknown ones.
type Round = (Vec<(String, bool)>, Vec<String>);

impl World {
    fn new() -> Self {
        Self {
            directory: Directory::new(HEARTBEAT_MS, at(0)),
            watches: Watches::default(),
            ada: channel(1, "ada", Role::User),
        }
    }

    fn watch(&mut self, user: &str, key: Option<PeerId>) {
        let username = name(user);
        let lookup = vec![Lookup { username, key }];
        self.watches
            .add(&self.ada, lookup, &self.directory)
            .unwrap();
    }

    fn round(&mut self, ms: i64) -> Round {
        self.watches.round(&self.directory, at(ms));
        let mut told: Round = Default::default();
        for event in heard(&self.ada) {
            let Event::Presence { clients, unknown } = event else {
                panic!("{event:?}");
            };
            let clients = clients.into_iter();
            told.0
                .extend(clients.map(|client| (client.username.to_string(), client.online)));
            told.1.extend(unknown.iter().map(ToString::to_string));
        }
        told
    }
}

fn seen(user: &str, online: bool) -> Round {
    (vec![(user.to_owned(), online)], vec![])
}

fn unknown(user: &str) -> Round {
    (vec![], vec![user.to_owned()])
}

#[test]
fn the_state_comes_first_and_then_every_change_once() {
    let mut world = World::new();
    add(&world.directory, 2, "Bob", None);
    world.watch("bob", None);
    assert_eq!(world.round(0), seen("Bob", false));
    assert_eq!(world.round(1), Round::default());
    sign_in(&world.directory, 2, "bob", at(2));
    assert_eq!(world.round(3), seen("Bob", true));
    assert_eq!(world.round(4), Round::default());
    // Nobody says that somebody has gone silent.
    assert_eq!(world.round(3002), seen("Bob", false));
    let bob = world.directory.member(&name("bob")).unwrap();
    world.directory.remove_member(&bob.username, bob.id);
    assert_eq!(world.round(3003), unknown("bob"));
    add(&world.directory, 3, "bob", None);
    assert_eq!(world.round(3004), seen("bob", false));
}

#[test]
fn another_host_or_key_is_a_change() {
    let mut world = World::new();
    add(&world.directory, 2, "bob", None);
    world.watch("bob", None);
    world.round(0);
    let bob = world.directory.member(&name("bob")).unwrap();
    bob.place().host = "192.0.2.9:1".parse().unwrap();
    assert_eq!(world.round(1), seen("bob", false));
    bob.place().key = Some(Identity::from_seed(&[7; 32]).peer_id());
    assert_eq!(world.round(2), seen("bob", false));
    bob.place().last_seen = Some(at(3));
    assert_eq!(world.round(4), Round::default());
}

#[test]
fn who_is_seen_by_contacts_alone_is_as_an_unknown_name_without_the_key() {
    let (right, wrong) = ([1; 32], [2; 32]);
    let key = |seed| Some(Identity::from_seed(seed).peer_id());
    let mut world = World::new();
    add(&world.directory, 2, "bob", key(&right));
    let bob = world.directory.member(&name("bob")).unwrap();
    world.directory.describe(&bob, Visibility::Contacts, None);
    world.watch("bob", key(&wrong));
    assert_eq!(world.round(0), unknown("bob"));
    sign_in(&world.directory, 2, "bob", at(1));
    assert_eq!(world.round(2), Round::default());
    world.watch("bob", None);
    assert_eq!(world.round(3), unknown("bob"));
    world.watch("bob", key(&right));
    assert_eq!(world.round(4), seen("bob", true));
    world.watch("nobody", key(&right));
    assert_eq!(world.round(5), unknown("nobody"));
    world.directory.describe(&bob, Visibility::Listed, None);
    world.watch("bob", None);
    assert_eq!(world.round(6), seen("bob", true));
    // Hidden again: who has no key loses sight.
    world.directory.describe(&bob, Visibility::Contacts, None);
    assert_eq!(world.round(7), unknown("bob"));
}

#[test]
fn who_does_not_read_hears_the_state_and_no_flood() {
    let mut world = World::new();
    for id in 2..100 {
        add(&world.directory, id, &format!("u{id}"), None);
        world.watch(&format!("u{id}"), None);
    }
    // Nobody reads while everybody comes and goes.
    for ms in 0..2000 {
        let user = 2 + u8::try_from(ms % 98).unwrap();
        let member = world.directory.member(&name(&format!("u{user}"))).unwrap();
        member.place().host = format!("192.0.2.1:{}", ms + 1).parse().unwrap();
        world.watches.round(&world.directory, at(ms));
    }
    assert_eq!(world.ada.ended(), None);
    heard(&world.ada);
    let (clients, _) = world.round(2000);
    assert!(clients.len() <= 98, "{}", clients.len());
    assert_eq!(world.round(2001), Round::default());
}

#[test]
fn nothing_is_left_of_names_that_nobody_watches() {
    let mut world = World::new();
    for user in ["bob", "eve", "zoe"] {
        world.watch(user, None);
    }
    world.watch("BOB", None);
    assert_eq!((world.watches.names.len(), world.watches.count), (3, 3));
    world.watches.remove(&world.ada, &[name("Bob")]);
    assert_eq!(world.watches.count, 2);
    world.watches.drop_channel(&world.ada);
    let Watches {
        names,
        by_channel,
        count,
        ..
    } = &world.watches;
    assert_eq!((names.len(), by_channel.len(), *count), (0, 0, 0));
}

#[test]
fn a_channel_watches_so_many_names() {
    let mut world = World::new();
    let lookups = |from: usize, count: usize| -> Vec<_> {
        let names = (from..from + count).map(|n| name(&format!("n{n}")));
        names
            .map(|username| Lookup {
                username,
                key: None,
            })
            .collect()
    };
    let full = lookups(0, WATCH_MAX);
    assert_eq!(
        world.watches.add(&world.ada, full, &world.directory),
        Ok(())
    );
    let more = world
        .watches
        .add(&world.ada, lookups(WATCH_MAX, 1), &world.directory);
    assert_eq!(more, Err(WatchError::TooMany));
    assert_eq!(world.watches.count, WATCH_MAX);
}
