//! What a model answers.

use crate::ctc::{Aligned, FoundPhrase, Word};
use crate::prompt::Respelled;

use super::request::Keep;
use super::warning::Warning;

/// The answer to a [`Request`](crate::Request) for one input.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Answer {
    /// What the model wrote.
    pub text: String,
    /// Whether the input held nothing to answer, so that the model was not asked.
    pub no_speech: bool,
    /// Whether the model was stopped at the most tokens allowed, in one segment at least.
    pub truncated: bool,
    /// The score of the text, see [`Hypothesis`](crate::models::decode::Hypothesis); the sum over segments.
    pub score: f64,
    /// What the encoder's CTC head made of the sound, where the model has a tokenizer for its labels.
    pub ctc_text: Option<String>,
    /// Duration of the audio; 0 for text.
    pub seconds: f64,
    /// The stretches of audio that went through the model one by one, in order; none for text, and where the request asks
    /// to [keep](Keep) the text alone.
    pub segments: Vec<Segment>,
    /// The stretches that went through no model, in order: with the segments they are all of the audio.
    pub quiet: Vec<Quiet>,
    /// The stretches that the answer rests on, in order, where the task needs all of the audio and it was too long for
    /// that; else none.
    pub sources: Vec<Source>,
    /// Further hypotheses, the best first, where the request asks for several and there is one segment.
    pub alternatives: Vec<Alternative>,
    /// What a reader should know of the answer.
    pub warnings: Vec<Warning>,
    pub(crate) unkept: Unkept,
}

/// What is known of segments that the answer does not keep.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Unkept {
    count: usize,
    /// The worst agreement of all.
    agreement: Option<f64>,
}

/// A stretch of audio that went through the model at once, and its answer. Where the answer has
/// [sources](Answer::sources) it reaches from the first to the last of them.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Segment {
    /// Where it begins, in seconds from the start of the audio.
    pub start: f64,
    /// Where it ends.
    pub end: f64,
    /// What the model wrote for it.
    pub text: String,
    /// The code of the language that is spoken, of a model that tells it.
    pub language: Option<String>,
    /// The text laid onto the sound: word times, support, speech left out. For transcripts, where the encoder has a
    /// CTC head and the model a tokenizer for its labels.
    pub alignment: Option<Aligned>,
    /// The phrases of the request that the sound supports, which the instruction had.
    pub phrases: Vec<FoundPhrase>,
    /// The words of the model that phrases took the place of, in order.
    pub respelled: Vec<Respelled>,
    /// Further hypotheses, the best first.
    pub alternatives: Vec<Alternative>,
    /// Whether the model was stopped at the most tokens allowed.
    pub truncated: bool,
    /// The score of the text.
    pub score: f64,
    /// What the encoder's CTC head made of the sound.
    pub ctc_text: Option<String>,
    /// The tokens of the text: the language model's, or the labels of a CTC model.
    pub tokens: Vec<u32>,
    /// The mean log-probability of a token, the end token included; of a CTC model that of its path, a label.
    pub avg_logprob: f64,
    /// How likely it is that the stretch holds no speech, from 0 to 1.
    pub no_speech_prob: f64,
    /// The temperature at which tokens were drawn; 0 where none were.
    pub temperature: f64,
    /// Bytes of the text over those of it packed by zlib: above 2.4 it repeats itself.
    pub compression_ratio: f64,
    /// Whether the sound supports the text; a text that it does not support at all may be invented.
    pub is_supported: bool,
}

/// A stretch of a long recording that an answer rests on.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Source {
    /// Where it begins, in seconds from the start of the audio.
    pub start: f64,
    /// Where it ends.
    pub end: f64,
    /// Its transcript, by which it was found; `None` where it was not looked for, as the task takes the end of the audio.
    pub text: Option<String>,
}

/// A stretch of audio without speech.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Quiet {
    /// Where it begins, in seconds from the start of the audio.
    pub start: f64,
    /// Where it ends.
    pub end: f64,
    /// What there is in the place of speech.
    pub kind: QuietKind,
}

/// What a stretch without speech holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum QuietKind {
    /// Next to nothing, compared with the rest of the audio.
    Silence,
    /// A sound that is no speech: noise, a hum, tones, music.
    Sound,
    /// A sound for which the model had a text that the sound does not support, which was left out.
    Unsupported,
}

/// Another text that the model might have written.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Alternative {
    /// The text.
    pub text: String,
    /// Its score, as that of the answer.
    pub score: f64,
}

impl Alternative {
    /// Another text and its score.
    pub fn new(text: impl Into<String>, score: f64) -> Self {
        Self { text: text.into(), score }
    }
}

/// Whether a character is neither of a word nor a space.
fn is_mark(c: char) -> bool {
    !c.is_alphanumeric() && !c.is_whitespace()
}

impl Segment {
    /// How well the sound supports the text, where it was laid onto it.
    pub fn agreement(&self) -> Option<f64> {
        self.alignment.as_ref().map(|aligned| aligned.agreement.value())
    }

