//! One model of those that are stored in few bits: what becomes of its files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use burn::tensor::{DType, TensorData};

use super::error::QuantizeError;
use crate::checkpoint::gguf::{BlockType, Quantized, quantize};
use crate::checkpoint::tensors::{
    SafetensorsWriter, TensorEntry, TensorForm, TensorOutline, TensorProblem, TensorReader, WeightsError,
};
use crate::checkpoint::{
    ADAPTER_CONFIG_FILE, ADAPTER_WEIGHTS_FILE, CARD_FILE, CONFIG_FILE, Checkpoint, Layout, TOKENIZER_FILES,
    TOKENIZER_SETTINGS_FILE, WEIGHTS_FILE, WeightFiles,
};
use crate::engine::backend::Backend;
use crate::engine::contents::Part;
use crate::engine::error::Error;
use crate::nn::weights::{ComputeType, Kept, Placement, Reading, StoragePlan};

/// The folder in that of a SALM that has the files of its language model.
const ORIGIN: &str = "llm";
/// The largest tokenizer that is taken out of a GGUF file.
const MAX_CONTENT_BYTES: u64 = 64 << 20;

/// What becomes of one model.
#[derive(Debug)]
pub(super) struct PartPlan {
    pub(super) part: Part,
    pub(super) checkpoint: Checkpoint,
    /// Files that are copied as they are, folders included.
    copied: Vec<String>,
    /// Files that a GGUF file stands for.
    within: Vec<&'static str>,
    /// The tensors that are written anew; none where the weights are copied.
    pub(super) tensors: Vec<TensorOutline>,
    /// Large matrices that stay as they are, as their rows are no whole blocks.
    pub(super) left: Vec<String>,
}

/// Told of the bytes that were written.
pub(super) type Observer<'a> = &'a mut dyn FnMut(u64) -> ControlFlow<()>;

impl PartPlan {
    /// Finds out what becomes of a model, large matrices in `compute`.
    pub(super) fn new(part: Part, checkpoint: Checkpoint, compute: ComputeType) -> Result<Self, Error> {
        let plan = StoragePlan::default();
        let placement = Placement::new(&Backend::first()?)
            .with_compute(compute)
            .with_reading(Reading::Shapes)
            .with_plan(&plan);
        part.parameters(&checkpoint, &placement)?;
        let files = part.weights(&checkpoint)?;
        let left = plan.left(compute).into_iter().collect();
        let tensors = outlines(&files, &plan.kept(compute), &plan.of_tokens())?;
        let (copied, within) = small_files(part, &checkpoint)?;
        Ok(Self { part, checkpoint, copied, within, tensors, left })
    }

    /// A model whose files are all copied as they are.
    pub(super) fn whole(part: Part, checkpoint: Checkpoint) -> Result<Self, Error> {
        let copied = checkpoint.model_files()?;
        Ok(Self { part, checkpoint, copied, within: Vec::new(), tensors: Vec::new(), left: Vec::new() })
    }

    /// Whether a bundle names the file: what people read it does not.
    pub(super) fn is_listed(name: &str) -> bool {
        !is_text(name)
    }

