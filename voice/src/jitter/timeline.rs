//! The sender's time line: media times of 32 bits unwrapped, and a sender that
//! starts anew told from a stray packet.

use super::ms;

/// A media time this far from the newest one belongs to a new time line.
pub(super) const NEW_TIME_LINE: i64 = ms(5_000);
/// A sequence number this far from the newest one belongs to a new count.
const NEW_COUNT: u64 = 2_000;

/// Follows the numbers of one stream.
#[derive(Debug, Default)]
pub(super) struct TimeLine {
    /// Newest unwrapped media time and its sequence number.
    newest: Option<(i64, u64)>,
    /// Sequence number and media time of the first packet of what may be a
    /// new time line.
    stray: Option<(u64, u64)>,
}

/// Where a packet belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// At this unwrapped media time.
    Here(i64),
    /// At this one, of a time line that it begins.
    Anew(i64),
    /// Nowhere yet: only a second packet proves a new time line.
    Stray,
}

impl TimeLine {
    /// Places a packet that has come from the network.
    pub(super) fn place(&mut self, sequence: u64, media_time: u64) -> Place {
        if let Some(media) = self.find(sequence, media_time) {
            self.stray = None;
            if self.newest.is_some_and(|(newest, _)| media > newest) {
                self.newest = Some((media, sequence));
            }
            return Place::Here(media);
        }
        let proven = self.stray.is_some_and(|(stray, stray_time)| {
            wrapped_difference(media_time, stray_time).abs() < NEW_TIME_LINE
                && sequence != stray
                && sequence.abs_diff(stray) < NEW_COUNT
        });
        if self.newest.is_some() && !proven {
            self.stray = Some((sequence, media_time));
            return Place::Stray;
        }
        let media = i64::from(media_time as u32);
        self.newest = Some((media, sequence));
        self.stray = None;
        Place::Anew(media)
    }

    /// Unwrapped media time of a packet that fits the time line.
    pub(super) fn find(&self, sequence: u64, media_time: u64) -> Option<i64> {
        let (newest, newest_sequence) = self.newest?;
        let ahead = wrapped_difference(media_time, newest as u64);
        let fits = ahead.abs() < NEW_TIME_LINE && sequence.abs_diff(newest_sequence) < NEW_COUNT;
        fits.then_some(newest + ahead)
    }
}

/// How far the first of two 32-bit media times is ahead of the second.
fn wrapped_difference(a: u64, b: u64) -> i64 {
    i64::from((a as u32).wrapping_sub(b as u32) as i32)
}
