//! What a call can be told while it runs, over the real clock.

use std::{
    sync::mpsc::{Receiver, sync_channel},
    time::{Duration, Instant},
};

use crate::common::{PATIENCE, arrived, until};
use twocan_voice::{
    Activation, AudioError, Call, CallConfig, DeviceState, FRAME_SAMPLES, InputSpec, OutputSpec,
    SentPacket,
};

fn start(config: CallConfig) -> (Call, Receiver<SentPacket>) {
    let (sender, receiver) = sync_channel(10_000);
    let call = Call::start(config, Box::new(move |f| sender.try_send(f).unwrap())).unwrap();
    (call, receiver)
}

fn tone() -> CallConfig {
    CallConfig {
        input: InputSpec::Tone(440.0),
        output: OutputSpec::Null,
        ..CallConfig::default()
    }
}

/// Passes frames of one call to another until something holds.
fn pass(frames: &Receiver<SentPacket>, to: &Call, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "never happened");
        let frame = frames.recv_timeout(PATIENCE).unwrap();
        to.receive(arrived(frame));
    }
}

#[test]
fn frames_come_in_order_and_in_real_time() {
    let began = Instant::now();
    let (call, frames) = start(tone());
    for expected in 0..25 {
        let frame = frames.recv_timeout(PATIENCE).unwrap();
        assert_eq!(frame.media_time, expected * FRAME_SAMPLES as u64);
        assert_eq!(frame.marker, expected == 0);
        assert!(frame.voiced && !frame.payload.is_empty());
    }
    let took = began.elapsed().as_millis();
    assert!((490..1_000).contains(&took), "25 frames in {took} ms");
    assert!(call.sound_times().is_some());
    assert_eq!(call.stats().input, DeviceState::Virtual);
}

#[test]
fn muting_sends_silence_and_unmuting_sound() {
    let config = CallConfig {
        muted: true,
        ..tone()
    };
    let (call, frames) = start(config);
    for _ in 0..5 {
        assert!(!frames.recv_timeout(PATIENCE).unwrap().voiced);
    }
    assert_eq!(call.stats().level_in_db, -96.0);
    call.set_muted(false);
    until("sound", || call.stats().level_in_db > -20.0);
    call.set_muted(true);
    assert!(call.is_muted());
    until("silence", || call.stats().level_in_db < -80.0);
}

#[test]
fn deafening_and_volume_change_what_is_heard() {
    let (_speaker, frames) = start(tone());
    let (listener, _unheard) = start(CallConfig {
        input: InputSpec::Silence,
        ..tone()
    });
    let level = || listener.stats().level_out_db;
    pass(&frames, &listener, || (-17.0..-13.0).contains(&level()));
    listener.set_volume(2.0);
    pass(&frames, &listener, || (-11.0..-7.0).contains(&level()));
    listener.set_volume(f32::NAN);
    listener.set_deafened(true);
    assert!(listener.is_deafened());
    pass(&frames, &listener, || level() < -80.0);
}

#[test]
fn an_echo_call_sends_back_what_it_hears() {
    let (speaker, frames) = start(tone());
    let (echo, echoed) = start(CallConfig {
        loopback: true,
        ..CallConfig::default()
    });
    let mut back = 0;
    pass(&frames, &echo, || {
        while let Ok(frame) = echoed.try_recv() {
            back += usize::from(frame.voiced);
            speaker.receive(arrived(frame));
        }
        back > 20 && speaker.stats().level_out_db > -17.0
    });
}

#[test]
fn a_missing_device_is_told_and_the_call_goes_on() {
    let (call, frames) = start(CallConfig {
        input: InputSpec::Device("no such microphone".into()),
        output: OutputSpec::Device("no such loudspeaker".into()),
        ..CallConfig::default()
    });
    let missing = |state: &DeviceState| matches!(state, DeviceState::Missing(_));
    until("both are missing", || {
        let stats = call.stats();
        missing(&stats.input) && missing(&stats.output)
    });
    assert!(!frames.recv_timeout(PATIENCE).unwrap().voiced);
    until("the times of silence", || call.sound_times().is_some());
    call.set_input(&InputSpec::Tone(300.0)).unwrap();
    call.set_output(&OutputSpec::Null).unwrap();
    until("the tone", || call.stats().level_in_db > -20.0);
    until("no device is wanted any more", || {
        let stats = call.stats();
        (stats.input, stats.output) == (DeviceState::Virtual, DeviceState::Virtual)
    });
}

#[test]
fn files_are_opened_before_the_call_changes() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("no.wav");
    let (call, _frames) = start(tone());
    let refused = call.set_input(&InputSpec::File(nowhere.clone()));
    assert!(matches!(refused, Err(AudioError::InputFile { .. })));
    let config = CallConfig {
        input: InputSpec::File(nowhere),
        ..tone()
    };
    assert!(Call::start(config, Box::new(|_| {})).is_err());
    let recording = folder.path().join("new.wav");
    call.set_output(&OutputSpec::File(recording.clone()))
        .unwrap();
    let length = || hound::WavReader::open(&recording).map_or(0, |reader| reader.len());
    until("it records", || length() >= 9_600);
    let began = Instant::now();
    drop(call);
    assert!(began.elapsed() < Duration::from_secs(1));
    assert!(length() >= 9_600);
}

#[test]
fn a_key_sends_and_otherwise_signs_of_life_go_out() {
    let config = CallConfig {
        activation: Activation::PushToTalk,
        ..tone()
    };
    let (call, frames) = start(config);
    let first = frames.recv_timeout(PATIENCE).unwrap();
    let second = frames.recv_timeout(PATIENCE).unwrap();
    let pause = (second.media_time - first.media_time) / FRAME_SAMPLES as u64;
    assert!(
        (15..30).contains(&pause) && !second.voiced,
        "{pause} frames"
    );
    assert!(!call.levels().read().transmitting);
    call.set_talking(true);
    let spoken = loop {
        let frame = frames.recv_timeout(PATIENCE).unwrap();
        if frame.voiced {
            break frame;
        }
    };
    assert!(spoken.marker, "the first after a pause");
    until("its level shows", || call.levels().read().in_db > -20.0);
    assert!(call.levels().read().transmitting);
    call.set_activation(Activation::Continuous);
    call.set_talking(false);
    let next = frames.recv_timeout(PATIENCE).unwrap();
    assert!(next.voiced && !next.marker);
}
