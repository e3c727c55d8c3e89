//! What a language model thinks before it answers.

/// What stands around thoughts that are no part of an answer.
const THOUGHTS: [&str; 2] = ["<think>", "</think>"];

/// An answer without the thoughts that it begins with. Those that do not end stay: there is nothing else.
pub(super) fn without_thoughts(text: &str) -> &str {
    let [begin, end] = THOUGHTS;
    let thoughts = text.trim_start().strip_prefix(begin).and_then(|rest| rest.split_once(end));
    thoughts.map_or(text, |(_, answer)| answer.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thoughts_are_no_part_of_an_answer() {
        for (text, expected) in [
            ("<think>\n\n</think>\n\nAt five.", "At five."),
            ("At <think> five </think>", "At <think> five </think>"),
            ("<think> who", "<think> who"),
            ("At five.", "At five."),
        ] {
            assert_eq!(without_thoughts(text), expected);
        }
    }
}
