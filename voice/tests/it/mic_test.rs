//! The microphone test, with sound that needs no device.

use std::time::{Duration, Instant};

use crate::common::{read_wav, until};
use twocan_voice::{InputSpec, MicTest, MicTestPhase, OutputSpec, Processing};

#[test]
fn what_was_recorded_is_played() {
    let folder = tempfile::tempdir().unwrap();
    let heard = folder.path().join("heard.wav");
    let test = MicTest::start(
        InputSpec::Tone(440.0),
        OutputSpec::File(heard.clone()),
        Processing::default(),
    )
    .unwrap();
    until("a level", || test.state().level_db > -20.0);
    until("half a second", || {
        test.state().at > Duration::from_millis(500)
    });
    assert_eq!(test.state().phase, MicTestPhase::Recording);
    test.stop();
    until("it plays", || test.state().phase == MicTestPhase::Playing);
    until("it is heard", || test.state().level_db > -20.0);
    until("it ends", || test.state().phase == MicTestPhase::Done);
    assert_eq!(test.state().problem, None);
    drop(test);
    let loud = read_wav(&heard).iter().filter(|s| s.abs() > 0.05).count();
    // A tone at -12 dBFS is above that for most of its time.
    assert!(loud > 48_000 / 4, "{loud} loud samples");
}

#[test]
fn it_can_be_ended_at_any_time() {
    let start = || {
        let (input, output) = (InputSpec::Tone(440.0), OutputSpec::Null);
        MicTest::start(input, output, Processing::OFF).unwrap()
    };
    let begun = Instant::now();
    drop(start());
    let test = start();
    until("it records", || test.state().at > Duration::ZERO);
    test.stop();
    until("it plays", || test.state().phase == MicTestPhase::Playing);
    test.stop();
    until("it ends", || test.state().phase == MicTestPhase::Done);
    assert!(begun.elapsed() < Duration::from_secs(3));
}
