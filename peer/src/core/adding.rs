//! Adding somebody: what people type, and what becomes of it.

use twocan_proto::address::Address;
use twocan_proto::api::Username;
use twocan_proto::identity::PeerId;
use twocan_proto::limits;
use twocan_proto::link::{ContactLink, Place};
use twocan_proto::text;

use super::command::answer;
use super::contacts::NewContact;
use super::dialling::Purpose;
use super::{Core, Reply};
use crate::api::{Contact, Error, ErrorCode, Trust};

impl Core {
    /// Adds whoever is meant: a link, `name@registry`, an address or a name.
    pub(super) async fn contact_add(&mut self, who: &str, note: &str, reply: Reply<Contact>) {
        let note = text::line(note);
        if note.len() > limits::NOTE_BYTES {
            let most = limits::NOTE_BYTES;
            return answer(
                reply,
                Err(Error::new(
                    ErrorCode::TooLarge,
                    format!("a note has at most {most} bytes"),
                )),
            );
        }
        match Who::parse(who) {
            Ok(Who::Link(link)) => match link.place {
                Place::Direct(address) => {
                    let result = self.add_direct(link.key, address, note).await;
                    answer(reply, result);
                }
                Place::Registry { username, registry } => {
                    self.look_up(&username, Some(&registry), Some(link.key), note, reply);
                }
            },
            Ok(Who::AtRegistry { username, registry }) => {
                self.look_up(&username, Some(&registry), None, note, reply)
            }
            Ok(Who::Name(username)) => self.look_up(&username, None, None, note, reply),
            Ok(Who::At(address)) => self.dial_stranger(address, Purpose::Add { note, reply }),
            Err(error) => answer(reply, Err(error)),
        }
    }

    async fn add_direct(
        &mut self,
        peer: PeerId,
        address: Address,
        note: String,
    ) -> Result<Contact, Error> {
        let contact = NewContact {
            wanted_alias: peer.short(),
            trust: Trust::Verified,
            note,
            addresses: vec![address],
            ..NewContact::asked(peer)
        };
        let contact = self.make_contact(contact).await?;
        self.ask_again(peer);
        Ok(contact)
    }
}

/// What a user may type to say who is to be added.
#[derive(Debug, PartialEq)]
enum Who {
    Link(ContactLink),
    AtRegistry {
        username: Username,
        registry: Address,
    },
    At(Address),
    Name(Username),
}

impl Who {
    fn parse(who: &str) -> Result<Self, Error> {
        let who = who.trim();
        let bad = |error: String| Error::new(ErrorCode::BadRequest, error);
        if who.starts_with("twocan:") {
            return who
                .parse()
                .map(Self::Link)
                .map_err(|error: twocan_proto::link::LinkError| bad(error.to_string()));
        }
        if let Some((username, registry)) = who.split_once('@') {
            let username = username
                .parse()
                .map_err(|error| bad(format!("before the @ comes a name: {error}")))?;
            let registry = registry
                .parse()
                .map_err(|error| bad(format!("after the @ comes a registry: {error}")))?;
            return Ok(Self::AtRegistry { username, registry });
        }
        if !who.contains([':', '.'])
            && let Ok(name) = who.parse()
        {
            return Ok(Self::Name(name));
        }
        who.parse().map(Self::At).map_err(|error| {
            bad(format!(
                "type a name, name@registry, a contact link or HOST:PORT ({error})"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_to_add_somebody() {
        assert_eq!(
            Who::parse("anna").unwrap(),
            Who::Name("anna".parse().unwrap())
        );
        assert_eq!(
            Who::parse("10.0.0.7").unwrap(),
            Who::At("10.0.0.7".parse().unwrap())
        );
        assert_eq!(
            Who::parse("anna:7777").unwrap(),
            Who::At("anna:7777".parse().unwrap())
        );
        assert_eq!(
            Who::parse("anna.local").unwrap(),
            Who::At("anna.local".parse().unwrap())
        );
        assert_eq!(Who::parse("::1").unwrap(), Who::At("::1".parse().unwrap()));
        let at = Who::AtRegistry {
            username: "anna".parse().unwrap(),
            registry: "r.org".parse().unwrap(),
        };
        assert_eq!(Who::parse("anna@r.org").unwrap(), at);
        for wrong in ["", "a b", "twocan:x", "@r.org", "anna@", "h:99999"] {
            assert_eq!(
                Who::parse(wrong).unwrap_err().code,
                ErrorCode::BadRequest,
                "{wrong}"
            );
        }
    }
}
