//! Looking others up. All of it is answered from memory.

use super::{Answer, Service, ServiceError};
use crate::{
    directory::{Member, Selection},
    limits, now,
};
use twocan_proto::{
    api::{
        ClientInfo, ClientList, Lookup, LookupAnswer, ProfileList, ProfiledClient, Secret, Username,
    },
    identity::PeerId,
    time::Timestamp,
};

impl Service {
    /// Lets everybody read the directory, or members alone, as configured.
    pub(crate) fn may_read(&self, token: Option<&Secret>) -> Answer<()> {
        match token {
            // A token that is sent must be good, so that its owner hears of it.
            Some(token) => self.session(token).map(drop),
            None if self.config.get().directory_open => Ok(()),
            None => Err(ServiceError::NoSession),
        }
    }

    /// `GET /clients`
    pub(crate) fn clients(&self, selection: &Selection) -> ClientList {
        let now = now();
        let (next, page) = self.directory.select(selection, now);
        ClientList {
            next,
            clients: page.iter().map(|member| member.info(now)).collect(),
        }
    }

    /// `GET /clients/{username}`
    pub(crate) fn client(&self, username: &Username, key: Option<&PeerId>) -> Answer<ClientInfo> {
        let member = self.directory.find(username, key);
        member
            .map(|member| member.info(now()))
            .ok_or(ServiceError::Unknown)
    }

    /// `GET /clients/{username}/profile`
    pub(crate) fn profile(
        &self,
        username: &Username,
        key: Option<&PeerId>,
    ) -> Answer<ProfiledClient> {
        let member = self.directory.find(username, key);
        member
            .map(|member| profiled(&member, key, now()))
            .ok_or(ServiceError::Unknown)
    }

    /// `POST /lookups`
    pub(crate) fn lookups(&self, asked: &[Lookup]) -> LookupAnswer {
        let now = now();
        let found = asked.iter().filter_map(|Lookup { username, key }| {
            let member = self.directory.find(username, key.as_ref())?;
            Some(profiled(&member, key.as_ref(), now))
        });
        LookupAnswer {
            clients: found.collect(),
        }
    }

    /// `GET /profiles`
    pub(crate) fn profiles(&self, selection: &Selection) -> Answer<ProfileList> {
        let search = selection.search.as_deref();
        if search.is_some_and(|text| text.chars().count() < limits::SEARCH_MIN) {
            return Err(ServiceError::BadField {
                field: "search",
                problem: format!("needs at least {} characters", limits::SEARCH_MIN),
            });
        }
        let now = now();
        let (next, page) = self.directory.select(selection, now);
        let profiles = page.iter().map(|member| profiled(member, None, now));
        Ok(ProfileList {
            profiles: profiles.collect(),
            next,
        })
    }
}

fn profiled(member: &Member, key: Option<&PeerId>, now: Timestamp) -> ProfiledClient {
    ProfiledClient {
        client: member.info(now),
        profile: member.profile(key),
    }
}
