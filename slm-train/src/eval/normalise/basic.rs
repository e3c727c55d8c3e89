//! The text normaliser `basic`, applied to references and hypotheses before errors are counted.
//!
//! It lower-cases, turns punctuation and symbols into white space, keeps apostrophes that stand inside a word
//! and collapses white space. It knows no language: numbers, abbreviations and contractions stay as they are,
//! and letters keep their accents. Text is taken in whichever Unicode form it arrives; a composed and a
//! decomposed accent count as different letters.

/// What a character turns into.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Part of a word.
    Word,
    /// Any of the characters used as an apostrophe.
    Apostrophe,
    /// White space, punctuation or a symbol: ends a word.
    Break,
    /// Invisible and no boundary (soft hyphen, zero-width space, byte-order mark, ..).
    Nothing,
}

/// Lower-cases `text`, replaces punctuation and symbols by spaces and collapses white space.
///
/// An apostrophe stays, as `'`, where a letter or digit stands on both sides of it (`don't`, `l'eau`); the
/// typographic forms U+2019 and U+02BC are unified with it. A hyphen is punctuation, so `well-known` gives two
/// words. Applying the function twice gives what applying it once gives.
///
/// ```
/// use slm_train::eval::normalise::normalise;
/// assert_eq!(normalise("  Don’t  STOP, 'Über-Maß'!"), "don't stop über maß");
/// ```
pub fn normalise(text: &str) -> String {
    let lower: Vec<char> = text.to_lowercase().chars().filter(|&c| class(c) != Class::Nothing).collect();
    let is_word =
        |index: Option<usize>| index.and_then(|i| lower.get(i)).is_some_and(|&c| class(c) == Class::Word);
    let mut normalised = String::with_capacity(text.len());
    let mut gap = false;
    for (i, &c) in lower.iter().enumerate() {
        let kept = match class(c) {
            Class::Word => Some(c),
            Class::Apostrophe if is_word(i.checked_sub(1)) && is_word(Some(i + 1)) => Some('\''),
            _ => None,
        };
        match kept {
            Some(c) => {
                if gap && !normalised.is_empty() {
                    normalised.push(' ');
                }
                gap = false;
                normalised.push(c);
            }
            None => gap = true,
        }
    }
    normalised
}

/// The class of one lower-case character.
fn class(c: char) -> Class {
    match c {
        '\'' | '\u{2019}' | '\u{02BC}' => Class::Apostrophe,
        '\u{00AD}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2060}' | '\u{FEFF}' => Class::Nothing,
        // the joiners are part of the spelling in Persian and in Indic scripts
        '\u{200C}' | '\u{200D}' => Class::Word,
        c if c.is_alphanumeric() => Class::Word,
        c if c.is_whitespace() || c.is_control() || is_symbol(c) => Class::Break,
        // what is left is combining marks, which belong to the letter before them
        _ => Class::Word,
    }
}

/// Whether a character that is neither a letter nor a digit is punctuation or a symbol.
///
/// Outside ASCII this goes by block, since the standard library knows no punctuation category.
fn is_symbol(c: char) -> bool {
    c.is_ascii()
        || matches!(u32::from(c),
            0x0080..=0x00BF | 0x00D7 | 0x00F7   // Latin-1
            | 0x02C2..=0x02DF | 0x02E5..=0x02FF // spacing modifiers
            | 0x037E | 0x0384..=0x0387          // Greek
            | 0x0482                            // Cyrillic
            | 0x055A..=0x055F | 0x0589..=0x058F // Armenian
            | 0x05BE | 0x05C0 | 0x05C3 | 0x05C6 | 0x05F3 | 0x05F4 // Hebrew
            | 0x0600..=0x060F | 0x061B..=0x061F | 0x066A..=0x066D | 0x06D4 | 0x06DD | 0x06DE | 0x06E9 // Arabic
            | 0x0964 | 0x0965 | 0x0970          // danda, Devanagari
            | 0x0E3F | 0x0E4F | 0x0E5A | 0x0E5B // Thai
            | 0x104A..=0x104F | 0x10FB          // Myanmar, Georgian
            | 0x1360..=0x1368                   // Ethiopic
            | 0x17D4..=0x17DB                   // Khmer
            | 0x2000..=0x206F | 0x207A..=0x207E | 0x208A..=0x208E // general punctuation, signs
            | 0x20A0..=0x20CF                   // currency
            | 0x2100..=0x2BFF                   // letter-like symbols, arrows, mathematics, shapes
            | 0x2E00..=0x2FFF                   // more punctuation, ideographic description
            | 0x3000..=0x3029 | 0x3030..=0x303F | 0x309B | 0x309C | 0x30A0 | 0x30FB // CJK
            | 0x3200..=0x33FF                   // enclosed CJK
            | 0xFE10..=0xFE1F | 0xFE30..=0xFE6F // compatibility forms
            | 0xFF00..=0xFF65 | 0xFFE0..=0xFFFD // full-width forms
            | 0x1F000..=0x1FAFF                 // pictographs
        )
}

#[cfg(test)]
mod tests {
    use super::normalise;

    #[test]
    fn punctuation_goes_and_apostrophes_within_words_stay() {
        assert_eq!(normalise("Hello,  World!"), "hello world");
        assert_eq!(normalise("Rock 'n' roll isn't l’eau, dogs'"), "rock n roll isn't l'eau dogs");
        assert_eq!(normalise("¿Qué? «Ça va» – 20 €/kg … ÄÖÜß"), "qué ça va 20 kg äöüß");
        assert_eq!(normalise("a''b 'tis co\u{AD}op"), "a b tis coop");
        assert_eq!(normalise(" \t\n…!"), "");
    }

    #[test]
    fn marks_stay_with_their_letters() {
        assert_eq!(normalise("e\u{301}TE\u{301}."), "e\u{301}te\u{301}");
        assert_eq!(normalise("नमस्ते, दुनिया।"), "नमस्ते दुनिया");
        assert_eq!(normalise("你好，世界。"), "你好 世界");
    }

    #[test]
    fn twice_is_once() {
        for text in ["Don’t—STOP…", "İstanbul'da 3.5%", "x' 'y", "ΟΔΟΣ, ok"] {
            let once = normalise(text);
            assert_eq!(normalise(&once), once);
        }
    }
}
