//! What Unicode says of characters, and white space.

use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

/// Whether it is a mark, a symbol or punctuation.
pub(super) fn is_mark_or_symbol(c: char) -> bool {
    use GeneralCategoryGroup::{Mark, Punctuation, Symbol};
    matches!(c.general_category_group(), Mark | Symbol | Punctuation)
}

/// Whether it is part of a word, as Python's regular expressions see it.
pub(super) fn is_word(c: char) -> bool {
    use GeneralCategoryGroup::{Letter, Number};
    c == '_' || matches!(c.general_category_group(), Letter | Number)
}

/// The value of a decimal digit of any script.
pub(super) fn digit(c: char) -> Option<u32> {
    let is_digit = |c: char| c.general_category() == GeneralCategory::DecimalNumber;
    if c.is_ascii() || !is_digit(c) {
        return c.to_digit(10);
    }
    // Unicode has the ten digits of a script in a row, from a number that ends in hexadecimal 0 or 6.
    let last = u32::from(c) & 0xF;
    let first = char::from_u32(u32::from(c) - last);
    Some(if first.is_some_and(is_digit) { last } else { last.saturating_sub(6) })
}

/// The words of a text with a space between them.
pub(super) fn single_spaces(text: &str) -> String {
    let mut spaced = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !spaced.is_empty() {
            spaced.push(' ');
        }
        spaced.push_str(word);
    }
    spaced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_all_scripts_have_values() {
        for digits in ["0123456789", "٠١٢٣٤٥٦٧٨٩", "०१२३४५६७८९", "๐๑๒๓๔๕๖๗๘๙"]
        {
            let values: Vec<u32> = digits.chars().filter_map(digit).collect();
            assert_eq!(values, (0..10).collect::<Vec<_>>(), "{digits}");
        }
        assert_eq!((digit('a'), digit('½')), (None, None));
    }
}
