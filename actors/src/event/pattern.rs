//! Patterns of events: a name, all below a word (`order.*`), or all (`*`). A pattern is found by its key, so
//! that an event asks under a handful of keys, however many patterns listen to others.

use super::EventKind;

/// The key under which a pattern is found: an event's own name, `order.` for all those below a word,
/// and nothing for all there are. None when it is no pattern.
#[must_use]
pub fn key_of(pattern: &str) -> Option<&str> {
    match pattern.strip_suffix('*') {
        None => EventKind::new(pattern).ok().map(|_| pattern),
        Some("") => Some(""),
        Some(below) => EventKind::new(below.strip_suffix('.')?).ok().map(|_| below),
    }
}

/// The keys of all patterns that match an event: `order.line.added`, `order.line.`, `order.` and the empty one.
pub fn keys(kind: &EventKind) -> impl Iterator<Item = &str> {
    let text = kind.as_str();
    let below = text.rmatch_indices('.').filter_map(|(dot, _)| text.get(..=dot));
    [text].into_iter().chain(below).chain([""])
}

/// Whether a pattern matches an event.
#[must_use]
pub fn matches(pattern: &str, kind: &EventKind) -> bool {
    key_of(pattern).is_some_and(|wanted| keys(kind).any(|key| key == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_name_all_below_a_word_or_all() {
        let kind = EventKind::new("order.line.added").unwrap();
        for yes in ["order.line.added", "order.line.*", "order.*", "*"] {
            assert!(matches(yes, &kind), "{yes}");
        }
        for no in ["order.line", "order.line.added.*", "ord*", "line.*", "", ".*", "**", "order.line.add*"] {
            assert!(!matches(no, &kind), "{no}");
        }
    }
}
