//! The export that twocan itself can read: one JSON document, one message a
//! line.
//!
//! ```json
//! {"format": "twocan conversations", "version": 1, "me": "...", "name": "...",
//!  "conversations": [
//! {"peer": "...", "alias": "...", "messages": [
//! {"id": "...", "mine": true, "text": "...", "sent_at": "..."}
//! ]}
//! ]}
//! ```

use std::fmt;
use std::io::{self, BufRead, Write};

use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::json;
use twocan_proto::identity::PeerId;

use super::{Form, Owner, Talk};
use crate::api::Exported;

const FORMAT: &str = "twocan conversations";
const VERSION: u64 = 1;

#[derive(Debug)]
pub(super) struct Json {
    me: PeerId,
    name: String,
    first_talk: bool,
    first_message: bool,
}

impl Json {
    pub(super) fn new(owner: &Owner) -> Self {
        Self {
            me: owner.me,
            name: owner.name.clone(),
            first_talk: true,
            first_message: true,
        }
    }
}

fn separator(first: &mut bool) -> &'static str {
    if std::mem::take(first) { "\n" } else { ",\n" }
}

impl Form for Json {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let (me, name) = (json!(self.me), json!(self.name));
        write!(
            out,
            r#"{{"format": "{FORMAT}", "version": {VERSION}, "me": {me}, "name": {name}, "conversations": ["#
        )
    }

    fn begin_talk(&mut self, out: &mut dyn Write, talk: &Talk) -> io::Result<()> {
        let (peer, alias) = (json!(talk.peer), json!(talk.alias));
        let separator = separator(&mut self.first_talk);
        self.first_message = true;
        write!(
            out,
            r#"{separator}{{"peer": {peer}, "alias": {alias}, "messages": ["#
        )
    }

    fn message(&mut self, out: &mut dyn Write, message: &Exported) -> io::Result<()> {
        out.write_all(separator(&mut self.first_message).as_bytes())?;
        serde_json::to_writer(out, message).map_err(io::Error::from)
    }

    fn end_talk(&mut self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"\n]}")
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"\n]}\n")
    }
}

/// Where messages go as they are read.
pub(super) trait Sink {
    /// Who the reader is now: reactions of the one who exported become hers.
    fn me(&self) -> PeerId;
    fn message(&mut self, peer: PeerId, message: Exported) -> Result<(), String>;
    fn end_talk(&mut self, peer: PeerId) -> Result<(), String>;
}

/// Reads an export and gives its messages to `sink`, one by one.
pub(super) fn read(input: impl BufRead, sink: &mut impl Sink) -> Result<(), serde_json::Error> {
    let mut json = serde_json::Deserializer::from_reader(input);
    Document { sink }.deserialize(&mut json)?;
    json.end()
}

struct Document<'a, S> {
    sink: &'a mut S,
}

impl<'de, S: Sink> DeserializeSeed<'de> for Document<'_, S> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de, S: Sink> Visitor<'de> for Document<'_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an export of conversations")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (mut format, mut version, mut exporter) = (None::<String>, None::<u64>, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "format" => format = Some(map.next_value()?),
                "version" => version = Some(map.next_value()?),
                "me" => exporter = Some(map.next_value::<PeerId>()?),
                "conversations" => {
                    let known = (format.as_deref(), version) == (Some(FORMAT), Some(VERSION));
                    let (true, Some(exporter)) = (known, exporter) else {
                        return Err(A::Error::custom(
                            "it does not begin with the format, version and owner that this version knows",
                        ));
                    };
                    map.next_value_seed(Talks {
                        sink: self.sink,
                        exporter,
                    })?;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        match format.as_deref() {
            Some(FORMAT) => Ok(()),
            _ => Err(A::Error::custom("it is some other JSON")),
        }
    }
}

struct Talks<'a, S> {
    sink: &'a mut S,
    exporter: PeerId,
}

impl<'de, S: Sink> DeserializeSeed<'de> for Talks<'_, S> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de, S: Sink> Visitor<'de> for Talks<'_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of conversations")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<(), A::Error> {
        while all
            .next_element_seed(OneTalk {
                sink: &mut *self.sink,
                exporter: self.exporter,
            })?
            .is_some()
        {}
        Ok(())
    }
}

struct OneTalk<'a, S> {
    sink: &'a mut S,
    exporter: PeerId,
}

impl<'de, S: Sink> DeserializeSeed<'de> for OneTalk<'_, S> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de, S: Sink> Visitor<'de> for OneTalk<'_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a conversation")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut peer = None;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "peer" => peer = Some(map.next_value::<PeerId>()?),
                "messages" => {
                    let peer = peer.ok_or_else(|| {
                        A::Error::custom("a conversation has to say its peer before its messages")
                    })?;
                    map.next_value_seed(Messages {
                        sink: &mut *self.sink,
                        peer,
                        exporter: self.exporter,
                    })?;
                    self.sink.end_talk(peer).map_err(A::Error::custom)?;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

struct Messages<'a, S> {
    sink: &'a mut S,
    peer: PeerId,
    exporter: PeerId,
}

impl<'de, S: Sink> DeserializeSeed<'de> for Messages<'_, S> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de, S: Sink> Visitor<'de> for Messages<'_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of messages")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<(), A::Error> {
        while let Some(One(mut message)) = all.next_element()? {
            let me = self.sink.me();
            for reaction in &mut message.reactions {
                if reaction.from == self.exporter {
                    reaction.from = me;
                }
            }
            self.sink
                .message(self.peer, message)
                .map_err(A::Error::custom)?;
        }
        Ok(())
    }
}

/// A message within the limits of one that came over a link.
struct One(Exported);

impl<'de> Deserialize<'de> for One {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        let message = Exported::deserialize(json)?;
        let most = twocan_proto::limits::TEXT_BYTES;
        let texts = message.revisions.iter().map(|revision| &revision.text);
        if texts.chain([&message.text]).any(|text| text.len() > most) {
            return Err(D::Error::custom(format!(
                "message {} is longer than {most} bytes",
                message.id
            )));
        }
        Ok(Self(message))
    }
}