    /// The words that have times, each after what stands before it in the text: nothing at the begin and in scripts without
    /// spaces. A word that the text does not have comes after a space.
    pub fn words_in_text(&self) -> Vec<(&str, &Word)> {
        let words = self.alignment.as_ref().map(|aligned| aligned.words.as_slice()).unwrap_or_default();
        let mut rest = self.text.trim_start();
        let mut in_text = |word: &'_ Word| match rest.split_once(word.text.as_str()) {
            // Between them may stand marks that no word has.
            Some((gap, after)) if !gap.chars().any(char::is_alphanumeric) => {
                rest = after;
                if gap.trim().is_empty() || !gap.contains(char::is_whitespace) {
                    gap.trim_matches(is_mark)
                } else {
                    " "
                }
            }
            _ => " ",
        };
        words.iter().map(|word| (in_text(word), word)).collect()
    }
}

impl Answer {
    /// How well the sound supports a transcript: the worst of its segments, kept or not, see [`Segment::alignment`].
    pub fn agreement(&self) -> Option<f64> {
        let kept = self.segments.iter().filter_map(Segment::agreement);
        kept.chain(self.unkept.agreement).reduce(f64::min)
    }

    /// Whether a stretch of audio has an answer, be it kept among the segments or not.
    pub fn has_segments(&self) -> bool {
        !self.segments.is_empty() || self.unkept.count > 0
    }

    /// Adds a stretch without speech; one that goes on where the last one ends is one with it.
    pub(crate) fn push_quiet(&mut self, quiet: Quiet) {
        match self.quiet.last_mut() {
            Some(last) if last.kind == quiet.kind && (quiet.start - last.end).abs() < 1e-6 => {
                last.end = quiet.end;
            }
            _ => self.quiet.push(quiet),
        }
    }

    /// Adds the answer to the stretch of audio that follows.
    pub(crate) fn push(&mut self, segment: Segment, keep: Keep) {
        join_words(&mut self.text, &segment.text);
        self.truncated |= segment.truncated;
        self.score += segment.score;
        if let Some(text) = &segment.ctc_text {
            join_words(self.ctc_text.get_or_insert_default(), text);
        }
        self.alternatives = if self.has_segments() { Vec::new() } else { segment.alternatives.clone() };
        match keep {
            Keep::Segments => self.segments.push(segment),
            Keep::Text => {
                let values = [self.unkept.agreement, segment.agreement()];
                self.unkept = Unkept {
                    count: self.unkept.count + 1,
                    agreement: values.into_iter().flatten().reduce(f64::min),
                };
            }
        }
    }
}

/// Appends `next`, a space between, but for writing that has none.
fn join_words(text: &mut String, next: &str) {
    let next = next.trim();
    if let (Some(before), Some(after)) = (text.chars().next_back(), next.chars().next())
        && !(has_no_spaces(before) && has_no_spaces(after))
    {
        text.push(' ');
    }
    text.push_str(next);
}

/// Whether a character is of a script without spaces between words: Thai, Lao, Burmese, Khmer, those of Chinese and Japanese,
/// and their punctuation.
fn has_no_spaces(c: char) -> bool {
    matches!(
        c,
        '\u{e00}'..='\u{eff}'
            | '\u{1000}'..='\u{109f}'
            | '\u{1780}'..='\u{17ff}'
            | '\u{3000}'..='\u{30ff}'
            | '\u{3400}'..='\u{4dbf}'
            | '\u{4e00}'..='\u{9fff}'
            | '\u{ff00}'..='\u{ffef}'
            | '\u{20000}'..='\u{3ffff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctc::Agreement;

    #[test]
    fn words_stand_in_a_text_with_spaces_or_without() {
        let gaps = |text: &str, words: &[&str]| {
            let word = |text: &&str| Word { text: (*text).to_owned(), start: 0.0, end: 1.0, agreement: 1.0 };
            let words = words.iter().map(word).collect();
            let aligned = Aligned { words, skipped: Vec::new(), agreement: Agreement::of_words(0, 1) };
            let segment = Segment { text: text.to_owned(), alignment: Some(aligned), ..Segment::default() };
            segment.words_in_text().iter().map(|(gap, _)| (*gap).to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(gaps(" call anna, now", &["call", "anna,", "now"]), ["", " ", " "]);
        assert_eq!(gaps("今日は。ok 元気", &["今日", "は。", "ok", "元", "気"]), ["", "", "", " ", ""]);
        // A mark that no word has.
        assert_eq!(gaps("今日–元 – 気", &["今日", "元", "気"]), ["", "", " "]);
        // What is left out of the text does not move the others.
        assert_eq!(gaps("call anna", &["call", "me", "anna"]), ["", " ", " "]);
    }

    #[test]
    fn segments_are_joined_as_their_script_is_written() {
        for (texts, expected) in [
            (["one ", "", " two"], "one two"),
            (["ein Wort", "그리고", "하나"], "ein Wort 그리고 하나"),
            (["今日は。", "", "元気です"], "今日は。元気です"),
            (["你好", "ok", "สวัสดี"], "你好 ok สวัสดี"),
        ] {
            let mut answer = Answer::default();
            for text in texts {
                answer.push(Segment { text: text.to_owned(), ..Segment::default() }, Keep::Segments);
            }
            assert_eq!(answer.text, expected);
        }
    }
}
