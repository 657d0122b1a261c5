//! From frames to payloads, on the sender's side.

use super::{
    payload::{self, Window},
    red::{self, Block},
    window::Sent,
};
use crate::{Format, Told, codec};

/// A frame, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SentFrame {
    /// The Opus packet.
    pub(crate) payload: Vec<u8>,
    /// Media time of its first sample.
    pub(crate) media_time: u64,
    /// How long it plays, in samples at 48 kHz.
    pub(crate) samples: u32,
}

/// Puts frames into payloads together with what repairs those before them. To
/// be given each frame that becomes a packet, in order.
///
/// What repairs a frame has it without deep redundancy, which is of use in the
/// packet after a loss and not again in each repair.
#[derive(Debug, Default)]
pub(crate) struct Packer {
    sent: Sent,
    /// Media time and length that the next frame must have to be one of a row
    /// with those before it.
    expected: Option<(u64, u32)>,
}

impl Packer {
    /// The payload of the next packet. A plain Opus payload has no room for
    /// windows and what is told, redundant audio only for copies.
    pub(crate) fn pack(
        &mut self,
        format: Format,
        windows: &[Window],
        told: Told,
        frame: SentFrame,
    ) -> Vec<u8> {
        // A receiver finds the media time of a repaired frame by counting back
        // from the packet, so all must be of one length and without a pause.
        let SentFrame {
            payload,
            media_time,
            samples,
        } = frame;
        if self.expected != Some((media_time, samples)) {
            self.sent.clear();
        }
        self.expected = Some((media_time + u64::from(samples), samples));
        let packed = match format {
            Format::Opus => payload.clone(),
            Format::Red { opus } => self.redundant(opus, windows, &payload, samples),
            Format::Protected => {
                let parts: Vec<_> = windows
                    .iter()
                    .filter_map(|&window| self.sent.part(window))
                    .collect();
                payload::write(told, &parts, &payload)
            }
        };
        self.sent.push(codec::bare(&payload));
        packed
    }

    fn redundant(&self, opus: u8, windows: &[Window], newest: &[u8], samples: u32) -> Vec<u8> {
        let blocks: Vec<_> = windows
            .iter()
            .filter(|window| window.is_copy())
            .filter_map(|window| {
                let frame = self.sent.at(window.last())?;
                let offset = window.last() as u32 * samples;
                Some(Block { offset, frame })
            })
            .collect();
        red::pack(opus, &blocks, newest)
    }
}
