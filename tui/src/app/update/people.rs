//! Contacts and requests.

use twocan_peer::api::{ContactChange, Presence, Profile};
use twocan_proto::identity::PeerId;
use twocan_proto::link::ContactLink;

use super::super::effect::Effect;
use super::super::overlay::{Confirm, Confirmed, Overlay, Page};
use super::actions::usage;
use super::{Effects, compose, moving, settings};
use crate::app::{State, registry_word};
use crate::input::action::Action;
use crate::input::command::first_word;
use crate::view::draw::{ago, time};

/// Does one of the actions of this file.
pub(super) fn run(state: &mut State, action: Action, args: &str, out: &mut Effects) {
    match action {
        Action::Add => add(state, args, out),
        Action::Connect => match first_word(args) {
            ("", _) => usage(state, "connect"),
            // Not only an address: whose key it is is known, too.
            (link, _) if link.starts_with(ContactLink::SCHEME) => add(state, args, out),
            (to, _) => {
                state.info(format!("connecting to {to}"));
                out.push(Effect::Connect(to.to_owned()));
            }
        },
        Action::Accept => with_request(state, args, out, Effect::Accept),
        Action::Reject => with_request(state, args, out, Effect::Reject),
        Action::Alias => alias(state, args, out),
        Action::Group => group(state, args, out),
        Action::Nearby => {
            state.overlay = Some(Overlay::Nearby { selected: 0 });
            out.push(Effect::LoadNearby);
        }
        Action::Status | Action::Presence => tell(state, action, args, out),
        Action::Invite => invite(state),
        Action::Msg => msg(state, args, out),
        Action::Me => me(state, args, out),
        Action::Notify => notify(state, args, out),
        Action::Receipts => switch(state, ("receipts", "chat.receipts"), args, out),
        Action::Typing => switch(state, ("typing", "chat.typing"), args, out),
        Action::Nick => match args.trim() {
            "" => usage(state, "nick"),
            name => out.push(Effect::SetName(name.to_owned())),
        },
        Action::Whois if args.trim().is_empty() && state.open.is_none() => myself_page(state),
        _ => with_contact(state, action, args, out),
    }
}

fn add(state: &mut State, args: &str, out: &mut Effects) {
    let (who, note) = first_word(args);
    if who.is_empty() {
        return usage(state, "add");
    }
    state.info(format!("asking {who}"));
    out.push(Effect::AddContact {
        who: who.to_owned(),
        note: note.to_owned(),
    });
}

/// What we do, told as others tell it: a star, our name, the rest.
fn me(state: &mut State, args: &str, out: &mut Effects) {
    if args.is_empty() {
        return usage(state, "me");
    }
    let name = state.me.as_ref().map_or("", |m| m.name.as_str());
    let text = format!("* {name} {args}");
    compose::send_text(state, &text, out);
}

/// Switches a setting of what contacts learn of us.
fn switch(state: &mut State, (command, key): (&str, &str), args: &str, out: &mut Effects) {
    match args.trim() {
        "on" => settings::set(state, &format!("{key} true"), out),
        "off" => settings::set(state, &format!("{key} false"), out),
        _ => usage(state, command),
    }
}

/// Whether the open contact may ring and notify.
fn notify(state: &mut State, args: &str, out: &mut Effects) {
    let muted = match args.trim() {
        "all" => false,
        "none" => true,
        _ => return usage(state, "notify"),
    };
    let Some(contact) = state.open else {
        return state.error("open the conversation with the contact first");
    };
    let change = ContactChange {
        muted: Some(muted),
        ..ContactChange::default()
    };
    out.push(Effect::ChangeContact { contact, change });
}

/// Asks those whom the command line named: once the first run is over, and a
/// registry that we have to be found at hears us.
pub(super) fn ask_named(state: &mut State, out: &mut Effects) {
    let ready = state.me.is_some() && state.first_run.is_none();
    if state.to_ask.is_empty() || !ready || state.signing_in() {
        return;
    }
    for who in std::mem::take(&mut state.to_ask) {
        add(state, &who, out);
    }
}

