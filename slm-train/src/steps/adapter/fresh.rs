//! Rows that are read, changed and turned into features anew for every step, for an encoder that hears them anew.

use std::slice;

use anyhow::Context;
use rand::RngExt;
use rayon::prelude::*;
use slm_core::models::adapter::{HeardToken, LengthReduction};
use slm_core::models::features::{FeatureExtractor, Features};
use slm_core::models::nn::{CtcFrame, EncodedSpeech};
use slm_core::models::text::TextTokenizer;

use super::examples::{Example, Examples};
use super::guess::{self, Guess};
use super::{AdapterStage, Frozen};
use crate::data::augment::{Chain, Moment};
use crate::data::encoded;
use crate::data::manifest::Utterance;
use crate::data::rows::Rows;
use crate::data::speech;
use crate::digest::digest;
use crate::failures;
use crate::training::{Draw, Purpose};

/// Rows among which one to join is looked for.
const TRIES: usize = 8;

/// The sound of a corpus.
pub(super) struct Fresh {
    rows: Rows,
    features: FeatureExtractor,
    chain: Chain,
    seed: u64,
    tokenizer: TextTokenizer,
    /// The id that a target ends with.
    end: u32,
    /// Of each row how many rows the adapter reads at most.
    lengths: Vec<u32>,
    key: String,
}

impl Fresh {
    /// The sound of `rows`, to be changed as `config` says; targets end with the id `end`. All of it is read once before, but
    /// for a dry run, which guesses its lengths from a little of it.
    ///
    /// # Errors
    ///
    /// Audio files, or files of an effect, that cannot be read.
    pub(super) fn new(
        rows: Rows,
        parts: &Frozen,
        config: &AdapterStage,
        reduction: LengthReduction,
        end: u32,
    ) -> anyhow::Result<Self> {
        let augment = config.augment.clone().unwrap_or_default();
        let is_wave = parts.features.width() < 2;
        anyhow::ensure!(!(is_wave && augment.spec.is_some()), "`augment.spec` needs features with bins");
        let chain = augment.prepare()?;
        let length = |row: usize| -> anyhow::Result<u32> {
            let row = rows.get(row)?;
            let samples = speech::samples(&row)?.samples;
            let frames = parts.features.extract(&samples).frames;
            if samples.is_empty() || frames == 0 {
                let path = row.audio_filepath.display();
                anyhow::bail!("audio `{path}` is too short: {} samples", samples.len());
            }
            Ok(most_rows(reduction, frames.div_ceil(parts.encoder.stride())) as u32)
        };
        let lengths_of = |some: &[usize]| -> anyhow::Result<Vec<u32>> {
            let lengths: Vec<_> = some.par_iter().map(|&row| length(row)).collect();
            failures::all(speech::RECORDINGS, lengths)
        };
        let all: Vec<usize> = (0..rows.len()).collect();
        let (keys, lengths) = if config.train.purpose == Purpose::DryRun {
            let some = guess::some(&rows);
            let found = lengths_of(&some)?;
            let known = some.iter().zip(found).map(|(&row, length)| (rows.seconds(row), length as usize));
            let line = Guess::from_known(&known.collect::<Vec<_>>());
            let lengths: Vec<u32> = all.iter().map(|&row| line.rows(rows.seconds(row)) as u32).collect();
            (Vec::new(), lengths)
        } else {
            // What is wrong with the last row is found before the first step.
            (encoded::keys(&rows, &|| Ok(()))?, lengths_of(&all)?)
        };
        let of_sound = (&parts.encoder_hash, parts.features.settings(), keys);
        let key = digest(&(of_sound, chain.identity()));
        Ok(Self {
            lengths,
            features: parts.features.clone(),
            tokenizer: parts.tokenizer.clone(),
            rows,
            chain,
            seed: config.train.seed,
            end,
            key,
        })
    }

    /// A hash of all that the rows depend on, but for the step.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Row `index`.
    ///
    /// # Errors
    ///
    /// Rows that cannot be read again.
    pub(super) fn row(&self, index: usize) -> anyhow::Result<Utterance> {
        self.rows.get(index)
    }

