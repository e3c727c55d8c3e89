//! A segment cut into subtitles: which words stand together, on which lines, from when to when.
//!
//! Without a layout a segment is one subtitle, as whisper has it. With one, subtitles end where they are full, at pauses
//! and after punctuation. Where words have no times, they share that of the segment by their width.

use slm_core::{Segment, Word};
use unicode_width::UnicodeWidthChar;

use crate::args::Layout;

/// Seconds without a word that end a subtitle.
const PAUSE: f64 = 0.8;
/// Seconds without a word that end a subtitle which is full sooner than the middle of a phrase does.
const BREATH: f64 = 0.2;
/// Signs that end a sentence.
const SENTENCE: [char; 7] = ['.', '?', '!', '…', '。', '？', '！'];
/// Signs that end a part of one.
const CLAUSE: [char; 9] = [',', ';', ':', '–', '—', '、', '，', '；', '：'];
/// Signs that may follow those.
const CLOSING: [char; 7] = ['"', '\'', ')', '”', '’', '»', '」'];

/// A subtitle.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cue {
    /// Where it begins, in seconds from the start of the audio.
    pub(super) start: f64,
    /// Where it ends.
    pub(super) end: f64,
    /// Its lines, of which none is blank.
    pub(super) lines: Vec<String>,
}

/// What is not cut: a word, or a character of a word that is wider than a line.
#[derive(Debug, Clone, PartialEq)]
struct Atom {
    text: String,
    width: usize,
    start: f64,
    end: f64,
    /// What stands before it.
    gap: Gap,
}

/// What stands between two atoms on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gap {
    Space,
    Nothing,
}

/// The subtitles of a segment, in order; none where it has no text.
pub(super) fn cues(segment: &Segment, layout: Option<Layout>) -> Vec<Cue> {
    let Some(layout) = layout else {
        let text = words(&segment.text).join(" ");
        let whole = |line| Cue { start: segment.start, end: segment.end, lines: vec![line] };
        return Some(text).filter(|text| !text.is_empty()).map(whole).into_iter().collect();
    };
    let atoms = atoms(segment, layout.width);
    let mut rest = atoms.as_slice();
    let mut cues = Vec::new();
    while !rest.is_empty() {
        let (taken, after) = rest.split_at(length(rest, layout).max(1));
        cues.push(Cue {
            start: taken[0].start,
            end: taken.iter().map(|atom| atom.end).fold(taken[0].end, f64::max),
            lines: lines(taken, layout.width),
        });
        rest = after;
    }
    cues
}

/// The words of a text, without characters that control a terminal or a parser.
pub(super) fn words(text: &str) -> Vec<String> {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain.split_whitespace().map(str::to_owned).collect()
}

/// Columns of a character: two of a wide one, none of a mark on another.
fn columns(character: char) -> usize {
    character.width().unwrap_or(0)
}

pub(super) fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

/// The atoms of a segment, each no wider than `limit`.
fn atoms(segment: &Segment, limit: usize) -> Vec<Atom> {
    let narrow = |whole: Atom| if whole.width <= limit { vec![whole] } else { characters(&whole) };
    timed(segment).unwrap_or_else(|| untimed(segment)).into_iter().flat_map(narrow).collect()
}

/// The words that have times; `None` where they are not those of the text.
fn timed(segment: &Segment) -> Option<Vec<Atom>> {
    let placed = segment.words_in_text();
    let joined: String = placed.iter().flat_map(|(gap, word)| [*gap, word.text.as_str()]).collect();
    let atom = |(gap, word): (&str, &Word)| Atom {
        text: word.text.clone(),
        width: width(&word.text),
        start: word.start,
        end: word.end,
        gap: if gap.is_empty() { Gap::Nothing } else { Gap::Space },
    };
    let is_plain = placed.iter().all(|(_, word)| words(&word.text) == [word.text.as_str()]);
    (is_plain && words(&joined) == words(&segment.text)).then(|| placed.into_iter().map(atom).collect())
}

