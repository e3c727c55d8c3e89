//! The Conformers of the wav2vec 2.0 line: [`bert`] reads filter-bank frames, [`conformer`] the waveform.
//!
//! Their files name the parts of a block alike, and differently from Parakeet's.

pub mod bert;
pub mod config;
pub mod conformer;
pub mod convolution_adapter;
pub mod length_adapter;
pub mod projection;
pub mod waveform;

pub use bert::Wav2Vec2Bert;
pub use config::{Wav2Vec2BertConfig, Wav2Vec2ConformerConfig};
pub use conformer::Wav2Vec2Conformer;

use config::BlockKeys;

use crate::checkpoint::json::JsonError;
use crate::checkpoint::tensors::WeightFiles;
use crate::checkpoint::{CONFIG_FILE, Checkpoint};
use crate::encoder::error::EncoderError;

/// What a norm of PyTorch adds to a variance where nothing is said.
const DEFAULT_EPSILON: f64 = 1e-5;

/// The labels of the CTC head, for the weight `files` of `checkpoint`; `None` where they have no head.
pub(super) fn head_labels(
    blocks: &BlockKeys,
    files: &WeightFiles,
    checkpoint: &Checkpoint,
) -> Result<Option<usize>, EncoderError> {
    if !files.contains("lm_head.weight") {
        return Ok(None);
    }
    let path = checkpoint.path_of(CONFIG_FILE);
    let labels = blocks.labels().map_err(|problem| JsonError::Invalid { path, problems: vec![problem] })?;
    Ok(Some(labels))
}

/// Parts of our paths and what the files have in their place; the first that fits counts.
const NAMES: [(&str, &str); 16] = [
    (".feed_forward1.linear1.", ".ffn1.intermediate_dense."),
    (".feed_forward1.linear2.", ".ffn1.output_dense."),
    (".feed_forward2.linear1.", ".ffn2.intermediate_dense."),
    (".feed_forward2.linear2.", ".ffn2.output_dense."),
    (".self_attn.q_proj.", ".self_attn.linear_q."),
    (".self_attn.k_proj.", ".self_attn.linear_k."),
    (".self_attn.v_proj.", ".self_attn.linear_v."),
    (".self_attn.o_proj.", ".self_attn.linear_out."),
    (".self_attn.position.linear.", ".self_attn.linear_pos."),
    (".self_attn.position.bias_", ".self_attn.pos_bias_"),
    (".self_attn.position.", ".self_attn."),
    (".norm_feed_forward1.", ".ffn1_layer_norm."),
    (".norm_feed_forward2.", ".ffn2_layer_norm."),
    (".norm_self_att.", ".self_attn_layer_norm."),
    (".norm_conv.", ".conv_module.layer_norm."),
    (".norm_out.", ".final_layer_norm."),
];

/// The name in the file of a tensor of a block, given as its path from the encoder on; `norm` is what the
/// norm inside the convolution module is called.
fn block_name(path: &str, norm: &str) -> String {
    if let Some((head, tail)) = path.split_once(".conv.norm.") {
        return format!("{head}.conv_module.{norm}.{tail}");
    }
    for (ours, theirs) in NAMES {
        if path.contains(ours) {
            return path.replacen(ours, theirs, 1);
        }
    }
    path.replacen(".conv.", ".conv_module.", 1)
}
