//! What the language model is distilled from: itself, as it is, where it reads the transcript in place of the adapter's rows.
//!
//! Shapes: `B` examples, `L` positions of their answers, `V` vocabulary, `K` tokens that are kept of a position.

use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use burn::prelude::*;
use burn::tensor::Int;
use burn::tensor::activation::log_softmax;
use slm_core::models::llm::LanguageModel;
use slm_core::models::prompt::PromptIds;

use super::input::logits;
use super::kept::{KeptAnswers, Key, Said};
use super::{AdapterStage, Encode, Frozen};
use crate::digest::wide_digest;
use crate::steps::loss::divergence_sum;
use crate::steps::note;
use crate::training::Purpose;

/// Stands for the log-probability of a token that is none.
const NEVER: f32 = -1e4;
/// What a student is taken to give to all tokens but those of the teacher at least.
const LEAST_REST: f64 = 1e-7;

/// The language model reading transcripts.
pub(super) struct Teacher {
    /// Where what it says is kept; none where it is asked in every step.
    kept: Option<Mutex<KeptAnswers>>,
    device: Device,
}

impl Teacher {
    /// The teacher of a stage.
    ///
    /// # Errors
    ///
    /// A folder that cannot be written.
    pub(super) fn new(config: &AdapterStage, parts: &Frozen) -> anyhow::Result<Self> {
        // A dry run writes nothing of this kind.
        let is_kept = config.distil == Encode::Once && config.train.purpose != Purpose::DryRun;
        let kept = if is_kept {
            KeptAnswers::open(&config.cache, &parts.llm_hash, &|text| note(&text))?.map(Mutex::new)
        } else {
            None
        };
        Ok(Self { kept, device: parts.device.clone() })
    }

    /// How far `student`, `[B, L, V]` before the softmax, is from what `llm` says to `prompts`, which have the true transcripts in
    /// the place of speech, summed over the positions of the answers `targets`.
    ///
    /// # Errors
    ///
    /// What is kept cannot be read or written, or the device cannot be read.
    pub(super) fn divergence(
        &self,
        llm: &LanguageModel,
        student: &Tensor<3>,
        prompts: &[PromptIds],
        targets: &[Vec<u32>],
    ) -> anyhow::Result<Tensor<1>> {
        let Some(kept) = &self.kept else {
            let taught = logits(llm, None, prompts, &[], targets, &self.device);
            let lengths: Vec<usize> = targets.iter().map(Vec::len).collect();
            return Ok(divergence_sum(student.clone(), taught, &lengths));
        };
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let said = self.said(llm, &mut kept, prompts, targets)?;
        Ok(divergence_from(student.clone(), &said, &self.device))
    }

    /// What is kept of each prompt; of those of which nothing is, `llm` is asked at once.
    fn said(
        &self,
        llm: &LanguageModel,
        kept: &mut KeptAnswers,
        prompts: &[PromptIds],
        targets: &[Vec<u32>],
    ) -> anyhow::Result<Vec<Vec<Said>>> {
        let key = |row: usize| -> Key { wide_digest(&(prompts[row].parts(), &targets[row])) };
        let mut said: Vec<Option<Vec<Said>>> =
            (0..prompts.len()).map(|row| kept.read(key(row))).collect::<anyhow::Result<_>>()?;
        let missing: Vec<usize> = (0..prompts.len()).filter(|&row| said[row].is_none()).collect();
        if !missing.is_empty() {
            let asked: Vec<PromptIds> = missing.iter().map(|&row| prompts[row].clone()).collect();
            let wanted: Vec<Vec<u32>> = missing.iter().map(|&row| targets[row].clone()).collect();
            let log_probs = log_softmax(logits(llm, None, &asked, &[], &wanted, &self.device), 2);
            let [_, length, vocab] = log_probs.dims();
            let values = log_probs.try_into_vec_as::<f32>().context("cannot read what the teacher says")?;
            let answers: Vec<(Key, Vec<Said>)> = values
                .chunks(length * vocab)
                .zip(&missing)
                .map(|(row, &place)| {
                    let positions = row.chunks(vocab).take(targets[place].len());
                    (key(place), positions.map(Said::of).collect())
                })
                .collect();
            kept.add(&answers)?;
            for (place, (_, answer)) in missing.into_iter().zip(answers) {
                said[place] = Some(answer);
            }
        }
        said.into_iter().collect::<Option<Vec<_>>>().context("the teacher said nothing")
    }
}