    /// The matrices in few bits of each type.
    pub(super) fn matrices(&self) -> BTreeMap<&'static str, usize> {
        let mut found = BTreeMap::new();
        for tensor in &self.tensors {
            if let TensorForm::Blocks(kind) = tensor.form {
                *found.entry(kind.name()).or_default() += 1;
            }
        }
        found
    }

    /// Whether a matrix has another form than before.
    pub(super) fn changes(&self) -> Result<bool, Error> {
        let files = self.part.weights(&self.checkpoint)?;
        let is_new = |tensor: &TensorOutline| match tensor.form {
            TensorForm::Blocks(_) => {
                files.entry(&tensor.name).is_some_and(|entry| entry.few_bits().is_none())
            }
            TensorForm::Floats(..) => false,
        };
        Ok(self.tensors.iter().any(is_new))
    }

    /// Bytes of its files.
    pub(super) fn bytes(&self) -> u64 {
        let size = |name: &String| fs::metadata(self.checkpoint.path_of(name)).map_or(0, |found| found.len());
        let tensors = self.tensors.iter().filter_map(TensorOutline::bytes);
        self.copied.iter().map(size).chain(tensors).sum()
    }

    /// Writes its files into `dir`, which is there and empty, and gives their names.
    pub(super) fn write(&self, dir: &Path, observer: Observer<'_>) -> Result<Vec<String>, Error> {
        for name in &self.copied {
            let to = dir.join(name);
            let copied = to.parent().map_or(Ok(()), fs::create_dir_all);
            let copied = copied.and_then(|()| fs::copy(self.checkpoint.path_of(name), &to));
            let bytes = copied.and_then(|bytes| synced(&to).map(|()| bytes));
            let bytes = bytes.map_err(|source| QuantizeError::Write { path: to, source })?;
            tell(observer, bytes)?;
        }
        for name in &self.within {
            let (to, content) = (dir.join(name), self.checkpoint.read(name, MAX_CONTENT_BYTES)?);
            let written = fs::write(&to, content).and_then(|()| synced(&to));
            written.map_err(|source| QuantizeError::Write { path: to, source })?;
        }
        let mut names: Vec<String> = self.copied.clone();
        names.extend(self.within.iter().map(|name| (*name).to_owned()));
        if !self.tensors.is_empty() {
            self.write_tensors(&dir.join(WEIGHTS_FILE), observer)?;
            names.push(WEIGHTS_FILE.to_owned());
        }
        Ok(names)
    }

    fn write_tensors(&self, path: &Path, observer: Observer<'_>) -> Result<(), Error> {
        let files = self.part.weights(&self.checkpoint)?;
        let mut reader = TensorReader::new(&files);
        let mut writer = SafetensorsWriter::create(path, &self.tensors)?;
        for tensor in &self.tensors {
            let bytes = match tensor.form {
                TensorForm::Blocks(kind) => matrix(&files, &mut reader, tensor, kind)?.into_bytes(),
                TensorForm::Floats(..) => little_endian(&reader.read(&tensor.name)?),
            };
            writer.write(&tensor.name, &bytes)?;
            tell(observer, bytes.len() as u64)?;
        }
        Ok(writer.finish()?)
    }
}

/// Tells of bytes, and ends where that is wanted.
pub(super) fn tell(observer: Observer<'_>, bytes: u64) -> Result<(), Error> {
    if observer(bytes).is_break() { Err(Error::Cancelled) } else { Ok(()) }
}

/// Has the file at `path` on the disk.
fn synced(path: &Path) -> std::io::Result<()> {
    fs::File::options().append(true).open(path)?.sync_all()
}

/// What is written of each tensor. What no module reads stays as it is, but for what is no float and for copies of matrices.
fn outlines(
    files: &WeightFiles,
    kept: &BTreeMap<String, Kept>,
    of_tokens: &BTreeSet<String>,
) -> Result<Vec<TensorOutline>, WeightsError> {
    let mut reader = TensorReader::new(files);
    let mut found: Vec<TensorOutline> = Vec::new();
    for name in files.names() {
        let Some(entry) = files.entry(name) else { continue };
        let form = match kept.get(name) {
            Some(Kept::Blocks(kind)) => Some(TensorForm::Blocks(*kind)),
            None if is_copy(name, entry, files, of_tokens, &mut reader)? => None,
            Some(Kept::Floats(_)) | None => floats_of(entry),
        };
        found.extend(form.map(|form| TensorOutline { name: name.clone(), shape: entry.shape.clone(), form }));
    }
    // Wide values first, so that each lies where one of its type may.
    let width = |tensor: &TensorOutline| match tensor.form {
        TensorForm::Floats(_, size) => size,
        TensorForm::Blocks(_) => 1,
    };
    found.sort_by_key(|tensor| std::cmp::Reverse(width(tensor)));
    Ok(found)
}