/// The words of the text, which share the time of the segment.
fn untimed(segment: &Segment) -> Vec<Atom> {
    let words = words(&segment.text);
    let times = shares(&words, segment.start, segment.end);
    let atom = |(text, (start, end)): (String, (f64, f64))| Atom {
        width: width(&text),
        text,
        start,
        end,
        gap: Gap::Space,
    };
    words.into_iter().zip(times).map(atom).collect()
}

/// The characters of a word, each with the marks on it.
fn characters(word: &Atom) -> Vec<Atom> {
    let mut parts: Vec<String> = Vec::new();
    for character in word.text.chars() {
        match parts.last_mut() {
            Some(last) if columns(character) == 0 => last.push(character),
            _ => parts.push(character.into()),
        }
    }
    let times = shares(&parts, word.start, word.end);
    let gaps = std::iter::once(word.gap).chain(std::iter::repeat(Gap::Nothing));
    let parts = parts.into_iter().zip(times).zip(gaps);
    parts.map(|((text, (start, end)), gap)| Atom { width: width(&text), text, start, end, gap }).collect()
}

/// The time from `start` to `end`, shared by texts after their width.
fn shares(texts: &[String], start: f64, end: f64) -> Vec<(f64, f64)> {
    let widths: Vec<usize> = texts.iter().map(|text| width(text).max(1)).collect();
    let all: usize = widths.iter().sum();
    let time = |columns: usize| start + (end - start) * columns as f64 / all as f64;
    let mut before = 0;
    let share = |&columns: &usize| {
        let from = time(before);
        before += columns;
        (from, time(before))
    };
    widths.iter().map(share).collect()
}

/// How many of `atoms` the next subtitle has.
fn length(atoms: &[Atom], layout: Layout) -> usize {
    let full = room(atoms, layout);
    let most = (1..full).find(|&count| pause(atoms, count) >= PAUSE).unwrap_or(full);
    if most < full || full == atoms.len() || pause(atoms, full) >= PAUSE {
        return most;
    }
    // It is full, and looks for a better place in its second half.
    let places = || (full.div_ceil(2)..=full).rev();
    let after = |signs: &[char]| places().find(|&count| ends_in(&atoms[count - 1].text, signs));
    let breath = || places().find(|&count| pause(atoms, count) >= BREATH);
    after(&SENTENCE).or_else(|| after(&CLAUSE)).or_else(breath).unwrap_or(full)
}

/// Seconds before the atom after the first `count`.
fn pause(atoms: &[Atom], count: usize) -> f64 {
    atoms[count].start - atoms[count - 1].end
}

fn ends_in(text: &str, signs: &[char]) -> bool {
    text.trim_end_matches(CLOSING).ends_with(signs)
}

/// How many atoms have room.
fn room(atoms: &[Atom], layout: Layout) -> usize {
    let (mut line, mut used) = (1, 0);
    for (index, atom) in atoms.iter().enumerate() {
        match fits(used, atom, layout.width) {
            Some(more) => used = more,
            None if line == layout.lines => return index,
            None => (line, used) = (line + 1, atom.width),
        }
    }
    atoms.len()
}

/// The columns of a line with `atom` added to `used` ones, where it fits. An empty line takes anything.
fn fits(used: usize, atom: &Atom, width: usize) -> Option<usize> {
    let gap = usize::from(used > 0 && atom.gap == Gap::Space);
    let more = used + gap + atom.width;
    (used == 0 || more <= width).then_some(more)
}