    /// How many rows the adapter reads of row `index` at most, before it is changed.
    pub(super) fn length(&self, index: usize) -> usize {
        self.lengths[index] as usize
    }

    /// Features and targets of a batch.
    ///
    /// # Errors
    ///
    /// Audio that cannot be read, or a joined text without ids.
    pub(super) fn load(
        &self,
        draw: &Draw,
        examples: &Examples,
    ) -> anyhow::Result<(Vec<Features>, Vec<Vec<u32>>)> {
        let loaded = draw.items.iter().map(|&item| {
            let moment = Moment { seed: self.seed, step: draw.step, row: item };
            let (samples, target) = self.joined(moment, examples)?;
            let changed = self.chain.apply(samples.clone(), moment)?;
            let mut features = self.features.extract(&changed);
            if features.frames == 0 {
                // It is too short when it is spoken faster.
                features = self.features.extract(&samples);
            }
            self.chain.mask(&mut features.values, self.features.width(), moment);
            Ok((features, target))
        });
        Ok(loaded.collect::<anyhow::Result<Vec<_>>>()?.into_iter().unzip())
    }

    /// Samples and target of an example, with those of another one of its task, asked alike, after them where they are joined.
    fn joined(&self, moment: Moment, examples: &Examples) -> anyhow::Result<(Vec<f32>, Vec<u32>)> {
        let example = examples.get(moment.row);
        let samples = self.samples(example)?;
        let Some((join, mut rng)) = self.chain.join(moment) else {
            return Ok((samples, example.target.to_vec()));
        };
        let seconds = |example: Example| example.speech.map_or(0.0, |speech| self.rows.seconds(speech));
        let drawn = (0..TRIES).map(|_| examples.get(rng.random_range(0..examples.len() as u64) as usize));
        let other = drawn.into_iter().find(|other| {
            (other.task, other.slots) == (example.task, example.slots)
                && seconds(example) + seconds(*other) <= join.max_seconds
        });
        let Some(other) = other else { return Ok((samples, example.target.to_vec())) };
        let samples = join.apply(samples, &self.samples(other)?, &mut rng);
        Ok((samples, self.targets(example, other)?))
    }

    /// The ids of both texts in one.
    fn targets(&self, first: Example, second: Example) -> anyhow::Result<Vec<u32>> {
        let text = |example: Example| {
            let ids = example.target.strip_suffix(slice::from_ref(&self.end)).unwrap_or(example.target);
            self.tokenizer.decode(ids)
        };
        let mut target = self.tokenizer.encode(&format!("{} {}", text(first)?, text(second)?))?;
        target.push(self.end);
        Ok(target)
    }

    fn samples(&self, example: Example) -> anyhow::Result<Vec<f32>> {
        let row = example.speech.context("an example without speech has no sound")?;
        Ok(speech::samples(&self.row(row)?)?.samples)
    }
}

/// What a reduction leaves of so many states when each has a label of its own, so that no labels join.
fn most_rows(reduction: LengthReduction, states: usize) -> usize {
    let ctc = (0..states).map(|state| CtcFrame { label: state as u32, blank: 0.0 }).collect();
    let speech = EncodedSpeech { states: vec![0.0; states], width: 1, ctc, blank: u32::MAX };
    let tokens: Vec<_> = (0..states).map(|state| HeardToken { id: 0, states: state..state + 1 }).collect();
    reduction.apply(&speech, &tokens).origins.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_rows_of_each_reduction() {
        for (reduction, expected) in [
            (LengthReduction::Stride { every: 2 }, 5),
            (LengthReduction::Random { keep: 0.5 }, 5),
            (LengthReduction::CtcBlank { threshold: 0.5 }, 10),
            (LengthReduction::CtcAverage, 10),
            (LengthReduction::LlmTokens, 10),
            (LengthReduction::Stack { count: 4 }, 3),
        ] {
            assert_eq!(most_rows(reduction, 10), expected, "{reduction:?}");
        }
    }
}
