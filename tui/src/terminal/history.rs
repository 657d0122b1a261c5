//! Finding a place in a conversation by what the engine offers: pages that
//! hang on a message.

use twocan_peer::Engine;
use twocan_peer::api::{Error, ErrorCode, Message, Page};
use twocan_proto::identity::PeerId;
use twocan_proto::time::Timestamp;
use uuid::Uuid;

use crate::app::effect::Around;

/// Messages read at once while a day is looked for.
const DAY_PAGE: usize = 500;

/// The first message from `day` on: pages are read backwards until one begins
/// before it.
pub(super) async fn first_since(
    engine: &Engine,
    with: PeerId,
    day: Timestamp,
) -> Result<Option<Uuid>, Error> {
    let mut page = Page::Newest;
    let mut first = None;
    loop {
        let found = engine.history(with, page, DAY_PAGE).await?;
        if let Some(message) = found.iter().find(|m| m.sent_at >= day) {
            first = Some(message.id);
        }
        match found.first() {
            Some(oldest) if oldest.sent_at >= day && found.len() == DAY_PAGE => {
                page = Page::Before(oldest.id);
            }
            _ => return Ok(first),
        }
    }
}

/// The message `id` with at most `each` others on each side of it.
pub(super) async fn around(
    engine: &Engine,
    with: PeerId,
    id: Uuid,
    each: usize,
) -> Result<Around, Error> {
    // Pages hang on a message and do not hold it: the one before it, or the
    // one after the first of all, leads to it.
    let mut messages = engine.history(with, Page::Before(id), each).await?;
    let oldest = messages.len() < each;
    let mut rest = match messages.last() {
        Some(before) => {
            engine
                .history(with, Page::After(before.id), each + 1)
                .await?
        }
        None => first_messages(engine, with, id, each).await?,
    };
    let newest = rest.len() <= each;
    messages.append(&mut rest);
    if !messages.iter().any(|m| m.id == id) {
        return Err(Error::new(
            ErrorCode::NotFound,
            "that message is not here any more",
        ));
    }
    Ok(Around {
        messages,
        oldest,
        newest,
    })
}

/// The first message of a conversation, `id`, and at most `each` after it.
async fn first_messages(
    engine: &Engine,
    with: PeerId,
    id: Uuid,
    each: usize,
) -> Result<Vec<Message>, Error> {
    let mut after = engine.history(with, Page::After(id), each).await?;
    let at = after.first().map_or(Page::Newest, |m| Page::Before(m.id));
    let mut messages = engine.history(with, at, 1).await?;
    messages.append(&mut after);
    Ok(messages)
}