/// Lays atoms out.
fn lines(atoms: &[Atom], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut used = 0;
    for atom in atoms {
        if let (Some(line), Some(more)) = (lines.last_mut(), fits(used, atom, width)) {
            if used > 0 && atom.gap == Gap::Space {
                line.push(' ');
            }
            line.push_str(&atom.text);
            used = more;
        } else {
            lines.push(atom.text.clone());
            used = atom.width;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use slm_core::{Agreement, Aligned};

    use super::*;

    /// A segment of words that take half a second each, after pauses of these seconds.
    fn segment(words: &[(f64, &str)]) -> Segment {
        let mut segment = Segment::default();
        let mut end = 0.0;
        let mut aligned = Aligned::new(Vec::new(), Vec::new(), Agreement::of_words(0, 1));
        for (pause, text) in words {
            let start = end + pause;
            end = start + 0.5;
            aligned.words.push(Word::new(*text, start, end, 1.0));
        }
        segment.text = words.iter().map(|(_, text)| *text).collect::<Vec<_>>().join(" ");
        segment.end = end;
        segment.alignment = Some(aligned);
        segment
    }

    fn laid(segment: &Segment, width: usize, lines: usize) -> Vec<Vec<String>> {
        cues(segment, Some(Layout { width, lines })).into_iter().map(|cue| cue.lines).collect()
    }

    #[test]
    fn without_a_layout_a_segment_is_one() {
        let mut segment = segment(&[(0.0, "call"), (3.0, "anna\n\nnow")]);
        let expected = Cue { start: 0.0, end: segment.end, lines: vec!["call anna now".into()] };
        assert_eq!(cues(&segment, None), [expected]);
        segment.text = " \u{1}\n".into();
        assert!(cues(&segment, None).is_empty());
        assert!(cues(&segment, Some(Layout { width: 42, lines: 2 })).is_empty());
    }

    #[test]
    fn lines_and_subtitles_end_where_they_are_full() {
        let said = segment(&[(0.0, "one"), (0.0, "two"), (0.0, "three"), (0.0, "four"), (0.0, "five")]);
        assert_eq!(laid(&said, 9, 2), [vec!["one two", "three"], vec!["four five"]]);
        assert_eq!(laid(&said, 9, 1), [["one two"], ["three"], ["four five"]]);
        let cues = cues(&said, Some(Layout { width: 9, lines: 2 }));
        assert_eq!((cues[0].start, cues[0].end, cues[1].start), (0.0, 1.5, 1.5));
    }

    #[test]
    fn subtitles_end_at_pauses_and_punctuation() {
        let said = segment(&[(0.0, "one"), (1.0, "two"), (0.0, "three")]);
        assert_eq!(laid(&said, 42, 2), [["one"], ["two three"]]);
        let said = segment(&[(0.0, "one"), (0.0, "two."), (0.0, "six"), (0.0, "seven"), (0.0, "ten")]);
        assert_eq!(laid(&said, 12, 1), [["one two."], ["six seven"], ["ten"]]);
        let said = segment(&[(0.0, "one"), (0.0, "two,\""), (0.0, "six"), (0.0, "seven")]);
        assert_eq!(laid(&said, 13, 1), [["one two,\""], ["six seven"]]);
        let said = segment(&[(0.0, "one"), (0.0, "two"), (0.3, "six"), (0.0, "seven")]);
        assert_eq!(laid(&said, 11, 1), [["one two"], ["six seven"]]);
    }

    #[test]
    fn words_wider_than_a_line_are_cut() {
        let said = segment(&[(0.0, "今天天气很好"), (0.0, "ok")]);
        assert_eq!(laid(&said, 5, 1), [["今天"], ["天气"], ["很好"], ["ok"]]);
        // A mark stays on its letter.
        assert_eq!(laid(&segment(&[(0.0, "ae\u{301}x")]), 2, 1), [["ae\u{301}"], ["x"]]);
    }

    #[test]
    fn words_of_a_script_without_spaces_have_their_own_times() {
        let mut said = segment(&[(0.0, "今天"), (0.0, "天气"), (1.0, "很好"), (0.0, "ok")]);
        said.text = "今天天气很好 ok".into();
        let cues = cues(&said, Some(Layout { width: 42, lines: 1 }));
        let found: Vec<(f64, f64, &str)> =
            cues.iter().map(|cue| (cue.start, cue.end, cue.lines[0].as_str())).collect();
        assert_eq!(found, [(0.0, 1.0, "今天天气"), (2.0, 3.0, "很好 ok")]);
    }

    #[test]
    fn words_without_times_share_that_of_the_segment() {
        let mut segment = segment(&[(0.0, "ab"), (0.0, "cd")]);
        segment.alignment = None;
        (segment.start, segment.end) = (10.0, 14.0);
        let cues = cues(&segment, Some(Layout { width: 2, lines: 1 }));
        let times: Vec<(f64, f64)> = cues.iter().map(|cue| (cue.start, cue.end)).collect();
        assert_eq!(times, [(10.0, 12.0), (12.0, 14.0)]);
    }
}
