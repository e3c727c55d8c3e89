//! Work on many items of which some may fail: all are tried, and all failures are told.

use std::fmt::Display;

/// Failures that a message shows.
const SHOWN: usize = 10;

/// All results, or one error that says how many of the items, which are `what`, failed and why.
///
/// # Errors
///
/// When one of them failed.
pub fn all<T, E: Display>(
    what: &str,
    results: impl IntoIterator<Item = Result<T, E>>,
) -> anyhow::Result<Vec<T>> {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(value) => good.push(value),
            Err(error) => bad.push(error.to_string()),
        }
    }
    if bad.is_empty() { Ok(good) } else { Err(anyhow::anyhow!(summary(what, good.len() + bad.len(), &bad))) }
}

/// How many of `total` items, which are `what`, failed, and the reasons of the first ones, a line each. One failure is
/// told by its reason alone.
pub fn summary(what: &str, total: usize, failures: &[String]) -> String {
    if let [only] = failures {
        return only.clone();
    }
    let mut lines = vec![format!("{} of {total} {what} failed", failures.len())];
    lines.extend(failures.iter().take(SHOWN).map(|failure| format!("  {failure}")));
    if failures.len() > SHOWN {
        lines.push(format!("  .. and {} more", failures.len() - SHOWN));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_is_told() {
        let even = |n: i32| if n % 2 == 0 { Ok(n) } else { Err(format!("{n} is odd")) };
        assert_eq!(all("numbers", [0, 2].map(even)).unwrap(), [0, 2]);
        assert_eq!(all("numbers", [0, 3].map(even)).unwrap_err().to_string(), "3 is odd");
        let text = all("numbers", [1, 2, 3].map(even)).unwrap_err().to_string();
        assert_eq!(text, "2 of 3 numbers failed\n  1 is odd\n  3 is odd");
        let text = all("numbers", (0..25).map(even)).unwrap_err().to_string();
        assert!(
            text.starts_with("12 of 25 numbers failed\n") && text.ends_with("\n  .. and 2 more"),
            "{text}"
        );
    }
}
