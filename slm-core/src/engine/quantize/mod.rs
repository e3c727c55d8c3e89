//! Storing a model with its large matrices in few bits, so that it loads without their being made each time.
//!
//! What is stored is what [`ComputeType`] keeps when a model is loaded in it: the same matrices in the same blocks. So a model
//! that was stored says what the one that it was made from says in that type. Matrices lie in `model.safetensors`, see
//! [`SafetensorsWriter`](crate::checkpoint::tensors::SafetensorsWriter); all other files are copied.

mod error;
mod file;
mod part;

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

pub use error::QuantizeError;

use self::file::{FilePlan, is_file};
use self::part::{Observer, PartPlan};
use super::contents::{Contents, Part};
use super::error::Error;
use super::model::Model;
use crate::checkpoint::bundle::{Bundle, BundleManifest};
use crate::checkpoint::gguf::EXTENSION;
use crate::checkpoint::{Checkpoint, Layout};
use crate::nn::weights::{ComputeType, Progress};

/// A model that is to be stored with its large matrices in few bits. Nothing is written yet.
#[derive(Debug)]
pub struct Quantization {
    compute: ComputeType,
    /// What a bundle says of itself.
    manifest: Option<BundleManifest>,
    parts: Vec<PartPlan>,
}

/// What becomes of one model of a [`Quantization`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuantizedPart {
    /// `encoder`, `llm`, `adapter`, `recogniser` or `model`.
    pub name: &'static str,
    /// How many matrices get blocks of each type, by the type's name.
    pub matrices: Vec<(&'static str, usize)>,
    /// Large matrices that stay floats, as their rows are no whole blocks.
    pub left: Vec<String>,
}

impl Model {
    /// What it takes to store what lies at `path` with its large matrices in `compute`, a type of few bits. No tensor is read
    /// but for copies of embeddings.
    ///
    /// # Errors
    ///
    /// [`Error`] naming what is damaged, of no known kind, or in no form that can be written so; or that nothing in it would
    /// have fewer bits.
    pub fn quantization(path: impl AsRef<Path>, compute: ComputeType) -> Result<Quantization, Error> {
        let path = path.as_ref();
        if compute.block_type().is_none() {
            return Err(QuantizeError::Type { found: compute.name() }.into());
        }
        let contents = Contents::open(path, &|| true)?;
        let manifest = match &contents {
            Contents::Bundle(bundle) => Some(bundle.manifest().clone()),
            _ => None,
        };
        let of_part = |(part, checkpoint): (Part, Checkpoint)| match unwritable(part, &checkpoint) {
            // It is small, and is in f32 whatever is asked for.
            _ if part == Part::Adapter => PartPlan::whole(part, checkpoint),
            None => PartPlan::new(part, checkpoint, compute),
            // A bundle has it as it is.
            Some(_) if manifest.is_some() => PartPlan::whole(part, checkpoint),
            Some(what) => Err(QuantizeError::Form { place: path.into(), what }.into()),
        };
        let parts: Vec<PartPlan> =
            contents.parts()?.into_iter().map(of_part).collect::<Result<_, Error>>()?;
        let mut changes = false;
        for part in &parts {
            changes |= part.changes()?;
        }
        if !changes {
            let left = parts.into_iter().flat_map(|part| part.left).collect();
            return Err(QuantizeError::Nothing { place: path.into(), compute: compute.name(), left }.into());
        }
        Ok(Quantization { compute, manifest, parts })
    }
}

/// What it is where its weights cannot be written anew.
fn unwritable(part: Part, checkpoint: &Checkpoint) -> Option<&'static str> {
    match (part, checkpoint.layout()) {
        (Part::Lora, _) => Some("a LoRA adapter, which has no large matrices"),
        (_, Layout::Nemo) => Some("an archive of NeMo"),
        (_, Layout::HuggingFace | Layout::Gguf) => None,
    }
}

impl Quantization {
    /// Bytes of the files that will be written, the texts in them that are made anew aside.
    pub fn bytes(&self) -> u64 {
        self.parts.iter().map(PartPlan::bytes).sum()
    }

