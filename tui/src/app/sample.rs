//! People, messages and calls for tests: always the same.

use jiff::tz::TimeZone;
use twocan_peer::api::{
    AccountInfo, Activation, Call, CallId, CallLevels, CallState, CallStats, Contact,
    ContactRequest, LobbyUser, LoggedCall, Message, MessageState, Page, Path, PublicProfile,
    Reaction, RegistryInfo, RegistryState, Relation, Role, SoundDevice, SoundDevices, Transfer,
    TransferState, Trust, Visibility, WhoAmI,
};
use twocan_proto::identity::{Identity, PeerId};
use twocan_proto::time::Timestamp;
use uuid::Uuid;

use super::audio::SoundSetup;
use super::calls::CallView;
use super::look::Look;
use super::state::State;

/// 2026-11-20 14:02:30 UTC.
pub(crate) const NOW_MS: i64 = 1_795_183_350_000;

/// A moment some milliseconds after [`NOW_MS`].
pub(crate) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(NOW_MS + ms)
}

pub(crate) fn id(seed: u8) -> PeerId {
    Identity::from_seed(&[seed; 32]).peer_id()
}

pub(crate) fn uuid(n: u64) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(n))
}

pub(crate) const ME: u8 = 1;
pub(crate) const BOB: u8 = 2;
pub(crate) const MEI: u8 = 3;
pub(crate) const DANA: u8 = 4;
pub(crate) const SAM: u8 = 5;

pub(crate) fn contact(seed: u8, alias: &str) -> Contact {
    Contact {
        peer_id: id(seed),
        alias: alias.into(),
        name: alias.into(),
        trust: Trust::Verified,
        relation: Relation::Mutual,
        online: true,
        path: Some(Path::Direct),
        unread: 0,
        waiting: 0,
        last_seen: Some(at(0)),
        last_message_at: None,
        blocked: false,
        registry_names: Vec::new(),
        seen_at: Vec::new(),
        read_upto: None,
        new_key: None,
        group: String::new(),
        favourite: false,
        muted: false,
        presence: None,
        status: String::new(),
        fields: std::collections::BTreeMap::new(),
    }
}

/// Message `n` of Bob's conversation, one minute after the one before.
pub(crate) fn message(n: u64, mine: bool, text: &str) -> Message {
    Message {
        id: uuid(n),
        conversation: id(BOB),
        from: id(if mine { ME } else { BOB }),
        mine,
        text: text.into(),
        sent_at: at(-3_600_000 + i64::try_from(n).unwrap_or(0) * 60_000),
        reply_to: None,
        seq: n,
        state: mine.then_some(MessageState::Delivered),
        edited_at: None,
        deleted: false,
        reactions: Vec::new(),
        call: None,
    }
}

pub(crate) fn call(state: CallState) -> Call {
    Call {
        call: call_id(),
        contact: id(DANA),
        outgoing: false,
        state,
        code: None,
        reason: None,
        path: Some(Path::Direct),
        muted: false,
        deafened: false,
        activation: Activation::Continuous,
        talking: false,
        volume: 1.0,
    }
}

pub(crate) fn call_id() -> CallId {
    uuid(9_000)
}

pub(crate) fn stats(n: u32) -> CallStats {
    let wave = (n % 7) as f32;
    CallStats {
        call: call_id(),
        rtt_ms: Some(38.0 + wave * 4.0),
        loss: if n % 20 == 7 { 0.03 } else { 0.002 },
        jitter_ms: 5.0 + wave,
        buffer_ms: 60.0,
        sent_kbps: 31.0,
        received_kbps: 30.0 + wave,
        burst: 1.3,
        unrepaired: 0.001,
        sent_frame_ms: 20.0,
        received_frame_ms: 20.0,
        sending: "moderate: 1 symbol of 5".into(),
        encoder_kbps: 22.8,
        their_loss: Some(0.08),
        their_unrepaired: Some(0.0),
        their_burst: Some(1.1),
        their_jitter_ms: Some(9.0),
        concealed: 0.001,
        recovered: 0.002,
        level_in_db: -17.0,
        level_out_db: -31.0,
        mouth_to_ear_ms: 118.0,
        candidate: Some("host".into()),
        quality: 4.2,
        ..CallStats::default()
    }
}

/// Two microphones and a loudspeaker.
pub(crate) fn sound() -> SoundSetup {
    let device = |id: &str, name: &str, is_default| SoundDevice {
        id: id.into(),
        name: name.into(),
        is_default,
    };
    SoundSetup {
        devices: SoundDevices {
            inputs: vec![
                device("usb-1", "USB Headset Mono", false),
                device("pci-0", "Built-in Analog", true),
            ],
            outputs: vec![device("pci-0", "Built-in Analog", true)],
            input: "device:usb-1".into(),
            output: "default".into(),
        },
        switches: [true, true, false],
        activation: Activation::Continuous,
    }
}

