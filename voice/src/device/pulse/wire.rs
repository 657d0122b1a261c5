//! What the streams of both directions have in common: a connection, and how
//! long the device delays the sound.

use std::time::{Duration, Instant, SystemTime};

use cpal::{Error, ErrorKind};
use pulseaudio::protocol::{Command, CommandTag, CorkStreamParams, LatencyParams, TagStructReader};

use super::{
    SAMPLE_BYTES,
    connection::{Connection, Handle, Incoming},
    lost,
    stream::Flow,
};

/// The server is asked for the device's delay every so many callbacks.
const ASK_EVERY: u32 = 64;
/// Callbacks before it is asked first: a device that has slept tells the delay
/// that it had then.
const ASK_AFTER: u32 = 16;
/// No device delays more; what is said beyond it is a mistake.
const MOST_DELAY: Duration = Duration::from_secs(2);

/// A stream's connection and the delay of its device.
pub(super) struct Wire {
    pub(super) connection: Connection,
    pub(super) channel: u32,
    rate: u32,
    pub(super) started: Instant,
    /// From a callback to its first sample's sound, or from the last sample's
    /// sound to a callback.
    pub(super) delay: Duration,
    callbacks: u32,
    /// The question for the delay that is under way, and what it will find too
    /// much.
    asked: Option<(u32, Duration)>,
}

impl Wire {
    pub(super) fn new(connection: Connection, channel: u32, flow: &Flow) -> Self {
        Self {
            connection,
            channel,
            rate: flow.rate,
            started: Instant::now(),
            delay: Duration::ZERO,
            callbacks: ASK_EVERY - ASK_AFTER,
            asked: None,
        }
    }

    pub(super) fn handle(&self) -> Result<Handle, Error> {
        self.connection.handle()
    }

    pub(super) fn uncork(&self) -> CorkStreamParams {
        CorkStreamParams {
            channel: self.channel,
            cork: false,
        }
    }

    pub(super) fn time_of(&self, frames: usize) -> Duration {
        Duration::from_secs_f64(frames as f64 / f64::from(self.rate))
    }

    /// Asks for the delay now and then; `ask` makes the command, and `just_sent`
    /// samples stand in the queue that did not when the callback ran.
    pub(super) fn follow_delay(
        &mut self,
        just_sent: usize,
        ask: fn(LatencyParams) -> Command,
    ) -> Result<(), Error> {
        if self.callbacks.is_multiple_of(ASK_EVERY) {
            // The server repeats the time, and nothing else.
            let now = SystemTime::UNIX_EPOCH;
            let channel = self.channel;
            let number = self.connection.send(&ask(LatencyParams { channel, now }))?;
            self.asked = Some((number, self.time_of(just_sent)));
        }
        self.callbacks = self.callbacks.wrapping_add(1);
        Ok(())
    }

    /// Waits for the next message; what both directions understand is done.
    pub(super) fn next(&mut self) -> Result<Incoming, Error> {
        let incoming = self.connection.next()?;
        match incoming {
            Incoming::Reply(number) => {
                let asked = self.asked.take_if(|(asked, _)| *asked == number);
                if let Some((_, too_much)) = asked {
                    let (device, queued) = read_delay(self.connection.body())?;
                    let delay = device + self.time_of(queued / SAMPLE_BYTES);
                    self.delay = delay.saturating_sub(too_much).min(MOST_DELAY);
                }
            }
            Incoming::Told(CommandTag::PlaybackStreamKilled | CommandTag::RecordStreamKilled) => {
                let said = "PulseAudio has closed the device";
                return Err(Error::with_message(ErrorKind::DeviceNotAvailable, said));
            }
            _ => {}
        }
        Ok(incoming)
    }
}

/// Reads the delay of the device, and the bytes in the server's queue, from an
/// answer about a stream's latency. The crate's own reader multiplies the
/// server's numbers unchecked where it reads the times, which are of no use.
fn read_delay(body: &[u8]) -> Result<(Duration, usize), Error> {
    /// Two numbers of 8 bytes and a flag, each with its type.
    const DEVICE: usize = 19;
    /// Two times of 8 bytes, each with its type.
    const TIMES: usize = 18;
    let read = || {
        let (mut device, rest) = body.split_at_checked(DEVICE)?;
        let (_, mut offsets) = rest.split_at_checked(TIMES)?;
        let mut device = TagStructReader::new(&mut device, 0);
        let mut offsets = TagStructReader::new(&mut offsets, 0);
        let (sink, source) = (device.read_usec().ok()?, device.read_usec().ok()?);
        let (written, read) = (offsets.read_i64().ok()?, offsets.read_i64().ok()?);
        let queued = usize::try_from(written.saturating_sub(read)).unwrap_or(0);
        let device = Duration::from_micros(sink.saturating_add(source));
        Some((device.min(MOST_DELAY), queued))
    };
    read().ok_or_else(|| lost("an answer is cut off"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(device_us: u64, written: i64, read: i64) -> Vec<u8> {
        let wide = |tag: u8, bytes: [u8; 8]| [&[tag][..], &bytes].concat();
        let time = wide(b'T', [0xff; 8]);
        let parts = [
            wide(b'U', device_us.to_be_bytes()),
            wide(b'U', [0; 8]),
            vec![b'1'],
            time.clone(),
            time,
            wide(b'r', written.to_be_bytes()),
            wide(b'r', read.to_be_bytes()),
        ];
        parts.concat()
    }

    #[test]
    fn the_delay_is_read_and_wild_numbers_are_survived() {
        let (device, queued) = read_delay(&answer(5_000, 9_600, 8_000)).unwrap();
        assert_eq!((device, queued), (Duration::from_millis(5), 1_600));
        // After an underrun more has been read than written.
        assert_eq!(read_delay(&answer(5_000, 0, 8_000)).unwrap().1, 0);
        let wild = read_delay(&answer(u64::MAX, i64::MAX, i64::MIN)).unwrap();
        assert_eq!(wild.0, MOST_DELAY);
        let whole = answer(1, 2, 3);
        for cut in 0..whole.len() {
            assert!(read_delay(&whole[..cut]).is_err(), "{cut}");
        }
    }

    proptest! {
        #[test]
        fn any_answer_is_survived(body in prop::collection::vec(any::<u8>(), 0..80)) {
            drop(read_delay(&body));
        }
    }
}
