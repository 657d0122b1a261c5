//! Addresses of the web within text.

use std::ops::Range;

/// What an address begins with; others could start programs.
const SCHEMES: [&str; 2] = ["https://", "http://"];
/// Signs that end a sentence rather than an address.
const CLOSING: [char; 9] = ['.', ',', ';', ':', '!', '?', '\'', '"', '*'];

/// The bytes of `text` that are addresses, in order.
pub(crate) fn find(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = next(text, from) {
        let rest = &text[start..];
        let ends = |c: char| c.is_whitespace() || c.is_control() || "<>\"`\u{ab}\u{bb}".contains(c);
        let end = rest.find(ends).unwrap_or(rest.len());
        let address = trimmed(&rest[..end]);
        let bare = SCHEMES
            .iter()
            .any(|scheme| address.eq_ignore_ascii_case(scheme));
        if !bare {
            found.push(start..start + address.len());
        }
        from = start + end.max(1);
    }
    found
}

/// Where the next address begins: not in the middle of a word.
fn next(text: &str, from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    let starts = SCHEMES.iter().filter_map(|scheme| {
        let mut places = rest.match_indices(scheme).map(|(at, _)| from + at);
        places.find(|at| !text[..*at].ends_with(char::is_alphanumeric))
    });
    starts.min()
}

/// Without what belongs to the sentence around it: signs at its end, and a
/// bracket that was opened before it.
fn trimmed(mut address: &str) -> &str {
    loop {
        let Some(last) = address.chars().next_back() else {
            return address;
        };
        let opened = |open: char| address.matches(open).count();
        let unbalanced = match last {
            ')' => opened('(') < opened(')'),
            ']' => opened('[') < opened(']'),
            '}' => opened('{') < opened('}'),
            other => CLOSING.contains(&other),
        };
        if !unbalanced {
            return address;
        }
        address = &address[..address.len() - last.len_utf8()];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn links(text: &str) -> Vec<&str> {
        find(text).into_iter().map(|r| &text[r]).collect()
    }

    #[test]
    fn addresses_end_where_the_sentence_goes_on() {
        for (text, expected) in [
            (
                "see https://example.org/p4.",
                vec!["https://example.org/p4"],
            ),
            ("(http://a.example/b_(c))", vec!["http://a.example/b_(c)"]),
            (
                "https://a.example, https://b.example!",
                vec!["https://a.example", "https://b.example"],
            ),
            (
                "<https://a.example/?q=1&r=2#x>",
                vec!["https://a.example/?q=1&r=2#x"],
            ),
            ("https:// nothing, nohttps://a.example", vec![]),
            ("file:///etc/passwd javascript:x", vec![]),
            (
                "\u{4f60}\u{597d} https://a.example/\u{4f60}",
                vec!["https://a.example/\u{4f60}"],
            ),
        ] {
            assert_eq!(links(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_searched(text in "(https?://|[a./ ()\u{e9}]){0,20}") {
            let mut last = 0;
            for range in find(&text) {
                prop_assert!(range.start >= last && text.get(range.clone()).is_some());
                last = range.end;
            }
        }
    }
}