/// Call `n` of the log, with Dana; a minute and a half if it was answered.
pub(crate) fn logged(n: u64, answered: bool) -> LoggedCall {
    let started = at(-4_000_000 + i64::try_from(n).unwrap_or(0) * 300_000);
    let later = |ms| Timestamp::from_millis(started.as_millis() + ms);
    LoggedCall {
        call: logged_id(n),
        contact: id(DANA),
        outgoing: n.is_multiple_of(2),
        started,
        answered: answered.then(|| later(5_000)),
        ended: Some(later(95_000)),
        code: Some(if answered { 200 } else { 408 }),
        reason: (!answered).then(|| "no answer".to_owned()),
        seen: answered || n.is_multiple_of(2),
        path: Some(Path::Direct),
        quality: answered.then_some(4.2),
    }
}

pub(crate) fn logged_id(n: u64) -> CallId {
    uuid(20_000 + n)
}

/// [`busy`], with calls in the log: two were not answered.
pub(crate) fn with_calls(size: (u16, u16), look: Look) -> State {
    let mut state = busy(size, look);
    let mut calls: Vec<_> = [(9, true), (8, false), (7, false), (6, true)]
        .map(|(n, answered)| logged(n, answered))
        .into();
    calls[3].contact = id(BOB);
    state.call_log.take(None, calls);
    state
}

pub(crate) fn levels() -> CallLevels {
    CallLevels {
        in_db: -17.0,
        in_peak_db: -9.0,
        out_db: -31.0,
        out_peak_db: -24.0,
        transmitting: true,
    }
}

pub(crate) fn myself() -> WhoAmI {
    let link = format!(
        "twocan:alice@registry.example.org:7443#{}",
        id(ME).compact()
    );
    WhoAmI {
        peer_id: id(ME),
        name: "alice".into(),
        link: link.parse().expect("a link of our own"),
        listen: vec!["192.168.1.20:7777".parse().expect("an address")],
        registries: Vec::new(),
        key_file: "/home/alice/.local/share/twocan/identity.key".into(),
    }
}

/// Three registries: one that hears us, one that does not answer, one that
/// keeps us out.
pub(crate) fn with_registries(size: (u16, u16), look: Look) -> State {
    let mut state = busy(size, look);
    let known = [
        (
            "https://registry.example.org:7443",
            RegistryState::SignedIn,
            None,
        ),
        (
            "https://climbing.example.net:7443",
            RegistryState::Unreachable,
            None,
        ),
        (
            "https://work.example.com:7443",
            RegistryState::Banned,
            Some("you are banned until 30 Nov: too much noise in the lobby"),
        ),
    ];
    let known = known.map(|(url, state, reason)| RegistryInfo {
        registry: url.parse().expect("a URL"),
        username: Some("alice".into()),
        state,
        reason: reason.map(Into::into),
    });
    if let Some(me) = &mut state.me {
        me.registries = known.into();
    }
    state
}

/// Our account at the first of them.
pub(crate) fn account() -> AccountInfo {
    AccountInfo {
        username: "alice".parse().expect("a name"),
        role: Role::User,
        visibility: Visibility::Contacts,
        email: Some("alice@example.org".parse().expect("an address")),
        phone: None,
        key: Some(id(ME)),
        profile: PublicProfile {
            display_name: Some("Alice from the climbing hall".into()),
            status: None,
            fields: Vec::new(),
        },
        created_at: at(-86_400_000),
    }
}

/// Somebody in a lobby.
pub(crate) fn lobby_user(name: &str, role: Role, online: bool) -> LobbyUser {
    LobbyUser {
        username: name.parse().expect("a name"),
        role,
        online,
        muted: false,
    }
}

/// Nothing but ourselves.
pub(crate) fn empty(size: (u16, u16), look: Look) -> State {
    let mut state = State::new(at(0), TimeZone::UTC, size, look);
    state.me = Some(myself());
    state
}

/// Four contacts, a request and a conversation with Bob that is open.
pub(crate) fn busy(size: (u16, u16), look: Look) -> State {
    let mut state = empty(size, look);
    let mut bob = contact(BOB, "Bob Ortega");
    bob.unread = 2;
    bob.last_message_at = Some(at(-60_000));
    let mut mei = contact(MEI, "Mei Lin");
    mei.unread = 5;
    mei.trust = Trust::Known;
    mei.last_message_at = Some(at(-90_000));
    let mut sam = contact(SAM, "Sam");
    sam.online = false;
    sam.path = None;
    sam.last_seen = Some(at(-3 * 86_400_000));
    for c in [bob, mei, contact(DANA, "Dana"), sam] {
        state.contacts.insert(c.peer_id, c);
    }
    state.contacts_loaded = true;
    state.requests.push(ContactRequest {
        request: uuid(7_000),
        from: "Zoe".into(),
        peer_id: id(6),
        note: "We met at the climbing hall".into(),
        at: at(-600_000),
    });
    let conversation = state.conversations.entry(id(BOB)).or_default();
    conversation.take_page(Page::Newest, chat(), 100);
    conversation.first_unread = Some(uuid(9));
    state.open = Some(id(BOB));
    state
}

