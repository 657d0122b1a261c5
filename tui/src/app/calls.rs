//! Calls as the screen shows them: state, measured series, meters.

use std::collections::VecDeque;

use twocan_peer::api::{
    Activation, Call, CallChange, CallHint, CallId, CallLevels, CallState, CallStats,
};
use twocan_proto::time::Timestamp;

use super::audio::Side;
use crate::input::chord::Chord;

/// One sample a second is kept for this long.
const SERIES: usize = 60;
/// Lowest loudness a meter shows, in dBFS.
pub(crate) const FLOOR_DB: f32 = -60.0;
/// How fast a meter falls, in dB a second: slow enough to be read.
const FALL_DB: f32 = 20.0;
/// How long a peak stands, in milliseconds.
const PEAK_HOLD_MS: i64 = 1500;
/// The meters are read this often, in milliseconds.
pub(crate) const METERS_MS: i64 = 100;

/// A level meter with its peak.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meter {
    /// dBFS, at least [`FLOOR_DB`].
    pub(crate) level: f32,
    pub(crate) peak: f32,
    peak_at: i64,
    at: i64,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            level: FLOOR_DB,
            peak: FLOOR_DB,
            peak_at: 0,
            at: 0,
        }
    }
}

impl Meter {
    /// Takes a level and a peak in dBFS measured at `now`: rises at once,
    /// falls slowly.
    pub(crate) fn take(&mut self, db: f32, peak: f32, now: Timestamp) {
        let shown = |db: f32| match db.is_finite() {
            true => db.clamp(FLOOR_DB, 0.0),
            false => FLOOR_DB,
        };
        let (db, peak) = (shown(db), shown(peak));
        let now = now.as_millis();
        let seconds = (now - self.at).clamp(0, 1000) as f32 / 1000.0;
        self.at = now;
        self.level = db.max(self.level - FALL_DB * seconds).max(FLOOR_DB);
        let highest = peak.max(self.level);
        if highest >= self.peak || now - self.peak_at > PEAK_HOLD_MS {
            self.peak = highest;
            self.peak_at = now;
        }
    }

    /// The level in a word, for those who do not read bars.
    pub(crate) fn word(self) -> &'static str {
        match self.level {
            db if db >= -1.0 => "CLIP",
            db if db >= -9.0 => "LOUD",
            db if db >= -35.0 => "GOOD",
            db if db > -55.0 => "LOW",
            _ => "SILENT",
        }
    }
}

/// How a call sounds, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quality {
    Good,
    Fair,
    Poor,
}

impl Quality {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Good => "GOOD",
            Self::Fair => "FAIR",
            Self::Poor => "POOR",
        }
    }

    /// From the estimated mean opinion score, 1 to 4.5.
    pub(crate) fn of(score: f32) -> Self {
        match score {
            s if s >= 3.6 => Self::Good,
            s if s >= 2.8 => Self::Fair,
            _ => Self::Poor,
        }
    }
}

/// Samples of the last minute.
#[derive(Debug, Clone, Default)]
pub(crate) struct Series(VecDeque<f32>);

impl Series {
    fn push(&mut self, value: f32) {
        if self.0.len() == SERIES {
            self.0.pop_front();
        }
        self.0.push_back(value);
    }

    /// At most `cells` values, oldest first; each is the worst of its share,
    /// so that no spike is lost.
    pub(crate) fn worst(&self, cells: usize) -> Vec<f32> {
        if cells == 0 || self.0.is_empty() {
            return Vec::new();
        }
        let share = self.0.len().div_ceil(cells).max(1);
        let all: Vec<f32> = self.0.iter().copied().collect();
        all.chunks(share)
            .map(|c| c.iter().copied().fold(0.0, f32::max))
            .collect()
    }
}

