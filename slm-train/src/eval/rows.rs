//! The rows that an evaluation is about. A recording that cannot be read is a failure of its own, and not of its manifest.

use std::path::Path;

use rayon::prelude::*;

use crate::data::manifest::{self, FileCheck, ManifestError, ReadSettings, Utterance};
use crate::data::speech;

/// Reads the rows at `path`. A file that is missing or is no audio is told by the answer that it fails; where its row does
/// not say how long it is, its duration is 0. With `data_root` no path may leave that folder.
///
/// # Errors
///
/// As [`manifest::read`], but for such files.
pub fn read(path: &Path, data_root: Option<&Path>) -> Result<Vec<Utterance>, ManifestError> {
    let data_root = data_root.map(Path::to_owned);
    let settings = ReadSettings { files: FileCheck::Later, data_root, ..ReadSettings::default() };
    manifest::read_with(path, &settings)
}

/// Those of `rows` whose audio can be read, on all cores; `failed` gets why the others cannot.
pub(super) fn readable(rows: &[Utterance], failed: &mut dyn FnMut(String)) -> Vec<Utterance> {
    let problems: Vec<Option<String>> =
        rows.par_iter().map(|row| speech::samples(row).err().map(|error| error.to_string())).collect();
    let mut good = Vec::new();
    for (row, problem) in rows.iter().zip(problems) {
        match problem {
            None => good.push(row.clone()),
            Some(problem) => failed(problem),
        }
    }
    good
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_cannot_be_read_are_rows_all_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        crate::data::synth::write_wav(&path("a.wav"), &vec![0.1; 8_000]).unwrap();
        std::fs::write(path("b.wav"), "no audio").unwrap();
        let table = "path\tsentence\na.wav\tone\nb.wav\ttwo\nc.wav\tthree\n";
        std::fs::write(path("rows.tsv"), table).unwrap();
        let rows = read(&path("rows.tsv"), None).unwrap();
        let durations: Vec<f64> = rows.iter().map(|row| row.duration).collect();
        assert_eq!(durations, [0.5, 0.0, 0.0]);
        let mut failed = Vec::new();
        let good = readable(&rows, &mut |problem| failed.push(problem));
        assert_eq!(good, rows[..1]);
        assert!(
            failed.len() == 2 && failed[0].contains("b.wav") && failed[1].contains("c.wav"),
            "{failed:?}"
        );
        // Rows that are wrong in themselves are refused as ever.
        std::fs::write(path("rows.tsv"), "path\tsentence\n../a.wav\tone\n").unwrap();
        let error = read(&path("rows.tsv"), Some(dir.path())).unwrap_err().to_string();
        assert!(error.contains("leaves the data root"), "{error}");
    }
}
