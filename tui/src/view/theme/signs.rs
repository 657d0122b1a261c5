//! Signs that stand for states: none of them has an emoji form, and all of
//! them have one of ASCII and one that the Linux console shows.

/// Signs that stand for states; none of them has an emoji form.
#[derive(Debug)]
pub(crate) struct Signs {
    pub(crate) online: &'static str,
    pub(crate) offline: &'static str,
    pub(crate) away: &'static str,
    pub(crate) busy: &'static str,
    /// Files to us, and from us.
    pub(crate) coming: &'static str,
    pub(crate) going: &'static str,
    pub(crate) verified: &'static str,
    pub(crate) known: &'static str,
    pub(crate) changed: &'static str,
    pub(crate) chosen: &'static str,
    pub(crate) queued: &'static str,
    pub(crate) sent: &'static str,
    pub(crate) delivered: &'static str,
    pub(crate) failed: &'static str,
    pub(crate) quote: &'static str,
    /// Around what was looked for.
    pub(crate) hit: [&'static str; 2],
    pub(crate) across: &'static str,
    pub(crate) down: &'static str,
    pub(crate) corners: [&'static str; 4],
    pub(crate) cut: &'static str,
    pub(crate) back: &'static str,
    pub(crate) more_below: &'static str,
    pub(crate) open_group: &'static str,
    pub(crate) done: &'static str,
    pub(crate) between: &'static str,
    pub(crate) secret: &'static str,
    /// Edges of a meter.
    pub(crate) meter: [&'static str; 2],
    /// Fillings of a cell, from an eighth to full.
    pub(crate) eighths: &'static [&'static str],
    pub(crate) empty: &'static str,
    pub(crate) peak: &'static str,
    /// Heights of a sparkline.
    pub(crate) spark: &'static [&'static str],
}

pub(super) static UNICODE: Signs = Signs {
    online: "●",
    offline: "○",
    away: "◐",
    busy: "■",
    coming: "↓",
    going: "↑",
    verified: "◆",
    known: "◇",
    changed: "!",
    chosen: "▸",
    queued: "·",
    sent: "✓",
    delivered: "✓✓",
    failed: "✗",
    quote: "┃",
    hit: ["‹", "›"],
    across: "─",
    down: "│",
    corners: ["┌", "┐", "└", "┘"],
    cut: "…",
    back: "‹",
    more_below: "▼",
    open_group: "▾",
    done: "✓",
    between: "·",
    secret: "•",
    meter: ["▕", "▏"],
    eighths: &["▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"],
    empty: "░",
    peak: "│",
    spark: &["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
};

pub(super) static ASCII: Signs = PLAIN;

/// The console's own font (code page 437) and those that Debian gives it have
/// these in common.
pub(super) static CONSOLE: Signs = Signs {
    busy: "■",
    coming: "↓",
    going: "↑",
    queued: "·",
    quote: "│",
    across: "─",
    down: "│",
    corners: ["┌", "┐", "└", "┘"],
    more_below: "▼",
    between: "·",
    secret: "•",
    eighths: &["█"],
    empty: "░",
    peak: "│",
    ..PLAIN
};

const PLAIN: Signs = Signs {
    online: "*",
    offline: "-",
    away: "~",
    busy: "#",
    coming: "<",
    going: ">",
    verified: "v",
    known: "?",
    changed: "!",
    chosen: ">",
    queued: ".",
    sent: "+",
    delivered: "++",
    failed: "x",
    quote: "|",
    hit: ["<", ">"],
    across: "-",
    down: "|",
    corners: ["+", "+", "+", "+"],
    cut: "~",
    back: "<",
    more_below: "v",
    open_group: "-",
    done: "+",
    between: "-",
    secret: "*",
    meter: ["[", "]"],
    eighths: &["#"],
    empty: ".",
    peak: "|",
    spark: &["_", ".", "-", "=", "#"],
};
