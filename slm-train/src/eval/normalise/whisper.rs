//! The normalisers of Whisper's evaluation: `basic` for every language, `english` for English.
//!
//! Source: Radford et al. 2022 (arXiv 2212.04356), appendix C, as the repository of whisper does it; its oddities, such as
//! `one.5` for 1.5, count in published error rates and are kept. `tests/tests/normalisers.rs` compares the two with
//! outputs of the original (OpenAI's package).

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use super::unicode::{digit, is_mark_or_symbol, single_spaces};
use super::{contractions, numbers, spelling};

/// Symbols that are part of numbers.
const OF_NUMBERS: &str = ".%$¢€£";

/// Whisper's normaliser for all languages but English: lower case, nothing in brackets, and a space for each mark, symbol
/// and punctuation.
pub(super) fn basic(text: &str) -> String {
    let text = without_brackets(&in_lower_case(text));
    let plain: String = text.nfkc().map(|c| if is_mark_or_symbol(c) { ' ' } else { c }).collect();
    single_spaces(&plain.to_lowercase())
}

/// Whisper's normaliser for English.
pub(super) fn english(text: &str) -> String {
    let text = contractions::in_full(&without_brackets(&in_lower_case(text)));
    let text = without_full_stops(&without_commas_in_numbers(&text));
    let text = spelling::american(&numbers::as_digits(&without_symbols_and_accents(&text)));
    single_spaces(&without_stray_symbols(&text))
}

/// In lower case. The four separators of ASCII are white space, as they are in Python.
fn in_lower_case(text: &str) -> String {
    text.to_lowercase().replace(|c: char| ('\u{1c}'..='\u{1f}').contains(&c), " ")
}

/// Without `[..]` and `<..>`, and without what is in parentheses.
fn without_brackets(text: &str) -> String {
    let text = without_enclosed(text, &['<', '['], &['>', ']'], 0);
    // Empty parentheses are none.
    without_enclosed(&text, &['('], &[')'], 1)
}

/// Without each stretch from an opening character to the next closing one, where `least` or more characters lie between.
fn without_enclosed(text: &str, opening: &[char], closing: &[char], least: usize) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(opening) {
        let (before, from) = rest.split_at(at);
        result.push_str(before);
        let inside = &from[1..];
        match inside.find(closing) {
            Some(end) if end >= least => rest = &inside[end + 1..],
            _ => {
                result.push_str(&from[..1]);
                rest = inside;
            }
        }
    }
    result.push_str(rest);
    result
}

/// `1,000` is `1000`. A digit belongs to one comma only, so that `1,2,3` is `12,3`.
fn without_commas_in_numbers(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let is_digit = |at: usize| characters.get(at).is_some_and(|&c| digit(c).is_some());
    let mut result = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(&c) = characters.get(at) {
        result.push(c);
        if is_digit(at) && characters.get(at + 1) == Some(&',') && is_digit(at + 2) {
            result.push(characters[at + 2]);
            at += 2;
        }
        at += 1;
    }
    result
}

/// A space for each full stop that no digit follows.
fn without_full_stops(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '.' {
            result.push(c);
            continue;
        }
        match rest.next() {
            Some(next) if next.is_ascii_digit() => result.extend(['.', next]),
            // Of two full stops the second one stays.
            Some(next) => result.extend([' ', next]),
            None => result.push(' '),
        }
    }
    result
}

/// A space for each mark and symbol that is not of numbers; letters without accents.
fn without_symbols_and_accents(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for c in text.nfkd() {
        match c {
            c if OF_NUMBERS.contains(c) => result.push(c),
            // Letters whose accent Unicode does not take off. Capitals come of letters that have no small form, such as `ᴭ`.
            'œ' => result.push_str("oe"),
            'Œ' => result.push_str("OE"),
            'æ' => result.push_str("ae"),
            'Æ' => result.push_str("AE"),
            'ß' => result.push_str("ss"),
            'ẞ' => result.push_str("SS"),
            'þ' | 'Þ' => result.push_str("th"),
            'ø' => result.push('o'),
            'Ø' => result.push('O'),
            'đ' | 'ð' => result.push('d'),
            'Đ' | 'Ð' => result.push('D'),
            'ł' => result.push('l'),
            'Ł' => result.push('L'),
            c if c.general_category() == GeneralCategory::NonspacingMark => {}
            c if is_mark_or_symbol(c) => result.push(' '),
            c => result.push(c),
        }
    }
    result
}

/// A space for each symbol of numbers that stands at none.
fn without_stray_symbols(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match rest.peek() {
            Some(&next) if ".$¢€£".contains(c) && !next.is_ascii_digit() => {
                result.extend([' ', next]);
                rest.next();
            }
            _ => result.push(c),
        }
    }
    let mut percent = String::with_capacity(result.len());
    let mut rest = result.chars().peekable();
    while let Some(c) = rest.next() {
        percent.push(c);
        if !c.is_ascii_digit() && rest.next_if_eq(&'%').is_some() {
            percent.push(' ');
        }
    }
    percent
}
