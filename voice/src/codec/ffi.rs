//! The one place with `unsafe` code: the Opus encoder and decoder and deep
//! redundancy by their C interface.
//!
//! The handles of the `opus` crate keep their pointers private and can set
//! neither the decoder's complexity, without which libopus never conceals with
//! its network, nor the reach of deep redundancy; so ours are our own. Every
//! call below passes a live handle and slices with their own lengths.
#![allow(
    unsafe_code,
    reason = "libopus is a C library; nothing else in this crate may call it unsafely"
)]

use std::{ffi::CStr, ptr::NonNull};

use opusic_sys as c;

use super::CodecError;
use crate::SAMPLE_RATE;

/// From 5 on libopus conceals with its network; above 6 it also postprocesses
/// low rates, which gains nothing at ours.
const DECODER_COMPLEXITY: i32 = 5;

/// A number that can be set in an encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub(super) enum Control {
    /// Effort, 0 to 10.
    Complexity = c::OPUS_SET_COMPLEXITY_REQUEST,
    /// Bits a second.
    Rate = c::OPUS_SET_BITRATE_REQUEST,
    /// Whether the length of a frame follows the sound.
    Variable = c::OPUS_SET_VBR_REQUEST,
    /// Whether it does so in bounds.
    Constrained = c::OPUS_SET_VBR_CONSTRAINT_REQUEST,
    /// The widest band, a constant of libopus.
    MostBand = c::OPUS_SET_MAX_BANDWIDTH_REQUEST,
    /// Whether there is in-band FEC.
    Fec = c::OPUS_SET_INBAND_FEC_REQUEST,
    /// Expected loss in percent.
    Loss = c::OPUS_SET_PACKET_LOSS_PERC_REQUEST,
    /// Reach of deep redundancy in units of 10 ms, 0 to 104.
    DeepReach = c::OPUS_SET_DRED_DURATION_REQUEST,
}

/// An encoder for 48 kHz mono.
#[derive(Debug)]
pub(super) struct Encoder {
    handle: NonNull<c::OpusEncoder>,
}

// SAFETY: an encoder is plain memory without ties to a thread; libopus only
// forbids using one from two threads at once, which `&mut self` rules out.
unsafe impl Send for Encoder {}

impl Encoder {
    /// For sound of every kind: see `codec::Encoder`.
    ///
    /// # Errors
    /// When libopus has no memory.
    pub(super) fn new() -> Result<Self, CodecError> {
        let mut status = c::OPUS_OK;
        // SAFETY: rate, channel count and application are among those that
        // libopus takes, and `status` outlives the call.
        let handle = unsafe {
            c::opus_encoder_create(
                SAMPLE_RATE as i32,
                1,
                c::OPUS_APPLICATION_AUDIO,
                &raw mut status,
            )
        };
        let handle = NonNull::new(handle).ok_or_else(|| failed("opus_encoder_create", status))?;
        Ok(Self { handle })
    }

    /// # Errors
    /// When libopus refuses the value.
    pub(super) fn set(&mut self, control: Control, value: i32) -> Result<(), CodecError> {
        // SAFETY: the handle is live, and each request of `Control` takes one
        // int by value.
        let status = unsafe { c::opus_encoder_ctl(self.handle.as_ptr(), control as i32, value) };
        check("opus_encoder_ctl", status)
    }

    /// Encodes `pcm` (48 kHz mono) into at most `room` bytes.
    ///
    /// # Errors
    /// When `pcm` has no length that Opus knows.
    pub(super) fn encode(&mut self, pcm: &[f32], room: usize) -> Result<Vec<u8>, CodecError> {
        let mut packet = vec![0; room];
        // SAFETY: the handle is live, `pcm` holds as many samples as it says,
        // of one channel, and `packet` as many bytes.
        let length = unsafe {
            c::opus_encode_float(
                self.handle.as_ptr(),
                pcm.as_ptr(),
                to_int(pcm.len()),
                packet.as_mut_ptr(),
                to_int(packet.len()),
            )
        };
        let length = usize::try_from(length).map_err(|_| failed("opus_encode_float", length))?;
        packet.truncate(length);
        Ok(packet)
    }

