//! Settings of a stage or a suite: a TOML file, overridden by `key.path=value` on the command line.

use std::path::Path;

use anyhow::{Context, bail};
use serde::de::DeserializeOwned;

/// Reads `path` and applies `overrides`, each `key.path=value` with a TOML value (a bare word is a text).
///
/// # Errors
///
/// A file that cannot be read, an override without `=`, unknown keys and wrong types, each named.
pub fn read<T: DeserializeOwned>(path: &Path, overrides: &[String]) -> anyhow::Result<T> {
    let fail = || format!("cannot load config `{}`", path.display());
    let text = std::fs::read_to_string(path).with_context(fail)?;
    let mut table: toml::Table = toml::from_str(&text).with_context(fail)?;
    for entry in overrides {
        let Some((key, value)) = entry.split_once('=') else {
            bail!("override `{entry}` is not of the form `key=value`");
        };
        let value = parse(value);
        set(&mut table, key, value).with_context(|| format!("override `{entry}`"))?;
    }
    toml::Value::Table(table).try_into().with_context(fail)
}

fn parse(value: &str) -> toml::Value {
    toml::from_str::<toml::Table>(&format!("value = {value}"))
        .ok()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| toml::Value::String(value.to_owned()))
}

fn set(table: &mut toml::Table, key: &str, value: toml::Value) -> anyhow::Result<()> {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
            Ok(())
        }
        Some((head, rest)) => {
            let inner = table.entry(head).or_insert_with(|| toml::Value::Table(toml::Table::new()));
            match inner.as_table_mut() {
                Some(inner) => set(inner, rest, value),
                None => bail!("`{head}` is not a table"),
            }
        }
    }
}

/// Ends with all `problems` at once.
///
/// # Errors
///
/// When there is one.
pub fn check(what: &str, problems: &[String]) -> anyhow::Result<()> {
    if problems.is_empty() {
        return Ok(());
    }
    let count = problems.len();
    bail!("{what}: {count} invalid field{}: {}", if count == 1 { "" } else { "s" }, problems.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Settings {
        name: String,
        train: Train,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Train {
        steps: u64,
        rate: f64,
    }

    #[test]
    fn overrides_reach_into_tables() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.toml");
        std::fs::write(&path, "name = \"x\"\n[train]\nsteps = 1\nrate = 0.5\n").unwrap();
        let read: Settings = read(&path, &["name=y".into(), "train.steps=7".into()]).unwrap();
        assert_eq!(read, Settings { name: "y".into(), train: Train { steps: 7, rate: 0.5 } });
        let unknown = super::read::<Settings>(&path, &["train.stepz=7".into()]).unwrap_err();
        assert!(format!("{unknown:#}").contains("stepz"), "{unknown:#}");
    }
}
