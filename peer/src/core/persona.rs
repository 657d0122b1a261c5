//! Who we are to our contacts, and who they say they are: the profile, and
//! how somebody wants to be found.
//!
//! A profile goes to contacts alone, when a link comes up, when somebody
//! becomes a contact, and when it changes. Whoever is invisible says so to her
//! contacts' programs, which show her as offline; she is told to no registry
//! and no local network.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use twocan_proto::body::{self, Body, Presence};
use twocan_proto::identity::PeerId;
use twocan_proto::{limits, text};

use super::Core;
use crate::api::{Error, ErrorCode, Event, NoticeLevel, Profile, Relation};
use crate::store::settings;

/// Under this key the profile is kept, beside the name.
const STORED: &str = "profile";
/// Lines about people who come and go, and in how long; when more happen, the
/// list shows them and nobody is told one by one.
const COMINGS: (u32, std::time::Duration) = (20, std::time::Duration::from_secs(60));

/// What we tell of ourselves beside our name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Persona {
    pub(super) status: String,
    pub(super) presence: Presence,
    pub(super) fields: BTreeMap<String, String>,
}

impl Core {
    pub(super) async fn load_persona(&mut self) -> Result<(), Error> {
        let stored = self.store.run(|db| settings::get(db, STORED)).await?;
        // Written by nobody but us; a hand that broke it loses no more.
        self.persona = stored
            .and_then(|value| serde_json::from_value(value).ok())
            .unwrap_or_default();
        self.registries.be_visible(self.is_seen());
        Ok(())
    }

    pub(super) fn own_profile(&self) -> Profile {
        let Persona {
            status,
            presence,
            fields,
        } = self.persona.clone();
        Profile {
            name: self.name.clone(),
            status,
            presence,
            fields,
        }
    }

    /// Whether contacts may be shown that we are there.
    pub(super) fn is_seen(&self) -> bool {
        self.persona.presence != Presence::Invisible
    }

    pub(super) async fn set_profile(&mut self, profile: Profile) -> Result<(), Error> {
        let persona = checked(&profile)?;
        if profile.name != self.name {
            self.keep_name(&profile.name).await?;
        }
        let value = serde_json::json!(persona);
        self.store
            .run(move |db| settings::set(db, STORED, &value))
            .await?;
        self.persona = persona;
        self.registries.be_visible(self.is_seen());
        self.tell_all().await;
        Ok(())
    }

    /// Tells everybody who may know what we tell of ourselves now.
    pub(super) async fn tell_all(&mut self) {
        let peers: Vec<PeerId> = self.contacts.iter().map(|entry| entry.saved.peer).collect();
        for peer in peers {
            self.tell_profile(peer);
        }
        self.search_nearby().await;
    }

    /// Tells a contact who we are, if both have said yes and she is there.
    pub(super) fn tell_profile(&mut self, peer: PeerId) {
        let both = self
            .contacts
            .get(peer)
            .is_some_and(|entry| entry.saved.relation == Relation::Mutual);
        if !both || !self.contacts.welcomes(peer) {
            return;
        }
        let Profile {
            name,
            status,
            presence,
            fields,
        } = self.own_profile();
        let profile = body::Profile {
            name,
            status,
            presence,
            fields,
        };
        self.say(peer, Body::Profile(profile));
    }

    /// A contact tells who she is.
    pub(super) async fn on_profile(&mut self, peer: PeerId, profile: body::Profile) {
        let now = Instant::now();
        let Some(entry) = self.contacts.get_mut(peer) else {
            return;
        };
        let window = limits::PROFILE_WINDOW;
        if !entry.profiles.admit(now, limits::PROFILES, window) {
            tracing::info!(peer = %peer.short(), "a contact changes her profile too often");
            return;
        }
        let chosen = Some(profile.presence);
        let was = std::mem::replace(&mut entry.chosen, chosen);
        let name = text::name(&profile.name, limits::NAME_BYTES);
        let before = entry.saved.clone();
        let changed = self
            .change_contact(peer, |saved| {
                if !name.is_empty() {
                    saved.name = name;
                }
                saved.status = text::line(&profile.status);
                saved.fields = shown_fields(&profile.fields);
            })
            .await;
        match changed {
            Err(error) => tracing::error!(%error, "a contact's profile could not be kept"),
            // Told already, if anything of it is on disk.
            Ok(()) if was == chosen => {}
            Ok(()) if self.contacts.get(peer).is_some_and(|e| e.saved == before) => {
                self.emit_contact(peer);
            }
            Ok(()) => {}
        }
    }