fn chat() -> Vec<Message> {
    let mut messages = vec![
        message(1, false, "did you get the draft?"),
        message(
            2,
            true,
            "yes, reading it now\nsecond line of the same message",
        ),
        message(3, true, "and I fixed the typo on page 2"),
        message(
            4,
            false,
            "ok. page 4 has the numbers, and they are rather long, so this message has to wrap at the end of its line at every size of the window https://example.org/p4",
        ),
        message(5, true, "sending you the budget sheet now"),
        message(6, true, "ping?"),
        message(7, true, "this one could not go out"),
        message(8, true, "read already"),
        message(9, false, "call in five?"),
        message(10, false, "\u{2764}\u{fe0f} 你好"),
    ];
    messages[0].sent_at = at(-86_400_000);
    messages[1].sent_at = at(-86_340_000);
    messages[3].reply_to = Some(uuid(2));
    messages[4].state = Some(MessageState::Sent);
    messages[5].state = Some(MessageState::Queued);
    messages[6].state = Some(MessageState::Failed);
    messages[7].state = Some(MessageState::Read);
    messages
}

/// [`busy`], with messages that were edited, deleted, reacted to, and code.
pub(crate) fn changed(size: (u16, u16), look: Look) -> State {
    let mut state = busy(size, look);
    let conversation = state.conversations.entry(id(BOB)).or_default();
    let mut messages = chat();
    messages.truncate(5);
    messages[2].edited_at = Some(at(-1_000_000));
    messages[3].text =
        "see `cargo test`, or\n```\nfn main() {\n    run();\n}\n```\nthat is all".into();
    messages[3].reactions = vec![reaction(ME, "\u{2764}\u{fe0f}"), reaction(BOB, "\u{1f44d}")];
    messages[4].deleted = true;
    messages[4].text.clear();
    conversation.take_page(Page::Newest, messages, 100);
    conversation.first_unread = None;
    state
}

/// [`busy`], with the traces of two calls that nobody took.
pub(crate) fn missed(size: (u16, u16), look: Look) -> State {
    let mut state = busy(size, look);
    let conversation = state.conversations.entry(id(BOB)).or_default();
    let mut messages = chat();
    messages.truncate(6);
    for (index, mine) in [(4, true), (5, false)] {
        messages[index] = Message {
            call: Some(logged_id(index as u64)),
            ..message(index as u64 + 1, mine, "missed call")
        };
    }
    conversation.take_page(Page::Newest, messages, 100);
    conversation.first_unread = None;
    state
}

/// File `n` of Bob's conversation, partly there.
pub(crate) fn transfer(n: u64, name: &str, outgoing: bool) -> Transfer {
    Transfer {
        transfer: uuid(8_000 + n),
        contact: id(BOB),
        outgoing,
        name: name.into(),
        folder: false,
        files: 1,
        size: 182_000,
        done: 117_000,
        rate: 1_200_000,
        eta_s: Some(61),
        state: TransferState::Offered,
        reason: None,
        path: None,
        blake3: None,
        offered_at: at(-60_000),
    }
}

/// [`busy`], with files in several states.
pub(crate) fn files(size: (u16, u16), look: Look) -> State {
    let mut state = busy(size, look);
    let with = |n, name, outgoing, to| Transfer {
        state: to,
        ..transfer(n, name, outgoing)
    };
    let mut done = with(1, "notes.txt", false, TransferState::Done);
    done.path = Some("/home/alice/notes.txt".into());
    done.blake3 = Some("a91f07c3".repeat(8));
    let mut failed = with(2, "old.iso", true, TransferState::Failed);
    failed.reason = Some("the file has changed since it was offered".into());
    let mut paused = with(3, "pictures", false, TransferState::Paused);
    (paused.folder, paused.files, paused.contact) = (true, 14, id(MEI));
    let running = with(4, "trip.mp4", true, TransferState::Running);
    let offered = with(5, "budget.ods", false, TransferState::Offered);
    for t in [done, failed, paused, running, offered] {
        state.transfers.take(t);
    }
    state
}

/// What somebody reacts with.
pub(crate) fn reaction(seed: u8, emoji: &str) -> Reaction {
    Reaction {
        from: id(seed),
        emoji: emoji.into(),
    }
}

/// [`busy`], a minute into a call with Dana.
pub(crate) fn in_call(size: (u16, u16), look: Look) -> State {
    let mut state = busy(size, look);
    let before = at(-64_000);
    let mut connected = call(CallState::Connected);
    connected.outgoing = true;
    state.calls.take(connected, before);
    state.sound = Some(sound());
    if let Some(view) = state.calls.get_mut(call_id()) {
        fill(view);
    }
    state
}

fn fill(view: &mut CallView) {
    for n in 0..60 {
        view.take_stats(stats(n));
    }
    view.take_levels(levels(), at(-200));
}

/// [`busy`], while Dana calls.
pub(crate) fn ringing(size: (u16, u16), look: Look) -> State {
    let mut state = busy(size, look);
    state.sound = Some(sound());
    state.calls.take(call(CallState::Incoming), at(-7_000));
    state
}