fn with_request(
    state: &mut State,
    args: &str,
    out: &mut Effects,
    effect: impl Fn(uuid::Uuid) -> Effect,
) {
    match state.request_named(args) {
        Ok(request) => out.push(effect(request.request)),
        Err(why) => state.error(why),
    }
}

/// Actions on one contact, named or open.
fn with_contact(state: &mut State, action: Action, args: &str, out: &mut Effects) {
    let contact = match state.contact_named(args) {
        Ok(contact) => contact,
        Err(why) => return state.error(why),
    };
    let name = state.name_of(contact);
    let change = |change| Effect::ChangeContact { contact, change };
    match action {
        Action::Disconnect => out.push(Effect::Disconnect(contact)),
        Action::Block => {
            out.push(change(ContactChange {
                blocked: Some(true),
                ..ContactChange::default()
            }));
        }
        Action::Unblock => {
            out.push(change(ContactChange {
                blocked: Some(false),
                ..ContactChange::default()
            }));
        }
        Action::Remove => {
            state.overlay = Some(Overlay::Confirm(Confirm {
                question: format!("Remove {name}? The conversation goes with the contact."),
                yes: "remove",
                then: Confirmed::Effect(Effect::RemoveContact(contact)),
            }));
        }
        Action::Favourite | Action::Silence => {
            let known = state.contacts.get(&contact);
            let (favourite, muted) = match action {
                Action::Favourite => (known.map(|c| !c.favourite), None),
                _ => (None, known.map(|c| !c.muted)),
            };
            out.push(change(ContactChange {
                favourite,
                muted,
                ..ContactChange::default()
            }));
        }
        Action::Verify => verify(state, contact, out),
        _ => whois_page(state, contact),
    }
}

fn alias(state: &mut State, args: &str, out: &mut Effects) {
    let alias = args.trim();
    match (state.open, alias) {
        (_, "") => usage(state, "alias"),
        (None, _) => state.error("open the conversation with the contact first"),
        (Some(contact), alias) => {
            let change = ContactChange {
                alias: Some(alias.to_owned()),
                ..ContactChange::default()
            };
            out.push(Effect::ChangeContact { contact, change });
        }
    }
}

/// What to compare: with a changed key, the two keys and what to do about it.
fn verify(state: &mut State, contact: PeerId, out: &mut Effects) {
    let changed = state
        .contacts
        .get(&contact)
        .is_some_and(|c| c.new_key.is_some());
    if changed {
        state.overlay = Some(Overlay::KeyChanged(contact));
        return;
    }
    state.overlay = Some(Overlay::Verify(contact));
    out.push(Effect::LoadSafety(contact));
}

fn group(state: &mut State, args: &str, out: &mut Effects) {
    match state.contact_named("") {
        Ok(contact) => {
            let change = ContactChange {
                group: Some(args.trim().to_owned()),
                ..ContactChange::default()
            };
            out.push(Effect::ChangeContact { contact, change });
        }
        Err(why) => state.error(why),
    }
}

/// How presences are typed.
const PRESENCES: [(&str, Presence); 4] = [
    ("available", Presence::Available),
    ("away", Presence::Away),
    ("dnd", Presence::DoNotDisturb),
    ("invisible", Presence::Invisible),
];

/// Changes what we tell of ourselves.
fn tell(state: &mut State, action: Action, args: &str, out: &mut Effects) {
    let Some(mut profile) = state.profile.clone() else {
        return state.info("the profile is still being read; try again in a moment");
    };
    let text = args.trim();
    if action == Action::Status {
        text.clone_into(&mut profile.status);
    } else {
        let Some((_, presence)) = PRESENCES.iter().find(|(word, _)| *word == text) else {
            return usage(state, "presence");
        };
        profile.presence = *presence;
    }
    out.push(Effect::SaveProfile(profile));
}

