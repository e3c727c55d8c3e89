//! BLEU's tokeniser 13a, as sacrebleu has it.

/// Separates tokens by white space as mteval-v13a does; the caller splits.
pub(super) fn tokenise_13a(text: &str) -> String {
    let text = text
        .trim_end()
        .replace("<skipped>", "")
        .replace("-\n", "")
        .replace('\n', " ")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
        .replace("&lt;", "<")
        .replace("&gt;", ">");
    let mut spaced = String::with_capacity(text.len() + 16);
    spaced.push(' ');
    for c in text.chars() {
        if c.is_ascii_punctuation() && !matches!(c, '\'' | ',' | '-' | '.') {
            spaced.extend([' ', c, ' ']);
        } else {
            spaced.push(c);
        }
    }
    spaced.push(' ');
    let is_stop = |c: char| matches!(c, '.' | ',');
    // a full stop or comma not after a digit, then one not before a digit, then a dash after a digit
    let spaced = rewrite_pairs(&spaced, |first, second| {
        (!first.is_ascii_digit() && is_stop(second)).then(|| format!("{first} {second} "))
    });
    let spaced = rewrite_pairs(&spaced, |first, second| {
        (is_stop(first) && !second.is_ascii_digit()).then(|| format!(" {first} {second}"))
    });
    rewrite_pairs(&spaced, |first, second| {
        (first.is_ascii_digit() && second == '-').then(|| format!("{first} {second} "))
    })
}

/// Replaces neighbouring characters from left to right, without overlap, as a regular expression would.
fn rewrite_pairs(text: &str, rule: impl Fn(char, char) -> Option<String>) -> String {
    let mut rewritten = String::with_capacity(text.len() + 16);
    let mut rest = text.chars().peekable();
    while let Some(first) = rest.next() {
        if let Some(replacement) = rest.peek().and_then(|&second| rule(first, second)) {
            rewritten.push_str(&replacement);
            rest.next();
        } else {
            rewritten.push(first);
        }
    }
    rewritten
}
