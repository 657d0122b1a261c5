//! What registries know of others: look-ups to add somebody, the directory,
//! and what becomes of a name that shows another key.

use twocan_proto::address::Address;
use twocan_proto::api::{ClientInfo, ClientList, Username};
use twocan_proto::identity::PeerId;
use twocan_proto::registry_url::RegistryUrl;
use twocan_proto::text;

use super::asking::{Asked, Said, ask_all};
use super::command::answer;
use super::contacts::NewContact;
use super::registries::RegistryReport;
use super::{Core, Reply, Report};
use crate::api::{
    Contact, Directory, DirectoryEntry, DirectoryQuery, Error, ErrorCode, Silent, Trust,
};
use crate::clock;
use crate::registry::{ListQuery, RegistryClient};
use crate::store::contacts::{self as table, RegistryName};

/// Rows of a directory when the asker names no number.
const ROWS: usize = 100;

/// Somebody who is being looked up.
#[derive(Debug)]
pub(crate) struct Wanted {
    username: Username,
    key: Option<PeerId>,
    note: String,
}

impl Core {
    /// What a registry says of somebody whom we know by that name.
    pub(super) async fn on_client_info(
        &mut self,
        url: &RegistryUrl,
        name: &Username,
        info: Option<ClientInfo>,
    ) {
        let named = |known: &RegistryName| {
            known.registry.base() == url.base()
                && known.username.eq_ignore_ascii_case(name.as_str())
        };
        let Some(entry) = self
            .contacts
            .iter_mut()
            .find(|entry| entry.names.iter().any(named))
        else {
            return;
        };
        let peer = entry.saved.peer;
        let shown_key = info.as_ref().and_then(|info| info.key);
        if let Some(new) = shown_key.filter(|key| *key != peer) {
            // Whoever is there is not she.
            entry.presence.remove(url);
            return self.key_changed(peer, new).await;
        }
        let online = info.as_ref().is_some_and(|info| info.online);
        let before = entry.presence.insert(url.clone(), online);
        let Some(info) = info.filter(|info| info.online) else {
            return if before == Some(true) {
                self.emit_contact(peer)
            };
        };
        if let Ok(address) = info.host.parse::<Address>() {
            let now = clock::now();
            if let Err(error) = self
                .store
                .run(move |db| table::save_address(db, peer, &address, now))
                .await
            {
                tracing::warn!(%error, "an address could not be kept");
            }
        }
        if before != Some(true) {
            self.emit_contact(peer);
            self.hurry(peer);
        }
    }

    /// Looks somebody up to add her: at one registry, or at all side by side.
    pub(super) fn look_up(
        &self,
        username: &Username,
        at: Option<&Address>,
        key: Option<PeerId>,
        note: String,
        reply: Reply<Contact>,
    ) {
        let mut asked = self.registries.to_ask(at);
        if let (true, Some(address)) = (asked.is_empty(), at) {
            // One that we have no account at may answer all the same.
            let url = RegistryUrl::new(address, None);
            match RegistryClient::new(&url) {
                Ok(client) => asked.push(Asked {
                    url,
                    client,
                    is_down: false,
                }),
                Err(error) => return answer(reply, Err(error)),
            }
        }
        if asked.is_empty() {
            let name = username.as_str();
            return answer(
                reply,
                Err(Error::new(
                    ErrorCode::NotFound,
                    format!(
                        "you are signed in to no registry that could know {name}: sign in, or give an address as HOST:PORT"
                    ),
                )),
            );
        }
        let wanted = Wanted {
            username: username.clone(),
            key,
            note,
        };
        let reports = self.reports.clone();
        tokio::spawn(async move {
            let Wanted { username, key, .. } = &wanted;
            let ask = |client: RegistryClient| async move { client.client(username, *key).await };
            let is_she = |info: &ClientInfo| key.is_some() && info.key == *key;
            let said = ask_all(asked, ask, is_she).await;
            let report = RegistryReport::LookedUp {
                wanted,
                said,
                reply,
            };
            let _ended = reports.send(Report::Registry(report)).await;
        });
    }

