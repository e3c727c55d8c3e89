//! A part of a bundle: a folder, its files, and the forms that these may have.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::checkpoint::CONFIG_FILE;
use crate::checkpoint::gguf;
use crate::checkpoint::names::is_file_name;
use crate::checkpoint::nemo;
use crate::checkpoint::tensors::WeightFormat;

/// A folder and its files, in one form or several.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The folder, relative to the bundle's or absolute.
    pub path: PathBuf,
    /// What tells this form from those in `or`, for people, such as `f16`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub form: String,
    /// SHA-256 of each file in lower-case hexadecimal, by file name, which may lead into the subfolder `base`. Files that
    /// are not here are not read.
    pub files: BTreeMap<String, String>,
    /// Further forms of the same model that are accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub or: Vec<Form>,
    /// How to get the files where they are not with the bundle, for people: a command, or where they are published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// A further form of a part: the same model in other files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// What tells it from the others, for people, such as `f16`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub form: String,
    /// SHA-256 of each file, as those of the part.
    pub files: BTreeMap<String, String>,
}

impl Part {
    /// The hashes of the files of each form, the first that is looked for first.
    pub fn forms(&self) -> impl Iterator<Item = &BTreeMap<String, String>> {
        std::iter::once(&self.files).chain(self.or.iter().map(|form| &form.files))
    }

    /// Whether a form of one is a form of the other.
    pub fn has_form_of(&self, other: &Self) -> bool {
        self.forms().any(|own| other.forms().any(|others| own == others))
    }

    /// What the form at `index` is called; none where there is but one without a name.
    pub(super) fn form_name(&self, index: usize) -> Option<String> {
        let name = index
            .checked_sub(1)
            .map_or(Some(&self.form), |further| self.or.get(further).map(|form| &form.form))?;
        let count = self.or.len() + 1;
        match (count, name.is_empty()) {
            (1, true) => None,
            (1, false) => Some(name.clone()),
            (_, true) => Some(format!("form {} of {count}", index + 1)),
            (_, false) => Some(format!("{name} ({} of {count})", index + 1)),
        }
    }

    /// `own` are the files of which one must be there, beside the config and the weights.
    pub(super) fn add_problems(&self, name: &str, own: &[&str], problems: &mut Vec<String>) {
        if self.path.as_os_str().is_empty() {
            problems.push(format!("`parts.{name}.path` is empty"));
        }
        add_file_problems(&format!("parts.{name}.files"), &self.files, own, problems);
        for (index, form) in self.or.iter().enumerate() {
            add_file_problems(&format!("parts.{name}.or[{index}].files"), &form.files, own, problems);
        }
    }
}

/// What the files of a form lack, and what is wrong with their names and hashes; `key` is theirs in the manifest.
fn add_file_problems(key: &str, files: &BTreeMap<String, String>, own: &[&str], problems: &mut Vec<String>) {
    let has = |file: &str| files.contains_key(file);
    let weights: Vec<&str> =
        WeightFormat::NAMED.iter().flat_map(|(_, file, index)| [*file, *index]).collect();
    // An archive or a GGUF file holds all that a part needs; with a config beside it, the config is what counts.
    let is_archive = |file: &String| {
        let extension = Path::new(file).extension();
        extension.is_some_and(|found| found == nemo::EXTENSION || found == gguf::EXTENSION)
    };
    let is_whole = !has(CONFIG_FILE) && files.keys().any(is_archive);
    let needed = if is_whole { &[] } else { &[&[CONFIG_FILE][..], &weights, own][..] };
    for alternatives in needed {
        if let Some(first) = alternatives.first()
            && !alternatives.iter().any(|file| has(file))
        {
            problems.push(format!("`{key}` lacks `{first}`"));
        }
    }
    for (file, hash) in files {
        if !is_file_name(file) {
            problems.push(format!("`{key}`: name `{}` leaves the folder", file.escape_debug()));
        }
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if hash.len() != 64 || !hash.bytes().all(is_hex) {
            problems
                .push(format!("`{key}`: `{}` has no SHA-256 in lower-case hexadecimal", file.escape_debug()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::PREPROCESSOR_FILE;

    fn files(hash: &str) -> BTreeMap<String, String> {
        BTreeMap::from([("x".to_owned(), hash.to_owned())])
    }

    #[test]
    fn forms_have_names_where_there_are_several() {
        let mut part = Part { files: files("1"), ..Part::default() };
        assert_eq!(part.form_name(0), None);
        part.form = "f16".into();
        assert_eq!(part.form_name(0).as_deref(), Some("f16"));
        part.or.push(Form { files: files("2"), ..Form::default() });
        assert_eq!(part.form_name(0).as_deref(), Some("f16 (1 of 2)"));
        assert_eq!(part.form_name(1).as_deref(), Some("form 2 of 2"));
        assert_eq!(part.form_name(2), None);
    }

    #[test]
    fn parts_are_the_same_model_when_they_have_a_form_in_common() {
        let one = Part { files: files("1"), ..Part::default() };
        let two = Part { files: files("2"), ..Part::default() };
        let form = |part: &Part| Form { files: part.files.clone(), ..Form::default() };
        let either = Part { or: vec![form(&one)], ..two.clone() };
        assert!(one.has_form_of(&one) && !one.has_form_of(&two));
        assert!(one.has_form_of(&either) && either.has_form_of(&one) && either.has_form_of(&two));
    }

    /// What is wrong with a speech encoder of these files.
    fn problems_of(files: &[&str]) -> Vec<String> {
        let files = files.iter().map(|file| ((*file).to_owned(), "0".repeat(64))).collect();
        let mut problems = Vec::new();
        let part = Part { path: "x".into(), files, ..Part::default() };
        part.add_problems("encoder", &[PREPROCESSOR_FILE], &mut problems);
        problems
    }

    #[test]
    fn an_archive_is_a_whole_part_unless_a_config_is_beside_it() {
        assert_eq!((problems_of(&["x.nemo"]).len(), problems_of(&["x.gguf"]).len()), (0, 0));
        assert_eq!(problems_of(&["x.nemo", CONFIG_FILE]).len(), 2);
    }

    #[test]
    fn a_part_may_have_a_folder_for_what_it_stands_on() {
        let own = [CONFIG_FILE, "model.safetensors", "base/config.json", "base/model.safetensors"];
        assert_eq!(problems_of(&own), ["`parts.encoder.files` lacks `preprocessor_config.json`"]);
        assert!(problems_of(&[&own[..], &[PREPROCESSOR_FILE]].concat()).is_empty());
        // Weights below do not stand for its own, and no other folder is read.
        let below = [CONFIG_FILE, PREPROCESSOR_FILE, "base/model.safetensors", "base/../x", "other/x"];
        let problems = problems_of(&below);
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert_eq!(problems[0], "`parts.encoder.files` lacks `model.safetensors`");
    }
}
