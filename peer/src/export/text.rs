//! An export for people: one line a message, its further lines indented.

use std::io::{self, Write};

use twocan_proto::text;

use super::{Form, Owner, Talk};
use crate::api::Exported;

#[derive(Debug)]
pub(super) struct Text {
    mine: String,
    theirs: String,
}

impl Text {
    pub(super) fn new(owner: &Owner) -> Self {
        let mine = match owner.name.is_empty() {
            true => "me".to_owned(),
            false => owner.name.clone(),
        };
        Self {
            mine,
            theirs: String::new(),
        }
    }
}

impl Form for Text {
    fn begin(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn begin_talk(&mut self, out: &mut dyn Write, talk: &Talk) -> io::Result<()> {
        self.theirs.clone_from(&talk.alias);
        writeln!(out, "== {} ({})", talk.alias, talk.peer)?;
        writeln!(out)
    }

    fn message(&mut self, out: &mut dyn Write, message: &Exported) -> io::Result<()> {
        let who = if message.mine {
            &self.mine
        } else {
            &self.theirs
        };
        // What is shown in a terminal by `cat` must be as safe as in ours.
        let said = match message.deleted {
            true => "(deleted)".to_owned(),
            false => text::multiline(&message.text).replace('\n', "\n    "),
        };
        let edited = message.edited_at.map_or("", |_| " (edited)");
        writeln!(out, "{} {who}: {said}{edited}", message.sent_at)
    }

    fn end_talk(&mut self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out)
    }

    fn end(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}
