//! Which passages of a recording a question is about, by the words of their transcripts.
//!
//! Passages are ranked as BM25 ranks them: a word counts by how often a passage has it, and the more the fewer passages
//! have it, so that common words decide nothing. Nothing is known of the language. Words count as alike by the trigrams
//! of characters that they share, as questions inflect words and transcripts misspell names.

use std::collections::BTreeSet;

/// How soon further occurrences of a word stop to count.
const SATURATION: f64 = 1.2;
/// How much long passages are discounted.
const LENGTH_DISCOUNT: f64 = 0.75;
/// Letters of a word from which on it counts in full: in most languages the words that say little are short.
const FULL_LENGTH: usize = 6;
/// Letters that a word must have to be looked for in other spellings.
const MIN_SPELLED: usize = 4;
/// The share of common trigrams from which on two words are alike.
const MIN_SIMILARITY: f64 = 0.4;

/// Three characters of a word; its ends have a blank beside them.
type Trigrams = BTreeSet<[char; 3]>;

/// Passages and what they have of the words of a question. What they say is not kept.
#[derive(Debug)]
pub(super) struct Ranking {
    words: Vec<QuestionWord>,
    passages: Vec<Passage>,
    /// Words of all passages.
    total: usize,
}

#[derive(Debug)]
struct QuestionWord {
    text: String,
    trigrams: Trigrams,
    weight: f64,
    /// How many passages have it; one that has a similar word counts in part.
    found_in: f64,
}

#[derive(Debug)]
struct Passage {
    /// How often it has each word of the question; less than 1 where it has only words like it.
    counts: Vec<f64>,
    /// Its length in words.
    length: usize,
}

impl Ranking {
    /// Without passages, for a question.
    pub(super) fn new(question: &str) -> Self {
        let mut words: Vec<QuestionWord> = Vec::new();
        for text in words_of(question) {
            if words.iter().all(|word| word.text != text) {
                let weight = text.chars().count().min(FULL_LENGTH) as f64 / FULL_LENGTH as f64;
                words.push(QuestionWord { trigrams: trigrams(&text), weight, found_in: 0.0, text });
            }
        }
        Self { words, passages: Vec::new(), total: 0 }
    }

    /// Takes the transcript of the passage that follows.
    pub(super) fn add(&mut self, transcript: &str) {
        let mut passage = Passage { counts: vec![0.0; self.words.len()], length: 0 };
        for said in words_of(transcript) {
            passage.length += 1;
            let said_trigrams = trigrams(&said);
            for (word, count) in self.words.iter().zip(&mut passage.counts) {
                // Words like it count once, so that several are not more than the word itself.
                *count = if word.text == said {
                    count.floor() + 1.0
                } else {
                    count.max(word.similarity(&said_trigrams))
                };
            }
        }
        for (word, count) in self.words.iter_mut().zip(&passage.counts) {
            word.found_in += count.min(1.0);
        }
        self.total += passage.length;
        self.passages.push(passage);
    }

    /// How well a passage matches the question, among those that were added so far; 0 for not at all.
    pub(super) fn score(&self, passage: usize) -> f64 {
        let Some(Passage { counts, length }) = self.passages.get(passage) else { return 0.0 };
        let passages = self.passages.len() as f64;
        let mean_length = (self.total as f64 / passages).max(1.0);
        let length = *length as f64 / mean_length;
        let room = SATURATION * (1.0 - LENGTH_DISCOUNT + LENGTH_DISCOUNT * length);
        let of_word = |(word, &count): (&QuestionWord, &f64)| {
            if count <= 0.0 {
                return 0.0;
            }
            let rarity = ((passages - word.found_in + 0.5) / (word.found_in + 0.5)).ln_1p();
            word.weight * rarity * count * (SATURATION + 1.0) / (count + room)
        };
        self.words.iter().zip(counts).map(of_word).sum()
    }
}

