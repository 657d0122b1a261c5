//! placeholder
pub mod api;
pub mod heartbeat;
pub mod registry_url;
