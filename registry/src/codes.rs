//! One-time codes that were sent and wait to be shown. They live in memory alone:
//! after a restart another one is asked for. Time is an argument.

use crate::limits;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use twocan_proto::{
    api::{Secret, Username},
    time::Timestamp,
};

/// What a code is for: a name, and the recipient that it went to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CodeId([u8; 32]);

impl CodeId {
    pub(crate) fn new(username: &Username, recipient: &str) -> Self {
        let text = format!("{}\n{}", username.folded(), recipient);
        Self(*blake3::hash(text.as_bytes()).as_bytes())
    }
}

/// Why a code does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CodeError {
    /// It is wrong, and may be tried so often still.
    Wrong { left: u8 },
    /// There is none, or it has expired, or it was tried too often.
    None,
}

#[derive(Debug)]
struct Waiting {
    hash: blake3::Hash,
    expires_at: Timestamp,
    left: u8,
}

/// The codes that wait.
#[derive(Debug, Default)]
pub(crate) struct Codes {
    waiting: Mutex<HashMap<CodeId, Waiting>>,
}

impl Codes {
    fn waiting(&self) -> MutexGuard<'_, HashMap<CodeId, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a code good, and an earlier one for the same bad; false when too many
    /// are waiting.
    pub(crate) fn put(
        &self,
        id: CodeId,
        code: &Secret,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> bool {
        let mut waiting = self.waiting();
        if waiting.len() >= limits::CODES {
            waiting.retain(|_, code| now < code.expires_at);
        }
        if waiting.len() >= limits::CODES && !waiting.contains_key(&id) {
            return false;
        }
        let code = Waiting {
            hash: blake3::hash(code.expose().as_bytes()),
            expires_at,
            left: limits::CODE_TRIES,
        };
        waiting.insert(id, code);
        true
    }

    /// Whether `typed` is the code. A right one stays good until it is spent.
    ///
    /// # Errors
    /// [`CodeError`]; a wrong one has cost a try.
    pub(crate) fn check(
        &self,
        id: CodeId,
        typed: &Secret,
        now: Timestamp,
    ) -> Result<(), CodeError> {
        let mut waiting = self.waiting();
        let code = waiting.get_mut(&id).ok_or(CodeError::None)?;
        if now >= code.expires_at || code.left == 0 {
            waiting.remove(&id);
            return Err(CodeError::None);
        }
        // Compared in constant time, as blake3 does it.
        if code.hash == blake3::hash(typed.expose().trim().as_bytes()) {
            return Ok(());
        }
        code.left -= 1;
        Err(match code.left {
            0 => CodeError::None,
            left => CodeError::Wrong { left },
        })
    }

    /// A code counts once.
    pub(crate) fn spend(&self, id: CodeId) {
        self.waiting().remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::later;

    fn at(seconds: u64) -> Timestamp {
        later(Timestamp::from_millis(1_800_000_000_000), seconds * 1000)
    }

    fn id(name: &str) -> CodeId {
        CodeId::new(&name.parse().unwrap(), "ada@mail.example")
    }

    #[test]
    fn a_code_counts_once_for_its_name_and_in_time() {
        let codes = Codes::default();
        assert!(codes.put(id("Ada"), &"123456".into(), at(600), at(0)));
        assert_eq!(
            codes.check(id("eve"), &"123456".into(), at(0)),
            Err(CodeError::None)
        );
        assert_eq!(codes.check(id("ada"), &" 123456 ".into(), at(599)), Ok(()));
        codes.spend(id("ada"));
        assert_eq!(
            codes.check(id("ada"), &"123456".into(), at(0)),
            Err(CodeError::None)
        );
        assert!(codes.put(id("ada"), &"654321".into(), at(600), at(0)));
        assert_eq!(
            codes.check(id("ada"), &"654321".into(), at(600)),
            Err(CodeError::None)
        );
    }

    #[test]
    fn a_code_is_not_guessed() {
        let codes = Codes::default();
        codes.put(id("ada"), &"123456".into(), at(600), at(0));
        for left in (1..limits::CODE_TRIES).rev() {
            let wrong = codes.check(id("ada"), &"000000".into(), at(0));
            assert_eq!(wrong, Err(CodeError::Wrong { left }));
        }
        for typed in ["000000", "123456", "123456"] {
            assert_eq!(
                codes.check(id("ada"), &typed.into(), at(0)),
                Err(CodeError::None)
            );
        }
    }

    #[test]
    fn there_is_room_again_when_codes_expire() {
        let codes = Codes::default();
        for n in 0..limits::CODES {
            assert!(codes.put(id(&format!("u{n}")), &"1".into(), at(600), at(0)));
        }
        assert!(!codes.put(id("ada"), &"1".into(), at(600), at(0)));
        assert!(codes.put(id("u0"), &"1".into(), at(601), at(0)));
        assert!(codes.put(id("ada"), &"1".into(), at(1200), at(600)));
    }
}
