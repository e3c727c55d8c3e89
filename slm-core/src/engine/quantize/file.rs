//! A language model in few bits in one GGUF file, which other programs read too.

use std::path::Path;

use burn::tensor::DType;
use serde::Deserialize;

use super::error::QuantizeError;
use super::part::{Observer, PartPlan, matrix, tell};
use crate::checkpoint::gguf::{BlockType, Decoder, GgufOutline, GgufWriter, Quantized};
use crate::checkpoint::tensors::{TensorForm, TensorOutline, TensorReader};
use crate::checkpoint::{CONFIG_FILE, Checkpoint, TOKENIZER_FILES};
use crate::engine::contents::Part;
use crate::engine::error::Error;
use crate::llm::CausalConfig;
use crate::nn::weights::ComputeType;
use crate::text::chat::ChatTemplate;
use crate::text::{MAX_TOKENIZER_BYTES, TextTokenizer};

/// Positions of a config that does not speak of them.
const POSITIONS: usize = 2048;
/// What both tokenizers must cut alike: words, numbers, spaces, lines, and letters of other alphabets.
const PROBES: [&str; 5] = [
    "The quick brown fox jumps over the lazy dog.",
    "It's 7:30, isn't it? WE'LL see: 12 + 345678 = 345690.",
    "  two  spaces,\n\nlines\r\n\tand tabs ",
    "naïve café, Köln, 漢字, Привет ☃ 😀",
    "def f(x):\n    return x**2  # done",
];

/// What is read of the config beside the sizes.
#[derive(Deserialize)]
struct Raw {
    max_position_embeddings: Option<usize>,
    bos_token_id: Option<i64>,
    pad_token_id: Option<i64>,
}

/// What is written to a file.
pub(super) struct FilePlan<'a> {
    checkpoint: &'a Checkpoint,
    config: CausalConfig,
    decoder: Decoder,
    /// Each with its name in the file.
    tensors: Vec<(&'a TensorOutline, GgufOutline)>,
}

/// Whether a file is asked for, and not a folder.
pub(super) fn is_file(out: &Path) -> bool {
    out.extension().is_some_and(|extension| extension == crate::checkpoint::gguf::EXTENSION)
}

impl<'a> FilePlan<'a> {
    /// For the file `out`, with large matrices in `compute`.
    pub(super) fn new(part: &'a PartPlan, compute: ComputeType, out: &Path) -> Result<Self, Error> {
        let refused = |reason: String| Error::from(QuantizeError::File { out: out.into(), reason });
        let checkpoint = &part.checkpoint;
        let model_type = checkpoint.model_type()?.unwrap_or_default();
        let unknown = || refused(format!("no such file is written for a model of type `{model_type}`"));
        if part.part != Part::Llm || !Decoder::is_known(&model_type) {
            return Err(unknown());
        }
        let config = CausalConfig::from_checkpoint(checkpoint)?;
        let raw: Raw = checkpoint.json(CONFIG_FILE)?;
        let name = checkpoint.place().file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let positions = raw.max_position_embeddings.unwrap_or(POSITIONS);
        let mut decoder = config.gguf(&model_type, &name, positions).ok_or_else(unknown)?;
        if let Some(kind) = compute.block_type() {
            decoder.blocks(kind);
        }
        if !checkpoint.has(TOKENIZER_FILES[0]) {
            return Err(refused(format!("the model has no `{}`", TOKENIZER_FILES[0])));
        }
        let content = checkpoint.read(TOKENIZER_FILES[0], MAX_TOKENIZER_BYTES)?;
        decoder.tokenizer(&content, config.vocab_size).map_err(refused)?;
        let id = |id: Option<i64>| id.and_then(|id| u32::try_from(id).ok());
        // Of two, the tokenizer's own ends a text, and the other one a turn.
        let named = ChatTemplate::special_token(checkpoint, "eos_token")?;
        let own = TextTokenizer::from_checkpoint(checkpoint)?;
        let named = named.and_then(|piece| own.id_of(&piece)).filter(|id| config.ends.contains(id));
        let end = named.or(config.ends.first().copied());
        let turn = config.ends.iter().copied().find(|id| Some(*id) != end);
        for (name, id) in
            [("bos", id(raw.bos_token_id)), ("eos", end), ("eot", turn), ("padding", id(raw.pad_token_id))]
        {
            if let Some(id) = id {
                decoder.id(name, id);
            }
        }
        if let Some((template, _)) = ChatTemplate::source(checkpoint)? {
            decoder.chat_template(&template);
        }
        let tensors = part.tensors.iter().map(|tensor| {
            let name = Decoder::tensor_name(&tensor.name)
                .ok_or_else(|| refused(format!("the file has no name for tensor `{}`", tensor.name)))?;
            Ok((tensor, GgufOutline { name, kind: kind_of(tensor), shape: tensor.shape.clone() }))
        });
        let tensors = tensors.collect::<Result<_, Error>>()?;
        Ok(Self { checkpoint, config, decoder, tensors })
    }