impl QuestionWord {
    /// What another word that was said counts for this one: less than 1, and 0 where they are not alike.
    fn similarity(&self, said_trigrams: &Trigrams) -> f64 {
        if self.text.chars().count() < MIN_SPELLED {
            return 0.0;
        }
        let common = self.trigrams.intersection(said_trigrams).count();
        let similarity = 2.0 * common as f64 / (self.trigrams.len() + said_trigrams.len()) as f64;
        if similarity < MIN_SIMILARITY { 0.0 } else { similarity * similarity }
    }
}

/// The words of a text in lower case.
fn words_of(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

fn trigrams(word: &str) -> Trigrams {
    let padded: Vec<char> = std::iter::once(' ').chain(word.chars()).chain(std::iter::once(' ')).collect();
    padded.windows(3).map(|three| [three[0], three[1], three[2]]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranked(question: &str, passages: &[&str]) -> Ranking {
        let mut ranking = Ranking::new(question);
        for passage in passages {
            ranking.add(passage);
        }
        ranking
    }

    /// The passage that matches best, the first of equals.
    fn best(question: &str, passages: &[&str]) -> Option<usize> {
        let ranking = ranked(question, passages);
        let scores: Vec<f64> = (0..passages.len()).map(|index| ranking.score(index)).collect();
        let best = (0..passages.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b]).then(b.cmp(&a)))?;
        (scores[best] > 0.0).then_some(best)
    }

    const PASSAGES: [&str; 6] = [
        "take the butter off the shopping list",
        "remind anita to call sebastian on saturday",
        "all lights off except in the garage",
        "Reschedule the rehearsal with Martin to Monday.",
        "when is the lunch with olivia",
        "who is it and what is the matter with the door",
    ];

    #[test]
    fn the_passage_with_the_rare_words_of_the_question_is_found() {
        for (question, expected) in [
            ("Who should call Sebastian?", 1),
            ("what is to be removed from the shopping list", 0),
            ("where should the light stay on", 2),
            ("what is the new day of the REHEARSAL", 3),
            ("is the lunch with olivia or with martin or with olivia", 4),
        ] {
            assert_eq!(best(question, &PASSAGES), Some(expected), "{question}");
        }
    }

    #[test]
    fn inflections_and_misspellings_match_and_count_less_than_the_word() {
        assert_eq!(best("who was rescheduling", &PASSAGES), Some(3));
        assert_eq!(best("sebastien", &PASSAGES), Some(1));
        assert_eq!(best("Fréya", &["good morning", "my name is freya"]), Some(1));
        assert_eq!(best("martin", &["ask martina and martins", "no", "call martin then now"]), Some(2));
        // Short words have too few letters for that.
        assert_eq!(best("in", &["inn", "ink"]), None);
    }

    #[test]
    fn words_that_all_passages_have_decide_nothing() {
        let passages: Vec<String> = (0..50)
            .map(|n| if n == 31 { "so the wedding then".into() } else { format!("so the the the {n}") })
            .collect();
        let passages: Vec<&str> = passages.iter().map(String::as_str).collect();
        assert_eq!(best("so when is the wedding", &passages), Some(31));
    }

    #[test]
    fn equal_passages_score_alike_and_others_nothing() {
        let ranking = ranked("anna", &["call anna", "call anna", "call bob", ""]);
        assert!(ranking.score(0) > 0.0);
        assert_eq!(ranking.score(0).to_bits(), ranking.score(1).to_bits());
        assert_eq!((ranking.score(2), ranking.score(3), ranking.score(4)), (0.0, 0.0, 0.0));
        assert_eq!(best("?!", &PASSAGES), None);
        assert_eq!(best("anna", &[]), None);
    }

    #[test]
    fn a_long_passage_does_not_win_by_its_length() {
        let long = "anna and then much else that was said about many other things ".repeat(5);
        let ranking = ranked("where is anna", &[&long, "anna is in rome", "nothing", "no"]);
        assert!(ranking.score(1) > ranking.score(0));
    }

    #[test]
    fn a_word_becomes_worth_less_when_more_passages_have_it() {
        let mut ranking = ranked("where is anna", &["anna", "bob"]);
        let before = ranking.score(0);
        ranking.add("anna again");
        assert!(ranking.score(0) < before);
    }
}