    pub(super) async fn on_looked_up(
        &mut self,
        wanted: Wanted,
        said: Vec<Said<ClientInfo>>,
    ) -> Result<Contact, Error> {
        let mut found = Vec::new();
        let mut error = None;
        for (url, result) in said {
            match result {
                Ok(info) => found.push((url, info)),
                Err(refused) if refused.code != ErrorCode::NotFound => error = Some(refused),
                Err(_) => {}
            }
        }
        let name = wanted.username.as_str();
        let (peer, found) = choose(name, found, wanted.key, error)?;
        if peer == self.me {
            return Err(Error::new(ErrorCode::BadRequest, "that is yourself"));
        }
        for (url, _) in &found {
            self.check_remembered(url, name, peer).await?;
        }
        let addresses = found.iter().filter_map(|(_, info)| info.host.parse().ok());
        let registry_names = found.iter().map(|(url, info)| RegistryName {
            registry: url.clone(),
            username: info.username.as_str().to_owned(),
            peer,
        });
        let new = NewContact {
            wanted_alias: found
                .first()
                .map_or(name, |(_, info)| info.username.as_str())
                .to_owned(),
            trust: if wanted.key.is_some() {
                Trust::Verified
            } else {
                Trust::Known
            },
            note: wanted.note,
            addresses: addresses.collect(),
            registry_names: registry_names.collect(),
            ..NewContact::asked(peer)
        };
        self.make_contact(new).await?;
        if let Some(entry) = self.contacts.get_mut(peer) {
            let said = found.into_iter().map(|(url, info)| (url, info.online));
            entry.presence.extend(said);
        }
        self.watch_anew();
        self.emit_contact(peer);
        self.ask_again(peer);
        let all = self.list_contacts();
        all.into_iter()
            .find(|contact| contact.peer_id == peer)
            .ok_or_else(Error::stopped)
    }

    /// Asks the registries side by side and gives what they say together.
    pub(super) fn directory(&self, query: &DirectoryQuery, reply: Reply<Directory>) {
        let at = query.registry.as_ref().map(RegistryUrl::address);
        let asked = self.registries.to_ask(at);
        if asked.is_empty() {
            return answer(
                reply,
                Err(Error::new(
                    ErrorCode::NotFound,
                    "you are signed in to no registry: sign in first",
                )),
            );
        }
        let list = ListQuery {
            prefix: query.prefix.clone(),
            online: query.online,
            limit: if query.limit == 0 { ROWS } else { query.limit },
            after: query.after.clone(),
        };
        tokio::spawn(async move {
            let ask = |client: RegistryClient| {
                let list = list.clone();
                async move { client.clients(&list).await }
            };
            let said = ask_all(asked, ask, |_| false).await;
            answer(reply, together(said));
        });
    }
}

/// One directory of all that answered, or what was wrong when none did.
fn together(said: Vec<Said<ClientList>>) -> Result<Directory, Error> {
    let asked = said.len();
    let mut directory = Directory::default();
    let mut failed = None;
    for (url, result) in said {
        match result {
            Ok(page) => {
                let rows = page.clients.into_iter().map(|info| row(&url, info));
                directory.clients.extend(rows);
            }
            Err(error) => {
                directory.silent.push(Silent {
                    registry: url,
                    code: error.code,
                    reason: error.message.clone(),
                });
                failed = Some(error);
            }
        }
    }
    let by_name = |row: &DirectoryEntry| row.username.to_lowercase();
    directory.clients.sort_by_key(by_name);
    match failed {
        Some(error) if directory.silent.len() == asked => Err(error),
        _ => Ok(directory),
    }
}

fn row(url: &RegistryUrl, info: ClientInfo) -> DirectoryEntry {
    DirectoryEntry {
        username: info.username.as_str().to_owned(),
        registry: url.clone(),
        online: info.online,
        last_seen: info.last_seen,
        key: info.key,
        guest: info.guest,
    }
}

