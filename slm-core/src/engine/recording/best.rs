//! The stretches of a recording that match a question best.

use super::packed::Packed;
use super::stretch::{Chosen, Stretch, room_for};
use crate::engine::retrieve::Ranking;
use crate::engine::warning::AudioPart;

/// The share of the best score that a stretch must have to be given beside the best: one that shares only common words
/// with the question would distract from it.
const MIN_SHARE: f64 = 0.25;

/// Stretches with their transcripts, ranked by what they have of a question. The transcripts of all are kept, and the
/// samples of the best, so that the memory does not grow with them: which are the best changes as more are added, so
/// there is room for more than are needed.
#[derive(Debug)]
pub(super) struct BestStretches {
    ranking: Ranking,
    heard: Vec<Heard>,
    /// Samples that are kept.
    kept: usize,
    /// Samples that are kept at most.
    room: usize,
}

#[derive(Debug)]
struct Heard {
    start: usize,
    text: String,
    /// Its samples, while it is among the best.
    samples: Option<Packed>,
}

impl BestStretches {
    /// Without stretches, for a question; at most `room` samples are kept.
    pub(super) fn new(question: &str, room: usize) -> Self {
        Self { ranking: Ranking::new(question), heard: Vec::new(), kept: 0, room }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.heard.is_empty()
    }

    /// Takes the stretch that follows, and drops the samples of those that match worst where there is no room.
    pub(super) fn add(&mut self, start: usize, samples: &[f32], text: String) {
        self.ranking.add(&text);
        self.kept += samples.len();
        self.heard.push(Heard { start, text, samples: Some(Packed::new(samples)) });
        while self.kept > self.room {
            let kept = self.ranked();
            let Some(&worst) = kept.last().filter(|_| kept.len() > 1) else { return };
            let dropped = self.heard[worst].samples.take();
            self.kept -= dropped.map_or(0, |samples| samples.len());
        }
    }

    /// The stretches to answer from, which take `limit` samples at most together: all where they fit, else the best. One
    /// is chosen whatever its length.
    pub(super) fn choose(self, limit: usize) -> Chosen {
        let ranked = self.ranked();
        let length = |index: usize| self.heard[index].samples.as_ref().map_or(0, Packed::len);
        let all: usize = ranked.iter().map(|&index| room_for(length(index))).sum();
        if ranked.len() == self.heard.len() && all <= limit {
            return self.chosen(ranked, None);
        }
        let most = ranked.first().map_or(0.0, |&best| self.ranking.score(best));
        let part = if most > 0.0 { AudioPart::Matching } else { AudioPart::Beginning };
        let mut left = limit;
        let mut taken: Vec<usize> = Vec::new();
        for index in ranked {
            if self.ranking.score(index) < most * MIN_SHARE {
                break;
            }
            match left.checked_sub(room_for(length(index))) {
                Some(rest) => left = rest,
                None if taken.is_empty() => left = 0,
                // A shorter one may fit, which is not the beginning any more where none matches.
                None if part == AudioPart::Matching => continue,
                None => break,
            }
            taken.push(index);
        }
        self.chosen(taken, Some(part))
    }

    /// Those whose samples are kept, the best first, of equals the earlier.
    fn ranked(&self) -> Vec<usize> {
        let kept = self.heard.iter().enumerate().filter(|(_, heard)| heard.samples.is_some());
        let mut scored: Vec<(f64, usize)> =
            kept.map(|(index, _)| (self.ranking.score(index), index)).collect();
        scored.sort_by(|one, other| other.0.total_cmp(&one.0));
        scored.into_iter().map(|(_, index)| index).collect()
    }

    fn chosen(mut self, mut indices: Vec<usize>, part: Option<AudioPart>) -> Chosen {
        indices.sort_unstable();
        let stretches = indices.into_iter().filter_map(|index| {
            let heard = &mut self.heard[index];
            let samples = heard.samples.take()?.unpacked();
            Some(Stretch { start: heard.start, samples, text: Some(std::mem::take(&mut heard.text)) })
        });
        Chosen { stretches: stretches.collect(), part }
    }

    /// Bytes of the samples that are kept.
    #[cfg(test)]
    pub(super) fn sample_bytes(&self) -> usize {
        let kept = self.heard.iter().filter_map(|heard| heard.samples.as_ref());
        kept.map(|samples| samples.len() * size_of::<i16>()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: usize = crate::audio::SAMPLE_RATE as usize;

    /// Stretches of a second each, with these texts.
    fn heard(question: &str, room: usize, texts: &[&str]) -> BestStretches {
        let mut best = BestStretches::new(question, room * SECOND);
        for (index, text) in texts.iter().enumerate() {
            best.add(index * SECOND, &vec![index as f32; SECOND], (*text).to_owned());
        }
        best
    }

    fn starts(chosen: &Chosen) -> Vec<usize> {
        chosen.stretches.iter().map(|stretch| stretch.start / SECOND).collect()
    }

    const TEXTS: [&str; 6] =
        ["call bob", "buy jam", "anna and martin", "buy tea", "martin again", "call bob"];

    #[test]
    fn the_best_are_chosen_in_the_order_of_time() {
        let chosen = heard("where is martin and anna", 100, &TEXTS).choose(3 * SECOND);
        assert_eq!((starts(&chosen), chosen.part), (vec![2, 4], Some(AudioPart::Matching)));
        assert_eq!(chosen.stretches[1].text.as_deref(), Some("martin again"));
        assert!((chosen.stretches[1].samples[7] - 4.0).abs() < 1e-3);
        // One goes whatever its length.
        let chosen = heard("anna", 100, &TEXTS).choose(SECOND / 2);
        assert_eq!(starts(&chosen), [2]);
    }

    #[test]
    fn all_are_chosen_where_they_fit() {
        let chosen = heard("anna", 100, &TEXTS).choose(10 * SECOND);
        assert_eq!((starts(&chosen), chosen.part), ((0..6).collect(), None));
        assert!(heard("anna", 100, &[]).choose(SECOND).stretches.is_empty());
    }

    #[test]
    fn without_a_match_the_beginning_is_chosen() {
        let chosen = heard("zebra", 3, &TEXTS).choose(3 * SECOND);
        assert_eq!((starts(&chosen), chosen.part), (vec![0, 1], Some(AudioPart::Beginning)));
    }

    #[test]
    fn memory_does_not_grow_and_the_best_stay() {
        let mut best = BestStretches::new("when does olivia arrive", 5 * SECOND);
        for index in 0..400 {
            let text = match index {
                3 | 250 => "olivia arrives today",
                _ if index % 2 == 0 => "somebody arrives",
                _ => "nothing",
            };
            best.add(index * SECOND, &vec![0.1; SECOND], text.into());
            assert!(best.sample_bytes() <= 5 * SECOND * size_of::<i16>(), "after {index}");
            assert_eq!(best.sample_bytes(), best.kept * size_of::<i16>());
        }
        let chosen = best.choose(3 * SECOND);
        assert_eq!(starts(&chosen), [3, 250]);
    }
}