    #[cfg(test)]
    fn deep_reach(&mut self) -> i32 {
        let mut value = -1_i32;
        // SAFETY: the handle is live, and this request writes one int.
        let status = unsafe {
            c::opus_encoder_ctl(
                self.handle.as_ptr(),
                c::OPUS_GET_DRED_DURATION_REQUEST,
                &raw mut value,
            )
        };
        assert_eq!(status, c::OPUS_OK);
        value
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // SAFETY: the handle came from `opus_encoder_create` and is freed once.
        unsafe { c::opus_encoder_destroy(self.handle.as_ptr()) }
    }
}

/// A decoder for 48 kHz mono that conceals with libopus' network.
#[derive(Debug)]
pub(crate) struct Decoder {
    handle: NonNull<c::OpusDecoder>,
}

// SAFETY: a decoder is plain memory without ties to a thread; libopus only
// forbids using one from two threads at once, which `&mut self` rules out.
unsafe impl Send for Decoder {}

impl Decoder {
    /// # Errors
    /// When libopus has no memory or refuses the complexity.
    pub(crate) fn new() -> Result<Self, CodecError> {
        let mut status = c::OPUS_OK;
        // SAFETY: the rate and channel count are among those libopus takes, and
        // `status` outlives the call.
        let handle = unsafe { c::opus_decoder_create(SAMPLE_RATE as i32, 1, &raw mut status) };
        let handle = NonNull::new(handle).ok_or_else(|| failed("opus_decoder_create", status))?;
        let decoder = Self { handle };
        // SAFETY: the handle is live, and this request takes one int by value.
        let status = unsafe {
            c::opus_decoder_ctl(
                decoder.handle.as_ptr(),
                c::OPUS_SET_COMPLEXITY_REQUEST,
                DECODER_COMPLEXITY,
            )
        };
        check("OPUS_SET_COMPLEXITY", status)?;
        Ok(decoder)
    }

    /// Decodes a packet into `pcm` (48 kHz mono) and returns how many samples
    /// it gave.
    ///
    /// # Errors
    /// When the packet is damaged or longer than `pcm`.
    pub(crate) fn decode(&mut self, packet: &[u8], pcm: &mut [f32]) -> Result<usize, CodecError> {
        self.run(Some(packet), pcm, false)
    }

    /// Decodes from `packet` the low-rate copy of the frame before it; `pcm`
    /// must be exactly as long as that frame.
    ///
    /// # Errors
    /// When the packet is damaged.
    pub(crate) fn decode_fec(
        &mut self,
        packet: &[u8],
        pcm: &mut [f32],
    ) -> Result<usize, CodecError> {
        self.run(Some(packet), pcm, true)
    }

    /// Invents what a lost packet might have said; `pcm` must be a multiple of
    /// 2.5 ms long.
    ///
    /// # Errors
    /// When it is not.
    pub(crate) fn conceal(&mut self, pcm: &mut [f32]) -> Result<usize, CodecError> {
        self.run(None, pcm, false)
    }

    fn run(
        &mut self,
        packet: Option<&[u8]>,
        pcm: &mut [f32],
        fec: bool,
    ) -> Result<usize, CodecError> {
        let (data, length) = match packet {
            Some(packet) => (packet.as_ptr(), to_int(packet.len())),
            None => (std::ptr::null(), 0),
        };
        // SAFETY: the handle is live; `data` is null or holds `length` bytes;
        // `pcm` holds as many samples as it says, of one channel.
        let samples = unsafe {
            c::opus_decode_float(
                self.handle.as_ptr(),
                data,
                length,
                pcm.as_mut_ptr(),
                to_int(pcm.len()),
                i32::from(fec),
            )
        };
        usize::try_from(samples).map_err(|_| failed("opus_decode_float", samples))
    }

