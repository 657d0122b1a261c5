//! WAV files: reading any usual kind as 48 kHz mono, writing our own.

use std::{
    fs::File,
    io::{BufReader, BufWriter, Read},
    path::{Path, PathBuf},
};

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};

use crate::{AudioError, SAMPLE_RATE, resample::Converter};

/// Channels that are mixed down; a file with more is none that speech comes in.
const MOST_CHANNELS: u16 = 8;
/// The header is corrected and everything written after so many samples
/// (100 ms), so that the file is right even if the process is killed.
const FLUSH_SAMPLES: u32 = SAMPLE_RATE / 10;
/// Room for what is written between two corrections, so that no sound reaches
/// the disk without its header.
const WRITE_BUFFER: usize = 64 * 1024;
/// The lengths in a WAV header have 32 bits; stop well before they overflow
/// (after 12 hours).
const MOST_SAMPLES: u64 = (u32::MAX as u64 - 1024) / 2;

type Samples = Box<dyn Iterator<Item = hound::Result<f32>> + Send>;

/// A WAV file as 48 kHz mono.
pub(crate) struct WavInput {
    samples: Samples,
    channels: u16,
    converter: Converter,
    ready: Vec<f32>,
    over: bool,
}

impl std::fmt::Debug for WavInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WavInput")
            .field("channels", &self.channels)
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}

impl WavInput {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// When it cannot be read, is no WAV file, or is of a kind we cannot play.
    pub(crate) fn open(path: &Path) -> Result<Self, AudioError> {
        let failed = |reason: String| AudioError::InputFile {
            path: path.to_owned(),
            reason,
        };
        let file = File::open(path).map_err(|error| failed(error.to_string()))?;
        Self::read_from(BufReader::new(file)).map_err(failed)
    }

    /// Reads a header, and why the file cannot be played when it cannot.
    pub(crate) fn read_from(bytes: impl Read + Send + 'static) -> Result<Self, String> {
        let reader = WavReader::new(bytes).map_err(|error| error.to_string())?;
        let spec = reader.spec();
        if !(1..=MOST_CHANNELS).contains(&spec.channels) {
            return Err(format!("it has {} channels", spec.channels));
        }
        let converter =
            Converter::new(spec.sample_rate, SAMPLE_RATE).map_err(|error| error.to_string())?;
        Ok(Self {
            samples: samples_of(reader, spec)?,
            channels: spec.channels,
            converter,
            ready: Vec::new(),
            over: false,
        })
    }

    /// Fills `out` with the next sound of the file, and with silence once it
    /// is over.
    pub(crate) fn fill(&mut self, out: &mut [f32]) {
        while self.ready.len() < out.len() && !self.over {
            self.convert(out.len());
        }
        let have = self.ready.len().min(out.len());
        out[..have].copy_from_slice(&self.ready[..have]);
        out[have..].fill(0.0);
        self.ready.drain(..have);
    }

    fn convert(&mut self, frames: usize) {
        let mono: Vec<f32> = std::iter::from_fn(|| self.next_frame())
            .take(frames)
            .collect();
        self.converter.push(&mono, &mut self.ready);
        if mono.len() < frames {
            self.over = true;
            self.converter.finish(&mut self.ready);
        }
    }

    /// The mean of all channels; none at the end, also of a file cut short.
    fn next_frame(&mut self) -> Option<f32> {
        let mut sum = 0.0;
        for _ in 0..self.channels {
            sum += self.samples.next()?.ok()?;
        }
        Some(sum / f32::from(self.channels))
    }
}

fn samples_of(
    reader: WavReader<impl Read + Send + 'static>,
    spec: WavSpec,
) -> Result<Samples, String> {
    match (spec.sample_format, spec.bits_per_sample) {
        (SampleFormat::Float, 32) => Ok(Box::new(reader.into_samples::<f32>().map(finite))),
        (SampleFormat::Int, bits @ 8..=32) => {
            let scale = 1.0 / f64::from(1_u32 << (bits - 1));
            Ok(Box::new(reader.into_samples::<i32>().map(move |sample| {
                sample.map(|sample| (f64::from(sample) * scale) as f32)
            })))
        }
        (_, bits) => Err(format!("its samples have {bits} bits")),
    }
}

fn finite(sample: hound::Result<f32>) -> hound::Result<f32> {
    sample.map(|s| {
        if s.is_finite() {
            s.clamp(-4.0, 4.0)
        } else {
            0.0
        }
    })
}

/// A 48 kHz mono 16-bit WAV file whose header is right at any moment.
pub(crate) struct WavOutput {
    path: PathBuf,
    writer: WavWriter<BufWriter<File>>,
    unflushed: u32,
    written: u64,
}

impl std::fmt::Debug for WavOutput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WavOutput")
            .field("written", &self.written)
            .finish_non_exhaustive()
    }
}

