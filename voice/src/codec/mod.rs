//! Opus (RFC 6716) as a call uses it: one encoder, one decoder, 48 kHz mono.
//!
//! The encoder and the inspection of packets come from the `opus` crate. The
//! decoder is our own handle (`ffi`), because deep concealment needs a control
//! that the crate does not reach. Deep redundancy will join it there.

mod ffi;
mod loss;

pub(crate) use ffi::{Decoder, Redundancy};
pub(crate) use loss::LossSetting;

use crate::{FRAME_SAMPLES, MAX_PACKET_BYTES, SAMPLE_RATE};

/// Bits a second of the payload while the network is clean.
const BIT_RATE: i32 = 32_000;
/// Encoder effort of 10; one step below the most, for half a percent of a core.
const ENCODER_COMPLEXITY: i32 = 9;
/// Room for one encoded frame; Opus never makes a 20 ms frame larger (RFC 6716, 3.4).
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

/// Encodes frames of 20 ms for speech, with in-band FEC as loss demands.
#[derive(Debug)]
pub(crate) struct Encoder {
    inner: opus::Encoder,
    loss_percent: i32,
}

impl Encoder {
    /// # Errors
    /// When libopus has no memory or refuses a control.
    pub(crate) fn new() -> Result<Self, CodecError> {
        let mut inner =
            opus::Encoder::new(SAMPLE_RATE, opus::Channels::Mono, opus::Application::Voip)?;
        inner.set_bitrate(opus::Bitrate::Bits(BIT_RATE))?;
        inner.set_vbr(true)?;
        inner.set_vbr_constraint(true)?;
        inner.set_complexity(ENCODER_COMPLEXITY)?;
        inner.set_inband_fec(true)?;
        Ok(Self {
            inner,
            loss_percent: 0,
        })
    }

    /// Tells the encoder how much loss, in percent, to prepare for.
    ///
    /// # Errors
    /// When libopus refuses it.
    pub(crate) fn expect_loss(&mut self, percent: i32) -> Result<(), CodecError> {
        if percent != self.loss_percent {
            self.inner.set_packet_loss_perc(percent)?;
            self.loss_percent = percent;
        }
        Ok(())
    }

    /// Encodes one frame of [`FRAME_SAMPLES`].
    ///
    /// # Errors
    /// When the frame has another length.
    pub(crate) fn encode(&mut self, frame: &[f32]) -> Result<Vec<u8>, CodecError> {
        debug_assert_eq!(frame.len(), FRAME_SAMPLES);
        Ok(self.inner.encode_vec_float(frame, ENCODED_ROOM)?)
    }
}

/// What a packet says of itself without being decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PacketInfo {
    /// How long it plays, in samples at 48 kHz: at most 5,760.
    pub(crate) samples: usize,
    /// Whether it carries a low-rate copy of the frame before it.
    pub(crate) carries_fec: bool,
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
    })
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
        let packets = packets(&mut Encoder::new().unwrap(), 100);
        let bytes: usize = packets.iter().map(Vec::len).sum();
        assert!(bytes * 8 / 2 <= 33_000, "{bytes} bytes in 2 s");
        let info = inspect(&packets[50]).unwrap();
        assert_eq!(info.samples, FRAME_SAMPLES);
        assert_eq!(inspect(&[]), None);
        assert_eq!(inspect(&[0xff; MAX_PACKET_BYTES + 1]), None);
    }

    #[test]
    fn sends_fec_only_when_loss_is_expected() {
        let mut encoder = Encoder::new().unwrap();
        let carries = |packets: &[Vec<u8>]| {
            packets
                .iter()
                .filter(|p| inspect(p).unwrap().carries_fec)
                .count()
        };
        assert_eq!(carries(&packets(&mut encoder, 20)), 0);
        encoder.expect_loss(15).unwrap();
        assert!(carries(&packets(&mut encoder, 20)) > 10);
    }

    #[test]
    fn repairs_a_lost_frame_better_than_it_conceals() {
        let mut encoder = Encoder::new().unwrap();
        encoder.expect_loss(15).unwrap();
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