    /// Writes the file to `path`, which is not there, and reads it again: what it does not hold is told for `out`.
    pub(super) fn write(&self, path: &Path, out: &Path, observer: Observer<'_>) -> Result<(), Error> {
        let refused = |reason: String| Error::from(QuantizeError::File { out: out.into(), reason });
        let factors = self.config.rope_factors();
        let factors = factors.and_then(|factors| Decoder::rope_factors(&factors));
        let mut outlines: Vec<GgufOutline> =
            self.tensors.iter().map(|(_, outline)| outline.clone()).collect();
        outlines.extend(factors.as_ref().map(|(name, tensor)| GgufOutline {
            name: (*name).to_owned(),
            kind: tensor.kind(),
            shape: tensor.shape().to_vec(),
        }));
        let files = self.checkpoint.weights()?;
        let mut reader = TensorReader::new(&files);
        let mut writer = GgufWriter::create(path, self.decoder.metadata(), outlines)?;
        for (tensor, outline) in &self.tensors {
            let found = match tensor.form {
                TensorForm::Blocks(kind) => Some(matrix(&files, &mut reader, tensor, kind)?),
                TensorForm::Floats(..) => {
                    let values = reader.read(&tensor.name)?.convert_dtype(float_of(outline.kind));
                    Quantized::new(outline.kind, tensor.shape.clone(), values.as_bytes().to_vec())
                }
            };
            let found = found.and_then(|found| self.decoder.tensor(&outline.name, found));
            let found =
                found.ok_or_else(|| refused(format!("tensor `{}` does not fit its heads", tensor.name)))?;
            let bytes = found.bytes().len() as u64;
            writer.write(&outline.name, &found)?;
            tell(observer, bytes)?;
        }
        if let Some((name, tensor)) = &factors {
            writer.write(name, tensor)?;
        }
        writer.finish()?;
        self.read_again(path).and_then(|lost| match lost {
            None => Ok(()),
            Some(lost) => Err(refused(lost)),
        })
    }

    /// What the file at `path` says otherwise than the model.
    fn read_again(&self, path: &Path) -> Result<Option<String>, Error> {
        let file = Checkpoint::open(path)?;
        let lost = self.config.differences(&CausalConfig::from_checkpoint(&file)?);
        if !lost.is_empty() {
            return Ok(Some(format!("the file does not hold what the config says: {}", lost.join(", "))));
        }
        let (own, found) =
            (TextTokenizer::from_checkpoint(self.checkpoint)?, TextTokenizer::from_checkpoint(&file)?);
        for text in PROBES {
            if own.encode(text)? != found.encode(text)? {
                return Ok(Some("its tokenizer cuts texts otherwise in such a file".to_owned()));
            }
        }
        Ok(None)
    }
}

/// The type that a tensor has in the file: vectors have 32 bits, as programs that read such files expect it.
fn kind_of(tensor: &TensorOutline) -> BlockType {
    match tensor.form {
        TensorForm::Blocks(kind) => kind,
        TensorForm::Floats("F16", _) if tensor.shape.len() > 1 => BlockType::F16,
        TensorForm::Floats("BF16", _) if tensor.shape.len() > 1 => BlockType::Bf16,
        TensorForm::Floats(..) => BlockType::F32,
    }
}

/// The type of the floats.
fn float_of(kind: BlockType) -> DType {
    match kind {
        BlockType::F16 => DType::F16,
        BlockType::Bf16 => DType::BF16,
        _ => DType::F32,
    }
}