    /// One line for somebody who came or went, if that is news.
    pub(super) fn tell_coming(&mut self, peer: PeerId, online: bool) {
        let Some(entry) = self.contacts.get_mut(peer) else {
            return;
        };
        let before = entry.was_online.replace(online);
        let why = entry.farewell.take();
        let quiet = entry.saved.muted
            || entry.saved.blocked
            || entry.saved.relation != Relation::Mutual
            || entry.saved.new_key.is_some();
        if quiet || before.is_none_or(|before| before == online) {
            return;
        }
        let alias = &entry.saved.alias;
        let text = match (online, why) {
            (true, _) => format!("{alias} came online"),
            (false, Some(why)) => format!("{alias} went offline: {why}"),
            (false, None) => format!("{alias} went offline"),
        };
        let (most, length) = COMINGS;
        if self.comings.admit(Instant::now(), most, length) {
            self.emit(Event::Notice {
                level: NoticeLevel::Info,
                text,
            });
        }
    }
}

/// A contact's fields, made safe to show; those without a name are left out.
fn shown_fields(fields: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let shown = fields.iter().map(|(name, value)| {
        let name = text::name(name, limits::FIELD_NAME_BYTES);
        (name, text::line(value))
    });
    shown.filter(|(name, _)| !name.is_empty()).collect()
}

/// What is to be kept of a profile of ours. White space at the ends and what
/// could not be shown is left out; what is too long or nameless is refused.
fn checked(profile: &Profile) -> Result<Persona, Error> {
    let bad = |text: String| Error::new(ErrorCode::BadRequest, text);
    let too_large = |text: String| Error::new(ErrorCode::TooLarge, text);
    let status = text::line(&profile.status);
    if status.len() > limits::STATUS_BYTES {
        let most = limits::STATUS_BYTES;
        return Err(too_large(format!("a status has at most {most} bytes")));
    }
    if profile.fields.len() > limits::PROFILE_FIELDS {
        let most = limits::PROFILE_FIELDS;
        return Err(too_large(format!("a profile has at most {most} fields")));
    }
    for (name, value) in &profile.fields {
        let shown = text::name(name, limits::FIELD_NAME_BYTES);
        if shown.is_empty() || shown != *name {
            let most = limits::FIELD_NAME_BYTES;
            return Err(bad(format!(
                "the name of a profile field has 1 to {most} bytes of plain text"
            )));
        }
        if value.len() > limits::FIELD_BYTES {
            let most = limits::FIELD_BYTES;
            return Err(too_large(format!(
                "the profile field {shown} has more than {most} bytes"
            )));
        }
    }
    Ok(Persona {
        status,
        presence: profile.presence,
        fields: shown_fields(&profile.fields),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(fields: &[(&str, &str)]) -> Profile {
        Profile {
            fields: fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            ..Profile::default()
        }
    }

    #[test]
    fn what_is_too_much_or_nameless_is_refused() {
        let long = "x".repeat(limits::FIELD_BYTES + 1);
        for (profile, code) in [
            (with(&[("", "x")]), ErrorCode::BadRequest),
            (with(&[(" a ", "x")]), ErrorCode::BadRequest),
            (with(&[("a\u{1b}", "x")]), ErrorCode::BadRequest),
            (with(&[("a", &long)]), ErrorCode::TooLarge),
            (
                Profile {
                    status: "x".repeat(limits::STATUS_BYTES + 1),
                    ..Profile::default()
                },
                ErrorCode::TooLarge,
            ),
        ] {
            assert_eq!(checked(&profile).unwrap_err().code, code, "{profile:?}");
        }
        let kept = checked(&with(&[("mail", " a@b\u{202e}\n")])).unwrap();
        assert_eq!(kept.fields["mail"], "a@b");
    }
}
