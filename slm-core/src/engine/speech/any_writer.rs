//! Any of the kinds of writers.

use super::adapted::Adapted;
use super::ctc_writer::CtcWriter;
use super::recogniser::RecogniserWriter;
use super::speech_llm::SpeechLlm;
use super::whisper::WhisperWriter;
use super::writer::Writer;

/// What writes a model's answers.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum AnyWriter {
    /// A language model behind an adapter.
    Adapted(Box<Adapted>),
    /// The language model of a published speech language model.
    SpeechLlm(Box<SpeechLlm>),
    /// The labels of the encoder's own CTC head.
    Ctc(CtcWriter),
    /// The decoder of a recogniser, after ids that say language and task.
    Recogniser(Box<RecogniserWriter>),
    /// The decoder of Whisper.
    Whisper(Box<WhisperWriter>),
    /// One of tests.
    #[cfg(all(test, feature = "flex"))]
    Failing(Box<super::failing::Failing>),
}

impl AnyWriter {
    /// Whether it tells the times of words itself, where the encoder has no labels to do it by.
    pub fn tells_times(&self) -> bool {
        matches!(self, Self::Whisper(_))
    }

    pub(super) fn of(&self) -> &dyn Writer {
        match self {
            Self::Adapted(writer) => &**writer,
            Self::SpeechLlm(writer) => &**writer,
            Self::Ctc(writer) => writer,
            Self::Recogniser(writer) => &**writer,
            Self::Whisper(writer) => &**writer,
            #[cfg(all(test, feature = "flex"))]
            Self::Failing(writer) => &**writer,
        }
    }

    pub(super) fn of_mut(&mut self) -> &mut dyn Writer {
        match self {
            Self::Adapted(writer) => &mut **writer,
            Self::SpeechLlm(writer) => &mut **writer,
            Self::Ctc(writer) => writer,
            Self::Recogniser(writer) => &mut **writer,
            Self::Whisper(writer) => &mut **writer,
            #[cfg(all(test, feature = "flex"))]
            Self::Failing(writer) => &mut **writer,
        }
    }
}
