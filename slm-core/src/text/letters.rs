//! Letters without their marks, for labels that know plain letters only.

use tokenizers::normalizers::StripAccents;
use tokenizers::{NormalizedString, Normalizer};

/// `text` in composed characters (Unicode NFC), in lower case.
pub(crate) fn composed(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut composed = NormalizedString::from(text.to_lowercase());
    composed.nfc();
    composed.get().to_owned()
}

/// What is left of a letter in lower case without its marks (Unicode NFKD); empty for a mark.
pub(crate) fn bare(letter: char) -> String {
    // Letters of the Latin script that Unicode takes for letters of their own.
    let plain = match letter {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'þ' => "th",
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'ħ' => "h",
        'ı' => "i",
        _ => "",
    };
    if !plain.is_empty() {
        return plain.to_owned();
    }
    let mut parts = NormalizedString::from(letter.to_string());
    parts.nfkd();
    // It fails for nothing.
    let _ = StripAccents.normalize(&mut parts);
    parts.get().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_dropped_and_letters_stay() {
        let bare = |text: &str| composed(text).chars().map(bare).collect::<String>();
        assert_eq!(bare("Fréya"), "freya");
        // The same with a mark of its own.
        assert_eq!(bare("Fre\u{301}ya"), "freya");
        assert_eq!(composed("Fre\u{301}ya"), "fréya");
        assert_eq!(bare("Łukasz Groß Ångström ﬁ Đặng"), "lukasz gross angstrom fi dang");
        assert_eq!(bare("Жанна-x"), "жанна-x");
        assert_eq!(bare("\u{301}"), "");
    }
}
