//! Packets of a call on their way to the loudspeaker: whatever they hold, sound
//! comes of them.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use twocan_voice::Format;
use twocan_voice::fuzzing::PlayoutRun;

#[derive(Arbitrary, Debug)]
enum Layout {
    Opus,
    Red(u8),
    Protected,
}

/// Packets of one run: two seconds of sound.
const MOST: usize = 100;

fuzz_target!(|packets: Vec<Option<(Layout, u16, Vec<u8>)>>| {
    let mut run = PlayoutRun::default();
    for packet in packets.into_iter().take(MOST) {
        run.play(packet.map(|(layout, sequence, payload)| {
            let format = match layout {
                Layout::Opus => Format::Opus,
                Layout::Red(opus) => Format::Red { opus },
                Layout::Protected => Format::Protected,
            };
            (format, sequence, payload)
        }));
    }
});
