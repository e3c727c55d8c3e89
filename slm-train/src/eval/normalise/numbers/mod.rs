//! English number words as digits, as Whisper's evaluation writes them: `twenty first` is `21st`, `five dollars and two
//! cents` is `$5.02`, `nineteen twenty five` is `1925`.

mod amount;
mod words;

use amount::Amount;
use words::{Word, is_decimal, is_multiplier, is_number_word, is_numeral};

use super::unicode::is_word;

/// Currencies that have cents.
const CURRENCIES: [char; 3] = ['€', '£', '$'];

/// A text of single words with its numbers as digits.
pub(super) fn as_digits(text: &str) -> String {
    let text = with_numerals_apart(&with_halves(text));
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut writer = Writer::default();
    let mut at = 0;
    while at < words.len() {
        at +=
            writer.read(at.checked_sub(1).map(|before| words[before]), words[at], words.get(at + 1).copied());
    }
    writer.end_number();
    with_one_in_letters(&with_cents(&writer.words.join(" ")))
}

/// `two and a half` is `two point five`.
fn with_halves(text: &str) -> String {
    let segments = split_at_halves(text);
    let last = segments.len() - 1;
    let mut parts = Vec::new();
    for (index, segment) in segments.into_iter().enumerate() {
        let Some(word) = segment.split_whitespace().next_back() else { continue };
        parts.push(segment);
        if index < last {
            let is_number = is_decimal(word) || is_multiplier(word);
            parts.push(if is_number { "point five" } else { "and a half" });
        }
    }
    parts.join(" ")
}

/// What stands between the places where `and a half` does.
fn split_at_halves(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut begin, mut from) = (0, 0);
    while let Some(found) = text[from..].find("and") {
        let at = from + found;
        from = at + "and".len();
        let is_begin = !text[..at].chars().next_back().is_some_and(is_word);
        let half = is_begin.then(|| after_word(&text[from..], "a").and_then(|rest| after_word(rest, "half")));
        if let Some(rest) = half.flatten()
            && !rest.chars().next().is_some_and(is_word)
        {
            parts.push(&text[begin..at]);
            begin = text.len() - rest.len();
            from = begin;
        }
    }
    parts.push(&text[begin..]);
    parts
}

/// What comes after white space and `word`.
fn after_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let trimmed = text.trim_start();
    trimmed.strip_prefix(word).filter(|_| trimmed.len() < text.len())
}

/// A space between letters and digits, but none between a number and its ending: `1 st` is `1st`.
fn with_numerals_apart(text: &str) -> String {
    let mut apart = String::with_capacity(text.len());
    let mut before = ' ';
    for c in text.chars() {
        let is_border = (before.is_ascii_lowercase() && c.is_ascii_digit())
            || (before.is_ascii_digit() && c.is_ascii_lowercase());
        if is_border {
            apart.push(' ');
        }
        apart.push(c);
        before = c;
    }
    let mut result = String::with_capacity(apart.len());
    let mut rest = apart.as_str();
    while let Some(c) = rest.chars().next() {
        result.push(c);
        rest = &rest[c.len_utf8()..];
        let trimmed = rest.trim_start();
        let ending = ["st", "nd", "rd", "th", "s"].into_iter().find(|ending| {
            trimmed.strip_prefix(ending).is_some_and(|after| !after.chars().next().is_some_and(is_word))
        });
        if c.is_ascii_digit() && ending.is_some() {
            rest = trimmed;
        }
    }
    result
}

/// Writes words with their numbers as digits.
#[derive(Default)]
struct Writer {
    words: Vec<String>,
    /// What stands before the number that is being read, or before the next word.
    prefix: Option<char>,
    /// The number so far.
    amount: Option<Amount>,
}

impl Writer {
    /// Writes a word as it is.
    fn word(&mut self, word: &str) {
        let prefix = self.prefix.take().map(String::from).unwrap_or_default();
        self.words.push(prefix + word);
        self.amount = None;
    }

    /// Writes the number that was read, if there is one.
    fn end_number(&mut self) {
        if let Some(amount) = self.amount.take() {
            self.word(amount.text());
        }
    }

    /// Writes the number that was read, then a word.
    fn end_number_before(&mut self, word: &str) {
        self.end_number();
        self.word(word);
    }

    /// Reads a word between two others, and tells how many were used up.
    fn read(&mut self, before: Option<&str>, word: &str, after: Option<&str>) -> usize {
        let goes_on = after.is_some_and(|after| is_number_word(after) || is_numeral(after));
        let before = before.map(Word::of);
        match Word::of(word) {
            Word::Numeral { prefix, number } => self.numeral(word, prefix, number),
            Word::Zero => self.digits("0"),
            Word::Small(value) => self.amount = Some(self.with_small(before.as_ref(), value)),
            Word::SmallEnding(value, ending) => {
                let amount = self.with_small(before.as_ref(), value);
                self.ended(&amount, ending);
            }
            Word::Tens(value) => self.amount = Some(self.with_tens(value)),
            Word::TensEnding(value, ending) => {
                let amount = self.with_tens(value);
                self.ended(&amount, ending);
            }
            Word::Multiplier(zeros) => self.amount = Some(self.multiplied(zeros)),
            Word::MultiplierEnding(zeros, ending) => {
                let amount = self.multiplied(zeros);
                self.ended(&amount, ending);
            }
            Word::Sign(sign) => {
                self.end_number();
                if goes_on { self.prefix = Some(sign) } else { self.word(word) }
            }
            Word::Currency(_) if self.amount.is_none() => self.word(word),
            Word::Currency(symbol) => {
                self.prefix = Some(symbol);
                self.end_number();
            }
            Word::Percent if self.amount.is_some() => self.percent(),
            Word::Per if self.amount.is_some() && after == Some("cent") => {
                self.percent();
                return 2;
            }
            Word::Point if goes_on => {
                if after.is_some_and(|after| is_decimal(after) || is_numeral(after)) {
                    self.digits(".");
                }
            }
            // After hundred, thousand, .. it says nothing.
            Word::And if goes_on && matches!(before, Some(Word::Multiplier(_))) => {}
            Word::Times(count) if goes_on => match after.map(Word::of) {
                Some(Word::Small(value)) => {
                    self.digits(&value.to_string().repeat(count));
                    return 2;
                }
                Some(Word::Zero) => {
                    self.digits(&"0".repeat(count));
                    return 2;
                }
                _ => self.end_number_before(word),
            },
            Word::Percent | Word::Per | Word::Point | Word::And | Word::Times(_) | Word::Other => {
                self.end_number_before(word);
            }
        }
        1
    }

