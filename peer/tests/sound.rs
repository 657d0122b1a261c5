//! The sound of a machine through its engine: what is chosen is remembered,
//! and the microphone can be tried.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use serde_json::{Value, json};
use support::{Side, config};
use twocan_peer::Engine;
use twocan_peer::api::{ErrorCode, Event, MicTestPhase};

#[tokio::test]
async fn a_microphone_test_records_and_plays() {
    let mut anna = Side::new("anna").await;
    anna.engine.mic_test_start().await.unwrap();
    let again = anna.engine.mic_test_start().await.unwrap_err();
    assert_eq!(again.code, ErrorCode::Conflict);
    let phase = |wanted: MicTestPhase| {
        move |event: &Event| match event {
            Event::MicTest(test) if test.phase == wanted => Some(test.clone()),
            _ => None,
        }
    };
    let recording = |event: &Event| match event {
        Event::MicTest(test) if test.at_ms > 300 && test.level_db > -20.0 => Some(()),
        _ => None,
    };
    anna.wait("a level", recording).await;
    anna.engine.mic_test_stop().await.unwrap();
    anna.wait("playing", phase(MicTestPhase::Playing)).await;
    anna.engine.mic_test_stop().await.unwrap();
    let done = anna.wait("the end", phase(MicTestPhase::Done)).await;
    assert_eq!(done.problem, None);
    let gone = anna.engine.mic_test_stop().await.unwrap_err();
    assert_eq!(gone.code, ErrorCode::NotFound);
}

#[tokio::test]
async fn what_is_chosen_outlives_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let mut start = config(folder.path(), "anna");
    (start.audio_in, start.audio_out) = (None, None);
    let (engine, events) = Engine::start(start.clone()).await.unwrap();
    for (key, value) in [
        ("audio.input", json!("device:alsa:mic")),
        ("call.noise_suppression", json!(false)),
    ] {
        engine.set(key, value).await.unwrap();
    }
    let refused = engine.set("audio.output", json!("speaker")).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::BadRequest);
    engine.shutdown().await;
    drop(events);
    let (engine, _events) = Engine::start(start).await.unwrap();
    let kept = engine.get("audio.input").await.unwrap();
    assert_eq!(kept, json!("device:alsa:mic"));
    assert_eq!(engine.get("audio.output").await.unwrap(), Value::Null);
    let kept = engine.get("call.noise_suppression").await.unwrap();
    assert_eq!(kept, json!(false));
    engine.shutdown().await;
}
