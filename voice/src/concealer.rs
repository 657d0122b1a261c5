//! Sound in the place of what is lost: from deep redundancy where a later
//! packet has it, invented otherwise, and in the end silence.

use std::collections::VecDeque;

use crate::{
    codec::{self, CodecError, Decoder, Redundancy},
    jitter::{Later, Packet},
};

/// libopus conceals in steps of 2.5 ms.
const STEP: usize = 120;
/// So much invented sound in a row is as loud as it comes: 100 ms.
const FULL: usize = 4_800;
/// After so much it has faded to silence, for nobody speaks on in one vowel:
/// 400 ms.
const SILENT: usize = 19_200;
/// What is parsed beyond the sound that is missing: less parses too little.
const MARGIN: usize = 1_920;
/// Deep redundancy reaches no farther than this: 1.04 s.
const MOST_DISTANCE: usize = 49_920;
/// Packets with deep redundancy that are kept: those of 640 ms. A gap is seldom
/// farther from the next one that came as it was sent.
const MOST_HEARD: usize = 32;

/// Fills in for lost packets.
#[derive(Debug, Default)]
pub(crate) struct Concealer {
    /// Made when it is needed first.
    redundancy: Option<Redundancy>,
    /// The packets with deep redundancy that came last. A repaired one has none,
    /// so that the packet after a gap may not be the one that describes it.
    heard: VecDeque<Heard>,
    /// Sequence number of the packet that was made ready last, and how many
    /// samples before it its redundancy begins.
    ready: Option<(u64, usize)>,
    /// Samples invented in a row.
    invented: usize,
}

/// A packet with deep redundancy.
#[derive(Debug)]
struct Heard {
    sequence: u64,
    media_time: u32,
    payload: Vec<u8>,
}

/// Sound that is lost, with packets after it that are here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Missing<'a> {
    /// The next packet.
    pub(crate) later: &'a Later,
    /// Low 32 bits of the media time at which it begins.
    pub(crate) media_time: u32,
}

/// How lost sound was filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filled {
    /// From deep redundancy.
    Repaired,
    /// By guessing.
    Invented,
}

impl Concealer {
    /// Notes that real sound has been played.
    pub(crate) fn end(&mut self) {
        self.invented = 0;
    }

    /// Takes a packet that may carry deep redundancy.
    pub(crate) fn hear(&mut self, packet: &Packet) {
        if self.heard.len() >= MOST_HEARD {
            self.heard.pop_front();
        }
        self.heard.push_back(Heard {
            sequence: packet.sequence,
            media_time: packet.media_time as u32,
            payload: packet.payload.clone(),
        });
    }

    /// Fills `pcm` (48 kHz mono) with what may have been said.
    pub(crate) fn fill(
        &mut self,
        decoder: &mut Decoder,
        missing: Option<Missing<'_>>,
        pcm: &mut [f32],
    ) -> Filled {
        let whole = pcm.len() / STEP * STEP;
        let (sound, rest) = pcm.split_at_mut(whole);
        rest.fill(0.0);
        if let Some(distance) = missing.and_then(|missing| self.describe(missing))
            && let Some(redundancy) = &self.redundancy
            && decoder.decode_deep(redundancy, distance, sound).is_ok()
        {
            self.invented = 0;
            return Filled::Repaired;
        }
        if self.invented >= SILENT || whole == 0 {
            sound.fill(0.0);
        } else if let Err(error) = decoder.conceal(sound) {
            tracing::debug!(%error, "nothing could be invented");
            sound.fill(0.0);
        }
        self.fade(sound);
        Filled::Invented
    }

    fn fade(&mut self, sound: &mut [f32]) {
        for (index, sample) in sound.iter_mut().enumerate() {
            let left = SILENT.saturating_sub(self.invented + index);
            *sample *= (left as f32 / (SILENT - FULL) as f32).min(1.0);
        }
        self.invented += sound.len();
    }

    /// Makes the deep redundancy ready that describes what is missing: that of
    /// the next packet, or, if that one was repaired, of the next that came as
    /// it was sent. Returns how many samples before its packet the sound begins.
    fn describe(&mut self, missing: Missing<'_>) -> Option<usize> {
        let Missing { later, media_time } = missing;
        if codec::is_padded(&later.payload) {
            let reaches = self.reaches(later.sequence, &later.payload, later.distance);
            return reaches.then_some(later.distance);
        }
        let heard = std::mem::take(&mut self.heard);
        let next = heard
            .iter()
            .filter(|heard| heard.sequence > later.sequence)
            .min_by_key(|heard| heard.sequence);
        let found = next.and_then(|heard| {
            let distance = heard.media_time.wrapping_sub(media_time) as usize;
            let reaches = self.reaches(heard.sequence, &heard.payload, distance);
            reaches.then_some(distance)
        });
        self.heard = heard;
        found
    }

