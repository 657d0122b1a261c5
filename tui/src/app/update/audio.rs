//! Devices, processing, and the microphone test.

use twocan_peer::api::{Activation, Error, InputSpec, MicTest, MicTestPhase, OutputSpec};

use super::super::audio::{SWITCHES, Side, SoundSetup};
use super::super::effect::Effect;
use super::super::overlay::Overlay;
use super::{Effects, actions, overlays};
use crate::app::State;
use crate::input::chord::{Chord, Key};
use crate::input::command::first_word;

/// `/audio`: the picker, or a device by a part of its name.
pub(super) fn run(state: &mut State, args: &str, out: &mut Effects) {
    let (which, name) = first_word(args);
    let side = match which {
        "" => return open(state, out),
        "in" => Side::Microphone,
        "out" => Side::Loudspeaker,
        _ => return actions::usage(state, "audio"),
    };
    if name.is_empty() {
        return actions::usage(state, "audio");
    }
    use_named(state, side, name, out);
}

/// Chooses a device by a part of its name, once they are known.
fn use_named(state: &mut State, side: Side, name: &str, out: &mut Effects) {
    let found = state.sound.as_ref().and_then(|s| s.find(side, name));
    let looked = state.sound.is_some();
    let known = match side {
        Side::Microphone => name.parse::<InputSpec>().map(drop),
        Side::Loudspeaker => name.parse::<OutputSpec>().map(drop),
    };
    match (known, found) {
        (Ok(()), _) => choose(side, name, out),
        (Err(_), Some(spec)) => choose(side, &spec, out),
        (Err(_), None) if !looked => {
            state.device_wanted = Some((side, name.to_owned()));
            out.push(Effect::LoadSound);
        }
        (Err(_), None) => {
            let word = side.word().to_lowercase();
            state.error(format!(
                "no single {word} is called {name:?}: /audio shows what there is"
            ));
        }
    }
}

/// `/mictest`: records, then plays; again, it ends what it does.
pub(super) fn test(state: &mut State, out: &mut Effects) {
    if !matches!(state.overlay, Some(Overlay::Audio { .. })) {
        open(state, out);
    }
    out.push(Effect::MicTest(!state.mic_test.is_running()));
}

/// There is a call: its devices are shown. Nobody who only writes waits for
/// them, nor holds what asking for them takes.
pub(super) fn needed(state: &State, out: &mut Effects) {
    if state.sound.is_none() {
        out.push(Effect::LoadSound);
    }
}

fn open(state: &mut State, out: &mut Effects) {
    out.push(Effect::LoadSound);
    state.overlay = Some(Overlay::Audio {
        side: Side::default(),
        selected: 0,
    });
}

fn choose(side: Side, spec: &str, out: &mut Effects) {
    save(side.setting(), spec, out);
}

fn save(key: &str, value: &str, out: &mut Effects) {
    out.push(Effect::SaveSetting {
        key: key.to_owned(),
        value: value.to_owned(),
    });
}

/// A key in the picker.
pub(super) fn key(
    state: &State,
    side: &mut Side,
    selected: &mut usize,
    chord: Chord,
    out: &mut Effects,
) {
    let Some(setup) = &state.sound else { return };
    let choices = setup.choices(*side);
    let switch = |key| SWITCHES.iter().position(|switch| switch.key == key);
    match chord.key {
        Key::Tab | Key::Left | Key::Right => {
            *side = side.other();
            *selected = 0;
        }
        Key::Enter => {
            if let Some(choice) = choices.get(*selected) {
                choose(*side, &choice.spec, out);
            }
        }
        Key::Char('t') => out.push(Effect::MicTest(!state.mic_test.is_running())),
        Key::Char('a') => save("call.activation", next(setup.activation).name(), out),
        Key::Char(c) if let Some(at) = switch(c) => {
            let on = !setup.switches[at];
            save(SWITCHES[at].setting, if on { "true" } else { "false" }, out);
        }
        _ => {
            overlays::step(selected, chord, choices.len().saturating_sub(1));
        }
    }
}

/// The picker closes; a microphone that nobody looks at any more is let go.
pub(super) fn closed(state: &State, out: &mut Effects) {
    let test = state.mic_test.now.as_ref();
    if test.is_some_and(|test| test.phase == MicTestPhase::Recording) {
        out.push(Effect::MicTest(false));
    }
}

fn next(activation: Activation) -> Activation {
    let all = Activation::ALL;
    let at = all.iter().position(|a| *a == activation).unwrap_or(0);
    all[(at + 1) % all.len()]
}

/// Devices and settings were read.
pub(super) fn loaded(state: &mut State, found: Result<Box<SoundSetup>, Error>, out: &mut Effects) {
    let wanted = state.device_wanted.take();
    match found {
        Ok(setup) => {
            state.sound = Some(*setup);
            if let Some((side, name)) = wanted {
                use_named(state, side, &name, out);
            }
        }
        // Said when somebody asks for devices, not when a call begins.
        Err(error) if wanted.is_some() || matches!(state.overlay, Some(Overlay::Audio { .. })) => {
            state.error(format!("listing the devices: {}", error.message));
        }
        Err(_) => {}
    }
}

/// A setting was changed: what is shown of sound may be old.
pub(super) fn setting_changed(state: &State, key: &str, out: &mut Effects) {
    let of_sound = key.starts_with("audio.") || key.starts_with("call.");
    if of_sound && state.sound.is_some() {
        out.push(Effect::LoadSound);
    }
}

/// The microphone test goes on, or is over.
pub(super) fn tested(state: &mut State, test: MicTest) {
    state
        .mic_test
        .meter
        .take(test.level_db, test.peak_db, state.now);
    if let Some(problem) = &test.problem {
        state.error(format!("the microphone test ended: {problem}"));
    }
    state.mic_test.now = Some(test);
}
