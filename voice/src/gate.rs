//! When the microphone is sent, and when nothing is.
//!
//! ```text
//! frame -> speech? -> [100 ms line, with voice activation only] -> fade -> out
//! ```
//!
//! While the gate is shut a frame of silence goes out now and then, so that
//! the other side, and the routers on the way, know that we are there. With
//! voice activation the sound goes through a line of 100 ms, so that what came
//! before speech was noticed is sent too, in time and not as a late burst.

use std::{collections::VecDeque, fmt, str::FromStr};

use crate::{FRAME_SAMPLES, spec::SpecError};

/// Sound before the moment in which speech is noticed: 100 ms.
const PRE_ROLL: usize = 5;
/// Sound after the last of speech: 260 ms, the pauses within words.
const HOLD: u32 = 13;
/// While nothing is sent, a frame of silence goes out this often: 400 ms.
const KEEP_ALIVE: u32 = 20;
/// What is played back stays open over this: what is weaker is digital silence.
const DIGITAL_SILENCE: f32 = 1e-4;

/// When what the microphone gives is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Activation {
    /// Always.
    #[default]
    Continuous,
    /// While somebody speaks; 100 ms later than with the others.
    Voice,
    /// While a key is held, see [`crate::Call::set_talking`].
    PushToTalk,
}

impl Activation {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Continuous, Self::Voice, Self::PushToTalk];

    /// Its name: `continuous`, `voice` or `push_to_talk`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Continuous => "continuous",
            Self::Voice => "voice",
            Self::PushToTalk => "push_to_talk",
        }
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Activation {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let named = Self::ALL.into_iter().find(|a| a.name() == text);
        named.ok_or_else(|| SpecError::Unknown {
            given: text.to_owned(),
            expected: "continuous, voice, push_to_talk",
        })
    }
}

/// What opens the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Always open.
    Open,
    /// Open while somebody speaks.
    Voice,
    /// Always shut.
    Shut,
    /// Open while there is any sound at all: what is played back to its sender.
    Sound,
}

/// What becomes of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passage {
    /// It is sent; `begins` after a pause.
    Sent { begins: bool },
    /// It was made silent and is sent as a sign of life.
    KeepAlive,
    /// Nothing is sent in its time.
    Nothing,
}

/// Lets frames through, or not.
#[derive(Debug)]
pub(crate) struct Gate {
    line: VecDeque<[f32; FRAME_SAMPLES]>,
    hold: u32,
    /// Gain at the end of the last frame: opening and shutting fade over one.
    gain: f32,
    /// Frames since one was sent.
    quiet: u32,
}

impl Gate {
    /// A gate; when it is not `open`, a sign of life comes first.
    pub(crate) fn new(open: bool) -> Self {
        Self {
            line: VecDeque::with_capacity(PRE_ROLL + 1),
            hold: 0,
            gain: if open { 1.0 } else { 0.0 },
            quiet: KEEP_ALIVE,
        }
    }

    /// Takes the next frame and puts what is to be sent into its place. With
    /// `delayed` that is the frame of 100 ms ago.
    pub(crate) fn pass(
        &mut self,
        frame: &mut [f32; FRAME_SAMPLES],
        rule: Rule,
        delayed: bool,
        speech: bool,
    ) -> Passage {
        let open = self.is_open(frame, rule, speech) & self.delay(frame, delayed);
        let was_open = self.gain > 0.0;
        self.fade(frame, if open { 1.0 } else { 0.0 });
        if open || was_open {
            // A sign of life follows the last frame, so that the far decoder
            // ends on silence.
            self.quiet = KEEP_ALIVE;
            return Passage::Sent { begins: !was_open };
        }
        self.quiet += 1;
        if self.quiet <= KEEP_ALIVE {
            return Passage::Nothing;
        }
        self.quiet = 0;
        Passage::KeepAlive
    }

    fn is_open(&mut self, frame: &[f32], rule: Rule, speech: bool) -> bool {
        let (kept_open, hold) = match rule {
            Rule::Open => return true,
            Rule::Shut => {
                self.hold = 0;
                return false;
            }
            // What was held open has to come out of the line, too.
            Rule::Voice => (speech, HOLD + PRE_ROLL as u32),
            Rule::Sound => (frame.iter().any(|s| s.abs() > DIGITAL_SILENCE), HOLD),
        };
        if kept_open {
            self.hold = hold;
            return true;
        }
        self.hold = self.hold.saturating_sub(1);
        self.hold > 0
    }

    /// Takes the frame of 100 ms ago, or goes over to sound without delay.
    /// Returns whether there is a frame: not while the line fills.
    fn delay(&mut self, frame: &mut [f32; FRAME_SAMPLES], wanted: bool) -> bool {
        if wanted {
            self.line.push_back(*frame);
            let oldest = (self.line.len() > PRE_ROLL).then(|| self.line.pop_front());
            if let Some(oldest) = oldest.flatten() {
                *frame = oldest;
                return true;
            }
            // The first of them fades out here, and is sent in its turn.
            return false;
        }
        if let Some(next) = self.line.pop_front() {
            // What is skipped must not be heard as a click.
            let step = 1.0 / FRAME_SAMPLES as f32;
            for (n, (sample, from)) in frame.iter_mut().zip(next).enumerate() {
                *sample = from + (*sample - from) * step * (n + 1) as f32;
            }
            self.line.clear();
        }
        true
    }