impl WavOutput {
    /// Makes the file, empty, replacing what was there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn create(path: &Path) -> Result<Self, AudioError> {
        let spec = WavSpec {
            channels: 1,
            sample_rate: SAMPLE_RATE,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let open = || -> hound::Result<_> {
            let file = BufWriter::with_capacity(WRITE_BUFFER, File::create(path)?);
            let mut writer = WavWriter::new(file, spec)?;
            writer.flush()?;
            Ok(writer)
        };
        let writer = open().map_err(|error| output_failed(path, &error))?;
        Ok(Self {
            path: path.to_owned(),
            writer,
            unflushed: 0,
            written: 0,
        })
    }

    /// Appends samples; beyond what the header can count they are left out.
    ///
    /// # Errors
    /// When the disk refuses them.
    pub(crate) fn write(&mut self, samples: &[f32]) -> Result<(), AudioError> {
        let room = usize::try_from(MOST_SAMPLES - self.written).unwrap_or(usize::MAX);
        let samples = &samples[..samples.len().min(room)];
        self.append(samples)
            .map_err(|error| output_failed(&self.path, &error))
    }

    fn append(&mut self, samples: &[f32]) -> hound::Result<()> {
        for sample in samples {
            let scaled = (sample * 32_767.0).round().clamp(-32_768.0, 32_767.0);
            self.writer.write_sample(scaled as i16)?;
        }
        self.written += samples.len() as u64;
        self.unflushed += samples.len() as u32;
        if self.unflushed >= FLUSH_SAMPLES {
            self.unflushed = 0;
            self.writer.flush()?;
        }
        Ok(())
    }
}

fn output_failed(path: &Path, error: &hound::Error) -> AudioError {
    AudioError::OutputFile {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(
        name: &str,
        spec: WavSpec,
        write: impl Fn(&mut WavWriter<BufWriter<File>>),
    ) -> Vec<f32> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let mut writer = WavWriter::create(&path, spec).unwrap();
        write(&mut writer);
        writer.finalize().unwrap();
        let mut out = vec![9.0; 480];
        WavInput::open(&path).unwrap().fill(&mut out);
        out
    }

    fn spec(bits: u16, format: SampleFormat, channels: u16) -> WavSpec {
        WavSpec {
            channels,
            sample_rate: 48_000,
            bits_per_sample: bits,
            sample_format: format,
        }
    }

    #[test]
    fn reads_every_usual_depth_and_then_silence() {
        for bits in [8_u16, 16, 24, 32] {
            let half = 1_i32 << (bits - 2);
            let out = written("int.wav", spec(bits, SampleFormat::Int, 1), |writer| {
                (0..240).for_each(|_| writer.write_sample(half).unwrap());
            });
            assert!((out[239] - 0.5).abs() < 0.01, "{bits} bits: {}", out[239]);
            assert_eq!(out[240..], [0.0; 240]);
        }
        let out = written("float.wav", spec(32, SampleFormat::Float, 1), |writer| {
            (0..240).for_each(|_| writer.write_sample(0.25_f32).unwrap());
        });
        assert_eq!(out[0], 0.25);
    }

    #[test]
    fn mixes_channels_down() {
        let out = written("stereo.wav", spec(16, SampleFormat::Int, 2), |writer| {
            for _ in 0..480 {
                writer.write_sample(16_384_i16).unwrap();
                writer.write_sample(0_i16).unwrap();
            }
        });
        assert_eq!(out[100], 0.25);
    }

    #[test]
    fn says_what_is_wrong_with_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("no.wav");
        let missing = WavInput::open(&path).unwrap_err().to_string();
        assert!(missing.contains("no.wav"), "{missing}");
        std::fs::write(&path, "not a wav file at all").unwrap();
        let wrong = WavInput::open(&path).unwrap_err().to_string();
        assert!(wrong.contains("WAV"), "{wrong}");
        let nowhere = WavOutput::create(&folder.path().join("a/b.wav")).unwrap_err();
        assert!(nowhere.to_string().contains("folder"), "{nowhere}");
    }

    #[test]
    fn the_header_is_right_while_the_file_is_being_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.wav");
        let mut output = WavOutput::create(&path).unwrap();
        let mut lengths = Vec::new();
        for _ in 0..25 {
            output.write(&[0.5; 960]).unwrap();
            let on_disk = std::fs::metadata(&path).unwrap().len();
            let reader = WavReader::open(&path).unwrap();
            assert_eq!(u64::from(reader.len()) * 2 + 44, on_disk);
            lengths.push(reader.len());
        }
        assert!(lengths[24] >= 24_000 - FLUSH_SAMPLES);
        drop(output);
        assert_eq!(WavReader::open(&path).unwrap().len(), 24_000);
    }
}
