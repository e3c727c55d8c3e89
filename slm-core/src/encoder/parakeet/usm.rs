//! USM, the paper's own speech encoder: its published shape, for those who have such weights or train them.
//!
//! Paper: *Google USM*, arXiv 2303.01037, table 2 and section 2.2: Conformers of 0.6 and 2 billion parameters over 128
//! log-mel bins, 25 states a second, attention in chunks of 8 s. Its weights are closed. Where it is silent, this is what
//! the Conformer's paper says (arXiv 2005.08100): SiLU, batch norm, Transformer-XL positions, feed-forward layers four
//! times as wide; the frames are subsampled as Parakeet's are.

use super::config::{ParakeetEncoderConfig, USM_ENCODER};

/// States of a chunk: 8 s.
const CHUNK: usize = 200;

/// The published sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UsmSize {
    /// 24 blocks of width 1024, 8 heads.
    B06,
    /// 32 blocks of width 1536, 16 heads.
    B2,
}

impl ParakeetEncoderConfig {
    /// USM in one of its published sizes.
    pub fn usm(size: UsmSize) -> Self {
        let (hidden_size, num_hidden_layers, num_attention_heads) = match size {
            UsmSize::B06 => (1024, 24, 8),
            UsmSize::B2 => (1536, 32, 16),
        };
        Self {
            model_type: USM_ENCODER.into(),
            hidden_size,
            num_hidden_layers,
            num_attention_heads,
            intermediate_size: 4 * hidden_size,
            conv_kernel_size: 5,
            subsampling_factor: 4,
            num_mel_bins: 128,
            scale_input: false,
            attention_chunk_size: Some(CHUNK),
            ..Self::default()
        }
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use crate::checkpoint::Checkpoint;
    use crate::encoder::conformer::span::{AttentionSpan, SharedAttention};
    use crate::encoder::model::{EncoderModel, EncoderSizes};
    use crate::encoder::parakeet::{Parakeet, ParakeetConfig};
    use crate::nn::weights::{StorageType, parameter_count};
    use crate::nn::{MASKED, PaddedBatch, Watch};
    use burn::prelude::*;
    use burn::tensor::Distribution;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn presets_have_the_published_sizes() {
        for (size, billions) in [(UsmSize::B06, 0.6), (UsmSize::B2, 2.0)] {
            let config = ParakeetConfig::bare(ParakeetEncoderConfig::usm(size));
            assert!(config.problems().is_empty(), "{:?}", config.problems());
            let found = parameter_count(config.init(&Device::flex())) as f64 / 1e9;
            assert!((found / billions - 1.0).abs() < 0.1, "{size:?}: {found}");
        }
    }

    fn tiny(chunk: Option<usize>) -> ParakeetConfig {
        ParakeetConfig::bare(ParakeetEncoderConfig {
            hidden_size: 16,
            num_hidden_layers: 2,
            num_attention_heads: 2,
            intermediate_size: 24,
            subsampling_conv_channels: 4,
            num_mel_bins: 16,
            attention_chunk_size: chunk,
            ..ParakeetEncoderConfig::usm(UsmSize::B06)
        })
    }

    fn frames(length: usize, device: &Device) -> Tensor<3> {
        Tensor::random([1, length, 16], Distribution::Normal(0.0, 1.0), device)
    }

    /// The naive twin: full attention with a mask that hides other chunks, one layer of one model.
    #[test]
    fn chunks_are_full_attention_under_a_block_diagonal_mask() {
        let device = Device::flex();
        device.seed(11);
        let (time, chunk) = (11, 4);
        let full = tiny(None).encoder_config.block();
        let attention = full.attention().init(&device);
        let x = Tensor::<3>::random([2, time, 16], Distribution::Normal(0.0, 1.0), &device);
        let lengths = vec![11, 6];
        let batch = PaddedBatch::new(x.clone(), lengths.clone());
        let values = batch.values();
        let shared = |span| SharedAttention::new(span, &batch, &Watch::default());
        let found = attention.forward(values.clone(), &shared(AttentionSpan::Chunked { frames: chunk }));
        let mut all = shared(full.span);
        let hidden: Vec<f32> = lengths
            .iter()
            .flat_map(|&length| {
                (0..time).flat_map(move |query| {
                    (0..time).map(
                        move |key| {
                            if key < length && query / chunk == key / chunk { 0.0 } else { MASKED }
                        },
                    )
                })
            })
            .collect();
        all.mask = Some(Tensor::from_data(TensorData::new(hidden, [2, 1, time, time]), &device));
        let expected = attention.forward(values, &all);
        for (row, &length) in lengths.iter().enumerate() {
            let cut = |x: &Tensor<3>| x.clone().slice([row..row + 1, 0..length, 0..16]);
            let gap = (cut(&found) - cut(&expected)).abs().max().try_into_scalar::<f32>().unwrap();
            assert!(gap < 1e-5, "row {row}: {gap}");
        }
    }

    #[test]
    fn a_row_is_what_it_is_alone_and_a_saved_folder_gives_the_same() {
        let device = Device::flex();
        device.seed(12);
        let model = tiny(Some(5)).init(&device);
        // 100 and 61 frames are 25 and 16 states: whole chunks, and a last one of one state.
        let (long, short) = (frames(100, &device), frames(61, &device));
        let noisy = Tensor::cat(vec![short.clone(), Tensor::ones([1, 39, 16], &device) * 1e3], 1);
        let batch = PaddedBatch::new(Tensor::cat(vec![long, noisy], 0), vec![100, 61]);
        let together = model.forward(&batch);
        assert_eq!(together.lengths(), [25, 16]);
        let alone = model.forward(&PaddedBatch::new(short, vec![61])).values();
        let from_batch = together.values().slice([1..2, 0..16, 0..16]);
        let gap = (from_batch - alone).abs().max().try_into_scalar::<f32>().unwrap();
        assert!(gap < 1e-5, "{gap}");

        let dir = tempfile::tempdir().unwrap();
        model.save(dir.path(), StorageType::F32).unwrap();
        let checkpoint = Checkpoint::open(dir.path()).unwrap();
        let loaded = Parakeet::load(&checkpoint, &device).unwrap();
        assert_eq!(loaded.config().model_type, USM_ENCODER);
        let gap = (loaded.forward(&batch).values() - together.values()).abs().max();
        assert!(gap.try_into_scalar::<f32>().unwrap() < 1e-6);
        let other =
            ParakeetEncoderConfig { attention_chunk_size: Some(5), ..ParakeetEncoderConfig::default() };
        assert!(other.problems()[0].starts_with("`attention_chunk_size` is set"), "{:?}", other.problems());
    }

    #[test]
    fn a_stopped_pass_ends_early_with_states_of_the_right_width() {
        let device = Device::flex();
        let model = tiny(None).init(&device);
        let features = PaddedBatch::new(frames(100, &device), vec![100]);
        let whole = EncoderModel::forward(&model, &features, &Watch::default());
        assert_eq!(whole.dims(), [1, 25, 16]);
        let stopped = Watch::new(Arc::new(AtomicBool::new(true)));
        let [rows, _, width] = EncoderModel::forward(&model, &features, &stopped).dims();
        assert_eq!((rows, width), (1, 16));
        // Memory grows with the length, and not with its square.
        let bytes = |frames| model.config().working_bytes(1, frames) as f64;
        assert!(bytes(40_000) < 11.0 * bytes(4_000), "{} and {}", bytes(40_000), bytes(4_000));
    }
}
