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

/// A finite number from 0 on.
pub(super) fn not_negative(text: &str) -> Result<f64, String> {
    number(text, "expected a number from 0 on", |number| number >= 0.0)
}

/// A number over 0, and at most 1.
pub(super) fn share(text: &str) -> Result<f64, String> {
    number(text, "expected a number over 0, at most 1", |number| number > 0.0 && number <= 1.0)
}

/// A number from 0 to 1.
pub(super) fn fraction(text: &str) -> Result<f64, String> {
    number(text, "expected a number from 0 to 1", |number| (0.0..=1.0).contains(&number))
}

/// Seconds of audio that are one segment at most.
pub(super) fn segment(text: &str) -> Result<f64, String> {
    number(text, "expected a number of seconds, at least 1", |seconds| seconds >= 1.0)
}

/// A time in a recording, in seconds, as MM:SS or as HH:MM:SS.
pub(super) fn time(text: &str) -> Result<f64, String> {
    parse_time(text)
        .filter(|seconds| seconds.is_finite())
        .ok_or_else(|| "expected seconds, MM:SS or HH:MM:SS, such as `90`, `1:30` or `00:01:30.5`".into())
}

/// A number that others follow is whole; one that follows another is below 60.
fn parse_time(text: &str) -> Option<f64> {
    let parts: Vec<&str> = text.split(':').collect();
    if parts.len() > 3 {
        return None;
    }
    let mut seconds = 0.0;
    for (index, part) in parts.iter().enumerate() {
        let is_last = index + 1 == parts.len();
        if !part.bytes().all(|byte| byte.is_ascii_digit() || (is_last && byte == b'.')) {
            return None;
        }
        let number: f64 = part.parse().ok()?;
        if index > 0 && number >= 60.0 {
            return None;
        }
        seconds = seconds * 60.0 + number;
    }
    Some(seconds)
}

/// A stretch of time over 0, in the same forms.
pub(super) fn time_span(text: &str) -> Result<f64, String> {
    let seconds = time(text)?;
    if seconds > 0.0 { Ok(seconds) } else { Err("expected a time over 0".into()) }
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

    #[test]
    fn times_are_seconds_or_have_colons() {
        for (text, expected) in [
            ("0", 0.0),
            ("90", 90.0),
            ("12.25", 12.25),
            ("1:30", 90.0),
            ("90:00", 5400.0),
            ("01:02:03.5", 3723.5),
        ] {
            assert_eq!(time(text), Ok(expected), "{text}");
        }
        for text in
            ["", ":", "1:", ":30", "1:60", "1:2:3:4", "1.5:00", "-1", "inf", "1e3", "nan", "1:-2", "1.2.3"]
        {
            assert!(time(text).is_err(), "{text}");
        }
        assert_eq!(time_span("0:01"), Ok(1.0));
        assert!(time_span("0").is_err() && time_span("x").is_err());
    }

    #[test]
    fn thresholds_and_segments_are_in_range() {
        assert_eq!((fraction("0"), fraction("1"), segment("1")), (Ok(0.0), Ok(1.0), Ok(1.0)));
        for text in ["-0.1", "1.1", "nan", "x"] {
            assert!(fraction(text).is_err(), "{text}");
        }
        assert!(segment("0.9").is_err() && segment("inf").is_err());
    }
}