/// A call and all that was seen of it.
#[derive(Debug, Clone)]
pub(crate) struct CallView {
    pub(crate) call: Call,
    /// When we first heard of it.
    pub(crate) since: Timestamp,
    /// When sound first flowed.
    pub(crate) connected_at: Option<Timestamp>,
    pub(crate) stats: Option<CallStats>,
    pub(crate) rtt: Series,
    pub(crate) loss: Series,
    pub(crate) jitter: Series,
    pub(crate) rate: Series,
    /// Invented sound, in percent.
    pub(crate) invented: Series,
    pub(crate) mic: Meter,
    pub(crate) speaker: Meter,
    /// When the meters were last read.
    pub(crate) metered_at: Option<Timestamp>,
    /// Sound of ours goes out at this moment.
    pub(crate) transmitting: bool,
    /// What needs attention now.
    pub(crate) hints: Vec<CallHint>,
    /// Whether the microphone was muted before deafening.
    pub(crate) muted_before_deafen: bool,
    /// When the terminal last rang for it.
    pub(crate) rang_at: Option<Timestamp>,
}

impl CallView {
    pub(crate) fn new(call: Call, now: Timestamp) -> Self {
        Self {
            connected_at: (call.state == CallState::Connected).then_some(now),
            call,
            since: now,
            stats: None,
            rtt: Series::default(),
            loss: Series::default(),
            jitter: Series::default(),
            rate: Series::default(),
            invented: Series::default(),
            mic: Meter::default(),
            speaker: Meter::default(),
            metered_at: None,
            transmitting: false,
            hints: Vec::new(),
            muted_before_deafen: false,
            rang_at: None,
        }
    }

    /// Takes the call as it stands now.
    pub(crate) fn take(&mut self, call: Call, now: Timestamp) {
        if call.state == CallState::Connected && self.connected_at.is_none() {
            self.connected_at = Some(now);
        }
        self.call = call;
    }

    /// Whether the device of a side is missing, and silence stands in for it.
    pub(crate) fn lacks(&self, side: Side) -> bool {
        let of = |stats: &CallStats| match side {
            Side::Microphone => stats.no_microphone.is_some(),
            Side::Loudspeaker => stats.no_loudspeaker.is_some(),
        };
        self.stats.as_ref().is_some_and(of)
    }

