//! Trying the sound of this machine without an engine: what `twocan doctor`
//! looks at.

pub use twocan_voice::check::{Tried, processing_speed, sound_systems, try_devices};
pub use twocan_voice::{DeviceState, list_devices};