/// Who of those found is meant, and everything that was said of her.
fn choose(
    name: &str,
    found: Vec<(RegistryUrl, ClientInfo)>,
    key: Option<PeerId>,
    error: Option<Error>,
) -> Result<(PeerId, Vec<(RegistryUrl, ClientInfo)>), Error> {
    let nobody = || {
        Error::new(
            ErrorCode::NotFound,
            format!("no registry knows {name}: check the spelling"),
        )
    };
    let shown: Vec<(&RegistryUrl, PeerId)> = found
        .iter()
        .filter_map(|(url, info)| Some((url, info.key?)))
        .collect();
    let Some(&(first, shown_first)) = shown.first() else {
        return Err(error.unwrap_or_else(nobody));
    };
    let she = match key {
        Some(key) if shown.iter().all(|(_, shown)| *shown != key) => {
            return Err(Error::new(
                ErrorCode::KeyMismatch,
                format!(
                    "the registry knows another {name} than the link means: ask for a new link by another way"
                ),
            ));
        }
        Some(key) => key,
        None => shown_first,
    };
    if let Some((other, _)) = shown.iter().find(|(_, shown)| *shown != she)
        && key.is_none()
    {
        let (one, two) = (first.address(), other.address());
        return Err(Error::new(
            ErrorCode::Conflict,
            text::line(&format!(
                "several people are called {name}: add {name}@{one} or {name}@{two}"
            )),
        ));
    }
    let of_her = |(_, info): &(RegistryUrl, ClientInfo)| info.key == Some(she);
    Ok((she, found.into_iter().filter(of_her).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use twocan_proto::identity::Identity;

    fn found(registry: &str, seed: Option<u8>) -> (RegistryUrl, ClientInfo) {
        let info = ClientInfo {
            username: "anna".parse().unwrap(),
            host: "10.0.0.1:7777".into(),
            key: seed.map(|seed| Identity::from_seed(&[seed; 32]).peer_id()),
            online: true,
            last_seen: None,
            guest: false,
        };
        (registry.parse().unwrap(), info)
    }

    fn code(result: Result<(PeerId, Vec<(RegistryUrl, ClientInfo)>), Error>) -> ErrorCode {
        result.unwrap_err().code
    }

    fn at(result: Result<(PeerId, Vec<(RegistryUrl, ClientInfo)>), Error>) -> Vec<String> {
        let (_, found) = result.unwrap();
        found.iter().map(|(url, _)| url.base()).collect()
    }

    #[test]
    fn one_person_at_two_registries_is_one_person() {
        let both = vec![found("https://a:1", Some(1)), found("https://b:1", Some(1))];
        let found = at(choose("anna", both, None, None));
        assert_eq!(found, ["https://a:1", "https://b:1"]);
    }

    #[test]
    fn two_people_of_one_name_are_not_guessed_between() {
        let both = || vec![found("https://a:1", Some(1)), found("https://b:1", Some(2))];
        assert_eq!(
            code(choose("anna", both(), None, None)),
            ErrorCode::Conflict
        );
        let second = Identity::from_seed(&[2; 32]).peer_id();
        let found = at(choose("anna", both(), Some(second), None));
        assert_eq!(found, ["https://b:1"]);
        let third = Identity::from_seed(&[3; 32]).peer_id();
        assert_eq!(
            code(choose("anna", both(), Some(third), None)),
            ErrorCode::KeyMismatch
        );
    }

    #[test]
    fn nobody_is_told_from_silence() {
        assert_eq!(
            code(choose("anna", vec![], None, None)),
            ErrorCode::NotFound
        );
        assert_eq!(
            code(choose("anna", vec![found("https://a:1", None)], None, None)),
            ErrorCode::NotFound
        );
        let silence = Error::new(ErrorCode::Unreachable, "silence");
        assert_eq!(
            code(choose("anna", vec![], None, Some(silence))),
            ErrorCode::Unreachable
        );
    }
}
