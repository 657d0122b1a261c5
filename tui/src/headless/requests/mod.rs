//! Requests as typed values: every field known, every unknown one refused by
//! name.

mod fields;

use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use twocan_peer::api::{Error, ErrorCode};

pub(super) use fields::*;

use super::lines::{LINE_BYTES, Line};

/// What a line asks for.
#[derive(Debug, PartialEq)]
pub(super) struct Request {
    /// A number or a text, given back with the answer.
    pub(super) id: Value,
    pub(super) ask: Ask,
}

/// A line that asks for nothing that there is.
#[derive(Debug, PartialEq)]
pub(super) struct Refusal {
    /// `null` when the line does not even tell that.
    pub(super) id: Value,
    pub(super) error: Error,
}

/// The three ways in which a request is seen to.
#[derive(Debug, PartialEq)]
pub(super) enum Ask {
    /// Ends the program.
    Quit,
    /// Keeps its place among other messages.
    Send(Send),
    /// Takes the time it takes, beside others.
    Other(Verb),
}

/// The verbs that run side by side. A contact is named by its alias,
/// `name@registry-host`, a unique plain name, or its peer id; ids are texts as
/// events gave them.
#[derive(Debug, PartialEq)]
pub(super) enum Verb {
    WhoAmI,
    SignIn(SignIn),
    SignOut(AtRegistry),
    Account(Account),
    Lobby(Lobby),
    Clients(Clients),
    Contacts,
    ContactAdd(ContactAdd),
    ContactSet(ContactSet),
    ContactRemove(OfContact),
    ContactKey(ContactKey),
    Safety(OfContact),
    Profile(Profile),
    ProfileSet(ProfileSet),
    Nearby,
    Requests,
    Accept(OfRequest),
    Reject(OfRequest),
    Connect(To),
    Disconnect(OfContact),
    Edit(Edit),
    Delete(Delete),
    React(React),
    Revisions(OfMessage),
    Search(Search),
    Export(Export),
    Import(Import),
    MarkRead(MarkRead),
    Typing(Typing),
    History(History),
    Call(To),
    Answer(WithCode),
    Decline(Decline),
    Hangup(WithCode),
    CallSet(CallSet),
    CallStats(OfCall),
    Calls,
    CallLog(CallLog),
    Devices,
    MicTest(MicTest),
    FileSend(FileSend),
    FileAccept(FileAccept),
    FileReject(OfTransfer),
    FilePause(OfTransfer),
    FileResume(OfTransfer),
    FileCancel(OfTransfer),
    Transfers,
    Set(Set),
    Get(Get),
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Reads a line.
///
/// # Errors
/// What is wrong with it, under its id if it has one.
pub(super) fn parse(line: Line) -> Result<Request, Refusal> {
    let mut id = Value::Null;
    parse_fields(line, &mut id)
        .map(|ask| Request {
            id: id.clone(),
            ask,
        })
        .map_err(|error| Refusal { id, error })
}

fn parse_fields(line: Line, id: &mut Value) -> Result<Ask, Error> {
    let bytes = match line {
        Line::Bytes(bytes) => bytes,
        Line::TooLong => {
            return Err(Error::new(
                ErrorCode::TooLarge,
                format!("a request has at most {LINE_BYTES} bytes"),
            ));
        }
    };
    let Fields(mut fields) = serde_json::from_slice(&bytes)
        .map_err(|error| bad(format!("a request is one JSON object on one line: {error}")))?;
    match fields.remove("id") {
        Some(given @ (Value::Number(_) | Value::String(_))) => *id = given,
        _ => return Err(bad("a request has an id: give a number, such as \"id\": 1")),
    }
    let Some(Value::String(verb)) = fields.remove("do") else {
        return Err(bad(
            "a request says what to do: give a verb, such as \"do\": \"whoami\"",
        ));
    };
    if ABOUT_MESSAGES.contains(&verb.as_str()) && !fields.contains_key(MESSAGE) && id.is_string() {
        fields.insert(MESSAGE.to_owned(), id.clone());
    }
    ask(&verb, fields)
}

/// Verbs about one message. The contract calls its id `id`, as the request's
/// own: it may be given as `message`, as a second `id` after the request's,
/// or as the one `id` of both.
const ABOUT_MESSAGES: &[&str] = &["edit", "delete", "react", "revisions"];
const MESSAGE: &str = "message";

/// The fields of a line. A second `id` is the one of a message.
struct Fields(Map<String, Value>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Map::new();
        while let Some((key, value)) = map.next_entry::<String, Value>()? {
            let second = key == "id" && fields.contains_key("id");
            fields.insert(if second { MESSAGE.to_owned() } else { key }, value);
        }
        Ok(Fields(fields))
    }
}

