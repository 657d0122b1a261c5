//! Pages of the directory, in the order of the lower-case names. A page goes on
//! after a name and not at a number, so that who comes and goes in between makes
//! no gap and no repeat. What a page may look at is limited, not only what it may
//! hold: a search that matches nothing must not read a million accounts.

use super::{Directory, Member, Place};
use crate::limits;
use std::{ops::Bound, sync::Arc};
use twocan_proto::time::Timestamp;

/// Which part of the directory is asked for.
#[derive(Debug, Default, Clone)]
pub(crate) struct Selection {
    /// Names that begin so, lower case.
    pub(crate) prefix: String,
    /// Names after this one, lower case.
    pub(crate) after: Option<String>,
    pub(crate) online: Option<bool>,
    /// Profiles whose public part holds this, lower case.
    pub(crate) search: Option<String>,
    pub(crate) limit: usize,
}

impl Selection {
    fn takes(&self, place: &Place, now: Timestamp) -> bool {
        let is_online = now < place.online_until;
        self.online.is_none_or(|online| is_online == online)
            && self.search.as_ref().is_none_or(|text| {
                let card = place.card.as_ref();
                card.is_some_and(|card| card.haystack.contains(text))
            })
    }

    fn start(&self) -> Bound<&str> {
        match &self.after {
            Some(after) if *after >= self.prefix => Bound::Excluded(after),
            _ => Bound::Included(&self.prefix),
        }
    }
}

impl Directory {
    /// The name after which the next page goes on, if there may be more, and the
    /// selected accounts in order.
    pub(crate) fn select(
        &self,
        selection: &Selection,
        now: Timestamp,
    ) -> (Option<String>, Vec<Arc<Member>>) {
        let members = self.members.ordered();
        let range = (selection.start(), Bound::Unbounded);
        let mut page: Vec<Arc<Member>> = Vec::with_capacity(selection.limit.min(members.len()));
        for (scanned, (name, member)) in members.range::<str, _>(range).enumerate() {
            if !name.starts_with(&selection.prefix) {
                break;
            }
            let place = member.place();
            // Hidden names are not named as the place to go on from, either.
            if !place.is_found_by(None) {
                continue;
            }
            if selection.takes(&place, now) {
                if page.len() == selection.limit {
                    return (goes_on(&page), page);
                }
                page.push(Arc::clone(member));
            }
            if scanned >= limits::SCAN_PER_PAGE {
                return (Some(name.as_ref().to_owned()), page);
            }
        }
        (None, page)
    }
}

fn goes_on(page: &[Arc<Member>]) -> Option<String> {
    page.last().map(|member| member.username.folded())
}
