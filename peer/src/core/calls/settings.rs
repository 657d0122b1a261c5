//! What holds for all calls, and what is remembered of those before.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::Value;
use twocan_proto::identity::PeerId;
use twocan_proto::limits;

use super::Core;
use crate::api::{Activation, Error, ErrorCode};
use crate::store::settings;

/// How long a call rings.
const RING: &str = "call.ring_timeout_s";
/// When the microphone is sent.
const ACTIVATION: &str = "call.activation";
/// Whether calls are heard before they begin and when they end.
const TONES: &str = "call.tones";
/// Whether it is heard that the other is there.
const JOINED_SOUND: &str = "call.joined_sound";
/// Whether the microphone is heard being switched off and on.
const MUTE_SOUND: &str = "call.mute_sound";
const RING_SECONDS: RangeInclusive<u64> = 5..=300;
/// How loud each contact was made, as one object: what users do not set by
/// this name.
const VOLUMES: &str = "call.volumes";

/// The settings of calls.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) ring_time: Duration,
    pub(super) activation: Activation,
    pub(super) tones: bool,
    pub(super) joined_sound: bool,
    pub(super) mute_sound: bool,
    /// Contacts that are louder or softer than 1.0.
    volumes: BTreeMap<PeerId, f32>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ring_time: limits::RING_TIME,
            activation: Activation::default(),
            tones: true,
            joined_sound: true,
            mute_sound: true,
            volumes: BTreeMap::new(),
        }
    }
}

impl Settings {
    pub(super) fn volume(&self, peer: PeerId) -> f32 {
        self.volumes.get(&peer).copied().unwrap_or(1.0)
    }

    /// Takes a setting, if it is one of calls.
    fn take(&mut self, key: &str, value: &Value) -> Result<(), Error> {
        match key {
            RING => self.ring_time = ring_time(value)?,
            ACTIVATION => self.activation = activation(value)?,
            TONES => self.tones = switch(key, value)?,
            JOINED_SOUND => self.joined_sound = switch(key, value)?,
            MUTE_SOUND => self.mute_sound = switch(key, value)?,
            _ => {}
        }
        Ok(())
    }
}

impl Core {
    pub(in crate::core) async fn load_call_settings(&mut self) -> Result<(), Error> {
        for key in [RING, ACTIVATION, TONES, JOINED_SOUND, MUTE_SOUND] {
            let saved = self.store.run(move |db| settings::get(db, key)).await?;
            // What another version has kept does not keep this one from starting.
            if let Some(Err(error)) = saved.map(|value| self.calls.settings.take(key, &value)) {
                tracing::warn!(key, %error, "a setting is not as it should be");
            }
        }
        let volumes = self.store.run(|db| settings::get(db, VOLUMES)).await?;
        let volumes = volumes.as_ref().and_then(Value::as_object);
        self.calls.settings.volumes = volumes
            .into_iter()
            .flatten()
            .filter_map(|(peer, volume)| Some((peer.parse().ok()?, volume.as_f64()? as f32)))
            .collect();
        Ok(())
    }

    /// Takes a setting that is about to be kept.
    pub(in crate::core) fn set_call_setting(
        &mut self,
        key: &str,
        value: &Value,
    ) -> Result<(), Error> {
        self.calls.settings.take(key, value)
    }

    /// Remembers how loud a contact is to be.
    pub(super) async fn keep_volume(&mut self, peer: PeerId, volume: f32) -> Result<(), Error> {
        let volumes = &mut self.calls.settings.volumes;
        let before = match volume == 1.0 {
            true => volumes.remove(&peer),
            false => volumes.insert(peer, volume),
        };
        if before.unwrap_or(1.0) == volume {
            return Ok(());
        }
        let kept: serde_json::Map<_, _> = volumes
            .iter()
            .map(|(peer, volume)| (peer.to_string(), Value::from(*volume)))
            .collect();
        let kept = Value::Object(kept);
        self.store
            .run(move |db| settings::set(db, VOLUMES, &kept))
            .await?;
        Ok(())
    }
}

fn ring_time(value: &Value) -> Result<Duration, Error> {
    let seconds = value
        .as_u64()
        .filter(|seconds| RING_SECONDS.contains(seconds))
        .ok_or_else(|| {
            let (least, most) = (RING_SECONDS.start(), RING_SECONDS.end());
            bad(format!(
                "{RING} is a number of seconds from {least} to {most}"
            ))
        })?;
    Ok(Duration::from_secs(seconds))
}

fn activation(value: &Value) -> Result<Activation, Error> {
    let text = value.as_str().unwrap_or_default();
    text.parse()
        .map_err(|_| bad(format!("{ACTIVATION} is continuous, voice or push_to_talk")))
}

fn switch(key: &str, value: &Value) -> Result<bool, Error> {
    let on = value.as_bool();
    on.ok_or_else(|| bad(format!("{key} is true or false")))
}

fn bad(text: String) -> Error {
    Error::new(ErrorCode::BadRequest, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_are_taken_or_refused_by_name() {
        let mut settings = Settings::default();
        settings.take(RING, &json!(45)).unwrap();
        settings.take(ACTIVATION, &json!("voice")).unwrap();
        for key in [TONES, JOINED_SOUND, MUTE_SOUND] {
            settings.take(key, &json!(false)).unwrap();
        }
        for (key, value) in [
            (RING, json!(4)),
            (ACTIVATION, json!("loud")),
            (TONES, json!("no")),
            (JOINED_SOUND, json!(0)),
            (MUTE_SOUND, Value::Null),
        ] {
            let refused = settings.take(key, &value).unwrap_err();
            assert!(refused.message.contains(key), "{refused}");
        }
        assert_eq!(settings.ring_time, Duration::from_secs(45));
        assert_eq!(settings.activation, Activation::Voice);
        assert!(!settings.tones && !settings.joined_sound && !settings.mute_sound);
    }
}
