//! Code and links within a message. Code stands between backquotes, or in
//! blocks between lines of three. Only how it looks is changed; the text stays
//! as it is.

use std::ops::Range;

use ratatui::text::Span;

use super::draw::span;
use super::marks::Mark;
use super::theme::Theme;
use crate::app::links;

/// Begins and ends a block, at the start of a line.
const FENCE: &str = "```";

/// What a part of a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Code,
    Link(Mark),
}

/// The parts of `text` that are something, in order and apart.
pub(crate) fn parts(text: &str) -> Vec<(Range<usize>, Part)> {
    let code = code(text);
    let in_code = |range: &Range<usize>| {
        code.iter()
            .any(|c| c.start < range.end && range.start < c.end)
    };
    let found = links::find(text)
        .into_iter()
        .filter(|range| !in_code(range));
    let found = found.map(|range| {
        let mark = Mark::link(&text[range.clone()]);
        (range, Part::Link(mark))
    });
    let mut all: Vec<_> = found.collect();
    all.extend(code.iter().map(|range| (range.clone(), Part::Code)));
    all.sort_by_key(|(range, _)| range.start);
    all
}

/// The bytes of `text` that are code, in order. A block that is begun and
/// never ended reaches to the end; a backquote without another is a backquote.
fn code(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut block: Option<usize> = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let end = at + line.len();
        let fence = line.trim_start().starts_with(FENCE);
        match block {
            Some(start) if fence => {
                found.push(start..end);
                block = None;
            }
            Some(_) => {}
            None if fence => block = Some(at),
            None => inline(line, at, &mut found),
        }
        at = end;
    }
    if let Some(start) = block {
        found.push(start..text.len());
    }
    found
}

/// Code within a line that begins at byte `offset`.
fn inline(line: &str, offset: usize, found: &mut Vec<Range<usize>>) {
    let mut ticks = line.match_indices('`').map(|(at, _)| at);
    while let (Some(open), Some(close)) = (ticks.next(), ticks.next()) {
        found.push(offset + open..offset + close + 1);
    }
}

/// One row of `text` with its `parts` in styles of their own; blanks at its end
/// are left out.
pub(crate) fn spans(
    text: &str,
    row: Range<usize>,
    parts: &[(Range<usize>, Part)],
    theme: Theme,
) -> Vec<Span<'static>> {
    let shown = text.get(row.clone()).unwrap_or_default().trim_end();
    let end = row.start + shown.len();
    let mut at = row.start;
    let mut spans = Vec::new();
    let mut push = |from: usize, to: usize, style| {
        if let Some(part) = text.get(from..to).filter(|part| !part.is_empty()) {
            spans.push(span(part, style));
        }
    };
    for (range, part) in parts {
        let (from, to) = (range.start.clamp(at, end), range.end.clamp(at, end));
        push(at, from, theme.text());
        let style = match part {
            Part::Code => theme.snippet(),
            Part::Link(mark) => mark.on(theme.link()),
        };
        push(from, to, style);
        at = to;
    }
    push(at, end, theme.text());
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Look;
    use proptest::prelude::*;

    fn coded(text: &str) -> Vec<&str> {
        code(text).into_iter().map(|r| &text[r]).collect()
    }

    #[test]
    fn code_is_found() {
        assert_eq!(coded("run `ls -l` and `cd`"), ["`ls -l`", "`cd`"]);
        assert_eq!(coded("it's 5` long"), [""; 0]);
        assert_eq!(
            coded("see\n```rust\nlet `a = 1;\n```\nthen `b`"),
            ["```rust\nlet `a = 1;\n```\n", "`b`"]
        );
        assert_eq!(coded("```\nopen"), ["```\nopen"]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_changed(text in "[a` \u{e9}\u{4f60}]{0,30}(\n```)?(\n[a`]{0,9}){0,3}") {
            let found = parts(&text);
            let theme = Theme::of(Look::default());
            for row in crate::view::wrap::rows(&text, 7) {
                let drawn: String = spans(&text, row.clone(), &found, theme)
                    .iter()
                    .map(|s| s.content.as_ref())
                    .collect();
                prop_assert_eq!(drawn, text[row].trim_end());
            }
        }
    }
}