    /// What needs attention, the most pressing first.
    pub(crate) fn alarms(&self) -> Vec<&'static str> {
        let missing = [
            (Side::Microphone, "no microphone: silence is sent"),
            (Side::Loudspeaker, "no loudspeaker: nothing is heard"),
        ];
        let missing = missing.into_iter();
        let missing = missing.filter_map(|(side, text)| self.lacks(side).then_some(text));
        missing
            .chain(self.hints.iter().map(|hint| hint.text()))
            .collect()
    }

    /// Takes what the meters show.
    pub(crate) fn take_levels(&mut self, levels: CallLevels, now: Timestamp) {
        self.mic.take(levels.in_db, levels.in_peak_db, now);
        self.speaker.take(levels.out_db, levels.out_peak_db, now);
        self.transmitting = levels.transmitting;
        self.metered_at = Some(now);
    }

    /// Takes something that needs attention, or no longer does; returns
    /// whether it is news.
    pub(crate) fn take_hint(&mut self, hint: CallHint, on: bool) -> bool {
        let known = self.hints.contains(&hint);
        if on && !known {
            self.hints.push(hint);
        } else if !on {
            self.hints.retain(|h| *h != hint);
        }
        on && !known
    }

    /// Takes the measurements of a second.
    pub(crate) fn take_stats(&mut self, stats: CallStats) {
        self.rtt.push(stats.rtt_ms.unwrap_or(0.0));
        self.loss.push(stats.loss * 100.0);
        self.jitter.push(stats.jitter_ms);
        self.rate.push(stats.received_kbps);
        self.invented.push(stats.concealed * 100.0);
        self.stats = Some(stats);
    }

    /// Whole seconds of sound, or of ringing before it.
    pub(crate) fn seconds(&self, now: Timestamp) -> u64 {
        u64::try_from((now.as_millis() - self.counted_from()) / 1000).unwrap_or(0)
    }

    /// When [`Self::seconds`] is one more.
    pub(crate) fn next_second(&self, now: Timestamp) -> Timestamp {
        let from = self.counted_from();
        let passed = (now.as_millis() - from).div_euclid(1000);
        Timestamp::from_millis(from + (passed + 1) * 1000)
    }

    fn counted_from(&self) -> i64 {
        self.connected_at.unwrap_or(self.since).as_millis()
    }

    pub(crate) fn quality(&self) -> Option<Quality> {
        self.stats.as_ref().map(|s| Quality::of(s.quality))
    }

    /// Whether there is sound, and so something to measure.
    pub(crate) fn has_sound(&self) -> bool {
        self.connected_at.is_some()
            && matches!(
                self.call.state,
                CallState::Connected | CallState::Reconnecting
            )
    }

    /// Whether our sound goes out: only once connected, not when muted, and
    /// not while a key or speech is waited for.
    pub(crate) fn mic_live(&self) -> bool {
        self.has_sound()
            && !self.call.muted
            && !self.lacks(Side::Microphone)
            && match self.call.activation {
                Activation::Continuous => true,
                Activation::Voice => self.transmitting,
                Activation::PushToTalk => self.call.talking,
            }
    }

    /// Loudness of the other in percent.
    pub(crate) fn volume(&self) -> u16 {
        (self.call.volume * 100.0).round().clamp(0.0, 200.0) as u16
    }

    /// The microphone in the words of the status line.
    pub(crate) fn mic_word(&self) -> &'static str {
        if self.call.deafened {
            "DEAF"
        } else if self.call.muted {
            "MIC MUTED"
        } else if !self.has_sound() {
            "MIC OFF"
        } else if self.lacks(Side::Microphone) {
            "MIC MISSING"
        } else {
            match (self.call.activation, self.mic_live()) {
                (Activation::PushToTalk, true) => "TALKING",
                (Activation::PushToTalk, false) => "PTT OFF",
                (_, true) => "MIC LIVE",
                (_, false) => "MIC READY",
            }
        }
    }

    /// What the call is doing, in words.
    pub(crate) fn state_word(&self) -> &'static str {
        match self.call.state {
            CallState::Calling => "calling",
            CallState::Ringing => "ringing there",
            CallState::Incoming => "incoming",
            CallState::Connecting => "connecting",
            CallState::Connected => "connected",
            CallState::Reconnecting => "reconnecting",
            CallState::Ended => "ended",
        }
    }
}

/// What muting, or unmuting, changes.
pub(crate) fn mute_change(call: &Call, muted: bool) -> CallChange {
    CallChange {
        muted: Some(muted),
        // A microphone that is on while nothing is heard would surprise.
        deafened: (!muted && call.deafened).then_some(false),
        ..CallChange::default()
    }
}

/// What deafening changes: it also mutes, and undeafening restores what was
/// before it.
pub(crate) fn deafen_change(deafened: bool, muted_before: bool) -> CallChange {
    CallChange {
        muted: Some(deafened || muted_before),
        deafened: Some(deafened),
        ..CallChange::default()
    }
}

/// The key of push to talk.
#[derive(Debug, Default)]
pub(crate) struct TalkKey {
    /// The terminal says when a key is let go: holding works. Otherwise each
    /// press switches.
    pub(crate) holds: bool,
    /// The key that is held down.
    pub(crate) held: Option<Chord>,
    /// When it was last pressed.
    pub(crate) pressed_at: Option<Timestamp>,
    /// The terminal was asked to say when keys are let go.
    pub(crate) watched: bool,
}

/// The calls that are not over.
#[derive(Debug, Default)]
pub(crate) struct Calls(Vec<CallView>);

/// More calls than this at once are not shown: the engine refuses a second
/// one as busy, so this bounds what a mistake could do.
const CALLS: usize = 8;

impl Calls {
    /// Takes a call as it stands now; returns the view of one that has ended.
    pub(crate) fn take(&mut self, call: Call, now: Timestamp) -> Option<CallView> {
        let at = self.0.iter().position(|c| c.call.call == call.call);
        match at {
            Some(at) if call.state == CallState::Ended => {
                let mut ended = self.0.remove(at);
                ended.take(call, now);
                Some(ended)
            }
            Some(at) => {
                self.0[at].take(call, now);
                None
            }
            None if call.state == CallState::Ended => Some(CallView::new(call, now)),
            None => {
                if self.0.len() < CALLS {
                    self.0.push(CallView::new(call, now));
                }
                None
            }
        }
    }

