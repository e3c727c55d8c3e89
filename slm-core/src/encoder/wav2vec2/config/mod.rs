//! Sizes of the wav2vec 2.0 Conformers, as their `config.json` has them.
//!
//! Unknown keys of a file are ignored: most of them are for training. What a file leaves out is as in transformers, where
//! the two models have other defaults.

mod bert;
mod conformer;
mod keys;

pub use bert::Wav2Vec2BertConfig;
pub use conformer::Wav2Vec2ConformerConfig;
pub(super) use keys::NULLS;
pub use keys::{BlockKeys, PositionWord};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::conformer::convolution::ConvolutionNormKind;
    use crate::encoder::model::EncoderSizes;

    fn conformer(text: &str) -> Wav2Vec2ConformerConfig {
        Wav2Vec2ConformerConfig::over_defaults(serde_json::from_str(text).unwrap()).unwrap()
    }

    #[test]
    fn what_a_file_leaves_out_is_as_in_transformers() {
        let bert: Wav2Vec2BertConfig = serde_json::from_str("{}").unwrap();
        assert_eq!(bert, Wav2Vec2BertConfig::default());
        assert_eq!(bert.blocks.position_embeddings_type, Some(PositionWord::RelativeKey));
        assert_eq!(conformer("{}"), Wav2Vec2ConformerConfig::default());
        let found = conformer(r#"{"hidden_size": 96, "position_embeddings_type": null, "tdnn_dim": [1]}"#);
        assert_eq!((found.blocks.hidden_size, found.blocks.intermediate_size), (96, 3072));
        assert_eq!(found.blocks.position_embeddings_type, None);
        assert!(found.problems().is_empty(), "{:?}", found.problems());
        assert!(
            conformer(r#"{"position_embeddings_type": "relative_key"}"#).problems()[0].contains("rotary")
        );
    }

    #[test]
    fn the_epsilon_of_the_file_is_for_the_norms_that_take_it() {
        let bert: Wav2Vec2BertConfig = serde_json::from_str(r#"{"layer_norm_eps": 0.25}"#).unwrap();
        assert!((bert.block().norm_epsilon - 0.25).abs() < f64::EPSILON);
        assert_eq!(bert.block().convolution_norm, ConvolutionNormKind::Layer { epsilon: 0.25 });
        let block = conformer(r#"{"layer_norm_eps": 0.25}"#).block();
        assert!((block.norm_epsilon - 1e-5).abs() < f64::EPSILON);
    }

    #[test]
    fn an_adapter_changes_width_and_rate() {
        let text = r#"{"add_adapter": true, "output_hidden_size": 32, "num_adapter_layers": 2, "adapter_stride": 3}"#;
        let bert: Wav2Vec2BertConfig = serde_json::from_str(text).unwrap();
        assert_eq!((bert.output_width(), bert.stride()), (32, 9));
        let found = conformer(text);
        assert_eq!((found.output_width(), found.stride()), (32, 320 * 9));
        let without = conformer(&text.replace("true", "false"));
        assert_eq!((without.output_width(), without.stride()), (768, 320));
    }
}
