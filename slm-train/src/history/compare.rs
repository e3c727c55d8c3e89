//! Several runs side by side: the settings that differ, and what came of them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::History;
use super::report::facts;

/// Rows of names, with a cell for each run.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Comparison {
    /// The runs, as they were named.
    pub runs: Vec<PathBuf>,
    /// Settings that are not the same in all runs; where a run does not have one its cell is empty.
    pub settings: BTreeMap<String, Vec<String>>,
    /// What came of each run.
    pub results: Vec<(String, Vec<String>)>,
}

/// Compares the runs in `dirs`.
///
/// # Errors
///
/// A run that cannot be read.
pub fn compare(dirs: &[PathBuf]) -> anyhow::Result<Comparison> {
    let histories: Vec<History> = dirs.iter().map(|dir| History::read(dir)).collect::<anyhow::Result<_>>()?;
    let flat = |history: &History| -> BTreeMap<String, String> {
        let Some(record) = &history.record else { return BTreeMap::new() };
        let stage = ("stage".to_owned(), record.stage.clone());
        record.flat().into_iter().chain([stage, ("backend".to_owned(), record.backend.clone())]).collect()
    };
    let mut settings = aligned(histories.iter().map(|history| flat(history).into_iter().collect()));
    settings.retain(|(_, cells)| cells.windows(2).any(|pair| pair[0] != pair[1]));
    let results = aligned(histories.iter().map(facts));
    Ok(Comparison { runs: dirs.to_vec(), settings: settings.into_iter().collect(), results })
}

/// A row for each name, in the order in which names come first, with the cell of every column.
fn aligned(columns: impl Iterator<Item = Vec<(String, String)>>) -> Vec<(String, Vec<String>)> {
    let mut rows: Vec<(String, Vec<String>)> = Vec::new();
    for (place, column) in columns.enumerate() {
        for (name, value) in column {
            let row = rows.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
                rows.push((name, vec![String::new(); place]));
                rows.len() - 1
            });
            rows[row].1.push(value);
        }
        for (_, cells) in &mut rows {
            cells.resize(place + 1, String::new());
        }
    }
    rows
}

impl Comparison {
    /// As a table in Markdown, a column a run.
    pub fn markdown(&self) -> String {
        let name = |dir: &PathBuf| {
            dir.file_name().unwrap_or(Path::new(".").as_os_str()).to_string_lossy().into_owned()
        };
        let names: Vec<String> = self.runs.iter().map(name).collect();
        let mut text = format!("| | {} |\n|---|{}", names.join(" | "), "---|".repeat(names.len()));
        let settings = self.settings.iter().map(|(name, cells)| (format!("`{name}`"), cells));
        let results = self.results.iter().map(|(name, cells)| (name.clone(), cells));
        for (name, cells) in settings.chain(results) {
            let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
            let _ = write!(text, "\n| {name} | {} |", cells.join(" | "));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;
    use crate::history::{METRICS_NAME, RunRecord};

    #[test]
    fn what_differs_is_beside_what_came_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let run = |name: &str, rate: f64, wer: f64, judge: bool| {
            let path = dir.path().join(name);
            let mut train = json!({"learning_rate": rate, "steps": 20});
            if judge {
                train["judge"] = json!({"metric": "wer"});
            }
            RunRecord::new("ctc", json!({"train": train}), "flex").write(&path).unwrap();
            let text = format!("{{\"step\":20,\"eval\":{{\"wer\":{wer}}}}}\n");
            fs::write(path.join(METRICS_NAME), text).unwrap();
            path
        };
        let comparison = compare(&[run("a", 0.1, 0.5, false), run("b", 0.2, 0.25, true)]).unwrap();
        assert_eq!(comparison.settings["train.learning_rate"], ["0.1", "0.2"]);
        assert_eq!(comparison.settings["train.judge.metric"], ["", "wer"]);
        assert_eq!(comparison.settings.len(), 2);
        let table = comparison.markdown();
        for part in ["| | a | b |\n|---|---|---|\n", "| wer, best | 0.5 (step 20) | 0.25 (step 20) |"] {
            assert!(table.contains(part), "{table}");
        }
    }
}
