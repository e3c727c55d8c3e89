//! The transcripts of what is learnt from. They lie in the file of rows, and are read when a batch asks for them.

use anyhow::Context;
use slm_core::models::prompt::PromptIds;
use slm_core::models::text::TextTokenizer;

use super::AdapterJob;
use super::pieces::ctc_labels;
use crate::data::manifest::Utterance;

impl AdapterJob {
    /// The pieces that the CTC loss labels the adapter's outputs with.
    pub(super) fn ctc_labels(&self) -> &TextTokenizer {
        ctc_labels(self.labels.as_ref(), &self.tokenizer)
    }

    /// What the teacher reads of `examples`, which have speech, each in its phrasing.
    ///
    /// # Errors
    ///
    /// Rows that cannot be read again.
    pub(super) fn taught(&self, examples: &[usize], phrasings: &[usize]) -> anyhow::Result<Vec<PromptIds>> {
        let taught = examples.iter().zip(phrasings).map(|(&item, &phrasing)| {
            let row = self.row_of(item)?;
            let example = self.train.examples.get(item);
            let taught = self.prompts.taught_by(&example, phrasing, &row.text);
            taught.with_context(|| format!("`{}`", row.audio_filepath.display()))
        });
        taught.collect()
    }

    /// The labels of the transcripts of `examples`, which have speech.
    ///
    /// # Errors
    ///
    /// As [`Self::taught`].
    pub(super) fn labelled(&self, examples: &[usize]) -> anyhow::Result<Vec<Vec<u32>>> {
        let labelled = examples.iter().map(|&item| {
            let row = self.row_of(item)?;
            let labels = self.ctc_labels().encode(&row.text);
            labels.with_context(|| format!("`{}`", row.audio_filepath.display()))
        });
        labelled.collect()
    }

    fn row_of(&self, item: usize) -> anyhow::Result<Utterance> {
        let speech = self.train.examples.get(item).speech.context("an example without speech is not said")?;
        self.train.row(speech)
    }
}
