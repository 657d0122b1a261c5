//! What the files that people write by hand change, and what is said of
//! mistakes in them.

use twocan_peer::api::NoticeLevel;

use super::modes;
use crate::app::State;
use crate::app::user_file::{Content, UserFile};

/// Takes what a file holds. One with a mistake changes nothing.
pub(super) fn take(state: &mut State, file: UserFile, content: Content) {
    let text = match content {
        Content::Text(text) => text,
        Content::Absent => String::new(),
        Content::Unreadable(why) => {
            return complain(state, file, None, &format!("cannot be read: {why}"));
        }
    };
    if file == UserFile::Keys {
        return modes::take_keys(state, &text);
    }
    if let Err(mistake) = toml::from_str::<toml::Table>(&text) {
        let line = mistake.span().map(|span| line_of(&text, span.start));
        complain(state, file, line, mistake.message());
    }
}

/// Says what is wrong in a file, and where.
fn complain(state: &mut State, file: UserFile, line: Option<usize>, problem: &str) {
    let line = line.map(|n| format!(" line {n}")).unwrap_or_default();
    let text = format!("{}{line}: {problem}", file.name());
    state.notify(NoticeLevel::Warning, text);
}

/// The line that byte `at` of `text` stands in, the first being 1.
fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|b| *b == b'\n').count() + 1
}
