//! What a file says of a model that is a decoder alone, and how it has its tensors.

use super::ARCHITECTURE;
use super::decoder;
use super::rope::FACTORS;
use crate::checkpoint::gguf::{BlockType, Quantized, Value, tokenizer};

/// How files call such models, by the `model_type` of their config.
const ARCHITECTURES: [(&str, &str); 5] = [
    ("llama", "llama"),
    ("mistral", "llama"),
    ("qwen2", "qwen2"),
    ("qwen3", "qwen3"),
    ("granite", "granite"),
];

/// A model that is a decoder alone, as a file tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoder {
    architecture: &'static str,
    /// Heads of queries and of keys.
    heads: [usize; 2],
    metadata: Vec<(String, Value)>,
}

impl Decoder {
    /// Whether files are written for models whose config has this `model_type`.
    pub fn is_known(model_type: &str) -> bool {
        ARCHITECTURES.iter().any(|(known, _)| *known == model_type)
    }

    /// One whose config has this `model_type`; `None` for one that is not written.
    pub fn new(model_type: &str, name: &str, heads: [usize; 2]) -> Option<Self> {
        let (_, architecture) = ARCHITECTURES.into_iter().find(|(known, _)| *known == model_type)?;
        let text = |text: &str| Value::Text(text.to_owned());
        let mut decoder = Self { architecture, heads, metadata: Vec::new() };
        decoder.metadata.extend([
            (ARCHITECTURE.to_owned(), text(architecture)),
            ("general.name".to_owned(), text(name)),
            // How its blocks are to be read, which has not changed since.
            ("general.quantization_version".to_owned(), Value::Integer(2)),
        ]);
        decoder.integer("attention.head_count", heads[0]);
        decoder.integer("attention.head_count_kv", heads[1]);
        Some(decoder)
    }

    /// Adds the type that most of its matrices have.
    pub fn blocks(&mut self, kind: BlockType) {
        // The numbers of llama.cpp, which it shows people.
        let number = match kind {
            BlockType::Q4_0 => 2,
            BlockType::Q8_0 => 7,
            BlockType::Q4K => 14,
            _ => return,
        };
        self.metadata.push(("general.file_type".to_owned(), Value::Integer(number)));
    }

    /// Adds a whole number about the model.
    pub fn integer(&mut self, key: &str, value: usize) {
        self.metadata.push((format!("{}.{key}", self.architecture), Value::Integer(value as i128)));
    }

    /// Adds a number with a fraction.
    pub fn float(&mut self, key: &str, value: f64) {
        self.metadata.push((format!("{}.{key}", self.architecture), Value::F32(value as f32)));
    }

    /// Adds a text.
    pub fn text(&mut self, key: &str, value: &str) {
        self.metadata.push((format!("{}.{key}", self.architecture), Value::Text(value.to_owned())));
    }

    /// Adds the tokenizer that a `tokenizer.json` defines, for an embedding with `rows`.
    ///
    /// # Errors
    ///
    /// What a file cannot tell of it, as a text.
    pub fn tokenizer(&mut self, content: &[u8], rows: usize) -> Result<(), String> {
        self.metadata.extend(tokenizer::metadata_of(content, rows)?);
        Ok(())
    }

    /// Adds an id with a meaning of its own: `bos`, `eos`, `eot`, `padding` or `unknown`.
    pub fn id(&mut self, name: &str, id: u32) {
        self.metadata.push((format!("tokenizer.ggml.{name}_token_id"), Value::Integer(id.into())));
    }

    /// Adds the template of a dialog.
    pub fn chat_template(&mut self, template: &str) {
        self.metadata.push((tokenizer::TEMPLATE.to_owned(), Value::Text(template.to_owned())));
    }

    /// Its keys and values.
    pub fn metadata(&self) -> &[(String, Value)] {
        &self.metadata
    }

    /// The name in the file of the tensor that transformers calls `name`; `None` for one that a file has no name for.
    pub fn tensor_name(name: &str) -> Option<String> {
        decoder::stored_name(name)
    }

    /// The tensor of this name as the file has it; `None` where its rows do not fit the heads.
    pub fn tensor(&self, name: &str, tensor: Quantized) -> Option<Quantized> {
        decoder::change(self.architecture, name, self.heads).done(tensor)
    }

    /// The tensor of what rotary frequencies are divided by, with its name.
    pub fn rope_factors(factors: &[f32]) -> Option<(&'static str, Quantized)> {
        let bytes = factors.iter().flat_map(|factor| factor.to_le_bytes()).collect();
        Some((FACTORS, Quantized::new(BlockType::F32, vec![factors.len()], bytes)?))
    }
}
