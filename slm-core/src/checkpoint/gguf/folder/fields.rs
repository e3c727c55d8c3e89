//! Reading the keys of one kind of model; all that is wrong is told at once.

use serde_json::{Map, Value, json};

use crate::checkpoint::gguf::{FieldProblem, GgufFile, Metadata, Value as Stored};

/// The matrix of the embeddings.
pub(super) const EMBEDDING: &str = "token_embd.weight";
/// The matrix before the logits, where it is not that of the embeddings.
pub(super) const HEAD: &str = "output.weight";

/// The keys of a file that begin with the name of its kind, and what was wrong with those that were asked for.
pub(super) struct Fields<'a> {
    file: &'a GgufFile,
    prefix: &'static str,
    problems: Vec<FieldProblem>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(file: &'a GgufFile, prefix: &'static str) -> Self {
        Self { file, prefix, problems: Vec::new() }
    }

    pub(super) fn file(&self) -> &'a GgufFile {
        self.file
    }

    /// `config`, where nothing was wrong.
    pub(super) fn none_or(self, config: Map<String, Value>) -> Result<Value, Vec<FieldProblem>> {
        if self.problems.is_empty() { Ok(Value::Object(config)) } else { Err(self.problems) }
    }

    pub(super) fn problem(&mut self, problem: FieldProblem) {
        self.problems.push(problem);
    }

    pub(super) fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }

    /// What `read` finds, if it finds something.
    fn found<T>(&mut self, read: impl Fn(&'a Metadata) -> Result<Option<T>, FieldProblem>) -> Option<T> {
        match read(self.file.metadata()) {
            Ok(found) => found,
            Err(problem) => {
                self.problem(problem);
                None
            }
        }
    }

    /// A number of things. Where it is a list, a number for each layer, all must be the same.
    pub(super) fn count_if(&mut self, name: &str) -> Option<u64> {
        let key = self.key(name);
        if !matches!(self.file.metadata().get(&key), Some(Stored::Numbers(_))) {
            return self.found(|metadata| metadata.count(&key));
        }
        let list = self.found(|metadata| metadata.integers(&key))?;
        let first = list.first().copied().unwrap_or_default();
        match u64::try_from(first) {
            Ok(first) if list.iter().all(|&other| other == first.into()) => Some(first),
            _ => {
                self.problem(FieldProblem::value(&key, "a list of different numbers", "one for all layers"));
                None
            }
        }
    }

    /// A number of things, of at least one, that must be told.
    pub(super) fn count(&mut self, name: &str) -> u64 {
        let problems = self.problems.len();
        let found = self.count_if(name);
        if found.is_none() && self.problems.len() == problems {
            self.problem(FieldProblem::Missing(self.key(name)));
        }
        if found == Some(0) {
            self.problem(FieldProblem::value(&self.key(name), 0, "at least 1"));
        }
        // No later division fails; the problem is told.
        found.unwrap_or(1).max(1)
    }

    pub(super) fn float_if(&mut self, name: &str) -> Option<f64> {
        let key = self.key(name);
        self.found(|metadata| metadata.float(&key))
    }

    /// A number with a fraction that must be told.
    pub(super) fn float(&mut self, name: &str) -> f64 {
        let problems = self.problems.len();
        let found = self.float_if(name);
        if found.is_none() && self.problems.len() == problems {
            self.problem(FieldProblem::Missing(self.key(name)));
        }
        found.unwrap_or_default()
    }

    pub(super) fn text_if(&mut self, name: &str) -> Option<&'a str> {
        let key = self.key(name);
        self.found(|metadata| metadata.text(&key))
    }

    pub(super) fn flag_if(&mut self, name: &str) -> Option<bool> {
        let key = self.key(name);
        self.found(|metadata| metadata.flag(&key))
    }

    /// How many layers there are. Each has tensors, so that there cannot be more of them than of those.
    pub(super) fn layers(&mut self, name: &str) -> u64 {
        let (layers, tensors) = (self.count(name), self.file.tensors().len() as u64);
        if layers > tensors {
            let expected = format!("at most {tensors}, the number of tensors");
            self.problem(FieldProblem::value(&self.key(name), layers, expected));
        }
        layers.min(tensors)
    }

    pub(super) fn has_tensor(&self, name: &str) -> bool {
        self.file.tensors().contains_key(name)
    }

    /// Rows of the embedding: the file may say another number, or none.
    pub(super) fn vocabulary(&mut self) -> usize {
        let Some(&rows) = self.file.tensors().get(EMBEDDING).and_then(|info| info.shape.first()) else {
            self.problem(FieldProblem::Missing(EMBEDDING.to_owned()));
            return 0;
        };
        rows
    }

    /// Adds the ids that the file tells, which must have rows in the embedding. Where a turn of a dialog ends otherwise
    /// than a text, both ids are ends.
    pub(super) fn add_ids(&mut self, config: &mut Map<String, Value>) {
        let rows = self.vocabulary() as u64;
        let mut id = |name: &str| {
            let key = format!("tokenizer.ggml.{name}_token_id");
            let id = self.found(|metadata| metadata.count(&key))?;
            if id >= rows {
                self.problem(FieldProblem::value(&key, id, format!("less than {rows}")));
            }
            Some(id)
        };
        let (begin, end, turn, padding) = (id("bos"), id("eos"), id("eot"), id("padding"));
        let ends = match (end, turn) {
            (Some(end), Some(turn)) if end != turn => Some(json!([end, turn])),
            _ => end.or(turn).map(Value::from),
        };
        let told = [("bos_token_id", begin.map(Value::from)), ("eos_token_id", ends)];
        for (name, id) in told.into_iter().chain([("pad_token_id", padding.map(Value::from))]) {
            if let Some(id) = id {
                config.insert(name.to_owned(), id);
            }
        }
    }
}

/// An object that is one.
pub(super) fn object(value: Value) -> Map<String, Value> {
    if let Value::Object(map) = value { map } else { Map::new() }
}
