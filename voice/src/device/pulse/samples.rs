//! The one place with `unsafe` code on the way to PulseAudio: cpal's callbacks
//! take samples by a pointer.
#![allow(
    unsafe_code,
    reason = "cpal gives hosts no other way to hand samples to a callback"
)]

use cpal::{Data, SampleFormat};

/// Shows samples to a callback, which may write them only in an output stream.
pub(super) fn as_data(samples: &mut [f32], run: impl FnOnce(&mut Data)) {
    let (first, count) = (samples.as_mut_ptr(), samples.len());
    // SAFETY: the pointer, the count and the format are those of a slice that
    // is borrowed until the end of this function, and `run` cannot keep the
    // `Data`, as it is lent to it for any lifetime however short.
    let mut data = unsafe { Data::from_parts(first.cast(), count, SampleFormat::F32) };
    run(&mut data);
}
