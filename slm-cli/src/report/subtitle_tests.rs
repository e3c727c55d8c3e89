//! Strict parsers of both formats, written from their descriptions, and all that can be said in subtitles.

use proptest::prelude::*;
use slm_core::{Agreement, Aligned, Word};

use super::super::cues;
use super::*;

/// A subtitle that was read, in milliseconds.
#[derive(Debug, PartialEq)]
struct Read {
    start: u64,
    end: u64,
    lines: Vec<String>,
}

/// `HH:MM:SS` and a fraction after `point`; with `shortest` digits and colons before it at least.
fn read_time(text: &str, point: char, shortest: usize) -> Option<u64> {
    let (clock, fraction) = text.split_once(point)?;
    let digits = |text: &str, count: usize| {
        (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| text.parse::<u64>().ok())
            .flatten()
    };
    let parts: Vec<u64> = clock.split(':').map(|part| digits(part, 2)).collect::<Option<_>>()?;
    let (hours, minutes, seconds) = match parts.as_slice() {
        [hours, minutes, seconds] => (*hours, *minutes, *seconds),
        [minutes, seconds] if shortest == 2 => (0, *minutes, *seconds),
        _ => return None,
    };
    let is_clock = minutes < 60 && seconds < 60;
    Some(((hours * 60 + minutes) * 60 + seconds) * 1000 + digits(fraction, 3)?).filter(|_| is_clock)
}

/// Reads blocks that a blank line ends; `head` lines of each stand before its times.
fn read_blocks(text: &str, head: usize, point: char, shortest: usize) -> Result<Vec<Read>, String> {
    let mut found: Vec<Read> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (block, after) = rest.split_once("\n\n").ok_or("the last block has no end")?;
        rest = after;
        if block.contains(['\r', '\0']) {
            return Err(format!("a character that is none of the format: {block:?}"));
        }
        let mut lines = block.split('\n');
        if head == 1 && lines.next() != Some((found.len() + 1).to_string().as_str()) {
            return Err(format!("wrong number: {block:?}"));
        }
        let times = lines.next().and_then(|line| line.split_once(" --> "));
        let times = times
            .and_then(|(start, end)| read_time(start, point, shortest).zip(read_time(end, point, shortest)));
        let (start, end) = times.ok_or(format!("no times: {block:?}"))?;
        let lines: Vec<String> = lines.map(str::to_owned).collect();
        if lines.is_empty() || lines.iter().any(|line| line.trim().is_empty() || line.contains("-->")) {
            return Err(format!("no text: {block:?}"));
        }
        if start >= end || found.last().is_some_and(|last| last.end > start) {
            return Err(format!("out of order: {block:?}"));
        }
        found.push(Read { start, end, lines });
    }
    Ok(found)
}

fn read_srt(text: &str) -> Result<Vec<Read>, String> {
    read_blocks(text, 1, ',', 3)
}

fn read_vtt(text: &str) -> Result<Vec<Read>, String> {
    let blocks = text.strip_prefix("WEBVTT\n\n").ok_or("no signature")?;
    let mut found = read_blocks(blocks, 0, '.', 2)?;
    for line in found.iter_mut().flat_map(|read| &mut read.lines) {
        *line = read_payload(line).ok_or(format!("not escaped: {line:?}"))?;
    }
    Ok(found)
}

/// The text of a line without tags.
fn read_payload(line: &str) -> Option<String> {
    let mut parts = line.split('&');
    let mut text = parts.next()?.to_owned();
    for part in parts {
        let (name, after) = part.split_once(';')?;
        text.push_str(match name {
            "amp" => "&",
            "lt" => "<",
            "gt" => ">",
            _ => return None,
        });
        text.push_str(after);
    }
    (!line.contains(['<', '>'])).then_some(text)
}

fn written(dialect: Dialect, layout: Option<Layout>, segments: &[Segment]) -> String {
    let mut subtitles = Subtitles::new(dialect, layout);
    let mut text = subtitles.head().to_owned();
    for segment in segments {
        text.push_str(&subtitles.segment(segment));
    }
    text
}

fn segment(start: f64, end: f64, text: &str) -> Segment {
    let mut segment = Segment::default();
    (segment.start, segment.end, segment.text) = (start, end, text.to_owned());
    segment
}

#[test]
fn both_formats_are_as_players_know_them() {
    let segments = [segment(0.0, 1.5, "call anna"), segment(3661.25, 3662.0, "a < b & c --> d")];
    let expected = "1\n00:00:00,000 --> 00:00:01,500\ncall anna\n\n\
                    2\n01:01:01,250 --> 01:01:02,000\na < b & c -> d\n\n";
    assert_eq!(written(Dialect::Srt, None, &segments), expected);
    let expected = "WEBVTT\n\n00:00.000 --> 00:01.500\ncall anna\n\n\
                    01:01:01.250 --> 01:01:02.000\na &lt; b &amp; c --&gt; d\n\n";
    assert_eq!(written(Dialect::Vtt, None, &segments), expected);
    assert_eq!(written(Dialect::Srt, None, &[]), "");
    assert_eq!(read_vtt(&written(Dialect::Vtt, None, &[])), Ok(vec![]));
}

