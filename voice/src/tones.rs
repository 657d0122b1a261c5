//! What is heard of a call before and after its sound: ringing here, ringing
//! there, busy, over. Made of sines, played through the same devices as calls
//! but by a thread of its own, so that no call waits for a tone. What is heard
//! within a call (the microphone off or on, the call taken) is mixed into its
//! sound instead: at once, and where echo cancelling knows of it.

use std::{
    f32::consts::{PI, TAU},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::{Receiver, sync_channel},
    },
    thread::{self, Thread},
    time::{Duration, Instant},
};

use crate::{
    AudioError, OutputSpec, SAMPLE_RATE,
    device::{DeviceEvent, Direction, Keeper, Wanted},
    playback::Playback,
    stats::Shared,
};

/// Loudness of a tone: -20 dBFS, as it comes without being asked for.
const AMPLITUDE: f32 = 0.14;
/// Every note begins and ends over this time, so that it does not click.
const EDGE: usize = 480;
/// A tone that ends by itself gives up after so long without a device.
const PATIENCE: Duration = Duration::from_secs(3);
/// Longest sleep, in case a device stops waking us.
const LONGEST_SLEEP: Duration = Duration::from_millis(50);
/// Events of devices that may wait; the thread empties them each time it wakes.
const MOST_EVENTS: usize = 16;
/// Largest block that a playback asks for at once.
const MOST_BLOCK: usize = 960;

/// What can be heard of a call beside its sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Somebody calls: two bells every 5 s.
    Ring,
    /// It rings there: a long tone every 5 s (ETSI TR 101 041, 425 Hz).
    RingBack,
    /// They do not take the call: three short tones.
    Busy,
    /// The call is over: two soft, falling ones.
    Ended,
    /// The other is there: two rising ones.
    Joined,
    /// The microphone is off: a short, falling one.
    Muted,
    /// The microphone is on again: a short, rising one.
    Unmuted,
}

/// One note: frequency in Hz, begin and length in milliseconds.
type Note = (f32, usize, usize);

impl Tone {
    /// The notes, and after which time they come again, if they do.
    const fn score(self) -> (&'static [Note], Option<usize>) {
        match self {
            Self::Ring => (
                &[
                    (784.0, 0, 350),
                    (988.0, 120, 380),
                    (784.0, 700, 350),
                    (988.0, 820, 380),
                ],
                Some(5_000),
            ),
            Self::RingBack => (&[(425.0, 0, 1_000)], Some(5_000)),
            Self::Busy => (
                &[(425.0, 0, 300), (425.0, 600, 300), (425.0, 1_200, 300)],
                None,
            ),
            Self::Ended => (&[(523.0, 0, 140), (392.0, 170, 200)], None),
            Self::Joined => (&[(523.0, 0, 140), (784.0, 120, 200)], None),
            Self::Muted => (&[(587.0, 0, 70), (440.0, 70, 90)], None),
            Self::Unmuted => (&[(440.0, 0, 70), (587.0, 70, 90)], None),
        }
    }

    /// The sample at so many samples from the beginning; none after the end.
    fn sample(self, at: usize) -> Option<f32> {
        let samples = |ms: usize| ms * SAMPLE_RATE as usize / 1_000;
        let (notes, again) = self.score();
        let at = match again {
            Some(period) => at % samples(period),
            None => at,
        };
        let end = notes.iter().map(|(_, from, length)| from + length).max();
        if again.is_none() && at >= samples(end.unwrap_or(0)) {
            return None;
        }
        let sum: f32 = notes
            .iter()
            .filter_map(|(hz, from, length)| {
                let at = at.checked_sub(samples(*from))?;
                let left = samples(*length).checked_sub(at + 1)?;
                let edge = at.min(left).min(EDGE) as f32 / EDGE as f32;
                let shape = 0.5 - 0.5 * (PI * edge).cos();
                let turns = hz * at as f32 / SAMPLE_RATE as f32;
                Some((TAU * turns.fract()).sin() * shape * self.decay(at))
            })
            .sum();
        Some(sum * AMPLITUDE)
    }

    /// Bells fade; signals do not.
    fn decay(self, at: usize) -> f32 {
        match self {
            Self::RingBack | Self::Busy => 1.0,
            _ => (-(at as f32) / (0.12 * SAMPLE_RATE as f32)).exp(),
        }
    }
}

/// A tone that is being played; dropping it ends it at once.
#[derive(Debug)]
pub struct TonePlayer {
    stop: Arc<AtomicBool>,
    thread: Option<Thread>,
}

