//! Opus (RFC 6716) as a call uses it: one encoder, one decoder, 48 kHz mono.
//!
//! The inspection of packets comes from the `opus` crate. The encoder and the
//! decoder are our own handles (`ffi`), because deep redundancy and deep
//! concealment need controls that the crate does not reach.

mod ffi;

use ffi::Control;
pub(crate) use ffi::{Decoder, Redundancy, Snapshot};
use opusic_sys::{OPUS_BANDWIDTH_FULLBAND, OPUS_BANDWIDTH_WIDEBAND};

use crate::{FRAME_SAMPLES, MAX_PACKET_BYTES, SAMPLE_RATE};

/// Encoder effort of 10; the most is not heard.
const ENCODER_COMPLEXITY: i32 = 9;
/// Room for one encoded frame: three frames of 20 ms of the highest rate that we
/// ask for need half of it.
const ENCODED_ROOM: usize = 1_276;

/// What libopus refused, in its own words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{call}: {reason}")]
pub struct CodecError {
    call: &'static str,
    reason: String,
}

impl From<opus::Error> for CodecError {
    fn from(error: opus::Error) -> Self {
        Self {
            call: error.function(),
            reason: error.description().to_owned(),
        }
    }
}

/// How much of the spectrum is sent (RFC 6716, 2.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Band {
    /// Up to 8 kHz: at a lower rate, what matters most for speech.
    Wide,
    /// Up to 20 kHz.
    Full,
}

/// Deep redundancy (DRED): a description of the sound before a packet, that
/// brings whole words back, in another's voice if need be.
///
/// It is paid from the encoder's rate, and steered by the loss that the encoder
/// expects: from 6 % on it takes three fifths and more of what is above 12 kb/s
/// (with in-band FEC three times the loss, of what is above 20). Below that it
/// gets nothing. How far it reaches does not grow with the rate, since at some
/// rates it becomes finer instead: measure before choosing a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deep {
    /// How far it reaches back at most, in milliseconds: up to 1,040.
    pub(crate) ms: i32,
    /// Loss in percent that it prepares for.
    pub(crate) percent: i32,
}

/// How the encoder works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Bits a second of the payload.
    pub(crate) rate: i32,
    /// Every frame as long as the others, rather than as the sound needs it.
    pub(crate) constant: bool,
    /// How much of the spectrum is sent.
    pub(crate) band: Band,
    /// Loss in percent that in-band FEC is to prepare for; 0 sends none.
    pub(crate) fec_percent: i32,
    /// Deep redundancy.
    pub(crate) deep: Option<Deep>,
}

#[cfg(test)]
impl Default for Settings {
    fn default() -> Self {
        Self {
            rate: 30_000,
            constant: false,
            band: Band::Full,
            fec_percent: 0,
            deep: None,
        }
    }
}

/// Encodes frames for speech.
///
/// The application is `Audio` and not `Voip`, which would cut the lowest
/// frequencies off and emphasise others: on the reference speech at 32 kb/s it
/// gives PESQ-WB 4.44 in place of 4.38.
#[derive(Debug)]
pub(crate) struct Encoder {
    inner: ffi::Encoder,
    settings: Settings,
}

impl Encoder {
    /// # Errors
    /// When libopus has no memory or refuses a control.
    pub(crate) fn new(settings: Settings) -> Result<Self, CodecError> {
        let mut inner = ffi::Encoder::new()?;
        inner.set(Control::Complexity, ENCODER_COMPLEXITY)?;
        inner.set(Control::Constrained, 1)?;
        let mut encoder = Self { inner, settings };
        encoder.apply(settings)?;
        Ok(encoder)
    }

    /// Changes how it works from the next frame on.
    ///
    /// # Errors
    /// When libopus refuses a control.
    pub(crate) fn configure(&mut self, settings: Settings) -> Result<(), CodecError> {
        if settings == self.settings {
            return Ok(());
        }
        self.apply(settings)?;
        self.settings = settings;
        Ok(())
    }

    fn apply(&mut self, settings: Settings) -> Result<(), CodecError> {
        let deep = settings.deep.unwrap_or(Deep { ms: 0, percent: 0 });
        let band = match settings.band {
            Band::Wide => OPUS_BANDWIDTH_WIDEBAND,
            Band::Full => OPUS_BANDWIDTH_FULLBAND,
        };
        for (control, value) in [
            (Control::Rate, settings.rate),
            (Control::Variable, i32::from(!settings.constant)),
            (Control::MostBand, band),
            (Control::Fec, i32::from(settings.fec_percent > 0)),
            (Control::Loss, settings.fec_percent.max(deep.percent)),
            (Control::DeepReach, deep.ms / 10),
        ] {
            self.inner.set(control, value)?;
        }
        Ok(())
    }

    /// Encodes one frame of one, two or three times [`FRAME_SAMPLES`].
    ///
    /// # Errors
    /// When the frame has another length.
    pub(crate) fn encode(&mut self, frame: &[f32]) -> Result<Vec<u8>, CodecError> {
        debug_assert_eq!(frame.len() % FRAME_SAMPLES, 0);
        self.inner.encode(frame, ENCODED_ROOM)
    }
}

/// What a packet says of itself without being decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PacketInfo {
    /// How long it plays, in samples at 48 kHz: at most 5,760.
    pub(crate) samples: usize,
    /// Whether it carries a low-rate copy of the frame before it.
    pub(crate) carries_fec: bool,
    /// Whether it may carry deep redundancy, which stands in its padding.
    pub(crate) is_padded: bool,
}

