//! How well a stretch of sound supports a text, whatever labels spell it.
//!
//! Paper: Graves et al. 2006, *Connectionist Temporal Classification*, section 4.1, with the maximum in place of the
//! sum (Viterbi), over all labels that spell the next characters in place of one given label.

use std::ops::Range;

use super::posteriors::CtcPosteriors;
use super::spelling::LabelSpelling;

/// A label in a text: it spells the characters from one place to another.
struct Step {
    label: u32,
    from: usize,
    to: usize,
}

/// The log of the probability of the best path that spells `way` and nothing else in `frames`, over that of the best
/// path there: 0 or less, and negative infinity where there is none.
pub(super) fn support(
    spelling: &LabelSpelling,
    way: &str,
    posteriors: &CtcPosteriors,
    frames: Range<usize>,
) -> f32 {
    let text: Vec<char> = way.split(' ').flat_map(|word| std::iter::once(' ').chain(word.chars())).collect();
    let blank = posteriors.blank();
    let steps = steps(spelling, &text, posteriors);
    // The steps that end at each place.
    let mut ending = vec![Vec::new(); text.len() + 1];
    for (index, step) in steps.iter().enumerate() {
        ending[step.to].push(index);
    }
    let frames = frames.start..frames.end.min(posteriors.frames());
    // The first word of all may lack its space.
    let is_first = (0..frames.start).all(|t| posteriors.best(t).0 == blank);
    // After a blank, by the characters spelled; and after a label, by its step.
    let mut after_blank = vec![f32::NEG_INFINITY; text.len() + 1];
    let mut after_label = vec![f32::NEG_INFINITY; steps.len()];
    after_blank[0] = 0.0;
    if is_first && text.len() > 1 {
        after_blank[1] = 0.0;
    }
    for t in frames {
        let (frame, (_, best)) = (posteriors.frame(t), posteriors.best(t));
        let lag = |label: u32| frame[label as usize] - best;
        let mut next_blank = after_blank.clone();
        for (step, &score) in steps.iter().zip(&after_label) {
            next_blank[step.to] = next_blank[step.to].max(score);
        }
        for score in &mut next_blank {
            *score += lag(blank);
        }
        let next_label = steps.iter().zip(&after_label).map(|(step, &stays)| {
            // A label that follows itself needs a blank between.
            let before = ending[step.from].iter().filter(|&&one| steps[one].label != step.label);
            let moves = before.map(|&one| after_label[one]).fold(after_blank[step.from], f32::max);
            stays.max(moves) + lag(step.label)
        });
        let next_label: Vec<f32> = next_label.collect();
        (after_blank, after_label) = (next_blank, next_label);
    }
    ending[text.len()].iter().map(|&one| after_label[one]).fold(after_blank[text.len()], f32::max)
}

/// All labels that spell a part of `text`.
fn steps(spelling: &LabelSpelling, text: &[char], posteriors: &CtcPosteriors) -> Vec<Step> {
    let known = |label: u32| (label as usize) < posteriors.labels() && label != posteriors.blank();
    let places = |(label, spelled): (u32, &[char])| {
        let length = spelled.len();
        let begins = (0..text.len()).filter(|&from| text[from..].starts_with(spelled));
        begins.map(|from| Step { label, from, to: from + length }).collect::<Vec<_>>()
    };
    spelling.all().filter(|&(label, _)| known(label)).flat_map(places).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctc::made_up::{labels, posteriors, sure};

    const PIECES: [&str; 6] = ["a", "n", "▁", "▁an", "na", "b"];

    #[test]
    fn every_spelling_counts_and_no_other_text() {
        let spelling = LabelSpelling::new(&labels(&PIECES)).unwrap();
        let of = |way: &str, frames: &[&str]| {
            let sound = sure(&PIECES, frames, 0.94);
            support(&spelling, way, &sound, 0..sound.frames())
        };
        assert!(of("anna", &["-", "▁an", "-", "na", "na", "-"]).abs() < 1e-6);
        assert!(of("anna", &["▁", "a", "n", "-", "n", "a"]).abs() < 1e-6);
        // The same label twice needs a blank between, the first word no space, and all that is said counts.
        let once = of("anna", &["▁", "a", "n", "n", "a"]);
        assert!((once - (0.01_f32 / 0.94).ln()).abs() < 1e-4, "{once}");
        assert!(of("anna", &["-", "a", "n", "na", "-"]).abs() < 1e-6);
        assert!(of("an", &["▁an", "-", "na"]) < -4.0);
        assert!(of("ab", &["▁an"]).is_infinite());
    }

    #[test]
    fn a_stretch_is_judged_alone() {
        let spelling = LabelSpelling::new(&labels(&PIECES)).unwrap();
        let frames: [&[(&str, f32)]; 4] =
            [&[("b", 0.94)], &[("▁an", 0.6), ("▁", 0.3)], &[("-", 0.5), ("a", 0.4)], &[("b", 0.94)]];
        let sound = posteriors(&PIECES, &frames);
        assert!(support(&spelling, "an", &sound, 1..3).abs() < 1e-6);
        let other = support(&spelling, "a", &sound, 1..3);
        assert!((other - (0.5_f32 * 0.8).ln()).abs() < 1e-5, "{other}");
        // In the midst of speech a word needs its space.
        assert!(support(&spelling, "a", &sound, 2..3).is_infinite());
    }
}
