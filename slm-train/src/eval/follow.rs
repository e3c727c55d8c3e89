//! Whether an answer does what was asked, right or wrong.
//!
//! A model that does not follow answers another task: it writes the speech down where a translation was asked for, or
//! replies where a question was put. So an answer follows unless it is empty, is what another task of the same utterance
//! should give, or is much more like that than like its own reference. Likeness is chrF; references of several tasks
//! share words, so that a wrong answer can be a little more like another's without being one.

use super::metrics;
use super::normalise::normalise;

/// The least chrF of an answer that is much like a text.
const LIKE: f64 = 50.0;
/// How much more like another task's text than like its own an answer is that does not follow.
const MARGIN: f64 = 20.0;

/// Whether `answer`, which should be `reference`, does not answer one of the `others`: references of other tasks.
pub fn follows(answer: &str, reference: &str, others: &[&str]) -> bool {
    let like = |text: &str| metrics::chrf(&[text], &[answer]);
    let own = like(reference);
    let plain = normalise(answer);
    let is_right = plain == normalise(reference);
    let is_other = |other: &&str| {
        let likeness = like(other);
        plain == normalise(other) || (likeness >= LIKE && likeness > own + MARGIN)
    };
    is_right || (!plain.is_empty() && !others.iter().any(is_other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_task_s_answer_does_not_follow() {
        let others = ["call anna tomorrow", "okay i will call her", "llama a ana mañana"];
        let german = "ruf morgen Anna an";
        assert!(follows("ruf Anna an", german, &others));
        assert!(follows("ruf gestern Otto an", german, &others));
        assert!(!follows("call anna tomorrow", german, &others));
        assert!(!follows("llama a ana", german, &others));
        assert!(!follows(" ", german, &others));
        // Two tasks may have one answer.
        assert!(follows("yes", "yes", &["yes"]) && !follows("yes", "no", &["yes"]));
        // Wrong, but an answer.
        assert!(follows("otto", "anna", &others));
    }
}