    fn fade(&mut self, frame: &mut [f32], target: f32) {
        if self.gain == 1.0 && target == 1.0 {
            return;
        }
        let step = (target - self.gain) / frame.len() as f32;
        for sample in frame.iter_mut() {
            self.gain += step;
            *sample *= self.gain;
        }
        self.gain = target;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of a frame is its level, so that it is known again.
    fn numbered(n: u32) -> [f32; FRAME_SAMPLES] {
        [n as f32 / 1_000.0; FRAME_SAMPLES]
    }

    fn number(frame: &[f32; FRAME_SAMPLES]) -> u32 {
        (frame[FRAME_SAMPLES - 1] * 1_000.0).round() as u32
    }

    /// What comes out for frames of which those in `spoken` are speech.
    fn run(rule: Rule, frames: u32, spoken: impl Fn(u32) -> bool) -> Vec<(Passage, u32)> {
        let mut gate = Gate::new(rule == Rule::Open);
        (1..=frames)
            .map(|n| {
                let mut frame = numbered(n);
                let passage = gate.pass(&mut frame, rule, rule == Rule::Voice, spoken(n));
                (passage, number(&frame))
            })
            .collect()
    }

    #[test]
    fn an_open_gate_adds_nothing_and_takes_nothing() {
        let out = run(Rule::Open, 50, |_| false);
        for (n, (passage, number)) in (1..).zip(out) {
            assert_eq!((passage, number), (Passage::Sent { begins: false }, n));
        }
    }

    #[test]
    fn a_shut_gate_gives_signs_of_life_alone() {
        let out = run(Rule::Shut, 100, |_| true);
        assert!(out.iter().all(|(_, number)| *number == 0));
        let alive: Vec<_> = (0..)
            .zip(&out)
            .filter(|(_, (passage, _))| *passage != Passage::Nothing)
            .map(|(n, (passage, _))| (n, *passage))
            .collect();
        let expected: Vec<_> = (0..5).map(|n| (n * 21, Passage::KeepAlive)).collect();
        assert_eq!(alive, expected);
    }

    #[test]
    fn what_came_before_speech_is_sent_and_its_end_is_not_cut() {
        // Speech in frames 50 to 59.
        let out = run(Rule::Voice, 150, |n| (50..60).contains(&n));
        let sent: Vec<_> = out
            .iter()
            .filter(|(passage, _)| matches!(passage, Passage::Sent { .. }))
            .collect();
        let (begins, first) = sent[0];
        assert_eq!((*begins, *first), (Passage::Sent { begins: true }, 45));
        assert!(
            sent[1..]
                .iter()
                .all(|(p, _)| *p == Passage::Sent { begins: false })
        );
        let numbers: Vec<u32> = sent.iter().map(|(_, number)| *number).collect();
        let last_whole = 59 + HOLD - 1;
        let expected: Vec<u32> = (45..=last_whole).chain([0]).collect();
        assert_eq!(numbers, expected, "the last one fades to nothing");
        let after = out.iter().skip_while(|(_, n)| *n != last_whole).nth(2);
        assert_eq!(after.map(|(passage, _)| *passage), Some(Passage::KeepAlive));
    }

    #[test]
    fn pauses_within_words_stay() {
        let out = run(Rule::Voice, 100, |n| n >= 20 && n % HOLD == 0);
        let from = out
            .iter()
            .position(|(p, _)| matches!(p, Passage::Sent { .. }));
        let rest = &out[from.unwrap()..];
        assert!(rest.len() > 60);
        assert!(rest.iter().all(|(p, _)| matches!(p, Passage::Sent { .. })));
    }

    #[test]
    fn no_change_is_a_click() {
        let mut gate = Gate::new(true);
        let mut heard = Vec::new();
        let rules = [Rule::Open, Rule::Shut, Rule::Open, Rule::Voice, Rule::Open];
        for (n, rule) in rules.iter().cycle().take(60).enumerate() {
            // Several frames under each rule, as nobody is faster.
            for _ in 0..8 {
                let mut frame = [0.5; FRAME_SAMPLES];
                gate.pass(&mut frame, *rule, *rule == Rule::Voice, n % 2 == 0);
                heard.extend_from_slice(&frame);
            }
        }
        let steepest = heard.windows(2).map(|w| (w[1] - w[0]).abs());
        assert!(steepest.fold(0.0, f32::max) < 0.001);
        assert!(heard.contains(&0.5) && heard.contains(&0.0));
    }

    #[test]
    fn the_line_keeps_running_while_muted() {
        let mut gate = Gate::new(false);
        for n in 1..30 {
            gate.pass(&mut numbered(n), Rule::Shut, true, true);
        }
        let mut frame = numbered(30);
        let passage = gate.pass(&mut frame, Rule::Voice, true, true);
        assert_eq!(
            (passage, number(&frame)),
            (Passage::Sent { begins: true }, 25)
        );
    }

    #[test]
    fn digital_silence_is_not_played_back() {
        let mut gate = Gate::new(false);
        let mut pass = |level| {
            let mut frame = [level; FRAME_SAMPLES];
            gate.pass(&mut frame, Rule::Sound, false, false)
        };
        assert_eq!(pass(0.0), Passage::KeepAlive);
        assert_eq!(pass(0.001), Passage::Sent { begins: true });
        let sent = (0..100).filter(|_| pass(0.0) == Passage::Sent { begins: false });
        assert_eq!(sent.count(), HOLD as usize);
    }

    #[test]
    fn activations_have_names() {
        for activation in Activation::ALL {
            assert_eq!(activation.to_string().parse(), Ok(activation));
        }
        assert!("loud".parse::<Activation>().is_err());
    }
}