    pub(crate) fn get_mut(&mut self, id: CallId) -> Option<&mut CallView> {
        self.0.iter_mut().find(|c| c.call.call == id)
    }

    /// The call we are in or are trying to reach.
    pub(crate) fn active(&self) -> Option<&CallView> {
        self.0.iter().find(|c| c.call.state != CallState::Incoming)
    }

    pub(crate) fn active_mut(&mut self) -> Option<&mut CallView> {
        self.0
            .iter_mut()
            .find(|c| c.call.state != CallState::Incoming)
    }

    /// The call that rings here.
    pub(crate) fn incoming(&self) -> Option<&CallView> {
        self.0.iter().find(|c| c.call.state == CallState::Incoming)
    }

    pub(crate) fn incoming_mut(&mut self) -> Option<&mut CallView> {
        self.0
            .iter_mut()
            .find(|c| c.call.state == CallState::Incoming)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// When one of them has lasted a second more.
    pub(crate) fn next_second(&self, now: Timestamp) -> Option<Timestamp> {
        self.0.iter().map(|call| call.next_second(now)).min()
    }
}

/// `H:MM:SS`, or `M:SS` below an hour.
pub(crate) fn duration(seconds: u64) -> String {
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if h > 0 {
        format!("{h}:{m:02}:{s:02}")
    } else {
        format!("{m}:{s:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::sample;

    #[test]
    fn meters_rise_at_once_and_fall_slowly() {
        let mut meter = Meter::default();
        meter.take(-10.0, -4.0, sample::at(0));
        assert_eq!((meter.level, meter.peak), (-10.0, -4.0));
        meter.take(-60.0, -60.0, sample::at(500));
        assert_eq!((meter.level, meter.peak), (-20.0, -4.0));
        meter.take(-60.0, -60.0, sample::at(1600));
        assert!(meter.peak < -10.0);
        for seconds in 60..63 {
            meter.take(f32::NAN, f32::NAN, sample::at(seconds * 1000));
        }
        assert_eq!(meter.level, FLOOR_DB);
        assert_eq!(meter.word(), "SILENT");
    }

    #[test]
    fn spikes_are_kept() {
        let mut series = Series::default();
        for n in 0..60 {
            series.push(if n == 31 { 9.0 } else { 1.0 });
        }
        let drawn = series.worst(10);
        assert_eq!(drawn.len(), 10);
        assert_eq!(drawn.iter().filter(|v| **v == 9.0).count(), 1);
    }

    #[test]
    fn the_microphone_is_live_only_when_connected_and_not_muted() {
        let mut view = CallView::new(sample::call(CallState::Incoming), sample::at(0));
        assert_eq!(view.mic_word(), "MIC OFF");
        view.take(sample::call(CallState::Connecting), sample::at(1));
        assert!(!view.mic_live());
        view.take(sample::call(CallState::Connected), sample::at(2));
        assert_eq!(view.mic_word(), "MIC LIVE");
        view.call.muted = true;
        assert_eq!(view.mic_word(), "MIC MUTED");
        view.call.talking = true;
        view.call.activation = Activation::PushToTalk;
        assert_eq!(view.mic_word(), "MIC MUTED", "muting goes first");
        view.call.muted = false;
        assert_eq!(view.mic_word(), "TALKING");
        view.call.talking = false;
        assert_eq!(view.mic_word(), "PTT OFF");
        view.call.activation = Activation::Voice;
        assert_eq!(view.mic_word(), "MIC READY");
        view.call.activation = Activation::Continuous;
        let mut stats = sample::stats(1);
        stats.no_microphone = Some("unplugged".into());
        view.take_stats(stats);
        assert!(!view.mic_live() && view.mic_word() == "MIC MISSING");
        assert_eq!(duration(view.seconds(sample::at(3_661_002))), "1:01:01");
    }
}
