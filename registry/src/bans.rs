//! Bans: who may not use the registry. A check takes no lock and, while there
//! are no bans of its kind, costs one load. Only the writer thread of
//! [`crate::store`] changes them, after the commit. Time is an argument.
//!
//! A ban of a user holds for the name, whatever account has it, and for the
//! identity key that the account had, whatever name comes with it. A ban of an
//! IPv6 address holds for its /64: a customer has all of them to choose from.

use arc_swap::ArcSwap;
use ipnet::IpNet;
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    net::IpAddr,
    str::FromStr,
    sync::Arc,
};
use twocan_proto::{api::Username, identity::PeerId, time::Timestamp};

/// Most characters of a reason: a sentence or two, shown to who is banned.
pub(crate) const REASON_MAX: usize = 200;

/// Most bans at once; a check of an address stays one look-up for each length
/// of prefix whatever their number, so this bounds memory (about 40 MiB).
pub(crate) const BANS_MAX: usize = 100_000;

/// Bits of an IPv6 address that one customer may change at will.
const V6_CUSTOMER: u8 = 64;

/// Who is banned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Subject {
    /// An account, by its folded name.
    User(String),
    /// An address or a network.
    Network(IpNet),
}

/// Why a text does not say who is to be banned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SubjectError {
    #[error("'{0}' is not an IP address such as 192.0.2.7")]
    Address(String),
    #[error("'{0}' is not a network such as 192.0.2.0/24 or 2001:db8::/48")]
    Network(String),
    #[error("{0} is everybody; ban a smaller network")]
    Everybody(IpNet),
}

impl Subject {
    /// The user of that name.
    pub(crate) fn user(name: &Username) -> Self {
        Self::User(name.folded())
    }

    /// One IPv4 address, or the /64 of an IPv6 address.
    pub(crate) fn address(text: &str) -> Result<Self, SubjectError> {
        let ip: IpAddr = text
            .parse()
            .map_err(|_| SubjectError::Address(text.to_owned()))?;
        let ip = ip.to_canonical();
        let length = if ip.is_ipv4() { 32 } else { V6_CUSTOMER };
        Ok(Self::Network(IpNet::new_assert(ip, length).trunc()))
    }

    /// A network in CIDR notation; bits behind the prefix do not count.
    pub(crate) fn network(text: &str) -> Result<Self, SubjectError> {
        let wrong = || SubjectError::Network(text.to_owned());
        let net: IpNet = text.parse().map_err(|_| wrong())?;
        let net = match net {
            // Sources are compared in their IPv4 form, so must networks be.
            IpNet::V6(mapped) if mapped.addr().to_ipv4_mapped().is_some() => {
                let length = mapped.prefix_len().checked_sub(96).ok_or_else(wrong)?;
                IpNet::new(mapped.addr().to_canonical(), length).map_err(|_| wrong())?
            }
            net => net,
        };
        if net.prefix_len() == 0 {
            return Err(SubjectError::Everybody(net));
        }
        Ok(Self::Network(net.trunc()))
    }

    /// The word for the kind, as the database and the command line have it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Network(_) => "network",
        }
    }

    /// Whether a request from `ip` is meant.
    pub(crate) fn holds_for(&self, ip: IpAddr) -> bool {
        matches!(self, Self::Network(net) if net.contains(&ip.to_canonical()))
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => f.write_str(name),
            Self::Network(net) => net.fmt(f),
        }
    }
}

/// What the operator says to who is banned: a line of plain text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub(crate) struct Reason(String);

/// Why a text cannot be a [`Reason`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReasonError {
    #[error("a reason has at most {REASON_MAX} characters")]
    Long,
    #[error("a reason is one line of printable text")]
    Unprintable,
}

impl FromStr for Reason {
    type Err = ReasonError;

    fn from_str(text: &str) -> Result<Self, ReasonError> {
        let text = text.trim();
        if text.chars().count() > REASON_MAX {
            return Err(ReasonError::Long);
        }
        if twocan_proto::text::line(text) != text {
            return Err(ReasonError::Unprintable);
        }
        Ok(Self(text.to_owned()))
    }
}