/// Looks into a packet; none when it is no Opus packet that we would decode.
pub(crate) fn inspect(packet: &[u8]) -> Option<PacketInfo> {
    if packet.is_empty() || packet.len() > MAX_PACKET_BYTES {
        return None;
    }
    let samples = opus::packet::get_nb_samples(packet, SAMPLE_RATE).ok()?;
    (samples > 0).then(|| PacketInfo {
        samples,
        carries_fec: ffi::carries_fec(packet),
        is_padded: is_padded(packet),
    })
}

/// Whether a packet has padding (RFC 6716, 3.2.5: code 3 and its bit p).
pub(crate) fn is_padded(packet: &[u8]) -> bool {
    matches!(packet, [first, second, ..] if first & 0x03 == 3 && second & 0x40 != 0)
}

/// A packet without its padding and what stands in it. Equal packets give equal
/// ones, and one without padding stays as it is.
pub(crate) fn bare(packet: &[u8]) -> Vec<u8> {
    let mut bare = packet.to_vec();
    if is_padded(packet)
        && let Ok(length) = opus::packet::unpad(&mut bare)
    {
        bare.truncate(length);
    }
    bare
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::rms;

    fn voiced(frame: usize) -> Vec<f32> {
        (0..FRAME_SAMPLES)
            .map(|i| {
                let t = (frame * FRAME_SAMPLES + i) as f32 / SAMPLE_RATE as f32;
                (1..8)
                    .map(|h| (t * 140.0 * h as f32 * std::f32::consts::TAU).sin() / h as f32)
                    .sum::<f32>()
                    * 0.2
            })
            .collect()
    }

    fn packets(encoder: &mut Encoder, count: usize) -> Vec<Vec<u8>> {
        (0..count)
            .map(|frame| encoder.encode(&voiced(frame)).unwrap())
            .collect()
    }

    #[test]
    fn stays_within_its_rate_and_describes_itself() {
        let packets = packets(&mut Encoder::new(Settings::default()).unwrap(), 100);
        let bytes: usize = packets.iter().map(Vec::len).sum();
        assert!(bytes * 8 / 2 <= 32_000, "{bytes} bytes in 2 s");
        let info = inspect(&packets[50]).unwrap();
        assert_eq!(info.samples, FRAME_SAMPLES);
        assert_eq!(inspect(&[]), None);
        assert_eq!(inspect(&[0xff; MAX_PACKET_BYTES + 1]), None);
    }

    #[test]
    fn constant_frames_of_any_length_are_equally_long() {
        let mut encoder = Encoder::new(Settings::default()).unwrap();
        packets(&mut encoder, 5);
        for (blocks, length) in [(1, 38), (2, 76), (3, 114)] {
            encoder
                .configure(Settings {
                    rate: 15_200,
                    constant: true,
                    band: Band::Wide,
                    ..Settings::default()
                })
                .unwrap();
            for frame in 0..5 {
                let sound = voiced(frame).repeat(blocks);
                let packet = encoder.encode(&sound).unwrap();
                assert_eq!(packet.len(), length);
                assert_eq!(inspect(&packet).unwrap().samples, blocks * FRAME_SAMPLES);
            }
        }
    }

    #[test]
    fn sends_fec_only_when_loss_is_expected() {
        let mut encoder = Encoder::new(Settings::default()).unwrap();
        let carries = |packets: &[Vec<u8>]| {
            packets
                .iter()
                .filter(|p| inspect(p).unwrap().carries_fec)
                .count()
        };
        assert_eq!(carries(&packets(&mut encoder, 20)), 0);
        encoder
            .configure(Settings {
                fec_percent: 15,
                ..Settings::default()
            })
            .unwrap();
        assert!(carries(&packets(&mut encoder, 20)) > 10);
    }

    #[test]
    fn repairs_a_lost_frame_better_than_it_conceals() {
        let mut encoder = Encoder::new(Settings::default()).unwrap();
        encoder
            .configure(Settings {
                fec_percent: 15,
                ..Settings::default()
            })
            .unwrap();
        let mut packets = packets(&mut encoder, 20);
        // A change of pitch that cannot be guessed from what was before.
        for frame in 20..22 {
            let other: Vec<f32> = voiced(frame).iter().map(|s| s * s * 2.0).collect();
            packets.push(encoder.encode(&other).unwrap());
        }
        let twentieth = |decode: fn(&mut Decoder, &[Vec<u8>], &mut [f32])| {
            let mut decoder = Decoder::new().unwrap();
            let mut pcm = vec![0.0; FRAME_SAMPLES];
            for packet in &packets[..20] {
                decoder.decode(packet, &mut pcm).unwrap();
            }
            decode(&mut decoder, &packets, &mut pcm);
            pcm
        };
        let truth = twentieth(|d, p, pcm| assert!(d.decode(&p[20], pcm).is_ok()));
        let repaired = twentieth(|d, p, pcm| assert!(d.decode_fec(&p[21], pcm).is_ok()));
        let invented = twentieth(|d, _, pcm| assert!(d.conceal(pcm).is_ok()));
        let error = |guess: &[f32]| {
            let wrong: Vec<f32> = guess.iter().zip(&truth).map(|(a, b)| a - b).collect();
            rms(&wrong)
        };
        assert!(
            error(&repaired) < 0.7 * error(&invented),
            "{} {}",
            error(&repaired),
            error(&invented)
        );
    }
}