impl TonePlayer {
    /// Plays a tone on a device, until it is over or dropped. Nothing is
    /// played where no device is: files are for calls. Returns at once; a
    /// device that is missing is nobody's concern here.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(tone: Tone, output: &OutputSpec) -> Result<Self, AudioError> {
        let wanted = match output {
            OutputSpec::Default => Some(Wanted::Default),
            OutputSpec::Device(name) => Some(Wanted::Named(name.clone())),
            OutputSpec::File(_) | OutputSpec::Null => None,
        };
        let stop = Arc::new(AtomicBool::new(false));
        let Some(wanted) = wanted else {
            return Ok(Self { stop, thread: None });
        };
        let there = Arc::clone(&stop);
        // Not joined: a hanging sound server must not hold a call up.
        let handle = thread::Builder::new()
            .name("tones".into())
            .spawn(move || {
                if let Err(error) = play(tone, wanted, &there) {
                    tracing::debug!(%error, "no tone");
                }
            })
            .map_err(AudioError::Thread)?;
        Ok(Self {
            stop,
            thread: Some(handle.thread().clone()),
        })
    }
}

impl Drop for TonePlayer {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(thread) = &self.thread {
            thread.unpark();
        }
    }
}

fn play(tone: Tone, wanted: Wanted, stop: &AtomicBool) -> Result<(), AudioError> {
    let (tell, events) = sync_channel(MOST_EVENTS);
    let shared = Arc::new(Shared::new(false));
    let keeper = Keeper::start(shared, tell, thread::current()).map_err(AudioError::Thread)?;
    if !keeper.want(Direction::Output, Some(wanted)) {
        return Err(AudioError::Busy);
    }
    let begun = Instant::now();
    let mut melody = Melody::new(tone);
    let mut playback = None;
    while !stop.load(Relaxed) && !melody.is_over() {
        let now = Instant::now();
        follow(&events, &mut playback, now)?;
        match &mut playback {
            Some(playback) => melody.feed(playback, now)?,
            None if tone.score().1.is_none() && begun.elapsed() > PATIENCE => break,
            None => {}
        }
        thread::park_timeout(LONGEST_SLEEP);
    }
    if melody.is_over() {
        // What is in the device's ring is still to be heard.
        thread::park_timeout(LONGEST_SLEEP);
    }
    Ok(())
}

/// Takes the device when it is there, and forgets it when it is gone.
fn follow(
    events: &Receiver<DeviceEvent>,
    playback: &mut Option<Playback>,
    now: Instant,
) -> Result<(), AudioError> {
    while let Ok(event) = events.try_recv() {
        match event {
            DeviceEvent::Output(port) => *playback = Some(Playback::device(port, now)?),
            DeviceEvent::Lost(_) => *playback = None,
            DeviceEvent::Input(_) => {}
        }
    }
    Ok(())
}

/// A tone as it is fed to a playback.
struct Melody {
    tone: Tone,
    at: usize,
    over: bool,
}

impl Melody {
    fn new(tone: Tone) -> Self {
        Self {
            tone,
            at: 0,
            over: false,
        }
    }

    fn is_over(&self) -> bool {
        self.over
    }

    fn feed(&mut self, playback: &mut Playback, now: Instant) -> Result<(), AudioError> {
        let mut block = [0.0; MOST_BLOCK];
        while !self.over && playback.next_due(now).is_some() {
            let block = &mut block[..playback.block().min(MOST_BLOCK)];
            block.fill(0.0);
            self.mix_into(block);
            playback.write(block)?;
        }
        Ok(())
    }

    /// Adds itself to 48 kHz mono.
    fn mix_into(&mut self, block: &mut [f32]) {
        for sample in block {
            let next = self.tone.sample(self.at);
            self.over |= next.is_none();
            *sample = (*sample + next.unwrap_or(0.0)).clamp(-1.0, 1.0);
            self.at += 1;
        }
    }
}

/// A tone within the sound of a call.
pub(crate) struct Cue {
    melody: Melody,
    /// What has not begun by then is no news any more.
    until: Instant,
}

impl Cue {
    pub(crate) fn new(tone: Tone, now: Instant) -> Self {
        Self {
            melody: Melody::new(tone),
            until: now + PATIENCE,
        }
    }

    /// Adds the next part of it to what a device is about to get: 48 kHz mono.
    pub(crate) fn mix_into(&mut self, block: &mut [f32]) {
        self.melody.mix_into(block);
    }

