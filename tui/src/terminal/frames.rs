//! When the next frame may be drawn: at once after a key, and not too often for
//! what happens by itself.

use std::time::Duration;

use tokio::time::Instant;

/// Shortest time between two frames that no key asked for.
const PAUSE: Duration = Duration::from_millis(16);
/// The same while things happen faster than that.
const FLOODED: Duration = Duration::from_millis(33);

/// The pace of frames.
#[derive(Debug)]
pub(super) struct Frames {
    /// None before this moment that no key asked for.
    next: Instant,
    /// A key was pressed since the last one.
    pressed: bool,
    /// One was wanted and had to wait.
    held_back: bool,
}

impl Frames {
    /// The first one is due at once.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            next: now,
            pressed: false,
            held_back: false,
        }
    }

    /// Somebody who presses a key waits for what it does.
    pub(super) fn pressed(&mut self) {
        self.pressed = true;
    }

    /// Whether somebody waits for the next one.
    pub(super) fn is_awaited(&self) -> bool {
        self.pressed
    }

    /// Whether the one that is wanted may be drawn `now`; counts it as drawn
    /// then.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        if now < self.next && !self.pressed {
            self.held_back = true;
            return false;
        }
        let flooded = self.held_back && !self.pressed;
        self.next = now + if flooded { FLOODED } else { PAUSE };
        (self.pressed, self.held_back) = (false, false);
        true
    }

    /// When one that is wanted may be drawn.
    pub(super) fn next(&self) -> Instant {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(1);

    #[test]
    fn a_key_never_waits() {
        let now = Instant::now();
        let mut frames = Frames::new(now);
        assert!(frames.take(now));
        assert!(!frames.take(now + STEP));
        for step in 2..5 {
            frames.pressed();
            assert!(frames.take(now + STEP * step));
            assert!(!frames.take(now + STEP * step));
        }
    }

    #[test]
    fn a_flood_is_drawn_thirty_times_a_second() {
        let start = Instant::now();
        let mut frames = Frames::new(start);
        let drawn = (0..1_000).filter(|ms| frames.take(start + STEP * *ms));
        assert!((29..=32).contains(&drawn.count()));
    }

    #[test]
    fn what_happens_now_and_then_is_drawn_at_once() {
        let start = Instant::now();
        let mut frames = Frames::new(start);
        assert!((0..50).all(|n| frames.take(start + PAUSE * n)));
    }
}
