//! The palettes there are. `ansi16` uses the sixteen colours of the terminal,
//! so its own theme rules; the others use colours of the fixed part of the 256,
//! whose contrast is known.

use ratatui::style::{Color, Modifier, Style};

/// Most colours of names.
const NAMES: usize = 8;

/// A style for everything that has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Palette {
    pub(super) text: Style,
    pub(super) dim: Style,
    pub(super) heading: Style,
    pub(super) key: Style,
    pub(super) good: Style,
    pub(super) warn: Style,
    pub(super) bad: Style,
    pub(super) chosen: Style,
    pub(super) alert: Style,
    pub(super) count: Style,
    pub(super) read: Style,
    pub(super) qr: Style,
    pub(super) code: Style,
    pub(super) link: Style,
    pub(super) me: Style,
    names: [Style; NAMES],
    /// How many of them there are.
    named: usize,
}

type Role = fn(&mut Palette) -> &mut Style;

/// The styles by the names that files use, and what has them.
pub(super) const ROLES: [(&str, &str, Role); 15] = [
    ("text", "ordinary text", |p| &mut p.text),
    ("dim", "what matters less: times, rules, hints", |p| {
        &mut p.dim
    }),
    ("heading", "headings", |p| &mut p.heading),
    ("key", "names of keys in hints", |p| &mut p.key),
    ("good", "what is well", |p| &mut p.good),
    ("warn", "what may need you", |p| &mut p.warn),
    ("bad", "what is wrong", |p| &mut p.bad),
    ("chosen", "the chosen line", |p| &mut p.chosen),
    (
        "alert",
        "what must not be missed: a ringing call, a live microphone",
        |p| &mut p.alert,
    ),
    ("count", "unread counts", |p| &mut p.count),
    ("read", "ticks of what was read", |p| &mut p.read),
    ("qr", "QR codes", |p| &mut p.qr),
    ("code", "code within a message", |p| &mut p.code),
    ("link", "addresses of the web within a message", |p| {
        &mut p.link
    }),
    ("me", "your own name", |p| &mut p.me),
];

impl Palette {
    /// The styles of names; at least one.
    pub(super) fn names(&self) -> &[Style] {
        self.names.get(..self.named).unwrap_or(&self.names)
    }

    /// Takes other styles of names; those that are too many are left out.
    pub(super) fn set_names(&mut self, styles: &[Style]) {
        for (name, style) in self.names.iter_mut().zip(styles) {
            *name = *style;
        }
        self.named = styles.len().clamp(1, NAMES);
    }
}

const PLAIN: Style = Style::new();
const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
const CHOSEN: Style = Style::new().add_modifier(Modifier::REVERSED);
const ALERT: Style = BOLD.add_modifier(Modifier::REVERSED);
const LINK: Style = Style::new().add_modifier(Modifier::UNDERLINED);
/// Dark on light, by the colours that are so everywhere.
const QR: Style = Style::new().fg(Color::Indexed(16)).bg(Color::Indexed(231));

/// No colour anywhere.
pub(super) const MONO: Palette = Palette {
    text: PLAIN,
    dim: PLAIN,
    heading: BOLD,
    key: BOLD,
    good: PLAIN,
    warn: BOLD,
    bad: BOLD,
    chosen: CHOSEN,
    alert: ALERT,
    count: BOLD,
    read: BOLD,
    qr: CHOSEN,
    code: LINK,
    link: LINK,
    me: BOLD,
    names: [PLAIN; NAMES],
    named: 1,
};

/// A palette of one colour for each of: less, keys, good, warning, bad; and of
/// those for names.
const fn coloured(colours: [Color; 5], names: [Color; NAMES], named: usize) -> Palette {
    let [less, key, good, warn, bad] = colours;
    let mut styles = [PLAIN; NAMES];
    let mut at = 0;
    while at < NAMES {
        styles[at] = PLAIN.fg(names[at]);
        at += 1;
    }
    Palette {
        dim: PLAIN.fg(less),
        key: BOLD.fg(key),
        good: PLAIN.fg(good),
        warn: BOLD.fg(warn),
        bad: BOLD.fg(bad),
        alert: ALERT.fg(bad),
        count: BOLD.fg(warn),
        read: BOLD.fg(good),
        qr: QR,
        code: PLAIN.fg(key),
        names: styles,
        named,
        ..MONO
    }
}