fn ask(verb: &str, fields: Map<String, Value>) -> Result<Ask, Error> {
    Ok(Ask::Other(match verb {
        "quit" => return none(verb, fields, Ask::Quit),
        "send" => return typed(verb, fields).map(Ask::Send),
        "whoami" => none(verb, fields, Verb::WhoAmI)?,
        "sign_in" => Verb::SignIn(typed(verb, fields)?),
        "sign_out" => Verb::SignOut(typed(verb, fields)?),
        "account" => Verb::Account(typed(verb, fields)?),
        "lobby" => Verb::Lobby(typed(verb, fields)?),
        "clients" => Verb::Clients(typed(verb, fields)?),
        "contacts" => none(verb, fields, Verb::Contacts)?,
        "contact_add" => Verb::ContactAdd(typed(verb, fields)?),
        "contact_set" => Verb::ContactSet(typed(verb, fields)?),
        "contact_remove" => Verb::ContactRemove(typed(verb, fields)?),
        "contact_key" => Verb::ContactKey(typed(verb, fields)?),
        "safety" => Verb::Safety(typed(verb, fields)?),
        "profile" => Verb::Profile(typed(verb, fields)?),
        "profile_set" => Verb::ProfileSet(typed(verb, fields)?),
        "nearby" => none(verb, fields, Verb::Nearby)?,
        "requests" => none(verb, fields, Verb::Requests)?,
        "accept" => Verb::Accept(typed(verb, fields)?),
        "reject" => Verb::Reject(typed(verb, fields)?),
        "connect" => Verb::Connect(typed(verb, fields)?),
        "disconnect" => Verb::Disconnect(typed(verb, fields)?),
        "edit" => Verb::Edit(typed(verb, fields)?),
        "delete" => Verb::Delete(typed(verb, fields)?),
        "react" => Verb::React(typed(verb, fields)?),
        "revisions" => Verb::Revisions(typed(verb, fields)?),
        "search" => Verb::Search(typed(verb, fields)?),
        "export" => Verb::Export(typed(verb, fields)?),
        "import" => Verb::Import(typed(verb, fields)?),
        "mark_read" => Verb::MarkRead(typed(verb, fields)?),
        "typing" => Verb::Typing(typed(verb, fields)?),
        "history" => Verb::History(typed(verb, fields)?),
        "call" => Verb::Call(typed(verb, fields)?),
        "answer" => Verb::Answer(typed(verb, fields)?),
        "decline" => Verb::Decline(typed(verb, fields)?),
        "hangup" => Verb::Hangup(typed(verb, fields)?),
        "call_set" => Verb::CallSet(typed(verb, fields)?),
        "calls" => none(verb, fields, Verb::Calls)?,
        "devices" => none(verb, fields, Verb::Devices)?,
        "mic_test" => Verb::MicTest(typed(verb, fields)?),
        "call_stats" => Verb::CallStats(typed(verb, fields)?),
        "call_log" => Verb::CallLog(typed(verb, fields)?),
        "file_send" => Verb::FileSend(typed(verb, fields)?),
        "file_accept" => Verb::FileAccept(typed(verb, fields)?),
        "file_reject" => Verb::FileReject(typed(verb, fields)?),
        "file_pause" => Verb::FilePause(typed(verb, fields)?),
        "file_resume" => Verb::FileResume(typed(verb, fields)?),
        "file_cancel" => Verb::FileCancel(typed(verb, fields)?),
        "transfers" => none(verb, fields, Verb::Transfers)?,
        "set" => Verb::Set(typed(verb, fields)?),
        "get" => Verb::Get(typed(verb, fields)?),
        _ => return Err(bad(format!("there is no verb {verb:?}"))),
    }))
}

