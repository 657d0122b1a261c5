//! What the words of the control socket do.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use twocan_peer::Engine;
use twocan_peer::api::{Activation, Call, CallChange, CallState, Error, ErrorCode};

use super::words::{Switch, Word};
use crate::app::calls::{deafen_change, mute_change};

/// Does what clients ask for.
#[derive(Debug)]
pub(super) struct Desk {
    engine: Engine,
    /// Whether the microphone was muted when the call was deafened.
    muted_before_deafen: AtomicBool,
}

impl Desk {
    pub(super) fn new(engine: Engine) -> Self {
        Self {
            engine,
            muted_before_deafen: AtomicBool::new(false),
        }
    }

    /// Does one thing. `holds` is whether the client holds the key of push to
    /// talk, before and after.
    pub(super) async fn act(&self, word: Word, holds: &mut bool) -> Result<Value, Error> {
        match word {
            Word::Status => self.status().await,
            Word::Answer => {
                let call = self.ringing().await?;
                self.engine.answer(call.call).await?;
                self.status().await
            }
            Word::Decline => {
                let call = self.ringing().await?;
                self.engine.decline(call.call, None, "").await?;
                self.status().await
            }
            Word::Hangup => {
                let call = self.any().await?;
                self.engine.hangup(call.call, None).await?;
                self.status().await
            }
            Word::Hold => {
                self.talk(Switch::On).await?;
                *holds = true;
                self.status().await
            }
            Word::Talk(switch) => {
                self.talk(switch).await?;
                *holds &= switch == Switch::On;
                self.status().await
            }
            Word::Mute(switch) => {
                let call = self.active().await?;
                let change = mute_change(&call, switch.from(call.muted));
                self.change(&call, change).await
            }
            Word::Deafen(switch) => {
                let call = self.active().await?;
                let deafened = switch.from(call.deafened);
                if deafened && !call.deafened {
                    self.muted_before_deafen
                        .store(call.muted, Ordering::Relaxed);
                }
                if deafened == call.deafened {
                    return self.status().await;
                }
                let before = self.muted_before_deafen.load(Ordering::Relaxed);
                self.change(&call, deafen_change(deafened, before)).await
            }
        }
    }

    /// Lets the key go that a client held when it left.
    pub(super) async fn let_go(&self) {
        if let Err(error) = self.talk(Switch::Off).await {
            // The call is over: nobody hears anything.
            tracing::debug!(%error, "the key is let go without a call");
        }
    }

    async fn talk(&self, switch: Switch) -> Result<(), Error> {
        let call = self.active().await?;
        let talking = switch.from(call.talking);
        let refused = match call.activation {
            _ if !talking => None,
            Activation::PushToTalk if call.muted => {
                Some("the microphone is muted: unmute it first")
            }
            Activation::PushToTalk => None,
            _ => Some(
                "this call has no push to talk: /ptt on, or call_set with activation push_to_talk",
            ),
        };
        if let Some(text) = refused {
            return Err(Error::new(ErrorCode::Conflict, text));
        }
        let change = CallChange {
            talking: Some(talking),
            ..CallChange::default()
        };
        self.engine.call_set(call.call, change).await
    }

    async fn change(&self, call: &Call, change: CallChange) -> Result<Value, Error> {
        self.engine.call_set(call.call, change).await?;
        self.status().await
    }

    async fn status(&self) -> Result<Value, Error> {
        let transmitting = self.engine.call_levels().is_some_and(|l| l.transmitting);
        Ok(json!({"calls": self.engine.calls().await?, "transmitting": transmitting}))
    }

    async fn ringing(&self) -> Result<Call, Error> {
        self.find(
            |call| call.state == CallState::Incoming,
            "nobody is calling",
        )
        .await
    }

    async fn active(&self) -> Result<Call, Error> {
        self.find(|call| call.state != CallState::Incoming, "there is no call")
            .await
    }

    async fn any(&self) -> Result<Call, Error> {
        self.find(|_| true, "there is no call").await
    }

    async fn find(&self, wanted: impl Fn(&Call) -> bool, none: &str) -> Result<Call, Error> {
        let calls = self.engine.calls().await?;
        let found = calls.into_iter().find(wanted);
        found.ok_or_else(|| Error::new(ErrorCode::NotFound, none))
    }
}
