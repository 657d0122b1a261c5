//! What is kept of the drafts in the profile, so that they are there again
//! after whatever ended the program. All that the interface remembers is one
//! JSON object; what else stands in it is left as it is.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use twocan_proto::identity::PeerId;
use twocan_proto::time::Timestamp;

/// The drafts are written at the latest this long after the first change.
const SAVE_AFTER_MS: i64 = 500;
/// The key of the drafts in what the interface remembers.
const DRAFTS: &str = "drafts";

/// Texts by the contact they are for; `None` for what is for nobody yet.
pub(crate) type Texts = BTreeMap<Option<PeerId>, String>;

/// The drafts as they stand in the profile.
#[derive(Debug, Default)]
pub(crate) struct Drafts {
    /// All that is remembered, once it was read: before, nothing is written.
    remembered: Option<Map<String, Value>>,
    saved: Texts,
    due: Option<Timestamp>,
}

impl Drafts {
    /// Takes what was remembered, and gives the drafts in it.
    pub(crate) fn load(&mut self, remembered: Value) -> Texts {
        let remembered = match remembered {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        self.saved = remembered.get(DRAFTS).map(texts).unwrap_or_default();
        self.remembered = Some(remembered);
        self.saved.clone()
    }

    /// Compares the draft for `whom` with what is kept: when they differ, it
    /// is due soon; at once if nothing is left of it, as it was sent.
    pub(crate) fn compare(&mut self, whom: Option<PeerId>, text: &str, now: Timestamp) {
        let saved = self.saved.get(&whom).map_or("", String::as_str);
        if saved == text {
            return;
        }
        if text.is_empty() {
            self.due = Some(now);
        } else {
            self.touch(now);
        }
    }

    /// Some draft has changed.
    pub(crate) fn touch(&mut self, now: Timestamp) {
        let soon = Timestamp::from_millis(now.as_millis() + SAVE_AFTER_MS);
        self.due = self.due.or(Some(soon));
    }

    /// When the drafts are to be written.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        self.due.filter(|_| self.remembered.is_some())
    }

    /// What is to be remembered from now on, with these drafts; `None` if
    /// that is so already.
    pub(crate) fn save(&mut self, texts: Texts) -> Option<Value> {
        self.due = None;
        let remembered = self.remembered.as_mut()?;
        if texts == self.saved {
            return None;
        }
        let named = |(whom, text): (&Option<PeerId>, &String)| {
            let key = whom.map_or_else(String::new, |id| id.to_string());
            (key, json!(text))
        };
        let drafts: Map<_, _> = texts.iter().map(named).collect();
        remembered.insert(DRAFTS.to_owned(), Value::Object(drafts));
        self.saved = texts;
        Some(Value::Object(remembered.clone()))
    }
}

/// Drafts as they were written; what makes no sense is no draft.
fn texts(drafts: &Value) -> Texts {
    let read = |(key, text): (&String, &Value)| {
        let whom = match key.as_str() {
            "" => None,
            id => Some(id.parse().ok()?),
        };
        Some((whom, text.as_str()?.to_owned()))
    };
    let all = drafts.as_object();
    all.map(|all| all.iter().filter_map(read).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::sample::{BOB, at, id};

    #[test]
    fn what_is_written_is_read_again_and_the_rest_stays() {
        let mut drafts = Drafts::default();
        drafts.load(json!({"width": 18, "drafts": {"nobody": "x", "": "loose"}}));
        let texts = Texts::from([(Some(id(BOB)), "half a\nthought".to_owned())]);
        let remembered = drafts.save(texts.clone()).unwrap();
        assert_eq!(remembered["width"], 18);
        assert_eq!(drafts.save(texts.clone()), None);
        assert_eq!(Drafts::default().load(remembered), texts);
    }

    #[test]
    fn nothing_is_written_before_it_was_read() {
        let mut drafts = Drafts::default();
        drafts.touch(at(0));
        assert_eq!(drafts.due(), None);
        assert_eq!(drafts.save(Texts::new()), None);
        drafts.load(Value::Null);
        drafts.compare(None, "x", at(7));
        assert_eq!(drafts.due(), Some(at(SAVE_AFTER_MS + 7)));
    }
}