fn typed<T: DeserializeOwned>(verb: &str, fields: Map<String, Value>) -> Result<T, Error> {
    T::deserialize(Value::Object(fields)).map_err(|error| bad(format!("{verb}: {error}")))
}

fn none<T>(verb: &str, fields: Map<String, Value>, ask: T) -> Result<T, Error> {
    typed::<Nothing>(verb, fields).map(|Nothing {}| ask)
}

/// The request itself is wrong.
pub(super) fn bad(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::BadRequest, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn parsed(line: &str) -> Result<Request, Refusal> {
        parse(Line::Bytes(line.as_bytes().to_vec()))
    }

    #[test]
    fn a_message_is_named_in_three_ways() {
        for line in [
            r#"{"id": 7, "do": "edit", "message": "m", "text": "t"}"#,
            r#"{"id": 7, "do": "edit", "id": "m", "text": "t"}"#,
            r#"{"id": "m", "do": "edit", "text": "t"}"#,
        ] {
            let edit = Edit {
                message: "m".into(),
                text: "t".into(),
            };
            assert_eq!(
                parsed(line).unwrap().ask,
                Ask::Other(Verb::Edit(edit)),
                "{line}"
            );
        }
        let refused = parsed(r#"{"id": 7, "do": "edit", "text": "t"}"#).unwrap_err();
        assert!(
            refused.error.message.contains("message"),
            "{}",
            refused.error.message
        );
    }

    #[test]
    fn a_request_with_all_its_fields() {
        let line = r#"{"id": 7, "do": "send", "to": "bob", "text": "hi", "client_id": "c"}"#;
        let send = Send {
            to: "bob".to_owned(),
            text: "hi".to_owned(),
            reply_to: None,
            client_id: Some("c".to_owned()),
        };
        let expected = Request {
            id: json!(7),
            ask: Ask::Send(send),
        };
        assert_eq!(parsed(line), Ok(expected));
    }

    #[test]
    fn what_is_wrong_is_named_under_the_id() {
        for (line, id, named) in [
            ("this is not JSON", json!(null), "JSON"),
            ("", json!(null), "JSON"),
            ("[1]", json!(null), "JSON"),
            (r#"{"do": "whoami"}"#, json!(null), "id"),
            (r#"{"id": [1], "do": "whoami"}"#, json!(null), "id"),
            (r#"{"id": 1}"#, json!(1), "do"),
            (r#"{"id": 1, "do": "dance"}"#, json!(1), "dance"),
            (r#"{"id": 1, "do": "lobby", "to": "b"}"#, json!(1), "action"),
            (
                r#"{"id": 1, "do": "profile_set", "presence": "asleep"}"#,
                json!(1),
                "asleep",
            ),
            (
                r#"{"id": 1, "do": "contact_key", "contact": "b", "decision": "maybe"}"#,
                json!(1),
                "maybe",
            ),
            (
                r#"{"id": "a", "do": "whoami", "txet": 1}"#,
                json!("a"),
                "txet",
            ),
            (r#"{"id": 1, "do": "quit", "now": true}"#, json!(1), "now"),
            (r#"{"id": 1, "do": "send", "to": "b"}"#, json!(1), "text"),
            (
                r#"{"id": 1, "do": "send", "to": "b", "text": "t", "txet": "t"}"#,
                json!(1),
                "txet",
            ),
            (
                r#"{"id": 1, "do": "typing", "to": "b", "on": "yes"}"#,
                json!(1),
                "yes",
            ),
        ] {
            let refusal = parsed(line).unwrap_err();
            assert_eq!(refusal.id, id, "{line}");
            assert_eq!(refusal.error.code, ErrorCode::BadRequest, "{line}");
            assert!(
                refusal.error.message.contains(named),
                "{line}: {}",
                refusal.error
            );
        }
    }

    #[test]
    fn a_password_does_not_print_itself() {
        let line = r#"{"id": 1, "do": "sign_in", "registry": "https://r", "username": "u", "password": "hunter2"}"#;
        assert!(!format!("{:?}", parsed(line).unwrap()).contains("hunter2"));
    }

    proptest! {
        #[test]
        fn any_line_is_answered(line in any::<Vec<u8>>()) {
            prop_assert!(parse(Line::Bytes(line)).is_err());
        }
    }
}
