//! An adapter that starts from the labels of a CTC head.

use std::collections::BTreeSet;

use super::{AdapterConfig, AdapterKind, AdapterShape, LengthReduction, OutputSpace, TransformerShape};
use burn::prelude::*;

use super::SoftTokensStart;
use crate::nn::PaddedBatch;

fn config(reduction: LengthReduction, labels: Option<usize>) -> AdapterConfig {
    AdapterConfig {
        encoder_dim: 2,
        llm_dim: 2,
        labels,
        shape: AdapterShape {
            reduction,
            encoder_layers: BTreeSet::new(),
            kind: AdapterKind::Transformer(TransformerShape {
                output: OutputSpace::SoftTokens,
                hidden_size: 4,
                num_layers: 1,
                num_heads: 2,
                intermediate_size: 4,
                dropout: 0.0,
            }),
        },
    }
}

/// Before training the adapter's output is the expected embedding, computed here by hand.
#[test]
fn a_fresh_adapter_mixes_the_embeddings_of_the_labels() {
    let device = Device::flex();
    let (head, bias) = ([[2.0_f32, 0.0], [0.0, 1.0], [1.0, 1.0]], [0.5_f32, 0.0, -0.5]);
    let embeddings = [[1.0_f32, 2.0], [-3.0, 4.0], [0.0, 0.0]];
    let config = config(LengthReduction::CtcAverage, Some(3));
    assert!(config.problems().is_empty());
    let adapter = config.init(&device).with_soft_tokens(SoftTokensStart {
        head: Tensor::from_data(head, &device),
        head_bias: Tensor::from_data(bias, &device),
        embeddings: Tensor::from_data(embeddings, &device),
    });
    let state = [0.7_f32, -0.2];
    let output = adapter.forward(&PaddedBatch::from_rows(&[&state], 2, &device));
    let output: Vec<f32> = output.values().into_data().try_to_vec().unwrap();

    let scores: Vec<f32> = head
        .iter()
        .zip(bias)
        .map(|(row, bias)| (row[0] * state[0] + row[1] * state[1] + bias).exp())
        .collect();
    let sum: f32 = scores.iter().sum();
    for (column, found) in output.iter().enumerate() {
        let expected: f32 = scores.iter().zip(embeddings).map(|(score, row)| score / sum * row[column]).sum();
        assert!((found - expected).abs() < 1e-5, "{found}, expected {expected}");
    }
}

#[test]
fn stacked_states_and_encoders_without_labels_are_refused() {
    let config = config(LengthReduction::Stack { count: 2 }, None);
    assert_eq!(config.problems().len(), 2);
}
