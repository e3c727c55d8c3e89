//! The stretches of a long recording that an answer rests on.

use std::path::Path;

use slm_core::Source;

/// A line that names the stretches; `None` where there are none.
pub(crate) fn sources(path: &Path, sources: &[Source]) -> Option<String> {
    let stretches: Vec<String> =
        sources.iter().map(|source| format!("{}-{}", clock(source.start), clock(source.end))).collect();
    (!stretches.is_empty())
        .then(|| format!("note: `{}`: answered from {}", path.display(), stretches.join(", ")))
}

/// Seconds as minutes and seconds, with hours where there are any: `5:07`, `1:00:40`.
fn clock(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_players_show_them() {
        let told = [0.4, 12.0, 39.6, 310.0, 3599.7, 3661.0].map(clock);
        assert_eq!(told, ["0:00", "0:12", "0:40", "5:10", "1:00:00", "1:01:01"]);
        assert_eq!(sources(Path::new("talk.wav"), &[]), None);
    }
}