const fn all(numbers: [u8; NAMES]) -> [Color; NAMES] {
    let mut colours = [Color::Reset; NAMES];
    let mut at = 0;
    while at < NAMES {
        colours[at] = Color::Indexed(numbers[at]);
        at += 1;
    }
    colours
}

const fn five(numbers: [u8; 5]) -> [Color; 5] {
    let [a, b, c, d, e] = numbers;
    [
        Color::Indexed(a),
        Color::Indexed(b),
        Color::Indexed(c),
        Color::Indexed(d),
        Color::Indexed(e),
    ]
}

/// The terminal's own colours: names are readable on light and dark alike.
pub(crate) const ANSI16: Palette = Palette {
    qr: PLAIN.fg(Color::Black).bg(Color::White),
    ..coloured(
        [
            Color::DarkGray,
            Color::Cyan,
            Color::Green,
            Color::Yellow,
            Color::Red,
        ],
        [
            Color::Cyan,
            Color::Magenta,
            Color::Green,
            Color::Red,
            Color::Blue,
            Color::Reset,
            Color::Reset,
            Color::Reset,
        ],
        5,
    )
};

const DARK: Palette = coloured(
    five([248, 117, 114, 221, 210]),
    all([81, 114, 221, 210, 183, 215, 117, 150]),
    NAMES,
);

const LIGHT: Palette = coloured(
    five([240, 25, 22, 94, 124]),
    all([25, 22, 94, 124, 90, 23, 54, 88]),
    NAMES,
);

/// Nothing is pale: less is plain text, the rest is bold.
const CONTRAST: Palette = Palette {
    dim: PLAIN,
    good: BOLD,
    key: BOLD.add_modifier(Modifier::UNDERLINED),
    alert: ALERT,
    ..MONO
};

/// The themes that can be named. `auto` is light on a light background that
/// says so, else the terminal's own colours.
pub(crate) const NAMED: [&str; 6] = ["auto", "ansi16", "dark", "light", "contrast", "mono"];

/// The palette of a name, on a background that may be known.
pub(crate) fn named(name: &str, light: Option<bool>) -> Option<Palette> {
    Some(match (name, light) {
        ("auto", Some(true)) | ("light", _) => LIGHT,
        ("auto" | "ansi16", _) => ANSI16,
        ("dark", _) => DARK,
        ("contrast", _) => CONTRAST,
        ("mono", _) => MONO,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Red, green and blue of a colour of the fixed part of the 256.
    fn rgb(color: Color) -> [u8; 3] {
        let Color::Indexed(n @ 16..) = color else {
            panic!("{color:?} is another on every terminal")
        };
        let part = |v: u8| if v == 0 { 0 } else { 55 + 40 * v };
        match n {
            232.. => [8 + 10 * (n - 232); 3],
            _ => [
                part((n - 16) / 36),
                part((n - 16) / 6 % 6),
                part((n - 16) % 6),
            ],
        }
    }

    /// Relative luminance, as WCAG 2 defines it.
    fn luminance(colour: [u8; 3]) -> f64 {
        let part = |v: u8| match f64::from(v) / 255.0 {
            v if v <= 0.03928 => v / 12.92,
            v => ((v + 0.055) / 1.055).powf(2.4),
        };
        0.2126 * part(colour[0]) + 0.7152 * part(colour[1]) + 0.0722 * part(colour[2])
    }

    fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
        let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
        a.max(b) / a.min(b)
    }

    #[test]
    fn every_colour_can_be_read() {
        let grounds = [
            (DARK, vec![[0, 0, 0], [0x30, 0x30, 0x30]]),
            (LIGHT, vec![[0xff, 0xff, 0xff], [0xee, 0xe8, 0xd5]]),
        ];
        for (mut palette, grounds) in grounds {
            let mut styles = palette.names().to_vec();
            let roles = ROLES.iter().filter(|(name, ..)| *name != "qr");
            styles.extend(roles.map(|(.., role)| *role(&mut palette)));
            for colour in styles.into_iter().filter_map(|style| style.fg) {
                for ground in &grounds {
                    let found = contrast(rgb(colour), *ground);
                    assert!(found >= 4.5, "{colour:?} on {ground:?}: {found:.2}");
                }
            }
        }
    }

    #[test]
    fn every_name_is_a_theme_and_light_grounds_are_heeded() {
        for name in NAMED {
            assert!(named(name, None).is_some(), "{name}");
        }
        assert_eq!(named("auto", None), Some(ANSI16));
        assert_eq!(named("auto", Some(true)), Some(LIGHT));
        assert_eq!(named("nope", None), None);
    }
}