    /// Decodes from deep redundancy the sound that began `distance` samples
    /// before its packet, as long as `pcm`; what it does not cover is invented.
    ///
    /// # Errors
    /// When `pcm` is no multiple of 2.5 ms, or nothing has been parsed.
    pub(crate) fn decode_deep(
        &mut self,
        redundancy: &Redundancy,
        distance: usize,
        pcm: &mut [f32],
    ) -> Result<usize, CodecError> {
        // SAFETY: both handles are live, and `pcm` holds as many samples as it
        // says, of one channel.
        let samples = unsafe {
            c::opus_decoder_dred_decode_float(
                self.handle.as_ptr(),
                redundancy.state.as_ptr(),
                to_int(distance),
                pcm.as_mut_ptr(),
                to_int(pcm.len()),
            )
        };
        usize::try_from(samples).map_err(|_| failed("opus_decoder_dred_decode_float", samples))
    }

    /// Remembers in `snapshot` all that the decoder knows now.
    pub(crate) fn save(&self, snapshot: &mut Snapshot) {
        snapshot.0.resize(state_bytes(), 0);
        // SAFETY: the state of a decoder is one block of that many bytes, which
        // opus.h allows to be copied freely, and so long is the snapshot now.
        unsafe {
            let state = self.handle.as_ptr().cast::<u8>();
            std::ptr::copy_nonoverlapping(state, snapshot.0.as_mut_ptr(), snapshot.0.len());
        }
    }

    /// Knows again what it knew when it was saved last; nothing changes when it
    /// never was.
    pub(crate) fn restore(&mut self, snapshot: &Snapshot) {
        if snapshot.0.len() != state_bytes() {
            return;
        }
        // SAFETY: as in `save`, and what is copied was the state of a decoder of
        // the same rate and channels.
        unsafe {
            let state = self.handle.as_ptr().cast::<u8>();
            std::ptr::copy_nonoverlapping(snapshot.0.as_ptr(), state, snapshot.0.len());
        }
    }

    #[cfg(test)]
    fn complexity(&mut self) -> i32 {
        let mut value = -1_i32;
        // SAFETY: the handle is live, and this request writes one int.
        let status = unsafe {
            c::opus_decoder_ctl(
                self.handle.as_ptr(),
                c::OPUS_GET_COMPLEXITY_REQUEST,
                &raw mut value,
            )
        };
        assert_eq!(status, c::OPUS_OK);
        value
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: the handle came from `opus_decoder_create` and is freed once.
        unsafe { c::opus_decoder_destroy(self.handle.as_ptr()) }
    }
}

/// What a decoder knew at some instant.
#[derive(Debug, Default)]
pub(crate) struct Snapshot(Vec<u8>);

/// Bytes that a decoder's state has.
fn state_bytes() -> usize {
    // SAFETY: the function only computes; one channel is a count that it takes.
    usize::try_from(unsafe { c::opus_decoder_get_size(1) }).unwrap_or(0)
}

/// The deep redundancy (DRED, draft-ietf-mlcodec-opus-dred) of one packet: a
/// description of up to a second of the sound before it.
#[derive(Debug)]
pub(crate) struct Redundancy {
    decoder: NonNull<c::OpusDREDDecoder>,
    state: NonNull<c::OpusDRED>,
}

// SAFETY: as for `Decoder`: plain memory, used through `&mut self` or read.
unsafe impl Send for Redundancy {}

impl Redundancy {
    /// # Errors
    /// When libopus has no memory.
    pub(crate) fn new() -> Result<Self, CodecError> {
        let mut status = c::OPUS_OK;
        // SAFETY: `status` outlives the call.
        let decoder = unsafe { c::opus_dred_decoder_create(&raw mut status) };
        let decoder =
            NonNull::new(decoder).ok_or_else(|| failed("opus_dred_decoder_create", status))?;
        // SAFETY: `status` outlives the call.
        let state = unsafe { c::opus_dred_alloc(&raw mut status) };
        let Some(state) = NonNull::new(state) else {
            // SAFETY: the handle came from `opus_dred_decoder_create`.
            unsafe { c::opus_dred_decoder_destroy(decoder.as_ptr()) };
            return Err(failed("opus_dred_alloc", status));
        };
        Ok(Self { decoder, state })
    }

