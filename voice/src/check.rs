//! Trying the sound of this machine, for whoever wants to know why it does
//! not work.

use std::{
    thread,
    time::{Duration, Instant},
};

pub use crate::realtime::{Scheduling, scheduling};
use crate::{
    AudioError, Call, CallConfig, DeviceState, FRAME_SAMPLES, Format, InputSpec, OutputSpec,
    Processing, ReceivedPacket, SAMPLE_RATE,
    codec::{Band, Encoder, Settings},
    device::systems::available,
    level::FLOOR_DB,
    playout::Playout,
    processing::Processor,
};

/// How much sound the processor is tried with, in frames of 20 ms.
const FRAMES: usize = 100;
/// How often devices are looked at while they are tried.
const STEP: Duration = Duration::from_millis(50);

/// The encoder of a call without trouble.
const USUAL: Settings = Settings {
    rate: 30_000,
    constant: false,
    band: Band::Full,
    fec_percent: 0,
    deep: None,
};

/// What was seen of the devices that calls would use.
#[derive(Debug, Clone, PartialEq)]
pub struct Tried {
    /// The microphone.
    pub input: DeviceState,
    /// The loudspeaker.
    pub output: DeviceState,
    /// The highest peak that the microphone gave, in dBFS; -96 is silence.
    pub peak_db: f32,
    /// What the microphone's side of a call adds, in milliseconds.
    pub capture_ms: f32,
    /// What the loudspeaker's side of a call adds, in milliseconds.
    pub playback_ms: f32,
}

/// The sound systems that this machine has, the best first.
pub fn sound_systems() -> Vec<&'static str> {
    let hosts = available().into_iter();
    hosts.map(|host| host.name()).collect()
}

/// Listens to the microphone and plays silence for so long, as a call would.
///
/// # Errors
/// When a file cannot be opened, or there are no threads.
pub fn try_devices(
    input: InputSpec,
    output: OutputSpec,
    time: Duration,
) -> Result<Tried, AudioError> {
    let config = CallConfig {
        input,
        output,
        processing: Processing::OFF,
        ..CallConfig::default()
    };
    let call = Call::start(config, Box::new(|_| {}))?;
    let start = Instant::now();
    let mut peak_db = FLOOR_DB;
    while start.elapsed() < time {
        thread::sleep(STEP);
        peak_db = peak_db.max(call.stats().peak_in_db);
    }
    let stats = call.stats();
    Ok(Tried {
        input: stats.input,
        output: stats.output,
        peak_db,
        capture_ms: stats.capture_ms,
        playback_ms: stats.playback_ms,
    })
}

/// How many calls' worth of sound the processor can take care of at once:
/// seconds of sound, with all processing, encoded and decoded, in a second.
///
/// # Errors
/// When the codec cannot be set up.
pub fn processing_speed() -> Result<f32, AudioError> {
    let start = Instant::now();
    let mut processor = Processor::default();
    processor.set(Processing::default());
    let mut encoder = Encoder::new(USUAL)?;
    let mut playout = Playout::new(start)?;
    let mut heard = [0.0; FRAME_SAMPLES];
    for index in 0..FRAMES {
        let mut frame = [0.0; FRAME_SAMPLES];
        for (i, sample) in frame.iter_mut().enumerate() {
            let at = (index * FRAME_SAMPLES + i) as f32 / SAMPLE_RATE as f32;
            *sample = 0.2 * (at * 220.0 * std::f32::consts::TAU).sin();
        }
        processor.render(&heard);
        processor.capture(&mut frame, Duration::ZERO);
        let due = start + Duration::from_millis(20) * u32::try_from(index).unwrap_or(u32::MAX);
        playout.insert(ReceivedPacket {
            format: Format::Opus,
            sequence: index as u64,
            media_time: (index * FRAME_SAMPLES) as u64,
            payload: encoder.encode(&frame)?,
            arrived: due,
        });
        playout.pull(due, &mut heard);
    }
    let sound = FRAMES as f32 * FRAME_SAMPLES as f32 / SAMPLE_RATE as f32;
    Ok(sound / start.elapsed().as_secs_f32().max(f32::EPSILON))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_faster_than_sound() {
        assert!(processing_speed().unwrap() > 1.0);
    }

    #[test]
    fn a_tone_is_heard_without_devices() {
        let (input, output) = (InputSpec::Tone(440.0), OutputSpec::Null);
        let tried = try_devices(input, output, Duration::from_millis(200)).unwrap();
        assert!(tried.peak_db > -20.0, "{tried:?}");
        assert_eq!(tried.input, DeviceState::Virtual);
    }
}
