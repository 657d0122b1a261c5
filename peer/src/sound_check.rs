//! Trying the sound of this machine without an engine: what `twocan doctor`
//! looks at.

pub use twocan_voice::check::{
    Scheduling, Tried, processing_speed, scheduling, sound_systems, try_devices,
};
pub use twocan_voice::{DeviceState, list_devices};
