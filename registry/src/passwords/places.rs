//! The places for passwords that wait or are worked on, and which address holds
//! them. An address gets one more only while it holds fewer than are free: alone
//! it may have half of them, and whoever comes next still finds room (the dynamic
//! thresholds of shared switch memory: Choudhury and Hahne, 1998).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Who holds places: an address as [`crate::attempts::network`] counts it.
pub(super) type Holder = [u8; 16];

/// All places.
#[derive(Debug)]
pub(super) struct Places {
    all: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    count: usize,
    by: HashMap<Holder, usize>,
}

/// One place, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    holder: Option<Holder>,
}

impl Places {
    pub(super) fn new(all: usize) -> Arc<Self> {
        Arc::new(Self {
            all,
            taken: Mutex::default(),
        })
    }

    /// A place for `holder`; the operator, who is none, may have the last one.
    pub(super) fn take(self: &Arc<Self>, holder: Option<Holder>) -> Option<Place> {
        let mut taken = self.taken();
        let free = self.all - taken.count;
        let own = holder.map_or(0, |holder| taken.by.get(&holder).copied().unwrap_or(0));
        if own >= free {
            return None;
        }
        taken.count += 1;
        if let Some(holder) = holder {
            taken.by.insert(holder, own + 1);
        }
        Some(Place {
            places: Arc::clone(self),
            holder,
        })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.count -= 1;
        let Some(holder) = self.holder else { return };
        if let Some(own) = taken.by.get_mut(&holder) {
            *own -= 1;
            if *own == 0 {
                taken.by.remove(&holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(n: u8) -> Option<Holder> {
        Some([n; 16])
    }

    fn fill(places: &Arc<Places>, holder: Option<Holder>) -> Vec<Place> {
        std::iter::from_fn(|| places.take(holder)).collect()
    }

    #[test]
    fn each_gets_half_of_what_is_left() {
        let places = Places::new(17);
        let held: Vec<_> = (1..=4).map(|n| fill(&places, holder(n))).collect();
        let shares: Vec<_> = held.iter().map(Vec::len).collect();
        assert_eq!(shares, [9, 4, 2, 1]);
        assert!(places.take(holder(1)).is_none());
        assert_eq!(fill(&places, None).len(), 1, "the operator has the last");
    }

    #[test]
    fn a_place_given_back_is_free_for_all() {
        let places = Places::new(4);
        let mut held = fill(&places, holder(1));
        assert_eq!(held.len(), 2);
        held.pop();
        let other = fill(&places, holder(2));
        assert_eq!(other.len(), 2, "one holds one, and two are left");
        drop((held, other));
        assert!(places.taken().by.is_empty() && places.taken().count == 0);
    }
}
