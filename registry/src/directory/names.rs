//! Accounts by name: once for look-ups, which take no lock and wait for nobody
//! who writes, and once in order for pages, under a lock of their own.

use super::Member;
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

/// Every account under its lower-case name.
#[derive(Debug, Default)]
pub(super) struct Names {
    found: papaya::HashMap<Arc<str>, Arc<Member>>,
    ordered: RwLock<BTreeMap<Arc<str>, Arc<Member>>>,
}

impl Names {
    pub(super) fn get(&self, folded: &str) -> Option<Arc<Member>> {
        self.found.pin().get(folded).cloned()
    }

    pub(super) fn len(&self) -> usize {
        self.found.len()
    }

    /// All of them in order; nobody comes or goes meanwhile, so not for long.
    pub(super) fn ordered(&self) -> RwLockReadGuard<'_, BTreeMap<Arc<str>, Arc<Member>>> {
        self.ordered.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn ordered_mut(&self) -> RwLockWriteGuard<'_, BTreeMap<Arc<str>, Arc<Member>>> {
        self.ordered.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Changes, made by the writer thread alone.
impl Names {
    pub(super) fn insert(&self, member: Arc<Member>) {
        let name: Arc<str> = member.username.folded().into();
        self.ordered_mut()
            .insert(Arc::clone(&name), Arc::clone(&member));
        self.found.pin().insert(name, member);
    }

    /// Takes a name out if it belongs to that account still.
    pub(super) fn remove(&self, folded: &str, account: i64) {
        if self.get(folded).is_some_and(|member| member.id == account) {
            self.found.pin().remove(folded);
            self.ordered_mut().remove(folded);
        }
    }

    /// Takes over those of `other`, and drops all that it has not.
    pub(super) fn replace_with(&self, other: Self) {
        let theirs = other
            .ordered
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let found = self.found.pin();
        found.retain(|name, _| theirs.contains_key(name));
        for (name, member) in &theirs {
            found.insert(Arc::clone(name), Arc::clone(member));
        }
        *self.ordered_mut() = theirs;
    }
}
