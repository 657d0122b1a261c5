//! What is wrong with a call without anybody noticing: pure, looked at once a
//! second. Each is raised once and cleared once.

use std::time::{Duration, Instant};

use twocan_voice::Silence;

use crate::api::CallHint;

/// Speech while muted that is worth a word.
const UNHEARD_MS: u32 = 500;
/// How often a muted speaker is told at most.
const TOLD_EVERY: Duration = Duration::from_secs(10);
/// What no longer holds stays said for this long, so that nothing flickers.
const STAYS: Duration = Duration::from_secs(2);
/// Silence from where there was never a sound is a failure after this long.
const DEAD: Duration = Duration::from_secs(5);
/// Silence after sound is one only after this long: some microphones give
/// nothing at all between words.
const FELL_SILENT: Duration = Duration::from_secs(60);
/// Without progress in the other side's reports for this long, it hears
/// nothing: browsers report every 2.5 to 7.5 s (RFC 3550 section 6.3.1).
const UNREPORTED: Duration = Duration::from_secs(10);
/// Below this many packets a second the sender has paused on purpose and only
/// shows that it is there.
const PAUSED_RATE: f32 = 8.0;

/// What is looked at.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Observed {
    /// The path works.
    pub(super) up: bool,
    pub(super) muted: bool,
    /// For how long somebody spoke while muted.
    pub(super) muted_speech_ms: u32,
    /// The microphone is a device, and open.
    pub(super) microphone: bool,
    pub(super) input: Silence,
    pub(super) output: Silence,
    /// Packets received and sent so far.
    pub(super) received: u64,
    pub(super) sent: u64,
    /// The newest of our packets that the other side says it has.
    pub(super) reported: Option<u64>,
}

/// Raises and clears.
#[derive(Debug)]
pub(super) struct Alarms {
    /// What was seen last, and when.
    before: (Observed, Instant),
    /// Since when the path has worked.
    up_since: Option<Instant>,
    /// When a packet last came, and the rate at which they come.
    arrived_at: Instant,
    rate: f32,
    /// When the other side's reports last moved, and what we had sent then.
    progress: (Instant, u64),
    raised: [Option<Raised>; CallHint::ALL.len()],
    told_at: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Raised {
    /// When it last held.
    held_at: Instant,
}

impl Alarms {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            before: (Observed::default(), now),
            up_since: None,
            arrived_at: now,
            rate: 0.0,
            progress: (now, 0),
            raised: [None; CallHint::ALL.len()],
            told_at: None,
        }
    }

    /// Looks at what there is now; gives what is raised or cleared.
    pub(super) fn look(&mut self, now: Instant, seen: &Observed) -> Vec<(CallHint, bool)> {
        self.follow(now, seen);
        let holds = [
            self.speaks_unheard(now, seen),
            self.nothing_arrives(now, seen),
            self.nobody_hears(now, seen),
        ];
        self.before = (*seen, now);
        let mut changes = Vec::new();
        for (index, holds) in holds.into_iter().enumerate() {
            let hint = CallHint::ALL[index];
            let raised = &mut self.raised[index];
            match raised {
                None if holds => {
                    *raised = Some(Raised { held_at: now });
                    changes.push((hint, true));
                    if hint == CallHint::SpeakingWhileMuted {
                        self.told_at = Some(now);
                    }
                }
                Some(raised) if holds => raised.held_at = now,
                // With the path gone, what was said of it means nothing; and
                // who unmutes wants to see at once that it helped.
                Some(Raised { held_at })
                    if !seen.up
                        || hint == CallHint::SpeakingWhileMuted && !seen.muted
                        || now.duration_since(*held_at) >= STAYS =>
                {
                    *raised = None;
                    changes.push((hint, false));
                }
                _ => {}
            }
        }
        changes
    }

    fn follow(&mut self, now: Instant, seen: &Observed) {
        let (before, at) = &self.before;
        let seconds = now.duration_since(*at).as_secs_f32();
        let came = seen.received.saturating_sub(before.received);
        if came > 0 {
            self.arrived_at = now;
        }
        if seconds > 0.0 {
            self.rate += (came as f32 / seconds - self.rate) * 0.5;
        }
        if seen.reported != before.reported {
            self.progress = (now, seen.sent);
        }
        match (seen.up, self.up_since) {
            (true, None) => {
                self.up_since = Some(now);
                self.arrived_at = now;
                self.progress = (now, seen.sent);
            }
            (false, _) => self.up_since = None,
            _ => {}
        }
    }

    fn speaks_unheard(&self, now: Instant, seen: &Observed) -> bool {
        let told = self.told_at.is_some_and(|at| now - at < TOLD_EVERY);
        let is_raised = self.raised[0].is_some();
        seen.up && seen.muted && seen.muted_speech_ms >= UNHEARD_MS && (is_raised || !told)
    }

    fn nothing_arrives(&self, now: Instant, seen: &Observed) -> bool {
        let no_packets = now.duration_since(self.arrived_at) >= DEAD;
        let no_sound = self.rate >= PAUSED_RATE && is_dead(seen.output);
        seen.up && (no_packets || no_sound)
    }

    fn nobody_hears(&self, now: Instant, seen: &Observed) -> bool {
        let no_sound = seen.microphone && !seen.muted && is_dead(seen.input);
        let (at, sent) = self.progress;
        let unreported = now.duration_since(at) >= UNREPORTED && seen.sent > sent + 1;
        seen.up && (no_sound || unreported)
    }
}