    /// Whether the redundancy of a packet describes the sound so many samples
    /// before it. It is ready then.
    fn reaches(&mut self, sequence: u64, payload: &[u8], distance: usize) -> bool {
        if distance > MOST_DISTANCE {
            return false;
        }
        let begin = match self.ready {
            Some((ready, begin)) if ready == sequence => begin,
            _ => {
                let begin = self.parse(payload, distance).unwrap_or_else(|error| {
                    tracing::debug!(%error, "deep redundancy cannot be read");
                    0
                });
                self.ready = Some((sequence, begin));
                begin
            }
        };
        distance <= begin
    }

    fn parse(&mut self, payload: &[u8], distance: usize) -> Result<usize, CodecError> {
        let redundancy = match self.redundancy.take() {
            Some(redundancy) => redundancy,
            None => Redundancy::new()?,
        };
        let redundancy = self.redundancy.insert(redundancy);
        redundancy.parse(payload, distance + MARGIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        FRAME_SAMPLES, SAMPLE_RATE,
        codec::{Encoder, Settings},
        level::rms,
    };

    #[test]
    fn long_concealment_ends_in_silence_and_begins_anew() {
        let mut decoder = Decoder::new().unwrap();
        let mut concealer = Concealer::default();
        let mut last = vec![1.0; 960];
        for _ in 0..30 {
            assert_eq!(
                concealer.fill(&mut decoder, None, &mut last),
                Filled::Invented
            );
        }
        assert_eq!(rms(&last), 0.0);
        assert!(concealer.invented >= SILENT);
        concealer.end();
        assert_eq!(concealer.invented, 0);
    }

    #[test]
    fn packets_without_deep_redundancy_repair_nothing() {
        let mut decoder = Decoder::new().unwrap();
        let mut concealer = Concealer::default();
        for payload in [vec![], vec![0xff; 9], vec![0x78, 1, 2, 3]] {
            let later = Later {
                sequence: payload.len() as u64,
                distance: 960,
                payload,
            };
            let missing = Missing {
                later: &later,
                media_time: 0,
            };
            let filled = concealer.fill(&mut decoder, Some(missing), &mut [0.0; 965]);
            assert_eq!(filled, Filled::Invented);
        }
    }

    /// Speech-like sound that changes with each frame.
    fn voiced(frame: usize) -> Vec<f32> {
        let pitch = 110.0 + 60.0 * (frame as f32 / 9.0).sin();
        (0..FRAME_SAMPLES)
            .map(|i| {
                let t = (frame * FRAME_SAMPLES + i) as f32 / SAMPLE_RATE as f32;
                let wave = |h: i32| (t * pitch * h as f32 * std::f32::consts::TAU).sin() / h as f32;
                (1..20).map(wave).sum::<f32>() * 0.2
            })
            .collect()
    }

    fn packet(sequence: u64, payload: Vec<u8>) -> Packet {
        Packet {
            sequence,
            media_time: sequence * FRAME_SAMPLES as u64,
            samples: FRAME_SAMPLES,
            carries_fec: false,
            repaired: false,
            payload,
        }
    }

    #[test]
    fn deep_redundancy_describes_a_burst_even_from_behind_a_repaired_packet() {
        let deep = codec::Deep {
            ms: 1_000,
            percent: 20,
        };
        let mut encoder = Encoder::new(Settings {
            rate: 40_000,
            band: codec::Band::Wide,
            deep: Some(deep),
            ..Settings::default()
        })
        .unwrap();
        let packets: Vec<_> = (0..60)
            .map(|frame| encoder.encode(&voiced(frame)).unwrap())
            .collect();
        let bytes: usize = packets.iter().map(Vec::len).sum();
        assert!(bytes * 8 * 50 / 60 < 42_000, "{bytes}");
        assert!(codec::is_padded(&packets[59]));
        let bare = codec::bare(&packets[55]);
        assert!(bare.len() + 20 < packets[55].len() && !codec::is_padded(&bare));
        // 50 to 54 are lost; 55 came itself, or was repaired and 56 came.
        for repaired in [false, true] {
            let mut decoder = Decoder::new().unwrap();
            let mut concealer = Concealer::default();
            let mut pcm = vec![0.0; FRAME_SAMPLES];
            for payload in &packets[..50] {
                decoder.decode(payload, &mut pcm).unwrap();
            }
            let next = if repaired {
                concealer.hear(&packet(56, packets[56].clone()));
                bare.clone()
            } else {
                packets[55].clone()
            };
            for lost in 50..55 {
                let later = Later {
                    sequence: 55,
                    distance: (55 - lost) * FRAME_SAMPLES,
                    payload: next.clone(),
                };
                let missing = Missing {
                    later: &later,
                    media_time: (lost * FRAME_SAMPLES) as u32,
                };
                let filled = concealer.fill(&mut decoder, Some(missing), &mut pcm);
                assert_eq!(filled, Filled::Repaired, "{lost} {repaired}");
                assert!(rms(&pcm) > 0.3 * rms(&voiced(lost)), "{lost}");
            }
        }
    }
}
