//! Languages of rows, which are codes or names, and what instructions call them.

use std::collections::BTreeMap;

use slm_core::models::speech::{language_code, language_name};

/// The slot of the language of what is said.
pub(super) const LANGUAGE: &str = "language";
/// The slot of the language of what is to be written.
pub(super) const TARGET_LANGUAGE: &str = "target_language";

/// What instructions call languages.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Languages {
    /// Names of the file's own, by what rows say in lower case.
    pub(super) own: BTreeMap<String, String>,
}

impl Languages {
    /// What a language is called: as the file says, else by its English name in lower case, else as the row has it.
    pub(super) fn name(&self, code: &str) -> String {
        let (whole, first) = (code.to_lowercase(), first(code));
        let own = self.own.get(&whole).or_else(|| self.own.get(&first)).map(String::as_str);
        own.or_else(|| language_name(language_code(&first)?)).unwrap_or(code).to_owned()
    }
}

/// Whether a row's language is the wanted one. A language is meant with all its countries.
pub(super) fn is_same(wanted: &str, found: &str) -> bool {
    let is_whole = wanted.contains(['-', '_']);
    let normal = |code: &str| {
        let code = if is_whole { code.to_lowercase().replace('_', "-") } else { first(code) };
        language_code(&code).map_or(code.clone(), str::to_owned)
    };
    normal(wanted) == normal(found)
}

/// The language of a code without its country, in lower case.
fn first(code: &str) -> String {
    code.split(['-', '_']).next().unwrap_or(code).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_names_and_countries() {
        let own = BTreeMap::from([("de".to_owned(), "Deutsch".to_owned())]);
        let languages = Languages { own };
        let names = ["de-AT", "en_US", "French", "tlh"].map(|code| languages.name(code));
        assert_eq!(names, ["Deutsch", "english", "french", "tlh"]);
        for (wanted, found, expected) in [
            ("en", "en-US", true),
            ("english", "en", true),
            ("EN", "English", true),
            ("en-GB", "en_gb", true),
            ("en-GB", "en-US", false),
            ("en-GB", "en", false),
            ("de", "en", false),
        ] {
            assert_eq!(is_same(wanted, found), expected, "{wanted} {found}");
        }
    }
}
