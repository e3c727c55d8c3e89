//! A number while it is read, of any size.

use crate::eval::normalise::unicode::digit;

/// A number.
pub(super) enum Amount {
    /// A whole number that can be added to, in decimal digits without leading zeros.
    Whole(String),
    /// What can only be appended to: digits said one by one, perhaps with a decimal point.
    Written(String),
}

impl Amount {
    /// Of a small number.
    pub(super) fn of(value: u32) -> Self {
        Self::Whole(value.to_string())
    }

    /// 1 with so many zeros.
    pub(super) fn power_of_ten(zeros: usize) -> Self {
        Self::Whole(with_zeros("1", zeros))
    }

    /// Of a numeral, which is written as it is if it is no whole number.
    pub(super) fn of_numeral(numeral: &str) -> Self {
        whole_of(numeral, 0).map_or_else(|| Self::Written(numeral.to_owned()), Self::Whole)
    }

    pub(super) fn text(&self) -> &str {
        let (Self::Whole(text) | Self::Written(text)) = self;
        text
    }

    pub(super) fn into_text(self) -> String {
        let (Self::Whole(text) | Self::Written(text)) = self;
        text
    }

    /// Whether it is the number 0, not the spoken digit.
    pub(super) fn is_zero(&self) -> bool {
        matches!(self, Self::Whole(digits) if digits == "0")
    }

    /// `value` after it, as in `nineteen twenty`.
    pub(super) fn followed_by(self, value: u32) -> Self {
        Self::Written(self.into_text() + &value.to_string())
    }

    /// `value` added where its last `room` digits are zeros, else after it.
    pub(super) fn plus(self, value: u32, room: usize) -> Self {
        let digits = self.text();
        if !digits.bytes().rev().take(room).all(|digit| digit == b'0') {
            return self.followed_by(value);
        }
        let value = value.to_string();
        Self::Whole(digits[..digits.len().saturating_sub(value.len())].to_owned() + &value)
    }

    /// Its last three digits times a power of ten, as in `two million five thousand`; of what is written, all of it where
    /// that gives a whole number.
    pub(super) fn times_power_of_ten(&self, zeros: usize) -> Option<Self> {
        match self {
            Self::Written(text) => whole_of(text, zeros),
            Self::Whole(digits) => {
                let (thousands, rest) = digits.split_at(digits.len().saturating_sub(3));
                Some(sum(&with_zeros(thousands, 3), &with_zeros(rest, zeros)))
            }
        }
        .map(Self::Whole)
    }
}

/// The digits of a decimal number times a power of ten, if that is a whole number.
fn whole_of(number: &str, zeros: usize) -> Option<String> {
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    let values =
        |text: &str| -> Option<String> { text.chars().map(|c| char::from_digit(digit(c)?, 10)).collect() };
    let (whole, decimals) = (values(whole)?, values(decimals)?);
    let decimals = decimals.trim_end_matches('0');
    let is_number = !number.is_empty() && number != ".";
    (is_number && decimals.len() <= zeros)
        .then(|| without_zeros(&(whole + &with_zeros(decimals, zeros - decimals.len()))))
}

/// The sum of two numbers in decimal digits.
fn sum(a: &str, b: &str) -> String {
    let length = a.len().max(b.len()) + 1;
    let digit = |text: &str, place: usize| {
        text.len().checked_sub(place + 1).map_or(0, |at| text.as_bytes()[at] - b'0')
    };
    let mut carry = 0;
    let mut digits: Vec<char> = (0..length)
        .map(|place| {
            let total = digit(a, place) + digit(b, place) + carry;
            carry = total / 10;
            char::from(b'0' + total % 10)
        })
        .collect();
    digits.reverse();
    without_zeros(&digits.into_iter().collect::<String>())
}

fn with_zeros(digits: &str, zeros: usize) -> String {
    digits.to_owned() + &"0".repeat(zeros)
}

/// Without leading zeros.
fn without_zeros(digits: &str) -> String {
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() { "0".to_owned() } else { digits.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_of_any_size() {
        let times = |amount: Amount, zeros| amount.times_power_of_ten(zeros).map(Amount::into_text);
        assert_eq!(times(Amount::of_numeral("2005"), 6).unwrap(), "5002000");
        assert_eq!(times(Amount::of_numeral("2.5"), 6).unwrap(), "2500000");
        assert_eq!(times(Amount::of_numeral("0.55"), 1), None);
        assert_eq!(times(Amount::of(999), 33).unwrap(), "999".to_owned() + &"0".repeat(33));
        assert_eq!(Amount::of(200).plus(15, 2).text(), "215");
        assert_eq!(Amount::of(0).plus(15, 2).text(), "15");
        assert_eq!(Amount::of(21).plus(15, 2).text(), "2115");
        assert_eq!(sum("999", "2"), "1001");
    }
}
