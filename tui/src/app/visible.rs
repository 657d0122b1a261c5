//! Whether what happened can be seen. What cannot asks for no frame, so that
//! people who are not on the screen may say as much as they like.

use twocan_peer::api::Event;

use super::State;
use super::msg::Msg;

/// Whether the screen may look different after `msg`. What becomes of it by
/// other ways, such as a toast, says so itself.
pub(super) fn may_show(state: &State, msg: &Msg) -> bool {
    let Msg::Engine(event) = msg else { return true };
    match &**event {
        Event::Message(message) => state.open == Some(message.conversation),
        Event::MessageChanged { conversation, .. } | Event::MessageState { conversation, .. } => {
            state.open == Some(*conversation)
        }
        Event::Typing { contact, .. } => state.open == Some(*contact),
        Event::Contact(contact) => state.contacts.get(&contact.peer_id) != Some(contact),
        Event::Sound { .. } => false,
        _ => true,
    }
}
