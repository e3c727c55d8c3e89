//! The names that files have for the tensors of the encoder and its head.

use super::config::{CANARY, COHERE_ASR, ParakeetConfig};
use super::nemo::{Head, NemoParakeet};
use super::nemo_names;
use crate::checkpoint::json::JsonError;
use crate::checkpoint::{Checkpoint, WeightFiles};

/// What a whole model of transformers has before the names of its parts.
const WHOLE: &str = "model.";
/// What the encoder is called where it is a part.
const PART: &str = "encoder.";

/// How a checkpoint's files call the tensors.
pub(super) enum FileNames {
    /// As transformers does, after a prefix.
    HuggingFace(&'static str),
    /// As NeMo does, in an archive, or after a prefix in a SALM.
    Nemo(Head, &'static str),
    /// As transformers does, in a model with a decoder, which this encoder does without.
    Part(String),
    /// As NeMo does, in such a model.
    NemoPart(String),
}

impl FileNames {
    /// Those of a checkpoint, whose settings are NeMo's where `nemo` says so.
    pub(super) fn of(
        checkpoint: &Checkpoint,
        nemo: Option<&NemoParakeet>,
        config: &ParakeetConfig,
        files: &WeightFiles,
    ) -> Result<Self, JsonError> {
        if let Some(nemo) = nemo {
            return Ok(Self::Nemo(nemo.head, nemo.prefix));
        }
        // A file as published may lack what transformers writes before all names.
        let whole = format!("{WHOLE}{PART}");
        let is_whole = files.names().any(|name| name.starts_with(&whole));
        let part = if is_whole { whole } else { PART.to_owned() };
        Ok(match checkpoint.model_type()?.as_deref() {
            Some(CANARY) => Self::Part(part),
            Some(COHERE_ASR) => Self::NemoPart(part),
            _ => Self::of_transformers(config),
        })
    }

    /// Those of a folder of the encoder and its head alone.
    pub(super) fn of_transformers(config: &ParakeetConfig) -> Self {
        Self::HuggingFace(if config.has_ctc_head() { PART } else { "" })
    }

    /// The name in the file of the tensor at `path` in [`Parakeet`](super::Parakeet).
    pub(super) fn name(&self, path: &str) -> String {
        match self {
            Self::HuggingFace(prefix) => hf_name(prefix, path),
            Self::Nemo(head, prefix) => {
                format!("{prefix}{}", nemo_names::tensor_name(&hf_name(PART, path), *head))
            }
            Self::Part(prefix) => hf_name(prefix, path),
            Self::NemoPart(prefix) => nemo_names::tensor_name(&hf_name(prefix, path), Head::Absent),
        }
    }

    /// Whether the encoder and its head do without a tensor of the file.
    pub(super) fn ignores(&self, name: &str) -> bool {
        let is_unused = name.ends_with(".num_batches_tracked");
        match self {
            Self::HuggingFace(_) => is_unused,
            Self::Nemo(head, "") => head.ignores(name),
            // The other parts of a SALM are not the encoder's.
            Self::Nemo(_, prefix) => {
                is_unused || name.strip_prefix(prefix).is_none_or(|name| !name.starts_with(PART))
            }
            Self::Part(prefix) | Self::NemoPart(prefix) => is_unused || !name.starts_with(prefix),
        }
    }
}

/// The name that transformers has for the tensor at `path`.
fn hf_name(prefix: &str, path: &str) -> String {
    if path.starts_with("ctc_head.") {
        return path.to_owned();
    }
    // Attention's positions lie beside its projections.
    let path = path
        .replace(".self_attn.position.linear.", ".self_attn.relative_k_proj.")
        .replace(".self_attn.position.", ".self_attn.");
    // `layers` of the file's subsampling count the activations too: 0, (1), 2, 3, (4), 5, 6, (7)
    if let Some(rest) = path.strip_prefix("subsampling.conv_in.") {
        return format!("{prefix}subsampling.layers.0.{rest}");
    }
    if let Some(rest) = path.strip_prefix("subsampling.stages.")
        && let Some((stage, rest)) = rest.split_once('.')
        && let Ok(stage) = stage.parse::<usize>()
        && let Some((part, rest)) = rest.split_once('.')
    {
        let layer = 2 + 3 * stage + usize::from(part == "pointwise");
        return format!("{prefix}subsampling.layers.{layer}.{rest}");
    }
    format!("{prefix}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_has_its_names_and_leaves_the_rest() {
        let path = "layers.3.self_attn.position.bias_u";
        let transformers = FileNames::Part("model.encoder.".to_owned());
        assert_eq!(transformers.name(path), "model.encoder.layers.3.self_attn.bias_u");
        let published = FileNames::NemoPart("encoder.".to_owned());
        assert_eq!(published.name(path), "encoder.layers.3.self_attn.pos_bias_u");
        assert_eq!(
            published.name("subsampling.stages.0.depthwise.weight"),
            "encoder.pre_encode.conv.2.weight"
        );
        for (name, expected) in [
            ("encoder_decoder_proj.bias", true),
            ("preprocessor.featurizer.fb", true),
            ("encoder.layers.0.conv.batch_norm.num_batches_tracked", true),
            ("encoder.layers.0.other.weight", false),
        ] {
            assert_eq!(published.ignores(name), expected, "{name}");
        }
    }
}
