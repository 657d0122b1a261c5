//! Text of others as it is made safe: nothing of it drives a terminal or turns
//! the direction of reading, and making it safe again changes nothing more.
#![no_main]

use libfuzzer_sys::fuzz_target;
use twocan_proto::text;

/// Bytes of a name.
const NAME: usize = 64;

fn is_safe(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{feff}')
}

fuzz_target!(|given: &str| {
    let shown = text::multiline(given);
    assert!(
        shown
            .chars()
            .all(|c| matches!(c, '\n' | '\t') || is_safe(c))
    );
    assert_eq!(text::multiline(&shown), shown);

    let line = text::line(given);
    assert!(line.chars().all(is_safe));
    assert_eq!(text::line(&line), line);

    let name = text::name(given, NAME);
    assert!(name.len() <= NAME && name.chars().all(is_safe));
    assert_eq!(text::name(&name, NAME), name);
    assert_eq!(text::skeleton(&name), text::skeleton(&name));
});
