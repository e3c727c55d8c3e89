//! Numbers as they are written on the command line.

/// Units of bytes by their names in lower case.
const UNITS: [(&str, u64); 14] = [
    ("", 1),
    ("b", 1),
    ("k", 1_000),
    ("kb", 1_000),
    ("m", 1_000_000),
    ("mb", 1_000_000),
    ("g", 1_000_000_000),
    ("gb", 1_000_000_000),
    ("t", 1_000_000_000_000),
    ("tb", 1_000_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
];

/// The largest number of bytes that is told apart from its neighbours.
const MAX_BYTES: f64 = 9e15;

/// A number of bytes, such as `800M`, `1.5G`, `4GiB` or `100000000`.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.to_ascii_lowercase();
    let factor = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor as f64);
    let bytes = number.parse::<f64>().ok().zip(factor).map(|(number, factor)| number * factor);
    match bytes {
        Some(bytes) if (1.0..=MAX_BYTES).contains(&bytes) => Ok(bytes as u64),
        _ => Err("expected a number of bytes, such as `800M` or `4G`".into()),
    }
}

/// A number that is neither infinite nor NaN.
pub(super) fn finite(text: &str) -> Result<f64, String> {
    number(text, "expected a finite number", |_| true)
}

/// A finite number over 0.
pub(super) fn positive(text: &str) -> Result<f64, String> {
    number(text, "expected a number over 0", |number| number > 0.0)
}

/// A number over 0, and at most 1.
pub(super) fn share(text: &str) -> Result<f64, String> {
    number(text, "expected a number over 0, at most 1", |number| number > 0.0 && number <= 1.0)
}

/// A whole number over 0.
pub(super) fn count(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|&count| count > 0);
    count.ok_or_else(|| "expected a whole number over 0".into())
}

fn number(text: &str, expected: &str, fits: impl Fn(f64) -> bool) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|&number| number.is_finite() && fits(number));
    number.ok_or_else(|| expected.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_units() {
        for (text, expected) in [
            ("800M", 800_000_000),
            ("4G", 4_000_000_000),
            ("1.5gb", 1_500_000_000),
            ("2GiB", 2 << 30),
            ("123456", 123_456),
            ("10k", 10_000),
        ] {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
        for text in ["", "0", "M", "-4G", "4 G", "4X", "1.2.3G", "inf", "nan", "1e3", "99999T"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_are_finite_and_in_range() {
        assert_eq!(finite("-0.5"), Ok(-0.5));
        assert_eq!((positive("0.7"), share("1"), count("3")), (Ok(0.7), Ok(1.0), Ok(3)));
        for text in ["inf", "-inf", "nan", "1e999", "x", ""] {
            assert!(finite(text).is_err() && positive(text).is_err() && share(text).is_err(), "{text}");
        }
        assert!(
            positive("0").is_err() && share("1.1").is_err() && count("0").is_err() && count("-1").is_err()
        );
    }
}