/// The form of floats as a file has them; those in few bits that must be floats have 32.
fn floats_of(entry: &TensorEntry) -> Option<TensorForm> {
    let known = [("F64", 8), ("F32", 4), ("F16", 2), ("BF16", 2)];
    let same = known.into_iter().find(|(name, _)| *name == entry.dtype);
    let full = entry.few_bits().map(|_| ("F32", 4));
    same.or(full).map(|(name, size)| TensorForm::Floats(name, size))
}

/// Whether a tensor that no module reads has the values of an embedding: a tied head that was saved beside it. Beside blocks it
/// would be taken for a head of its own.
fn is_copy(
    name: &str,
    entry: &TensorEntry,
    files: &WeightFiles,
    of_tokens: &BTreeSet<String>,
    reader: &mut TensorReader<'_>,
) -> Result<bool, WeightsError> {
    for other in of_tokens.iter().filter(|_| entry.is_float()) {
        if files.entry(other).is_some_and(|found| found == entry) && reader.are_same(name, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A matrix in blocks: those that it has, or such of `kind`.
pub(super) fn matrix(
    files: &WeightFiles,
    reader: &mut TensorReader<'_>,
    tensor: &TensorOutline,
    kind: BlockType,
) -> Result<Quantized, WeightsError> {
    if let Some(stored) = reader.read_few_bits(&tensor.name)? {
        return Ok(stored);
    }
    let values = reader.read(&tensor.name)?.convert_dtype(DType::F32);
    let values = values.as_slice::<f32>().unwrap_or_default();
    let shape = [tensor.shape.first().copied().unwrap_or_default(), tensor.shape.iter().skip(1).product()];
    let finite = || values.iter().all(|value| value.is_finite());
    let found = quantize(kind, shape, values).filter(|_| finite());
    found.ok_or_else(|| {
        let name = tensor.name.clone();
        let problem = match values.iter().position(|value| !value.is_finite()) {
            Some(first) => {
                let count = values.iter().filter(|value| !value.is_finite()).count();
                TensorProblem::NonFinite { name, count, first }
            }
            None => TensorProblem::TooLarge { name, dtype: kind.name().to_owned() },
        };
        WeightsError::Tensors { path: files.path().into(), problems: vec![problem] }
    })
}

/// The values as files have them.
fn little_endian(data: &TensorData) -> Vec<u8> {
    let bytes = data.as_bytes();
    if cfg!(target_endian = "little") {
        return bytes.to_vec();
    }
    bytes.chunks_exact(data.dtype().size()).flat_map(|value| value.iter().rev().copied()).collect()
}

/// Whether a file is for people to read.
fn is_text(name: &str) -> bool {
    name == CARD_FILE || name.starts_with("LICENSE") || name.starts_with("NOTICE")
}

/// The files beside the weights: those that are copied, and those that a GGUF file stands for.
fn small_files(part: Part, checkpoint: &Checkpoint) -> Result<(Vec<String>, Vec<&'static str>), Error> {
    let weights = checkpoint.weight_names()?;
    let mut copied = checkpoint.model_files()?;
    copied.retain(|name| !weights.contains(name));
    let is_adapter = |name: &str| name == ADAPTER_CONFIG_FILE || name == ADAPTER_WEIGHTS_FILE;
    let beside = checkpoint.files().iter().filter(|name| is_text(name) || is_adapter(name));
    copied.extend(beside.cloned());
    let origin = checkpoint.path_of(ORIGIN);
    if part == Part::NemoSpeechLlm && origin.is_dir() {
        let origin = Checkpoint::open(&origin)?;
        copied.extend(origin.files().iter().map(|name| format!("{ORIGIN}/{name}")));
    }
    let within = [CONFIG_FILE, TOKENIZER_FILES[0], TOKENIZER_SETTINGS_FILE];
    let is_within = |name: &&str| {
        checkpoint.layout() == Layout::Gguf && checkpoint.has(name) && !copied.iter().any(|copy| copy == name)
    };
    let within = within.into_iter().filter(is_within).collect();
    Ok((copied, within))
}