#[test]
fn the_parsers_are_strict() {
    for wrong in [
        "2\n00:00:00,000 --> 00:00:01,000\na\n\n",
        "1\n00:00:00.000 --> 00:00:01,000\na\n\n",
        "1\n00:00,000 --> 00:00:01,000\na\n\n",
        "1\n00:00:01,000 --> 00:00:01,000\na\n\n",
        "1\n00:00:00,000 --> 00:61:00,000\na\n\n",
        "1\n00:00:00,000 --> 00:00:01,000\n\n",
        "1\n00:00:00,000 --> 00:00:01,000\na\n",
        "1\n00:00:00,000 --> 00:00:02,000\na\n\n2\n00:00:01,000 --> 00:00:03,000\nb\n\n",
        "1\n00:00:00,000 --> 00:00:02,000\na\n\n\n",
    ] {
        assert!(read_srt(wrong).is_err(), "{wrong:?}");
    }
    for wrong in
        ["", "WEBVTT\n\n00:00.000 --> 00:01.000\na & b\n\n", "WEBVTT\n\n00:00.000 --> 00:01.000\n<b>\n\n"]
    {
        assert!(read_vtt(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn times_that_overlap_are_moved() {
    let segments = [segment(0.0, 10.0, "a"), segment(2.0, 5.0, "b"), segment(f64::NAN, -1.0, "c")];
    let read = read_srt(&written(Dialect::Srt, None, &segments)).unwrap();
    let times: Vec<(u64, u64)> = read.iter().map(|read| (read.start, read.end)).collect();
    assert_eq!(times, [(0, 10_000), (10_000, 10_001), (10_001, 10_002)]);
}

fn any_time() -> impl Strategy<Value = f64> {
    prop_oneof![8 => 0.0..100.0, 1 => any::<f64>(), 1 => Just(f64::NAN), 1 => Just(f64::INFINITY)]
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z]{1,9}([ ,.?]{1,2}[a-z]{1,12}){0,30}",
        2 => "[ a-c\n\r\t<>&;.,\u{0}\u{85}\u{2028}今天。-]{0,60}",
        1 => "-{0,4}>( -->|\n\n1\n){0,4}",
        1 => any::<String>(),
    ]
}

prop_compose! {
    /// Words are those of the text or others, in any order of time.
    fn any_segment()(
        start in any_time(),
        end in any_time(),
        text in any_text(),
        others in prop::option::of(any_text()),
        is_aligned in any::<bool>(),
        times in prop::collection::vec((any_time(), any_time()), 80),
    ) -> Segment {
        let said = others.as_deref().unwrap_or(&text).to_owned();
        let word = |(text, (start, end)): (&str, (f64, f64))| Word::new(text, start, end, 0.5);
        let words = said.split_whitespace().zip(times).map(word).collect();
        let mut segment = segment(start, end, &text);
        let agreement = Agreement::of_words(0, 1);
        segment.alignment = is_aligned.then_some(Aligned::new(words, Vec::new(), agreement));
        segment
    }
}

fn any_layout() -> impl Strategy<Value = Option<Layout>> {
    prop::option::of((2_usize..50, 1_usize..4).prop_map(|(width, lines)| Layout { width, lines }))
}

proptest! {
    #[test]
    fn strict_parsers_read_all_of_it(
        segments in prop::collection::vec(any_segment(), 0..6),
        layout in any_layout(),
    ) {
        let srt = read_srt(&written(Dialect::Srt, layout, &segments));
        let srt = srt.map_err(TestCaseError::fail)?;
        let vtt = read_vtt(&written(Dialect::Vtt, layout, &segments));
        let vtt = vtt.map_err(TestCaseError::fail)?;
        prop_assert_eq!(srt.len(), vtt.len());
        prop_assert!(srt.iter().zip(&vtt).all(|(one, other)| (one.start, one.end) == (other.start, other.end)));
        // Nothing of the text is lost.
        let shown: String = vtt.iter().flat_map(|read| &read.lines).map(|line| line.replace(' ', "")).collect();
        let said: String = segments.iter().flat_map(|segment| cues::words(&segment.text)).collect();
        prop_assert_eq!(shown, said);
        if let Some(layout) = layout {
            for read in &vtt {
                prop_assert!(read.lines.len() <= layout.lines, "{:?}", read);
                let is_narrow = |line: &String| cues::width(line) <= layout.width;
                prop_assert!(read.lines.iter().all(is_narrow), "{:?}", read);
            }
        }
    }
}