    /// A number in digits: it goes on after a decimal point, else the one before is over.
    fn numeral(&mut self, word: &str, prefix: Option<char>, number: &str) {
        if let Some(Amount::Written(text)) = &mut self.amount
            && text.ends_with('.')
        {
            text.push_str(word);
            return;
        }
        self.end_number();
        self.prefix = prefix.or(self.prefix);
        self.amount = Some(Amount::of_numeral(number));
    }

    /// Appends digits as they are spoken one by one.
    fn digits(&mut self, digits: &str) {
        let text = self.amount.take().filter(|amount| !amount.is_zero()).map(Amount::into_text);
        self.amount = Some(Amount::Written(text.unwrap_or_default() + digits));
    }

    /// The number with one to nineteen after it.
    fn with_small(&mut self, before: Option<&Word<'_>>, value: u32) -> Amount {
        let room = if value < 10 { 1 } else { 2 };
        match self.amount.take() {
            None => Amount::of(value),
            Some(Amount::Whole(digits)) if !matches!(before, Some(Word::Small(_))) => {
                Amount::Whole(digits).plus(value, room)
            }
            // `nineteen twenty five`: the five takes the place of the last zero.
            Some(Amount::Written(mut text)) if matches!(before, Some(Word::Tens(_))) && value < 10 => {
                text.pop();
                Amount::Written(text).followed_by(value)
            }
            Some(amount) => amount.followed_by(value),
        }
    }

    /// The number with twenty to ninety after it.
    fn with_tens(&mut self, value: u32) -> Amount {
        match self.amount.take() {
            None => Amount::of(value),
            Some(whole @ Amount::Whole(_)) => whole.plus(value, 2),
            Some(written) => written.followed_by(value),
        }
    }

    /// The number times a power of ten. What cannot be multiplied is written first.
    fn multiplied(&mut self, zeros: usize) -> Amount {
        let Some(amount) = self.amount.take() else { return Amount::power_of_ten(zeros) };
        amount.times_power_of_ten(zeros).unwrap_or_else(|| {
            self.word(amount.text());
            Amount::power_of_ten(zeros)
        })
    }

    fn ended(&mut self, amount: &Amount, ending: &str) {
        self.word(&format!("{}{ending}", amount.text()));
    }

    fn percent(&mut self) {
        if let Some(amount) = self.amount.take() {
            self.ended(&amount, "%");
        }
    }
}

/// `$2 and ¢7` is `$2.07`, `$0.07` is `¢7`.
fn with_cents(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some((amount, after)) = currency_and_cents(rest) {
            joined.push_str(&amount);
            rest = after;
        } else {
            joined.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    let mut result = String::with_capacity(joined.len());
    let mut rest = joined.as_str();
    while let Some(c) = rest.chars().next() {
        if let Some((cents, after)) = cents_alone(rest) {
            result.push('¢');
            result.push_str(&cents.to_string());
            rest = after;
        } else {
            result.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    result
}

/// An amount and its cents at the start of a text, written as one, and what comes after.
fn currency_and_cents(text: &str) -> Option<(String, &str)> {
    let currency = text.strip_prefix(CURRENCIES)?;
    let after = currency.trim_start_matches(|c: char| c.is_ascii_digit());
    let whole = &text[..text.len() - after.len()];
    let cents = after.strip_prefix(' ').filter(|_| after.len() < currency.len())?;
    let (cents, after) = up_to_99(cents.strip_prefix("and ").unwrap_or(cents).strip_prefix('¢')?)?;
    Some((format!("{whole}.{cents:02}"), after))
}

/// The cents of an amount of less than one at the start of a text, and what comes after. What stands after the zero may be
/// any character.
fn cents_alone(text: &str) -> Option<(u32, &str)> {
    let mut rest = text.strip_prefix(CURRENCIES)?.strip_prefix('0')?.chars();
    rest.next()?;
    up_to_99(rest.as_str())
}

/// A word of one or two digits at the start of a text, and what comes after.
fn up_to_99(text: &str) -> Option<(u32, &str)> {
    let after = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let is_whole = !after.chars().next().is_some_and(is_word);
    let digits = &text[..text.len() - after.len()];
    (is_whole && digits.len() <= 2).then(|| digits.parse().ok()).flatten().map(|cents| (cents, after))
}

/// `one` and `ones` for a 1 that is a word of its own.
fn with_one_in_letters(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        result.push_str(match word {
            "1" => "one",
            "1s" => "ones",
            word => word,
        });
        let end = after.find(is_word).unwrap_or(after.len());
        result.push_str(&after[..end]);
        rest = &after[end..];
    }
    result
}
