//! Whole calls as those who use the crate meet them: over the real clock and in
//! virtual time, with devices and without.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

// Elsewhere sound does not come from ALSA.
#[cfg(target_os = "linux")]
mod alsa;
mod apart;
mod common;
mod controls;
mod devices;
mod full_band;
mod mic_test;
mod offline;
mod speech;
