//! What operators see of the directory, and what they do to all of it at once.

use super::{Directory, Member, Session};
use crate::bans::Subject;
use std::{ops::Bound, sync::Arc};
use twocan_proto::time::Timestamp;

impl Directory {
    /// The members after `after` (a folded name) that `wanted` picks, in order
    /// of their names, and whether there are more than `limit` of them.
    pub(crate) fn members(
        &self,
        after: Option<&str>,
        limit: usize,
        wanted: impl Fn(&Member) -> bool,
    ) -> (Vec<Arc<Member>>, bool) {
        let members = self.members.ordered();
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut found = members
            .range::<str, _>((start, Bound::Unbounded))
            .map(|(_, member)| member)
            .filter(|member| wanted(member));
        let page = found.by_ref().take(limit).cloned().collect();
        (page, found.next().is_some())
    }

    /// How many members are online.
    pub(crate) fn online(&self, now: Timestamp) -> usize {
        let members = self.members.ordered();
        members
            .values()
            .filter(|member| member.is_online(now))
            .count()
    }

    /// The sessions of an account.
    pub(crate) fn sessions_of(&self, account: i64) -> Vec<Arc<Session>> {
        self.sessions.of(account)
    }
}

/// Changes, made by the writer thread alone.
impl Directory {
    /// Ends the presence of who is banned.
    pub(crate) fn put_offline(&self, banned: &Subject) {
        let members = self.members.ordered();
        let meant = members.iter().filter(|(name, member)| match banned {
            Subject::User(banned) => ***name == **banned,
            Subject::Network(_) => member
                .place()
                .observed
                .is_some_and(|ip| banned.holds_for(ip)),
        });
        for (_, member) in meant {
            member.place().online_until = Timestamp::from_millis(0);
        }
    }

    /// Takes over accounts, sessions, links and bans of another directory.
    pub(crate) fn replace_with(&self, other: Self) {
        *self.resets() = std::mem::take(&mut *other.resets());
        *self.guests() = std::mem::take(&mut *other.guests());
        self.bans.take_over(&other.bans);
        self.sessions.replace_with(other.sessions);
        self.members.replace_with(other.members);
        self.names_changed();
    }
}