/// Takes our profile as it is now, and says what has changed of what we tell.
pub(super) fn profile_is(state: &mut State, profile: Profile) {
    let Some(before) = state.profile.replace(profile.clone()) else {
        return;
    };
    if before.status != profile.status {
        state.info(match profile.status.as_str() {
            "" => "your contacts see no status".to_owned(),
            status => format!("your contacts see: {status}"),
        });
    }
    if before.presence != profile.presence {
        let word = PRESENCES.iter().find(|(_, p)| *p == profile.presence);
        state.info(format!("you are {}", word.map_or("", |(word, _)| word)));
    }
}

fn msg(state: &mut State, args: &str, out: &mut Effects) {
    let (who, text) = first_word(args);
    if who.is_empty() {
        return usage(state, "msg");
    }
    match state.contact_named(who) {
        Ok(to) => {
            moving::open(state, to, out);
            if !text.is_empty() {
                out.push(Effect::Send {
                    to,
                    text: text.to_owned(),
                    reply_to: None,
                });
            }
        }
        Err(why) => state.error(why),
    }
}

/// Our own link, as text and as a QR code.
fn invite(state: &mut State) {
    let Some(me) = &state.me else { return };
    let link = me.link.to_string();
    let lines = vec![
        "Give this to a friend, over any channel. It is public.".to_owned(),
        String::new(),
        link.clone(),
        String::new(),
        "Your friend types /add and the link. You then get a request to accept.".to_owned(),
    ];
    state.overlay = Some(Overlay::Page(Page {
        title: "YOUR LINK".to_owned(),
        lines,
        qr: Some(link.clone()),
        copy: Some(link),
        scroll: 0,
    }));
}

/// Who we are.
fn myself_page(state: &mut State) {
    let Some(me) = &state.me else { return };
    let mut lines = vec![
        me.name.clone(),
        format!("id        {}", me.peer_id),
        format!("link      {}", me.link),
        format!("key file  {}", me.key_file.display()),
    ];
    lines.extend(me.listen.iter().map(|a| format!("listening {a}")));
    for registry in &me.registries {
        let name = registry.username.as_deref().unwrap_or("nobody");
        let word = registry_word(registry.state);
        lines.push(format!("registry  {} as {name}: {word}", registry.registry));
    }
    let link = me.link.to_string();
    state.overlay = Some(Overlay::Page(Page {
        title: "YOU".to_owned(),
        lines,
        copy: Some(link),
        ..Page::default()
    }));
}

/// Who a contact is.
pub(super) fn whois_page(state: &mut State, id: PeerId) {
    let Some(contact) = state.contacts.get(&id) else {
        return;
    };
    let mut lines = vec![
        contact.alias.clone(),
        format!("calls self  {}", contact.name),
        format!("id          {}", contact.peer_id),
        format!(
            "trust       {}",
            format!("{:?}", contact.trust).to_lowercase()
        ),
        format!(
            "relation    {}",
            format!("{:?}", contact.relation).to_lowercase()
        ),
        format!(
            "now         {}",
            if contact.online { "online" } else { "offline" }
        ),
    ];
    if let Some(path) = contact.path {
        lines.push(format!(
            "path        {}",
            format!("{path:?}").to_lowercase()
        ));
    }
    if let Some(seen) = contact.last_seen {
        let at = time(seen, &state.zone, "%Y-%m-%d %H:%M");
        let passed = match ago(seen, state.now) {
            now if now == "now" => now,
            passed => format!("{passed} ago"),
        };
        lines.push(format!("last linked {at} ({passed})"));
    }
    if contact.waiting > 0 {
        lines.push(format!(
            "waiting     {} messages go out when both are there",
            contact.waiting
        ));
    }
    for seen in &contact.seen_at {
        let says = match seen.online {
            Some(true) => "online",
            Some(false) => "offline",
            None => "says nothing",
        };
        let host = &seen.registry.address().host;
        lines.push(format!("known as    {}@{host}: {says}", seen.username));
    }
    if contact.blocked {
        lines.push("blocked     /unblock takes it back".to_owned());
    }
    let copy = Some(contact.peer_id.to_string());
    state.overlay = Some(Overlay::Page(Page {
        title: "WHO IS THIS".to_owned(),
        lines,
        copy,
        ..Page::default()
    }));
}
