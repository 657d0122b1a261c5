//! What a loudspeaker's callback and the media thread tell each other beside
//! the ring between them.

use std::{
    sync::{
        OnceLock,
        atomic::{
            AtomicUsize,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    thread::{self, Thread},
    time::{Duration, Instant},
};

/// The part of a callback's size that is forgotten with each smaller one.
const FORGET: usize = 64;
/// The least that a callback waits for its sound: less than what the sound
/// server's queue holds then, more than the media thread needs for a frame of
/// the other direction.
const PATIENCE: Duration = Duration::from_millis(3);

/// What a loudspeaker's callback tells the media thread.
#[derive(Debug, Default)]
pub(crate) struct OutputFeedback {
    /// Most samples asked for at once of late.
    largest: AtomicUsize,
    /// How often the ring held too little.
    underruns: AtomicUsize,
    /// The media thread is woken once the ring holds fewer samples than this.
    wake_below: AtomicUsize,
    /// Samples that a callback waits for; 0 when none does.
    demanded: AtomicUsize,
    /// The thread of the callbacks, once one has waited.
    waiting: OnceLock<Thread>,
}

impl OutputFeedback {
    /// The callback asks for so many samples while the ring holds so many.
    pub(crate) fn asked(&self, samples: usize, held: usize) {
        let largest = self.largest.load(Relaxed);
        // What was asked for once, as at the start, is forgotten in a second.
        let forgotten = largest.saturating_sub(samples).div_ceil(FORGET);
        self.largest
            .store(samples.max(largest - forgotten), Relaxed);
        // Who asks for more than ever before, as a server does that has run dry,
        // does not tell of us being late.
        if held < samples.min(largest) {
            self.underruns.fetch_add(1, Relaxed);
        }
    }

    /// Has the callback wait until the ring holds so many samples, for at most
    /// half the time in which they are played or [`PATIENCE`], whichever is
    /// longer.
    pub(super) fn wait_for(&self, samples: usize, rate: u32, ring: &Ring, media: &Thread) {
        if ring.slots() >= samples {
            return;
        }
        self.waiting.get_or_init(thread::current);
        self.demand(samples);
        media.unpark();
        let sound = Duration::from_secs_f64(samples as f64 / f64::from(rate));
        let until = Instant::now() + PATIENCE.max(sound / 2);
        while ring.slots() < samples {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            thread::park_timeout(left);
        }
        self.demand(0);
    }

    /// A callback waits for so many samples, or no longer for any.
    pub(crate) fn demand(&self, samples: usize) {
        self.demanded.store(samples, Release);
    }

    /// Samples that a callback waits for; 0 when none does.
    pub(crate) fn demanded(&self) -> usize {
        self.demanded.load(Acquire)
    }

    /// Lets a callback go on whose samples are among so many in the ring.
    pub(crate) fn filled(&self, held: usize) {
        if (1..=held).contains(&self.demanded())
            && let Some(callback) = self.waiting.get()
        {
            callback.unpark();
        }
    }

    /// Whether the media thread must fill a ring that holds so many samples.
    pub(crate) fn is_low(&self, held: usize) -> bool {
        held < self.wake_below.load(Relaxed)
    }

    /// Most samples that the device has asked for at once of late.
    pub(crate) fn largest(&self) -> usize {
        self.largest.load(Relaxed)
    }

    /// How often the device found too little, since the last call.
    pub(crate) fn take_underruns(&self) -> usize {
        self.underruns.swap(0, Relaxed)
    }

    /// Sets the level below which the media thread is woken.
    pub(crate) fn wake_below(&self, samples: usize) {
        self.wake_below.store(samples, Relaxed);
    }
}

/// The callback's end of the ring.
type Ring = rtrb::Consumer<f32>;

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};

    use super::*;

    #[test]
    fn a_server_that_catches_up_is_no_reason_for_more_slack() {
        let feedback = OutputFeedback::default();
        feedback.asked(240, 240);
        feedback.asked(960, 400);
        assert_eq!(feedback.take_underruns(), 0, "nobody could know");
        feedback.asked(240, 200);
        assert_eq!(feedback.take_underruns(), 1, "too little for the usual");
    }

    #[test]
    fn a_callback_waits_for_its_sound_and_no_longer() {
        let feedback = Arc::new(OutputFeedback::default());
        let (mut sound, ring) = rtrb::RingBuffer::new(960);
        let (tell, told) = mpsc::sync_channel(1);
        let media = thread::current();
        let asking = Arc::clone(&feedback);
        let callback = thread::spawn(move || {
            // At this rate its patience is longer than that of the test.
            asking.wait_for(480, 1, &ring, &media);
            tell.send(ring.slots()).ok();
        });
        while feedback.demanded() == 0 {
            thread::park();
        }
        assert_eq!(feedback.demanded(), 480);
        sound.push_entire_slice(&[0.5; 479]).unwrap();
        feedback.filled(479);
        assert!(told.try_recv().is_err(), "one sample is missing");
        sound.push(0.5).unwrap();
        feedback.filled(480);
        assert_eq!(told.recv_timeout(Duration::from_secs(20)), Ok(480));
        callback.join().unwrap();
        assert_eq!(feedback.demanded(), 0);
    }

    #[test]
    fn nobody_waits_for_ever() {
        let feedback = OutputFeedback::default();
        let (_sound, ring) = rtrb::RingBuffer::new(960);
        feedback.wait_for(96, 48_000, &ring, &thread::current());
        assert_eq!(feedback.demanded(), 0);
    }
}
