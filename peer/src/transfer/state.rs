//! Where a transfer stands: what each side said of it, and what follows.
//!
//! Each side decides for itself and tells the other; what is shown is made of
//! both. Plain data: no time, no disk, no sockets.
//!
//! ```text
//!            sender                       receiver
//!            offered <-> paused           offered -> accepted <-> paused
//!               \         /                  |  \        \         /
//!           failed, cancelled          rejected  cancelled, failed, done
//! ```

use twocan_proto::body::file::Standing;

use crate::api::TransferState;

/// Both sides of a transfer, as far as they are known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sides {
    /// We are the sender.
    pub(crate) outgoing: bool,
    pub(crate) mine: Standing,
    pub(crate) theirs: Standing,
}

/// Why something asked for cannot be done now; ends a sentence.
pub(crate) type Refusal = &'static str;

impl Sides {
    /// A transfer that was just offered.
    pub(crate) fn offered(outgoing: bool) -> Self {
        Self {
            outgoing,
            mine: Standing::Offered,
            theirs: Standing::Offered,
        }
    }

    fn receiver(self) -> Standing {
        if self.outgoing {
            self.theirs
        } else {
            self.mine
        }
    }

    /// What both together come to. What the receiver has on its disk is done
    /// whatever else was said meanwhile.
    pub(crate) fn shown(self, running: bool) -> TransferState {
        let either = |standing| self.mine == standing || self.theirs == standing;
        match self.receiver() {
            Standing::Done => TransferState::Done,
            Standing::Rejected => TransferState::Rejected,
            _ if either(Standing::Cancelled) => TransferState::Cancelled,
            _ if either(Standing::Failed) => TransferState::Failed,
            _ if either(Standing::Paused) => TransferState::Paused,
            Standing::Offered | Standing::Other => TransferState::Offered,
            _ if running => TransferState::Running,
            _ => TransferState::Accepted,
        }
    }

    /// Nothing will change any more.
    pub(crate) fn is_over(self) -> bool {
        self.mine.is_final() || self.theirs.is_final()
    }

    /// Bytes are to flow.
    pub(crate) fn may_run(self) -> bool {
        self.receiver() == Standing::Accepted
            && (self.mine == Standing::Offered || self.theirs == Standing::Offered)
    }