    /// Whether nothing more is to come of it.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.melody.is_over() || self.melody.at == 0 && now > self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::{decibels, rms};

    const TONES: [Tone; 7] = [
        Tone::Ring,
        Tone::RingBack,
        Tone::Busy,
        Tone::Ended,
        Tone::Joined,
        Tone::Muted,
        Tone::Unmuted,
    ];

    fn heard(tone: Tone, seconds: usize) -> Vec<f32> {
        let mut melody = Melody::new(tone);
        let mut sound = vec![0.0; seconds * SAMPLE_RATE as usize];
        melody.mix_into(&mut sound);
        sound
    }

    #[test]
    fn tones_are_soft_and_do_not_click() {
        for tone in TONES {
            let sound = heard(tone, 6);
            let loudest = sound.iter().fold(0.0f32, |most, s| most.max(s.abs()));
            assert!((0.05..0.3).contains(&loudest), "{tone:?}: {loudest}");
            let steepest = sound.windows(2).map(|w| (w[1] - w[0]).abs());
            let steepest = steepest.fold(0.0, f32::max);
            // Twice what the highest note does at full strength.
            assert!(
                steepest < 2.0 * TAU * 988.0 / 48_000.0 * AMPLITUDE,
                "{tone:?}"
            );
            assert_eq!(sound[0], 0.0);
        }
    }

    #[test]
    fn calls_ring_again_and_ends_are_told_once() {
        for tone in [Tone::Ring, Tone::RingBack] {
            let sound = heard(tone, 10);
            let (first, second) = sound.split_at(5 * SAMPLE_RATE as usize);
            assert_eq!(first, second);
            assert!(!Melody::new(tone).is_over());
            assert_eq!(decibels(rms(&first[3 * 48_000..])), -96.0, "a pause");
        }
        for (tone, ms) in [
            (Tone::Busy, 1_500),
            (Tone::Ended, 370),
            (Tone::Joined, 320),
            (Tone::Muted, 160),
            (Tone::Unmuted, 160),
        ] {
            let end = ms * 48;
            assert!(tone.sample(end - 1).is_some() && tone.sample(end).is_none());
            let mut melody = Melody::new(tone);
            melody.mix_into(&mut vec![0.0; end + 1]);
            assert!(melody.is_over());
        }
    }

    #[test]
    fn the_tone_that_rings_there_has_its_frequency() {
        let second = &heard(Tone::RingBack, 1)[..];
        let crossings = second.windows(2).filter(|w| w[0] < 0.0 && w[1] >= 0.0);
        assert!((423..=426).contains(&crossings.count()));
    }

    #[test]
    fn a_cue_is_added_to_what_is_heard_and_ends() {
        let now = Instant::now();
        let mut cue = Cue::new(Tone::Muted, now);
        let mut sound = vec![0.9; 192];
        let mut changed = 0;
        for _ in 0..100 {
            if cue.is_over(now + 2 * PATIENCE) && changed > 0 {
                break;
            }
            sound.fill(0.9);
            cue.mix_into(&mut sound);
            assert!(sound.iter().all(|sample| (0.7..=1.0).contains(sample)));
            changed += sound.iter().filter(|sample| **sample != 0.9).count();
        }
        assert!(cue.is_over(now), "it ends");
        assert!((150 * 48..=160 * 48).contains(&changed), "{changed}");
    }

    #[test]
    fn a_cue_that_found_no_device_is_no_news_any_more() {
        let now = Instant::now();
        let cue = Cue::new(Tone::Joined, now);
        assert!(!cue.is_over(now + PATIENCE));
        assert!(cue.is_over(now + PATIENCE + Duration::from_millis(1)));
    }

    #[test]
    fn nothing_is_played_where_no_device_is() {
        let player = TonePlayer::start(Tone::Ring, &OutputSpec::Null).unwrap();
        assert!(player.thread.is_none());
    }

    #[test]
    fn a_tone_ends_when_it_is_dropped_and_without_a_device() {
        let missing = OutputSpec::Device("no such device".to_owned());
        let player = TonePlayer::start(Tone::Ring, &missing).unwrap();
        let stop = Arc::downgrade(&player.stop);
        drop(player);
        let end = Instant::now() + Duration::from_secs(10);
        while stop.strong_count() > 0 {
            assert!(Instant::now() < end, "it plays on");
            thread::sleep(Duration::from_millis(5));
        }
    }
}
