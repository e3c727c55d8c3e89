//! Text while it is generated.

use crate::text::TextTokenizer;

/// Text that only grows, made of ids that only grow, without what may turn out to be a stop string.
#[derive(Debug)]
pub(super) struct GrowingText<'a> {
    tokenizer: &'a TextTokenizer,
    stops: &'a [String],
    given: String,
}

impl<'a> GrowingText<'a> {
    pub(super) fn new(tokenizer: &'a TextTokenizer, stops: &'a [String]) -> Self {
        Self { tokenizer, stops, given: String::new() }
    }

    /// What the ids add to the text given so far.
    pub(super) fn advance(&mut self, ids: &[u32], is_last: bool) -> String {
        let Ok(text) = self.tokenizer.decode(ids) else { return String::new() };
        let (whole, stopped) = until_stop(&text, self.stops);
        let held = if is_last || stopped { 0 } else { self.held_back(whole) };
        let safe = &whole[..whole.len() - held];
        // A character of several tokens shows as a replacement until it is whole.
        let safe = if is_last { safe } else { safe.trim_end_matches('\u{fffd}') };
        let added = safe.strip_prefix(self.given.as_str()).unwrap_or_default().to_owned();
        self.given.push_str(&added);
        added
    }

    /// Bytes at the end of `text` that may begin a stop string.
    fn held_back(&self, text: &str) -> usize {
        let begins = |tail: &str| self.stops.iter().any(|stop| stop.starts_with(tail));
        let tails = text.char_indices().map(|(at, _)| &text[at..]);
        tails.filter(|tail| begins(tail)).map(str::len).max().unwrap_or(0)
    }
}

/// The text before the first stop string, and whether there is one.
pub(super) fn until_stop<'a>(text: &'a str, stops: &[String]) -> (&'a str, bool) {
    let stops = stops.iter().filter(|stop| !stop.is_empty());
    match stops.filter_map(|stop| text.find(stop.as_str())).min() {
        Some(at) => (&text[..at], true),
        None => (text, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_end_before_the_first_stop() {
        let stops = ["\n".to_owned(), "end".to_owned()];
        assert_eq!(until_stop("one end\n", &stops), ("one ", true));
        assert_eq!(until_stop("one", &stops), ("one", false));
        assert_eq!(until_stop("one", &[]), ("one", false));
    }
}