fn is_dead(silence: Silence) -> bool {
    let limit = match silence.sounded {
        true => FELL_SILENT,
        false => DEAD,
    };
    u128::from(silence.for_ms) >= limit.as_millis()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A call in virtual time, looked at once a second.
    struct Watched {
        alarms: Alarms,
        now: Instant,
        seen: Observed,
        /// Packets that come and go each second.
        rates: (u64, u64),
        reports: bool,
        log: Vec<(u64, CallHint, bool)>,
        seconds: u64,
    }

    impl Watched {
        fn new() -> Self {
            let now = Instant::now();
            Self {
                alarms: Alarms::new(now),
                now,
                seen: Observed {
                    up: true,
                    ..Observed::default()
                },
                rates: (50, 50),
                reports: true,
                log: Vec::new(),
                seconds: 0,
            }
        }

        fn run(&mut self, seconds: u64, mut change: impl FnMut(u64, &mut Observed)) {
            for second in 1..=seconds {
                self.now += Duration::from_secs(1);
                self.seconds += 1;
                self.seen.received += self.rates.0;
                self.seen.sent += self.rates.1;
                if self.reports {
                    self.seen.reported = Some(self.seen.sent);
                }
                change(second, &mut self.seen);
                for (hint, on) in self.alarms.look(self.now, &self.seen) {
                    self.log.push((self.seconds, hint, on));
                }
            }
        }
    }

    #[test]
    fn a_call_in_order_raises_nothing() {
        let mut call = Watched::new();
        call.run(600, |second, seen| {
            // Silence of 30 s between words is nobody's failure.
            let quiet = Silence {
                for_ms: second % 30 * 1_000,
                sounded: true,
            };
            (seen.input, seen.output, seen.microphone) = (quiet, quiet, true);
        });
        assert_eq!(call.log, []);
    }

    #[test]
    fn a_muted_speaker_is_told_now_and_then() {
        let mut call = Watched::new();
        call.run(4, |_, seen| {
            (seen.muted, seen.muted_speech_ms) = (true, 400)
        });
        assert_eq!(call.log, []);
        // Speaks 5 of each 8 seconds.
        call.run(24, |second, seen| {
            seen.muted_speech_ms = if second % 8 < 5 { 600 } else { 0 };
        });
        let hint = CallHint::SpeakingWhileMuted;
        let told: Vec<_> = call
            .log
            .iter()
            .filter(|(_, _, on)| *on)
            .map(|l| l.0)
            .collect();
        assert!(call.log.iter().all(|(_, which, _)| *which == hint));
        assert!(
            told[0] == 5 && told.windows(2).all(|w| w[1] - w[0] >= 10),
            "{told:?}"
        );
        call.run(20, |_, seen| seen.muted_speech_ms = 600);
        call.log.clear();
        call.run(1, |_, seen| seen.muted = false);
        assert_eq!(call.log, [(49, hint, false)]);
    }

    #[test]
    fn no_packets_and_dead_sound_are_told_and_pauses_are_not() {
        let hint = CallHint::NothingArrives;
        let mut call = Watched::new();
        call.run(10, |_, _| {});
        call.rates.0 = 0;
        call.run(10, |_, _| {});
        assert_eq!(call.log, [(15, hint, true)]);
        call.rates.0 = 50;
        call.run(5, |_, _| {});
        assert_eq!(call.log[1..], [(22, hint, false)]);

        let mut call = Watched::new();
        let dead = |second, seen: &mut Observed| seen.output.for_ms = second * 1_000;
        call.run(8, dead);
        assert_eq!(call.log, [(5, hint, true)]);

        // Two or three packets a second are a pause.
        let mut call = Watched::new();
        call.rates.0 = 2;
        call.run(60, dead);
        assert_eq!(call.log, []);
    }

    #[test]
    fn what_the_other_side_does_not_get_is_told() {
        let hint = CallHint::NobodyHears;
        let mut call = Watched::new();
        call.run(10, |_, _| {});
        call.reports = false;
        call.run(15, |_, _| {});
        assert_eq!(call.log, [(20, hint, true)]);
        call.reports = true;
        call.run(3, |_, _| {});
        assert_eq!(call.log[1..], [(27, hint, false)]);
    }

    #[test]
    fn a_dead_microphone_is_told_unless_muted() {
        let mut call = Watched::new();
        let dead = |second, seen: &mut Observed| {
            seen.microphone = true;
            seen.input.for_ms = second * 1_000;
        };
        call.seen.muted = true;
        call.run(20, dead);
        assert_eq!(call.log, []);
        call.seen.muted = false;
        call.run(6, dead);
        assert_eq!(call.log, [(25, CallHint::NobodyHears, true)]);
        // A path that breaks takes the alarm with it.
        call.run(1, |_, seen| seen.up = false);
        assert_eq!(call.log[1..], [(27, CallHint::NobodyHears, false)]);
    }
}