impl From<Reason> for String {
    fn from(reason: Reason) -> Self {
        reason.0
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One ban.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ban {
    pub(crate) subject: Subject,
    /// May be empty.
    pub(crate) reason: Reason,
    /// When it ends by itself; `None` is when somebody lifts it.
    pub(crate) until: Option<Timestamp>,
    pub(crate) made_at: Timestamp,
    /// The identity key of a banned user, which no other name may bring.
    pub(crate) key: Option<PeerId>,
}

impl Ban {
    fn holds(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl fmt::Display for Ban {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("banned from this registry")?;
        if let Some(until) = self.until {
            write!(f, " until {until}")?;
        }
        if !self.reason.0.is_empty() {
            write!(f, ": {}", self.reason)?;
        }
        Ok(())
    }
}

/// All bans, indexed for their checks.
#[derive(Debug, Default)]
struct Rules {
    all: BTreeMap<Subject, Arc<Ban>>,
    /// By the folded name.
    users: HashMap<String, Arc<Ban>>,
    keys: HashMap<PeerId, Arc<Ban>>,
    networks: HashMap<IpNet, Arc<Ban>>,
    /// Lengths of the prefixes in `networks`, for each family.
    v4: BTreeSet<u8>,
    v6: BTreeSet<u8>,
}

impl Rules {
    fn of(all: BTreeMap<Subject, Arc<Ban>>) -> Self {
        let mut rules = Self::default();
        for ban in all.values() {
            if let Some(key) = ban.key {
                rules.keys.insert(key, Arc::clone(ban));
            }
            match &ban.subject {
                Subject::User(name) => {
                    rules.users.insert(name.clone(), Arc::clone(ban));
                }
                Subject::Network(net) => {
                    let lengths = if net.addr().is_ipv4() {
                        &mut rules.v4
                    } else {
                        &mut rules.v6
                    };
                    lengths.insert(net.prefix_len());
                    rules.networks.insert(*net, Arc::clone(ban));
                }
            }
        }
        rules.all = all;
        rules
    }

    fn address(&self, ip: IpAddr) -> impl Iterator<Item = &Arc<Ban>> {
        let lengths = if ip.is_ipv4() { &self.v4 } else { &self.v6 };
        lengths.iter().filter_map(move |length| {
            let net = IpNet::new(ip, *length).ok()?.trunc();
            self.networks.get(&net)
        })
    }
}

/// The bans that are in force.
#[derive(Debug, Default)]
pub(crate) struct Bans(ArcSwap<Rules>);

impl Bans {
    /// The ban of requests from `ip`. The clock is asked only when there is one.
    pub(crate) fn address(&self, ip: IpAddr, now: impl Fn() -> Timestamp) -> Option<Arc<Ban>> {
        let rules = self.0.load();
        if rules.networks.is_empty() {
            return None;
        }
        rules
            .address(ip.to_canonical())
            .find(|ban| ban.holds(now()))
            .cloned()
    }

    /// The ban of a user or of the key that comes with the name.
    pub(crate) fn user(
        &self,
        name: &Username,
        key: Option<&PeerId>,
        now: impl Fn() -> Timestamp,
    ) -> Option<Arc<Ban>> {
        let rules = self.0.load();
        if rules.users.is_empty() {
            return None;
        }
        let by_name = rules.users.get(name.fold_into(&mut [0; Username::MAX]));
        let by_key = key.and_then(|key| rules.keys.get(key));
        [by_name, by_key]
            .into_iter()
            .flatten()
            .find(|ban| ban.holds(now()))
            .cloned()
    }

    /// All that are in force, users first, each kind in order.
    pub(crate) fn list(&self, now: Timestamp) -> Vec<Arc<Ban>> {
        let rules = self.0.load();
        let mut bans: Vec<_> = rules
            .all
            .values()
            .filter(|ban| ban.holds(now))
            .cloned()
            .collect();
        bans.sort_by(|a, b| a.subject.cmp(&b.subject));
        bans
    }

    pub(crate) fn contains(&self, subject: &Subject) -> bool {
        self.0.load().all.contains_key(subject)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.load().all.len()
    }
}

/// Changes, made by the writer thread alone.
impl Bans {
    /// Puts all of these in the place of what is there.
    pub(crate) fn replace(&self, bans: impl IntoIterator<Item = Ban>) {
        let all = bans
            .into_iter()
            .map(|ban| (ban.subject.clone(), Arc::new(ban)))
            .collect();
        self.0.store(Arc::new(Rules::of(all)));
    }

    /// Takes those of `other`.
    pub(crate) fn take_over(&self, other: &Self) {
        self.0.store(other.0.load_full());
    }

    pub(crate) fn put(&self, ban: Ban) {
        let mut all = self.0.load().all.clone();
        all.insert(ban.subject.clone(), Arc::new(ban));
        self.0.store(Arc::new(Rules::of(all)));
    }

    pub(crate) fn remove(&self, subject: &Subject) {
        let mut all = self.0.load().all.clone();
        all.remove(subject);
        self.0.store(Arc::new(Rules::of(all)));
    }

    /// Forgets those that have ended.
    pub(crate) fn remove_ended(&self, now: Timestamp) {
        let rules = self.0.load();
        if rules.all.values().all(|ban| ban.holds(now)) {
            return;
        }
        let mut all = rules.all.clone();
        all.retain(|_, ban| ban.holds(now));
        self.0.store(Arc::new(Rules::of(all)));
    }
}

#[cfg(test)]
#[path = "bans/tests.rs"]
mod tests;
