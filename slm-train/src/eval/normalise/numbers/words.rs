//! The English words that numbers are made of.

use crate::eval::normalise::unicode::digit;

/// What a word says in a number.
pub(super) enum Word<'a> {
    /// A number in digits, perhaps with the symbol of a currency before it.
    Numeral {
        prefix: Option<char>,
        number: &'a str,
    },
    /// Nought.
    Zero,
    /// One to nineteen.
    Small(u32),
    /// The same as an ordinal or a plural.
    SmallEnding(u32, &'static str),
    /// Twenty to ninety.
    Tens(u32),
    /// The same as an ordinal or a plural.
    TensEnding(u32, &'static str),
    /// A power of ten, by the number of zeros.
    Multiplier(usize),
    /// The same as an ordinal or a plural.
    MultiplierEnding(usize, &'static str),
    /// Plus or minus.
    Sign(char),
    /// A currency, by its symbol.
    Currency(char),
    Percent,
    /// The first half of `per cent`.
    Per,
    /// The decimal point.
    Point,
    And,
    /// Double or triple: the next digit so many times.
    Times(usize),
    /// No part of a number.
    Other,
}

const SMALL: [&str; 19] = [
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];

/// Twenty and so on without their last letter, which ordinals and plurals replace.
const TENS: [&str; 8] = ["twent", "thirt", "fort", "fift", "sixt", "sevent", "eight", "ninet"];

/// Each with the number of its zeros.
const MULTIPLIERS: [(&str, usize); 12] = [
    ("hundred", 2),
    ("thousand", 3),
    ("million", 6),
    ("billion", 9),
    ("trillion", 12),
    ("quadrillion", 15),
    ("quintillion", 18),
    ("sextillion", 21),
    ("septillion", 24),
    ("octillion", 27),
    ("nonillion", 30),
    ("decillion", 33),
];

impl<'a> Word<'a> {
    /// What `word` says.
    pub(super) fn of(word: &'a str) -> Self {
        let prefix = word.chars().next().filter(|c| "£€$¢".contains(*c));
        let number = &word[prefix.map_or(0, char::len_utf8)..];
        if is_numeral(number) {
            return Self::Numeral { prefix, number };
        }
        match word {
            "o" | "oh" | "zero" => Self::Zero,
            "zeroth" => Self::SmallEnding(0, "th"),
            "minus" | "negative" => Self::Sign('-'),
            "plus" | "positive" => Self::Sign('+'),
            "pound" | "pounds" => Self::Currency('£'),
            "euro" | "euros" => Self::Currency('€'),
            "dollar" | "dollars" => Self::Currency('$'),
            "cent" | "cents" => Self::Currency('¢'),
            "percent" => Self::Percent,
            "per" => Self::Per,
            "point" => Self::Point,
            "and" => Self::And,
            "double" => Self::Times(2),
            "triple" => Self::Times(3),
            _ => small(word).or_else(|| tens(word)).or_else(|| multiplier(word)).unwrap_or(Self::Other),
        }
    }
}

fn small(word: &str) -> Option<Word<'static>> {
    let irregular = match word {
        "first" => Some((1, "st")),
        "second" => Some((2, "nd")),
        "third" => Some((3, "rd")),
        "fifth" => Some((5, "th")),
        "twelfth" => Some((12, "th")),
        "sixes" => Some((6, "s")),
        _ => None,
    };
    if let Some((value, ending)) = irregular {
        return Some(Word::SmallEnding(value, ending));
    }
    (1..).zip(SMALL).find_map(|(value, name)| match word.strip_prefix(name)? {
        "" => Some(Word::Small(value)),
        "s" if name != "six" => Some(Word::SmallEnding(value, "s")),
        "h" if name == "eight" => Some(Word::SmallEnding(value, "th")),
        // `nineth`, as the original has it; `ninth` stays a word.
        "th" if value > 3 && ![5, 8, 12].contains(&value) => Some(Word::SmallEnding(value, "th")),
        _ => None,
    })
}

fn tens(word: &str) -> Option<Word<'static>> {
    (2..).zip(TENS).find_map(|(tens, name)| match word.strip_prefix(name)? {
        "y" => Some(Word::Tens(10 * tens)),
        "ies" => Some(Word::TensEnding(10 * tens, "s")),
        "ieth" => Some(Word::TensEnding(10 * tens, "th")),
        _ => None,
    })
}

fn multiplier(word: &str) -> Option<Word<'static>> {
    MULTIPLIERS.into_iter().find_map(|(name, zeros)| match word.strip_prefix(name)? {
        "" => Some(Word::Multiplier(zeros)),
        "s" => Some(Word::MultiplierEnding(zeros, "s")),
        "th" => Some(Word::MultiplierEnding(zeros, "th")),
        _ => None,
    })
}

/// Whether a word may be part of a spoken number.
pub(super) fn is_number_word(word: &str) -> bool {
    !matches!(Word::of(word), Word::Other | Word::Numeral { .. })
}

/// Whether a word is a digit, or a number below a hundred, as they follow a decimal point.
pub(super) fn is_decimal(word: &str) -> bool {
    matches!(Word::of(word), Word::Zero | Word::Small(_) | Word::Tens(_))
}

/// Whether a word is a power of ten.
pub(super) fn is_multiplier(word: &str) -> bool {
    matches!(Word::of(word), Word::Multiplier(_))
}

/// Whether a word is digits, with at most one decimal point between two of them.
pub(super) fn is_numeral(word: &str) -> bool {
    let all_digits = |text: &str| !text.is_empty() && text.chars().all(|c| digit(c).is_some());
    match word.split_once('.') {
        Some((whole, decimals)) => all_digits(whole) && all_digits(decimals),
        None => all_digits(word),
    }
}
