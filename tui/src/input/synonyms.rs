//! What commands are called in other programs: whoever comes from one of them
//! types that first.

use super::action::Info;

/// Commands with the words that IRC clients and messengers have for them.
const SYNONYMS: &[(&str, &[&str])] = &[
    ("activation", &["vox"]),
    ("add", &["friend", "request"]),
    ("answer", &["pickup"]),
    ("audio", &["device", "devices", "microphone", "speaker"]),
    ("block", &["ban", "ignore"]),
    ("call", &["dial", "phone", "ring", "voip"]),
    (
        "clients",
        &["directory", "find", "list", "online", "users", "who"],
    ),
    (
        "contacts",
        &["buddies", "friends", "names", "people", "roster"],
    ),
    ("deafen", &["deaf"]),
    ("file", &["attach", "dcc", "send", "upload"]),
    ("get", &["download", "receive", "save"]),
    ("hangup", &["end", "hang", "leave"]),
    ("help", &["h", "man", "usage"]),
    ("invite", &["card", "myid", "qr", "share"]),
    ("lobby", &["channel", "join", "room"]),
    ("log", &["debug", "errors"]),
    ("mictest", &["loopback", "test"]),
    ("msg", &["dm", "pm", "say", "tell", "whisper"]),
    ("nick", &["name", "rename"]),
    ("open", &["chat", "query", "switch", "window"]),
    ("presence", &["away", "back", "busy", "dnd", "invisible"]),
    ("quit", &["bye", "exit", "q"]),
    ("react", &["emoji", "like"]),
    ("reject", &["deny"]),
    ("remove", &["unfriend"]),
    ("search", &["grep", "history", "lastlog"]),
    ("set", &["config", "options", "preferences", "settings"]),
    ("signin", &["login", "register", "server", "signup"]),
    ("signout", &["logoff", "logout"]),
    ("silence", &["snooze"]),
    ("stats", &["latency", "ping", "quality"]),
    ("theme", &["colors", "colours"]),
    ("verify", &["fingerprint", "trust"]),
    ("whois", &["info", "whoami"]),
];

/// What other programs call a command of this table's entry; nothing for what
/// is no command.
pub(crate) fn of(info: &Info) -> &'static [&'static str] {
    let name = info.command.map(|command| command.name);
    let own = SYNONYMS.iter().find(|(command, _)| Some(*command) == name);
    own.map_or(&[], |(_, words)| words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::action::commands;

    #[test]
    fn every_word_leads_to_a_command_and_is_none_itself() {
        let names: Vec<_> = commands().map(|(command, _)| command.name).collect();
        for (command, words) in SYNONYMS {
            assert!(names.contains(command), "{command}");
            assert!(!words.is_empty(), "{command}");
            for word in *words {
                assert!(!names.contains(word), "{word}");
            }
        }
    }
}
