//! Word times against those of a synthesiser, and agreement of right texts against that of wrong ones.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use slm_core::audio;
use slm_core::models::ctc::CtcPosteriors;
use slm_core::models::speech::SpeechModel;
use slm_train::data::manifest::Utterance;

/// Where each word of an utterance begins, in seconds, by audio file; `None` where the synthesiser does not tell.
pub type WordTimes = BTreeMap<String, Vec<Option<f64>>>;

/// Reads `fixtures/word_times.json`.
///
/// # Errors
///
/// A file that cannot be read.
pub fn read_word_times() -> Result<WordTimes, Box<dyn Error>> {
    Ok(serde_json::from_slice(&std::fs::read(crate::fixtures().join("word_times.json"))?)?)
}

/// How far the start of each word is from where the synthesiser has it, in seconds; later is positive.
///
/// # Errors
///
/// Audio that cannot be read, and a model that cannot listen.
pub fn start_errors(
    model: &SpeechModel,
    utterances: &[Utterance],
    times: &WordTimes,
) -> Result<Vec<f64>, Box<dyn Error>> {
    let mut errors = Vec::new();
    for utterance in utterances {
        let name = utterance.audio_filepath.file_name().map_or(Path::new(""), Path::new);
        let Some(expected) = times.get(&format!("wav/{}", name.display())) else { continue };
        let posteriors = listen(model, &[&utterance.audio_filepath])?;
        let aligned = model.align(&utterance.text, &posteriors)?.ok_or("the model has no labels")?;
        if aligned.words.len() != expected.len() {
            return Err(
                format!("{} of {} words: {}", aligned.words.len(), expected.len(), utterance.text).into()
            );
        }
        let starts = aligned.words.iter().map(|word| word.start);
        errors.extend(starts.zip(expected).filter_map(|(start, expected)| Some(start - (*expected)?)));
    }
    Ok(errors)
}

/// Agreements of texts with the sound.
#[derive(Debug, Default)]
pub struct Agreements {
    /// Of true transcripts, of one utterance and of two in a row.
    pub right: Vec<f64>,
    /// Of another utterance's text.
    pub other: Vec<f64>,
    /// Of two utterances in a row without the text of one.
    pub dropped: Vec<f64>,
    /// Of an utterance with the text of another added.
    pub added: Vec<f64>,
}

impl Agreements {
    /// The agreements of all utterances, each with the next.
    ///
    /// # Errors
    ///
    /// Audio that cannot be read, and a model that cannot listen.
    pub fn of(model: &SpeechModel, utterances: &[Utterance]) -> Result<Self, Box<dyn Error>> {
        let mut all = Self::default();
        for (index, one) in utterances.iter().enumerate() {
            let next = &utterances[(index + 1) % utterances.len()];
            let single = listen(model, &[&one.audio_filepath])?;
            let double = listen(model, &[&one.audio_filepath, &next.audio_filepath])?;
            let both = format!("{} {}", one.text, next.text);
            let agreement = |text: &str, sound: &CtcPosteriors| -> Result<f64, Box<dyn Error>> {
                Ok(model.align(text, sound)?.ok_or("the model has no labels")?.agreement.value())
            };
            all.right.extend([agreement(&one.text, &single)?, agreement(&both, &double)?]);
            all.other.push(agreement(&next.text, &single)?);
            all.dropped.extend([agreement(&one.text, &double)?, agreement(&next.text, &double)?]);
            all.added.push(agreement(&both, &single)?);
        }
        Ok(all)
    }
}

/// What the model hears of audio files in a row.
fn listen(model: &SpeechModel, paths: &[&Path]) -> Result<CtcPosteriors, Box<dyn Error>> {
    let mut samples = Vec::new();
    for path in paths {
        samples.extend(audio::read(path)?.samples);
    }
    let heard = model.listen(&[&samples])?.into_iter().next().ok_or("no audio")?;
    heard.posteriors.ok_or_else(|| "the encoder has no CTC head".into())
}

/// The area under the curve: how often a right value is above a wrong one, equal ones counting half.
pub fn area_under_curve(right: &[f64], wrong: &[f64]) -> f64 {
    let above = |a: f64, b: f64| if a > b { 1.0 } else { f64::from(u8::from(a >= b)) / 2.0 };
    let sum: f64 = right.iter().flat_map(|&a| wrong.iter().map(move |&b| above(a, b))).sum();
    sum / (right.len() * wrong.len()) as f64
}

/// The middle value.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
