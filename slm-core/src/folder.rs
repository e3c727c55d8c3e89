//! What a folder on disk is: a bundle, a speech encoder or a language model, from its small files and the headers of
//! its weights, without reading a tensor.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::bundle::{self, Bundle, BundleError};
use crate::encoder::{self, EncoderError, SpeechEncoder};
use crate::features::{FeatureError, FeatureExtractor};
use crate::folder_card::ModelCard;
use crate::json::{self, JsonError};
use crate::llm::{self, LanguageModel, LlmError};
use crate::nemo::{self, NemoError, NemoModel};
use crate::text::{self, TextTokenizer, TokenizerError};
use crate::weights::{ComputeType, Placement, WeightFiles, WeightsError};

/// Why a folder could not be described or loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// A small file.
    #[error(transparent)]
    Config(#[from] JsonError),
    /// The headers of the weights.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A family that is not known.
    #[error("cannot load config `{}`: `model_type` is `{found}`, known are {}", path.display(), known.join(", "))]
    Family {
        /// `config.json`.
        path: PathBuf,
        /// What it says.
        found: String,
        /// What could stand there.
        known: Vec<&'static str>,
    },
    /// A `.nemo` archive.
    #[error(transparent)]
    Nemo(#[from] NemoError),
    /// The encoder.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// Its features.
    #[error(transparent)]
    Features(#[from] FeatureError),
    /// The language model.
    #[error(transparent)]
    Llm(#[from] LlmError),
    /// The tokenizer.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// Features of another width than the encoder reads.
    #[error("`{}`: features have width {features}, the encoder reads {encoder}", dir.display())]
    FeatureWidth {
        /// The folder.
        dir: PathBuf,
        /// Width of the features that `preprocessor_config.json` asks for.
        features: usize,
        /// Width of the encoder's input.
        encoder: usize,
    },
}

/// What a folder is.
#[derive(Debug)]
pub enum Folder {
    /// A speech encoder, an adapter and a language model, joined by `slm.json`.
    Bundle(Box<Bundle>),
    /// A speech encoder in the layout of Hugging Face.
    Encoder(ModelFolder),
    /// A language model in the layout of Hugging Face.
    LanguageModel(ModelFolder),
}

/// A folder with one model in the layout of Hugging Face.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFolder {
    /// The folder.
    pub dir: PathBuf,
    /// The family, as `config.json` names it.
    pub model_type: String,
    /// The classes that `config.json` names.
    pub architectures: Vec<String>,
    /// Tensors, parameters and types of the weights.
    pub weights: WeightSummary,
    /// What its card states.
    pub card: ModelCard,
    /// Files that the model needs beside the weights and the folder lacks.
    pub missing: Vec<&'static str>,
}

/// What the headers of weight files say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightSummary {
    /// Tensors.
    pub tensors: usize,
    /// Values in all of them.
    pub parameters: u64,
    /// Tensors of each type, by the format's name for it.
    pub dtypes: BTreeMap<String, usize>,
    /// Parameters of each part, by its name.
    pub parts: BTreeMap<&'static str, u64>,
    /// Files that hold them.
    pub files: usize,
    /// Bytes of those files.
    pub bytes: u64,
}

/// The part of a model that a tensor belongs to, by its name in the file.
fn part_of(name: &str) -> &'static str {
    let has = |part: &str| name.split('.').any(|component| component == part);
    if ["lm_head", "ctc_head", "decoder_layers"].iter().any(|part| has(part)) {
        "head"
    } else if has("shared") || has("embed_tokens") {
        "embedding"
    } else if has("decoder") {
        "decoder"
    } else if has("vision_tower") || has("multi_modal_projector") {
        "images"
    } else if has("preprocessor") {
        "features"
    } else {
        "encoder"
    }
}

impl WeightSummary {
    /// Reads the headers in `dir`.
    ///
    /// # Errors
    ///
    /// As [`WeightFiles::open`].
    pub fn read(dir: &Path) -> Result<Self, WeightsError> {
        let files = WeightFiles::open(dir)?;
        let mut dtypes = BTreeMap::new();
        for dtype in files.dtypes() {
            *dtypes.entry(dtype.to_owned()).or_insert(0) += 1;
        }
        let mut parts = BTreeMap::new();
        for (name, values) in files.sizes() {
            *parts.entry(part_of(name)).or_insert(0) += values;
        }
        let size = |path: &PathBuf| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        Ok(Self {
            parts,
            bytes: files.files().iter().map(size).sum(),
            tensors: files.names().count(),
            parameters: files.parameters(),
            dtypes,
            files: files.files().len(),
        })
    }

    /// Bytes that the parameters take in memory, on every backend, with large matrices in `compute`; the little that
    /// is in f32 always is counted like the rest. What is computed comes on top.
    pub fn memory(&self, compute: ComputeType) -> u64 {
        self.parameters * compute.bytes()
    }
}