/// The divergence of `student`, `[B, L, V]` before the softmax, from what was kept: of the tokens that are there, and of all
/// others as if they were one.
fn divergence_from(student: Tensor<3>, said: &[Vec<Said>], device: &Device) -> Tensor<1> {
    let [batch, length, _] = student.dims();
    let count = said.iter().flatten().map(|said| said.tokens.len()).max().unwrap_or(0).max(1);
    let mut ids = vec![0_i64; batch * length * count];
    let mut log_probs = vec![NEVER; batch * length * count];
    let mut rests = vec![0.0_f32; batch * length];
    for (row, positions) in said.iter().enumerate() {
        for (position, Said { tokens, rest }) in positions.iter().enumerate() {
            let place = row * length + position;
            rests[place] = *rest;
            for (slot, (id, log_prob)) in tokens.iter().enumerate() {
                ids[place * count + slot] = i64::from(*id);
                log_probs[place * count + slot] = *log_prob;
            }
        }
    }
    // p ln p of all that is not kept; 0 where there is none.
    let of_rests: f64 = rests.iter().filter(|&&p| p > 0.0).map(|&p| f64::from(p) * f64::from(p).ln()).sum();
    let shape = [batch, length, count];
    let ids = Tensor::<3, Int>::from_data(TensorData::new(ids, shape), device);
    let taught = Tensor::<3>::from_data(TensorData::new(log_probs, shape), device);
    let rests = Tensor::<2>::from_data(TensorData::new(rests, [batch, length]), device);
    let is_kept = taught.clone().greater_elem(NEVER).float();
    // [B, L, V] -> [B, L, K]
    let student = log_softmax(student, 2).gather(2, ids);
    let of_tokens = (taught.clone().exp() * (taught - student.clone())).sum();
    // [B, L, K] -> [B, L]
    let others = (student.exp() * is_kept).sum_dim(2).reshape([batch, length]).neg() + 1.0;
    let others = others.clamp_min(LEAST_REST).log();
    of_tokens - (rests * others).sum() + of_rests
}

#[cfg(test)]
mod tests {
    use burn::tensor::Distribution;

    use super::*;

    #[test]
    fn of_what_is_kept_it_is_the_divergence_of_all() {
        let device = Device::flex();
        device.seed(9);
        let random = |size| Tensor::<3>::random([3, 4, 300], Distribution::Normal(0.0, size), &device);
        let lengths = [4, 1, 3];
        // Peaked, so that few tokens have nearly all, and flat.
        for size in [6.0, 0.5] {
            let (student, teacher) = (random(1.0), random(size));
            let values = log_softmax(teacher.clone(), 2).try_into_vec_as::<f32>().unwrap();
            let row = |(row, length): (usize, &usize)| -> Vec<Said> {
                let positions = values[row * 4 * 300..].chunks(300).take(*length);
                positions.map(Said::of).collect()
            };
            let said: Vec<Vec<Said>> = lengths.iter().enumerate().map(row).collect();
            let kept = said.iter().flatten().map(|said| said.tokens.len()).max().unwrap();
            assert!(if size > 1.0 { kept < 200 } else { kept > 250 }, "{kept}");
            let expected = divergence_sum(student.clone(), teacher, &lengths).into_scalar::<f32>();
            let found = divergence_from(student, &said, &device).into_scalar::<f32>();
            assert!((found - expected).abs() < 1e-3 * expected, "{found}, expected {expected}");
        }
    }
}