    /// Takes in what a packet says of the `most` samples before it; returns
    /// how many samples before the packet it begins, 0 when it says nothing.
    ///
    /// # Errors
    /// When the packet is damaged.
    pub(crate) fn parse(&mut self, packet: &[u8], most: usize) -> Result<usize, CodecError> {
        let mut end = 0;
        // SAFETY: both handles are live, the pointer and the length are those
        // of one slice, and `end` outlives the call.
        let begin = unsafe {
            c::opus_dred_parse(
                self.decoder.as_ptr(),
                self.state.as_ptr(),
                packet.as_ptr(),
                to_int(packet.len()),
                to_int(most),
                SAMPLE_RATE as i32,
                &raw mut end,
                0,
            )
        };
        usize::try_from(begin).map_err(|_| failed("opus_dred_parse", begin))
    }
}

impl Drop for Redundancy {
    fn drop(&mut self) {
        // SAFETY: both came from libopus and are freed once.
        unsafe {
            c::opus_dred_free(self.state.as_ptr());
            c::opus_dred_decoder_destroy(self.decoder.as_ptr());
        }
    }
}

/// Whether a packet carries a low-rate copy of the frame before it (LBRR,
/// RFC 6716, 4.2.5).
pub(super) fn carries_fec(packet: &[u8]) -> bool {
    // SAFETY: the pointer and the length are those of one slice.
    unsafe { c::opus_packet_has_lbrr(packet.as_ptr(), to_int(packet.len())) == 1 }
}

/// Lengths here are bounded far below `i32::MAX`; a longer one is cut, never
/// lengthened.
fn to_int(length: usize) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}

fn check(call: &'static str, status: i32) -> Result<(), CodecError> {
    if status == c::OPUS_OK {
        return Ok(());
    }
    Err(failed(call, status))
}

fn failed(call: &'static str, status: i32) -> CodecError {
    // SAFETY: libopus answers every code with a constant, terminated string.
    let reason = unsafe { CStr::from_ptr(c::opus_strerror(status)) };
    CodecError {
        call,
        reason: reason.to_string_lossy().into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deep_concealment_is_on() {
        assert_eq!(Decoder::new().unwrap().complexity(), DECODER_COMPLEXITY);
    }

    #[test]
    fn the_encoder_keeps_the_reach_of_deep_redundancy() {
        let mut encoder = Encoder::new().unwrap();
        assert_eq!(encoder.deep_reach(), 0);
        encoder.set(Control::DeepReach, 100).unwrap();
        assert_eq!(encoder.deep_reach(), 100);
        assert!(encoder.set(Control::DeepReach, 105).is_err());
        assert!(encoder.encode(&[0.0; 7], 100).is_err());
    }

    #[test]
    fn a_restored_decoder_goes_on_as_if_nothing_had_been_between() {
        let mut encoder = Encoder::new().unwrap();
        let tone = |n: usize| (0..960).map(move |i| ((n * 960 + i) as f32 * 0.03).sin() * 0.3);
        let packets: Vec<_> = (0..8)
            .map(|n| encoder.encode(&tone(n).collect::<Vec<_>>(), 400).unwrap())
            .collect();
        let decode = |decoder: &mut Decoder, packet: &[u8]| {
            let mut pcm = vec![0.0; 960];
            decoder.decode(packet, &mut pcm).unwrap();
            pcm
        };
        let (mut straight, mut back) = (Decoder::new().unwrap(), Decoder::new().unwrap());
        let mut snapshot = Snapshot::default();
        for packet in &packets[..5] {
            assert_eq!(decode(&mut straight, packet), decode(&mut back, packet));
        }
        back.restore(&snapshot);
        back.save(&mut snapshot);
        back.conceal(&mut [0.0; 960]).unwrap();
        back.restore(&snapshot);
        for packet in &packets[5..] {
            assert_eq!(decode(&mut straight, packet), decode(&mut back, packet));
        }
    }

    #[test]
    fn damaged_packets_are_errors() {
        let mut decoder = Decoder::new().unwrap();
        let error = decoder
            .decode(&[0xff, 0xff, 0xff], &mut [0.0; 960])
            .unwrap_err();
        assert!(error.to_string().contains("opus_decode_float"), "{error}");
        assert!(decoder.conceal(&mut [0.0; 7]).is_err());
    }
}