impl Folder {
    /// Says what `dir` is.
    ///
    /// # Errors
    ///
    /// [`FolderError`] naming the file that is missing, damaged, or of no known family.
    pub fn open(dir: &Path) -> Result<Self, FolderError> {
        #[derive(Deserialize)]
        struct Family {
            #[serde(default)]
            model_type: Option<String>,
            #[serde(default)]
            architectures: Option<Vec<String>>,
        }
        if dir.join(bundle::MANIFEST_NAME).exists() {
            return Ok(Self::Bundle(Box::new(Bundle::open(dir)?)));
        }
        if let Some(archive) = nemo::find(dir) {
            let NemoModel { class, encoder, .. } = NemoModel::open(&archive)?;
            let family = format!("{} (NeMo)", encoder.model_type);
            let classes = class.iter().filter_map(|class| class.rsplit('.').next()).map(str::to_owned);
            return Ok(Self::Encoder(ModelFolder::read(dir, family, classes.collect(), &[])?));
        }
        let path = dir.join("config.json");
        let Family { model_type, architectures } = json::read::<Family>(&path)?;
        let found = model_type.unwrap_or_else(|| "absent".to_owned());
        let architectures = architectures.unwrap_or_default();
        let is = |types: &[&str]| types.contains(&found.as_str());
        if is(&encoder::MODEL_TYPES) {
            let needs = [("preprocessor_config.json", &["preprocessor_config.json"][..])];
            return Ok(Self::Encoder(ModelFolder::read(dir, found, architectures, &needs)?));
        }
        if is(&llm::MODEL_TYPES) {
            let needs = [(text::FILE_NAME, &text::FILE_NAMES[..])];
            return Ok(Self::LanguageModel(ModelFolder::read(dir, found, architectures, &needs)?));
        }
        let known = encoder::MODEL_TYPES.into_iter().chain(llm::MODEL_TYPES).collect();
        Err(FolderError::Family { path, found, known })
    }
}

impl ModelFolder {
    /// `needs` are names of files, each with those that can stand for it.
    fn read(
        dir: &Path,
        model_type: String,
        architectures: Vec<String>,
        needs: &[(&'static str, &[&str])],
    ) -> Result<Self, FolderError> {
        let absent = |names: &[&str]| !names.iter().any(|name| dir.join(name).exists());
        Ok(Self {
            dir: dir.to_owned(),
            model_type,
            architectures,
            card: ModelCard::read(dir),
            weights: WeightSummary::read(dir)?,
            missing: needs.iter().filter(|(_, names)| absent(names)).map(|(name, _)| *name).collect(),
        })
    }

    /// Loads a speech encoder with everything that belongs to it, and checks the parts against each other.
    ///
    /// # Errors
    ///
    /// [`FolderError`] naming the file, the tensors, or the fields that do not fit.
    pub fn load_encoder(&self, placement: impl Into<Placement>) -> Result<SpeechEncoder, FolderError> {
        let model = SpeechEncoder::load(&self.dir, placement)?;
        let features = FeatureExtractor::from_dir(&self.dir)?;
        if features.width() != model.input_width() {
            return Err(FolderError::FeatureWidth {
                dir: self.dir.clone(),
                features: features.width(),
                encoder: model.input_width(),
            });
        }
        if let (Some(labels), Some(tokenizer)) = (model.labels(), TextTokenizer::find(&self.dir)?) {
            tokenizer.check_rows(labels)?;
        }
        Ok(model)
    }

    /// Loads a language model with its tokenizer, and checks them against each other.
    ///
    /// # Errors
    ///
    /// [`FolderError`] naming the file, the tensors, or the fields that do not fit.
    pub fn load_llm(&self, placement: impl Into<Placement>) -> Result<LanguageModel, FolderError> {
        let model = LanguageModel::load(&self.dir, placement)?;
        TextTokenizer::from_dir(&self.dir)?.check_rows(model.vocab_size())?;
        Ok(model)
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use burn::prelude::*;

    fn fixture(name: &str) -> PathBuf {
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/parity")).join(name)
    }

    #[test]
    fn folders_are_told_apart() {
        let Folder::Encoder(encoder) = Folder::open(&fixture("w2v_bert")).unwrap() else {
            panic!("expected an encoder");
        };
        assert_eq!(encoder.model_type, "wav2vec2-bert");
        assert_eq!((encoder.weights.tensors, encoder.weights.files), (69, 1));
        assert_eq!(encoder.architectures, ["Wav2Vec2BertModel"]);
        assert_eq!(encoder.weights.parts.keys().collect::<Vec<_>>(), [&"encoder"]);
        assert_eq!(encoder.weights.memory(ComputeType::F16), 2 * encoder.weights.parameters);
        assert_eq!(encoder.weights.dtypes, BTreeMap::from([("F32".to_owned(), 69)]));
        assert_eq!(encoder.missing, ["preprocessor_config.json"]);
        let Folder::LanguageModel(llm) = Folder::open(&fixture("umt5")).unwrap() else {
            panic!("expected a language model");
        };
        assert_eq!((llm.model_type.as_str(), llm.weights.tensors), ("umt5", 54));
        let parts = &llm.weights.parts;
        assert_eq!(parts.values().sum::<u64>(), llm.weights.parameters);
        assert!(["embedding", "encoder", "decoder"].iter().all(|part| parts[part] > 0), "{parts:?}");
        assert_eq!(llm.missing, ["tokenizer.json"]);
        assert!(llm.load_llm(&Device::flex()).unwrap_err().to_string().contains("tokenizer.json"));
    }

    #[test]
    fn unknown_families_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let error = Folder::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains("config.json"), "{error}");
        std::fs::write(dir.path().join("config.json"), r#"{"model_type": "whisper"}"#).unwrap();
        let error = Folder::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains("`model_type` is `whisper`, known are parakeet_ctc"), "{error}");
    }
}