    /// The user takes the offer. `Ok(false)` if that was done before.
    pub(crate) fn accept(&mut self) -> Result<bool, Refusal> {
        self.as_receiver()?;
        match self.mine {
            Standing::Offered => {
                self.mine = Standing::Accepted;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// The user does not want it.
    pub(crate) fn reject(&mut self) -> Result<(), Refusal> {
        self.as_receiver()?;
        if self.mine != Standing::Offered {
            return Err("it was accepted: cancel it instead");
        }
        self.mine = Standing::Rejected;
        Ok(())
    }

    /// The user stops it for now. `Ok(false)` if that was done before.
    pub(crate) fn pause(&mut self) -> Result<bool, Refusal> {
        self.unfinished()?;
        match self.mine {
            Standing::Paused => Ok(false),
            Standing::Offered if !self.outgoing => Err("it was not accepted yet"),
            _ => {
                self.mine = Standing::Paused;
                Ok(true)
            }
        }
    }

    /// The user lets it go on. `Ok(false)` if nothing stops it here.
    pub(crate) fn resume(&mut self) -> Result<bool, Refusal> {
        self.unfinished()?;
        if self.mine == Standing::Paused {
            self.mine = match self.outgoing {
                true => Standing::Offered,
                false => Standing::Accepted,
            };
            return Ok(true);
        }
        match self.theirs {
            Standing::Paused => Err("the other side has paused it"),
            _ => Ok(false),
        }
    }

    /// It is over here, and why is told apart: cancelled, failed or done.
    pub(crate) fn end(&mut self, standing: Standing) -> Result<(), Refusal> {
        debug_assert!(standing.is_final());
        self.unfinished()?;
        self.mine = standing;
        Ok(())
    }

    /// All of it lies here under its name, whatever was said meanwhile.
    pub(crate) fn arrived(&mut self) {
        self.mine = Standing::Done;
    }

    /// Something here keeps it from going on until the user has seen to it.
    pub(crate) fn hold(&mut self) {
        if !self.is_over() {
            self.mine = Standing::Paused;
        }
    }

    /// The other side says how it stands there. Gives whether that is news;
    /// what it has no say in is passed over.
    pub(crate) fn told(&mut self, standing: Standing) -> bool {
        let sayable = match standing {
            Standing::Offered | Standing::Paused | Standing::Failed | Standing::Cancelled => true,
            Standing::Accepted | Standing::Rejected | Standing::Done => self.outgoing,
            Standing::Other => false,
        };
        // What is final there stays so, whatever a copy set back says.
        if !sayable || self.theirs == standing || self.theirs.is_final() {
            return false;
        }
        self.theirs = standing;
        true
    }

    fn as_receiver(self) -> Result<(), Refusal> {
        if self.outgoing {
            return Err("it is ours to send, not to take");
        }
        self.unfinished()
    }

    fn unfinished(self) -> Result<(), Refusal> {
        if self.is_over() {
            return Err("it is over");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn running() -> (Sides, Sides) {
        let (mut sender, mut receiver) = (Sides::offered(true), Sides::offered(false));
        assert_eq!(receiver.accept(), Ok(true));
        assert!(sender.told(receiver.mine));
        (sender, receiver)
    }

    #[test]
    fn accepted_runs_and_is_done() {
        let (mut sender, mut receiver) = running();
        assert!(sender.may_run() && receiver.may_run());
        assert_eq!(sender.shown(false), TransferState::Accepted);
        assert_eq!(receiver.shown(true), TransferState::Running);
        assert_eq!(receiver.accept(), Ok(false));
        receiver.end(Standing::Done).unwrap();
        assert!(sender.told(Standing::Done));
        assert_eq!(sender.shown(false), TransferState::Done);
        assert!(sender.is_over() && !sender.may_run());
        assert!(receiver.pause().is_err() && sender.end(Standing::Cancelled).is_err());
    }

    #[test]
    fn either_side_pauses_and_only_it_resumes() {
        let (mut sender, mut receiver) = running();
        assert_eq!(sender.pause(), Ok(true));
        assert!(receiver.told(sender.mine));
        assert!(!receiver.may_run() && !sender.may_run());
        assert_eq!(receiver.shown(false), TransferState::Paused);
        assert!(receiver.resume().is_err());
        assert_eq!(receiver.pause(), Ok(true));
        assert!(sender.told(receiver.mine));
        assert_eq!(sender.resume(), Ok(true));
        assert!(receiver.told(sender.mine));
        assert_eq!(receiver.shown(false), TransferState::Paused);
        assert_eq!(receiver.resume(), Ok(true));
        assert!(sender.told(receiver.mine));
        assert!(receiver.may_run() && sender.may_run());
    }

    #[test]
    fn what_has_arrived_is_done_even_if_cancelled_meanwhile() {
        let (mut sender, mut receiver) = running();
        receiver.end(Standing::Done).unwrap();
        sender.end(Standing::Cancelled).unwrap();
        sender.told(receiver.mine);
        receiver.told(sender.mine);
        assert_eq!(sender.shown(false), TransferState::Done);
        assert_eq!(receiver.shown(false), TransferState::Done);
    }

    #[test]
    fn a_sender_cannot_decide_for_the_receiver() {
        let mut receiver = Sides::offered(false);
        for standing in [
            Standing::Accepted,
            Standing::Rejected,
            Standing::Done,
            Standing::Other,
        ] {
            assert!(!receiver.told(standing));
        }
        assert_eq!(receiver, Sides::offered(false));
        let mut sender = Sides::offered(true);
        assert!(sender.accept().is_err() && sender.reject().is_err());
    }

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Accept,
        Reject,
        Pause,
        Resume,
        Cancel,
        Fail,
        Done,
        Tell,
    }

    fn step() -> impl Strategy<Value = (bool, Step)> {
        use Step::*;
        let steps = vec![Accept, Reject, Pause, Resume, Cancel, Fail, Done, Tell];
        (any::<bool>(), proptest::sample::select(steps))
    }

    proptest! {
        /// Whatever both do and however seldom they hear of each other: once
        /// both have told, both show the same.
        #[test]
        fn both_sides_come_to_the_same(steps in proptest::collection::vec(step(), 0..30)) {
            let mut sides = [Sides::offered(true), Sides::offered(false)];
            let tell = |sides: &mut [Sides; 2], from: usize| {
                let mine = sides[from].mine;
                sides[1 - from].told(mine);
            };
            for (which, step) in steps {
                let at = usize::from(which);
                let side = &mut sides[at];
                // Refusals are fine here.
                let _refused = match step {
                    Step::Accept => side.accept().map(drop),
                    Step::Reject => side.reject(),
                    Step::Pause => side.pause().map(drop),
                    Step::Resume => side.resume().map(drop),
                    Step::Cancel => side.end(Standing::Cancelled),
                    Step::Fail => side.end(Standing::Failed),
                    Step::Done if side.may_run() && !side.outgoing => side.end(Standing::Done),
                    Step::Done => Ok(()),
                    Step::Tell => { tell(&mut sides, at); Ok(()) }
                };
            }
            tell(&mut sides, 0);
            tell(&mut sides, 1);
            prop_assert_eq!(sides[0].shown(false), sides[1].shown(false));
            prop_assert_eq!(sides[0].may_run(), sides[1].may_run());
        }
    }
}
