//! A word or phrase in four languages.

/// English, German, Spanish and French: the order of the cells in a row.
const LANGUAGES: usize = 4;

/// A word or phrase in four languages, each in one or more forms.
#[derive(Debug, Clone, Default)]
pub(super) struct Entry {
    /// The names of the forms after the plain one.
    pub(super) forms: Vec<&'static str>,
    /// By language, the plain form and then the named ones.
    pub(super) cells: [Vec<String>; LANGUAGES],
}

impl Entry {
    /// The words of a form in a language.
    pub(super) fn get(&self, language: usize, form: &str) -> &str {
        let index = self.forms.iter().position(|name| *name == form).map_or(0, |position| position + 1);
        let cell = &self.cells[language];
        cell.get(index).or_else(|| cell.first()).map_or("", String::as_str)
    }
}