    /// What becomes of the models in it.
    pub fn parts(&self) -> Vec<QuantizedPart> {
        let of_part = |part: &PartPlan| QuantizedPart {
            name: part.part.name(),
            matrices: part.matrices().into_iter().collect(),
            left: part.left.clone(),
        };
        self.parts.iter().map(of_part).collect()
    }

    /// Refuses a place for the result that is taken, and a `.gguf` file for what it does not hold.
    ///
    /// # Errors
    ///
    /// [`Error::BadInput`] naming the place, [`Error::Unsupported`] what the file does not hold.
    pub fn check(&self, out: &Path) -> Result<(), Error> {
        if out.symlink_metadata().is_ok() {
            return Err(QuantizeError::Exists { out: out.into() }.into());
        }
        if is_file(out) {
            self.file(out)?;
        }
        Ok(())
    }

    /// What becomes of a language model in the file `out`.
    fn file(&self, out: &Path) -> Result<FilePlan<'_>, Error> {
        if let (None, [part]) = (&self.manifest, self.parts.as_slice()) {
            return FilePlan::new(part, self.compute, out);
        }
        let reason = "a bundle is several models, such a file holds one".to_owned();
        Err(QuantizeError::File { out: out.into(), reason }.into())
    }

    /// Writes the model to the folder `out`, or where that is called `.gguf`, to a file, which other programs read too. It must
    /// not be there, and is there as a whole or not at all: what is written beside it takes its name at the end. `observer` is told
    /// of the progress; where it breaks, nothing is left.
    ///
    /// # Errors
    ///
    /// [`Error`] naming the tensor that cannot have blocks or the file that cannot be written, and [`Error::Cancelled`].
    pub fn write(
        &self,
        out: &Path,
        mut observer: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        self.check(out)?;
        let fail = |path: &Path, source| Error::from(QuantizeError::Write { path: path.into(), source });
        let parent = match out.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent).map_err(|source| fail(parent, source))?;
        // It is removed at the end, whatever becomes of the writing.
        let scratch = tempfile::Builder::new()
            .prefix(".quantize-")
            .tempdir_in(parent)
            .map_err(|source| fail(parent, source))?;
        let dir = scratch.path().join("model");
        let total = self.bytes();
        let mut done = 0;
        let mut count = |bytes: u64| {
            done = total.min(done + bytes);
            observer(Progress { done, total })
        };
        if is_file(out) {
            let path = dir.with_extension(EXTENSION);
            self.file(out)?.write(&path, out, &mut count)?;
            return fs::rename(&path, out).map_err(|source| fail(out, source));
        }
        // Its own folder, with the rights that folders get.
        fs::create_dir(&dir).map_err(|source| fail(&dir, source))?;
        if let Some(manifest) = &self.manifest {
            self.write_bundle(&dir, manifest, &mut count)?;
        } else {
            for part in &self.parts {
                part.write(&dir, &mut count)?;
            }
        }
        fs::rename(&dir, out).map_err(|source| fail(out, source))
    }

    /// Writes the parts into folders of their own, and the manifest with their hashes.
    fn write_bundle(
        &self,
        dir: &Path,
        manifest: &BundleManifest,
        observer: Observer<'_>,
    ) -> Result<(), Error> {
        let mut manifest = BundleManifest {
            writer: BundleManifest::new("").writer,
            description: described(&manifest.description, self.compute),
            ..manifest.clone()
        };
        for part in &self.parts {
            let folder = dir.join(part.part.name());
            fs::create_dir(&folder)
                .map_err(|source| QuantizeError::Write { path: folder.clone(), source })?;
            let files = part.write(&folder, observer)?;
            let own: Vec<&str> =
                files.iter().map(String::as_str).filter(|name| PartPlan::is_listed(name)).collect();
            let hashed = Bundle::hash_part(dir, PathBuf::from(part.part.name()), &own)?;
            match part.part {
                Part::Encoder => manifest.parts.encoder = hashed,
                Part::Llm => manifest.parts.llm = hashed,
                _ => manifest.parts.adapter = hashed,
            }
        }
        Ok(Bundle::write(dir, &manifest)?)
    }
}

/// What a bundle says of itself, and the type of its matrices.
fn described(before: &str, compute: ComputeType) -> String {
    let matrices = format!("large matrices in {}", compute.name());
    if before.is_empty() { matrices } else { format!("{before} ({matrices})") }
}
