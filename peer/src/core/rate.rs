//! How often something may happen. Time is an argument.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// Counts in windows of time: so many in each, and then no more until it is
/// over.
#[derive(Debug, Default)]
pub(super) struct Window {
    begun: Option<Instant>,
    count: u32,
}

impl Window {
    /// Whether one more is within `most` in `length`; counts it if so.
    pub(super) fn admit(&mut self, now: Instant, most: u32, length: Duration) -> bool {
        if !self.is_open(now, length) {
            self.begun = Some(now);
            self.count = 0;
        }
        let admitted = self.count < most;
        self.count += u32::from(admitted);
        admitted
    }

    fn is_open(&self, now: Instant, length: Duration) -> bool {
        self.begun.is_some_and(|begun| now < begun + length)
    }
}

/// A window for each of a bounded number of keys.
#[derive(Debug)]
pub(super) struct Windows<K> {
    windows: HashMap<K, Window>,
    /// Keys counted at once; whoever comes beyond is not admitted.
    keys: usize,
    length: Duration,
}

impl<K: Eq + Hash> Windows<K> {
    pub(super) fn new(keys: usize, length: Duration) -> Self {
        Self {
            windows: HashMap::new(),
            keys,
            length,
        }
    }

    /// Whether `key` is within `most` in the window; counts it if so.
    pub(super) fn admit(&mut self, key: K, now: Instant, most: u32) -> bool {
        let length = self.length;
        if self.windows.len() >= self.keys && !self.windows.contains_key(&key) {
            self.windows.retain(|_, window| window.is_open(now, length));
            if self.windows.len() >= self.keys {
                return false;
            }
        }
        let window = self.windows.entry(key).or_default();
        window.admit(now, most, length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: Duration = Duration::from_secs(60);

    #[test]
    fn so_many_and_then_no_more_until_the_window_is_over() {
        let start = Instant::now();
        let mut window = Window::default();
        for (after, admitted) in [(0, true), (1, true), (2, false), (59, false), (60, true)] {
            let now = start + Duration::from_secs(after);
            assert_eq!(window.admit(now, 2, LENGTH), admitted, "{after}");
        }
    }

    #[test]
    fn keys_are_counted_apart_and_bounded() {
        let start = Instant::now();
        let mut windows = Windows::new(2, LENGTH);
        assert!(windows.admit("a", start, 1));
        assert!(!windows.admit("a", start, 1));
        assert!(windows.admit("b", start, 1));
        assert!(!windows.admit("c", start, 1));
        assert!(windows.admit("c", start + LENGTH, 1));
        assert!(windows.windows.len() <= 2);
    }
}
