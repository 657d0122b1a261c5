//! What the files that people write by hand change, and what is said of
//! mistakes in them.

use twocan_peer::api::NoticeLevel;

use crate::app::user_file::{Content, Mistake, UserFile};
use crate::app::{Notice, State};
use crate::view::theme::file;

/// Takes what a file holds; what is wrong in it is told.
pub(super) fn take(state: &mut State, file: UserFile, content: Content) {
    let text = match content {
        Content::Text(text) => text,
        Content::Absent => String::new(),
        Content::Unreadable(why) => {
            let problem = format!("cannot be read: {why}");
            return complain(
                state,
                file,
                &[Mistake {
                    line: None,
                    problem,
                }],
            );
        }
    };
    match file {
        UserFile::Theme => {
            let (custom, mistakes) = file::parse(&text);
            state.themes.custom = custom;
            state.settle_theme();
            complain(state, file, &mistakes);
        }
    }
}

/// Says the first mistake where the user looks, and keeps all for `/log`.
fn complain(state: &mut State, file: UserFile, mistakes: &[Mistake]) {
    let Some((first, others)) = mistakes.split_first() else {
        return;
    };
    for mistake in others {
        state.remember(Notice {
            at: state.now,
            level: NoticeLevel::Warning,
            text: format!("{} {mistake}", file.name()),
        });
    }
    let more = match others.len() {
        0 => String::new(),
        n => format!(" ({n} more: /log)"),
    };
    let text = format!("{} {first}{more}", file.name());
    state.notify(NoticeLevel::Warning, text);
}
