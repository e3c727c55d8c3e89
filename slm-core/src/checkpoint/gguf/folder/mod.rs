//! A GGUF file seen as the folder of Hugging Face that it was made from.

mod architecture;
mod change;
mod decoder;
mod fields;
mod gemma3;
mod names;
mod rope;
mod t5;
mod written;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use self::architecture::Architecture;
use self::change::Change;
use self::fields::Fields;
pub use self::written::Decoder;
use super::{BlockType, FieldProblem, GgufError, GgufFile, GgufProblem, Quantized, tokenizer};
use crate::checkpoint::{CONFIG_FILE, TOKENIZER_FILES, TOKENIZER_SETTINGS_FILE};

/// What the file is a model of.
const ARCHITECTURE: &str = "general.architecture";

/// A GGUF file seen as the folder that it was made from.
#[derive(Debug)]
pub struct GgufFolder {
    file: GgufFile,
    architecture: &'static Architecture,
    /// The tensors by the names that transformers has for them.
    tensors: BTreeMap<String, Stored>,
}

/// A tensor of the file.
#[derive(Debug)]
struct Stored {
    /// Its name in the file.
    name: String,
    change: Change,
}

/// Two are one where they are of one file.
impl PartialEq for GgufFolder {
    fn eq(&self, other: &Self) -> bool {
        self.file.path() == other.file.path()
    }
}

impl Eq for GgufFolder {}

impl GgufFolder {
    /// Opens the file at `path`.
    ///
    /// # Errors
    ///
    /// [`GgufError`] when it cannot be read, is damaged, or holds a model that is not known.
    pub fn open(path: &Path) -> Result<Self, GgufError> {
        let file = GgufFile::open(path)?;
        let fields = |problem| GgufError::Fields { path: path.into(), problems: vec![problem] };
        let name = file.metadata().text(ARCHITECTURE).map_err(fields)?;
        let name = name.ok_or_else(|| fields(FieldProblem::Missing(ARCHITECTURE.to_owned())))?;
        let architecture = architecture::named(name)
            .ok_or_else(|| fields(FieldProblem::value(ARCHITECTURE, name, architecture::known())))?;
        // What is wrong with its numbers is told with the config.
        let mut numbers = Fields::new(&file, architecture.name);
        let mut tensors = BTreeMap::new();
        for name in file.tensors().keys().filter(|name| *name != rope::FACTORS) {
            // What has no name there keeps its own, and is told to be unexpected by whoever loads the model.
            let there = (architecture.name_of)(&numbers, name).unwrap_or_else(|| name.clone());
            let change = (architecture.change)(&mut numbers, name);
            let stored = Stored { name: name.clone(), change };
            if tensors.insert(there.clone(), stored).is_some() {
                return Err(GgufError::Header { path: path.into(), problem: GgufProblem::TwoTensors(there) });
            }
        }
        Ok(Self { file, architecture, tensors })
    }

    /// The file.
    pub fn file(&self) -> &GgufFile {
        &self.file
    }

    /// Whether the folder would have the file `name`.
    pub fn has(&self, name: &str) -> bool {
        name == CONFIG_FILE
            || Self::is_tokenizer(name) && self.file.metadata().get(tokenizer::MODEL).is_some()
    }

    fn is_tokenizer(name: &str) -> bool {
        name == TOKENIZER_FILES[0] || name == TOKENIZER_SETTINGS_FILE
    }

    /// The content of the file `name` of the folder; `None` where it has no such file.
    ///
    /// # Errors
    ///
    /// [`GgufError::Fields`] where the metadata do not say what it takes.
    pub fn read(&self, name: &str) -> Result<Option<Value>, GgufError> {
        if !self.has(name) {
            return Ok(None);
        }
        let content = match name {
            CONFIG_FILE => self.config(),
            TOKENIZER_SETTINGS_FILE => tokenizer::settings(self.file.metadata()),
            _ => tokenizer::definition(self.file.metadata(), self.architecture.spelling),
        };
        let fail = |problems| GgufError::Fields { path: self.file.path().into(), problems };
        content.map(Some).map_err(fail)
    }

    fn config(&self) -> Result<Value, Vec<FieldProblem>> {
        let mut fields = Fields::new(&self.file, self.architecture.name);
        let config = (self.architecture.config)(&mut fields);
        fields.none_or(config)
    }

    /// The tensors by the names that transformers has for them, with their types and shapes.
    pub fn tensors(&self) -> impl Iterator<Item = (&String, BlockType, &[usize])> {
        self.tensors.iter().filter_map(|(name, stored)| {
            let info = self.file.tensors().get(&stored.name)?;
            Some((name, stored.change.kind(info.kind), info.shape.as_slice()))
        })
    }

    /// The tensor that transformers calls `name`, with its rows in the order of transformers.
    ///
    /// # Errors
    ///
    /// [`GgufError::Tensor`] when there is none of this name, or the file cannot be read.
    pub fn tensor(&self, name: &str) -> Result<Quantized, GgufError> {
        match self.tensors.get(name) {
            Some(stored) => Ok(stored.change.undo(self.file.read(&stored.name)?)),
            // It tells that there is none.
            None => self.file.read(name),
        }
    }
}
