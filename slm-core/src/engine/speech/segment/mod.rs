//! Segments: a recording is cut in its pauses, and what holds no speech goes through no model.

use std::collections::VecDeque;
use std::ops::Range;

use crate::audio::SAMPLE_RATE;
use crate::audio::activity::{Activity, Doubtful, HOP, MIN_SPEECH};
use crate::engine::answer::{Quiet, QuietKind};
use crate::engine::request::Segmentation;

use super::error::SpeechError;
use super::seconds;
use gain::raise_quiet;

mod gain;

/// The longest segment in seconds, where neither the model nor the request says otherwise.
pub const MAX_SEGMENT_SECONDS: f64 = 30.0;

/// Frames a second.
const FRAMES: f64 = SAMPLE_RATE as f64 / HOP as f64;
/// Decibels above the background at a threshold of 1.
const FULL_THRESHOLD: f64 = 12.0;
/// Frames of quiet at either end of a recording that stay with the speech next to them.
const EDGE: usize = 50;
/// Frames at either end of a stretch of speech in which it is not cut.
const MIN_PIECE: usize = 60;
/// Frames whose mean level decides where a stretch without a pause is cut.
const CUT_WINDOW: usize = 12;
/// Frames that two segments share where they part within speech.
const OVERLAP: usize = 30;
/// Frames of quiet after which it is told, though it goes on.
const LONG_QUIET: usize = 3000;
/// Decibels under the loudest segment of the recording below which a stretch counts as silence.
const SILENCE_DEPTH: f32 = 30.0;
/// Decibels under the loud tenth of a segment below which a window of [`CUT_WINDOW`] is a pause in it.
const PAUSE_DEPTH: f32 = 15.0;
/// The level below which it counts as silence whatever the rest is.
const SILENCE_LEVEL: f32 = -75.0;

impl Segmentation {
    /// Refuses what no recording can be cut by.
    pub(super) fn check(&self) -> Result<(), SpeechError> {
        let fields = [
            ("threshold", self.threshold, 0.0..=10.0, "0 to 10"),
            ("min_silence", self.min_silence, 0.0..=3600.0, "0 to 3600 s"),
            ("max_segment", self.max_segment.unwrap_or(1.0), 1.0..=3600.0, "1 to 3600 s"),
            ("padding", self.padding, 0.0..=60.0, "0 to 60 s"),
            ("no_speech_threshold", self.no_speech_threshold, 0.0..=10.0, "0 to 10"),
        ];
        match fields.into_iter().find(|(_, found, range, _)| !range.contains(found)) {
            Some((field, found, _, allowed)) => Err(SpeechError::Segmentation { field, found, allowed }),
            None => Ok(()),
        }
    }
}

/// How a recording is cut, in frames.
#[derive(Debug, Clone, Copy)]
struct Settings {
    finds_speech: bool,
    min_silence: usize,
    longest: usize,
    padding: usize,
}

/// A stretch of speech, in frames; what is before and after it is not in it.
#[derive(Debug, Clone, Copy)]
struct Region {
    /// Where its segment may begin at the earliest.
    from: usize,
    /// After the last frame that stands out.
    end: usize,
    /// Frames that stand out.
    active: usize,
    /// Whether it goes on from a cut that is no pause.
    continues: bool,
}

/// A part of a recording.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Stretch {
    /// Speech, for the model.
    Speech(Cut),
    /// No speech.
    Quiet(Quiet),
}

/// A segment that was cut off.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cut {
    /// The samples before it.
    pub(crate) start: usize,
    /// Its samples, raised where they are quiet.
    pub(crate) samples: Vec<f32>,
    /// The samples, from the start of the recording, that the segment is to answer for. It is shorter than what it holds
    /// where it shares sound with a neighbour.
    pub(crate) own: Range<usize>,
    /// How many samples each of the segments has that it was joined of; empty for one that was not.
    pub(crate) parts: Vec<usize>,
}

/// Cuts a recording that comes piece by piece. Only what is not cut yet is held.
#[derive(Debug)]
pub(crate) struct Cutter {
    settings: Settings,
    activity: Activity,
    /// The samples from `start` on.
    held: Vec<f32>,
    start: usize,
    /// Frames that were looked at.
    scanned: usize,
    region: Option<Region>,
    /// The frame up to which all is in a stretch.
    told: usize,
    /// The level of the loudest segment so far.
    loudest: f32,
    ready: VecDeque<Stretch>,
    is_finished: bool,
}

impl Cutter {
    /// One that cuts as `segmentation` says, into segments of at most `longest` seconds. `doubtful` is what becomes of sound
    /// in which nothing stands out.
    pub(crate) fn new(segmentation: &Segmentation, longest: f64, doubtful: Doubtful) -> Self {
        let frames = |seconds: f64| (seconds * FRAMES).round() as usize;
        Self {
            settings: Settings {
                finds_speech: segmentation.finds_speech,
                min_silence: frames(segmentation.min_silence).max(1),
                longest: if longest.is_finite() { frames(longest) } else { usize::MAX / 4 },
                padding: frames(segmentation.padding),
            },
            activity: Activity::new(segmentation.threshold * FULL_THRESHOLD, doubtful),
            held: Vec::new(),
            start: 0,
            scanned: 0,
            region: None,
            told: 0,
            loudest: f32::MIN,
            ready: VecDeque::new(),
            is_finished: false,
        }
    }

    /// Takes the samples that follow.
    pub(crate) fn push(&mut self, samples: &[f32]) {
        self.held.extend_from_slice(samples);
        self.activity.push(samples);
        self.scan();
    }

    /// Says that nothing follows.
    pub(crate) fn finish(&mut self) {
        if self.is_finished {
            return;
        }
        self.is_finished = true;
        self.activity.finish();
        self.scan();
        if let Some(region) = self.region.take() {
            self.close(region, None);
        }
        let end = self.samples();
        self.quiet_until(self.told * HOP, end);
    }

    /// The next stretch that is certain.
    pub(crate) fn next(&mut self) -> Option<Stretch> {
        self.ready.pop_front()
    }

    /// Samples that were pushed.
    pub(crate) fn samples(&self) -> usize {
        self.start + self.held.len()
    }

    fn scan(&mut self) {
        while self.scanned < self.activity.judged() {
            let frame = self.scanned;
            self.scanned += 1;
            let is_speech = !self.settings.finds_speech || self.activity.stands_out(frame);
            match (self.region, is_speech) {
                (None, true) => self.open(frame),
                (Some(region), true) if frame - region.end >= self.settings.min_silence => {
                    self.close(region, Some(frame));
                    self.open(frame);
                }
                (Some(region), true) => {
                    self.region = Some(Region { end: frame + 1, active: region.active + 1, ..region });
                    self.part(frame + 1);
                }
                (Some(region), false) if frame + 1 - region.end >= self.settings.min_silence.max(EDGE) => {
                    self.region = None;
                    self.close(region, None);
                }
                (None, false) if frame > self.told + LONG_QUIET => {
                    let to = frame - self.settings.padding.max(EDGE);
                    self.quiet_until(self.told * HOP, to * HOP);
                    self.told = to;
                }
                (_, false) => {}
            }
        }
        self.release();
    }

    fn open(&mut self, frame: usize) {
        let from = if frame <= EDGE { 0 } else { frame.saturating_sub(self.settings.padding) };
        let from = from.max(self.told);
        self.region = Some(Region { from, end: frame + 1, active: 1, continues: false });
    }

    /// Cuts a stretch that runs on, once it is twice as long as a segment may be.
    fn part(&mut self, end: usize) {
        let longest = self.settings.longest;
        let Some(region) = self.region.filter(|region| end - region.from >= 2 * longest) else { return };
        let cut = self.quietest(region.from + longest / 3, region.from + longest);
        let rest = self.emit(region, cut);
        self.region = Some(rest);
    }

    /// Ends a stretch, with the frame where the next one begins, where it is known.
    fn close(&mut self, region: Region, next: Option<usize>) {
        if region.active < MIN_SPEECH {
            return;
        }
        let last = self.activity.judged();
        let gap = next.unwrap_or(last).saturating_sub(region.end);
        let is_edge = self.is_finished && next.is_none() && gap <= EDGE;
        let padding = if next.is_some() { self.settings.padding.min(gap / 2) } else { self.settings.padding };
        let end = if is_edge { last } else { (region.end + padding).min(last) };
        let longest = self.settings.longest;
        let mut region = region;
        while end - region.from > longest {
            let from =
                if end - region.from <= 2 * longest { end - longest } else { region.from + longest / 3 };
            let from = from.max(region.from + MIN_PIECE.min(longest / 3));
            let to = (region.from + longest).min(end - MIN_PIECE.min(longest / 3)).max(from);
            let cut = self.quietest(from, to);
            region = self.emit(region, cut);
        }
        let to = if is_edge { self.samples() } else { (end * HOP).min(self.samples()) };
        self.emit_samples(region, to..to);
        self.told = end;
    }

    /// Emits a stretch up to a cut that two segments share, and gives the rest.
    fn emit(&mut self, region: Region, cut: usize) -> Region {
        // In a pause nothing is shared.
        let in_pause = self.settings.finds_speech
            && (cut.saturating_sub(CUT_WINDOW / 2)..cut + CUT_WINDOW / 2)
                .any(|frame| !self.activity.stands_out(frame));
        let overlap = if in_pause || !self.settings.finds_speech { 0 } else { OVERLAP };
        self.emit_samples(region, cut * HOP..((cut + overlap) * HOP).min(self.samples()));
        self.told = cut;
        Region { from: cut, continues: overlap > 0, ..region }
    }

    /// Emits the segment of a stretch. It answers for the samples up to the start of `ends`, and holds those up to its end.
    fn emit_samples(&mut self, region: Region, ends: Range<usize>) {
        let own = (region.from * HOP)..ends.start;
        self.loudest = self.loudest.max(self.level(region.from, ends.start / HOP));
        self.quiet_until(self.told * HOP, own.start);
        let shared = if region.continues { OVERLAP * HOP } else { 0 };
        let start = own.start.saturating_sub(shared).max(self.start);
        let mut samples =
            self.held.get(start - self.start..ends.end - self.start).unwrap_or_default().to_vec();
        // Digital zero and constant offsets are sure to hold nothing, also where speech is not looked for.
        let is_constant =
            samples.first().is_none_or(|first| samples.iter().all(|sample| sample - first == 0.0));
        if is_constant {
            self.quiet_until(own.start, own.end);
        } else {
            raise_quiet(&mut samples);
            self.ready.push_back(Stretch::Speech(Cut { start, samples, own, parts: Vec::new() }));
        }
    }

    /// Tells of samples without speech.
    fn quiet_until(&mut self, from: usize, to: usize) {
        if to <= from {
            return;
        }
        let is_silence = self.level(from / HOP, to / HOP) < (self.loudest - SILENCE_DEPTH).max(SILENCE_LEVEL);
        let kind = if is_silence { QuietKind::Silence } else { QuietKind::Sound };
        let quiet = Quiet { start: seconds(from), end: seconds(to), kind };
        self.ready.push_back(Stretch::Quiet(quiet));
    }

    /// The level that nine tenths of the frames of a range stay under, so that clicks and the ends of words do not count.
    fn level(&self, from: usize, to: usize) -> f32 {
        let mut levels: Vec<f32> = self.activity.levels(from, to).collect();
        levels.sort_unstable_by(f32::total_cmp);
        levels.get(levels.len() * 9 / 10).copied().unwrap_or(f32::MIN)
    }

    /// The frame in the middle of the quietest place from `from` to `to`.
    fn quietest(&self, from: usize, to: usize) -> usize {
        let half = CUT_WINDOW / 2;
        let level =
            |frame: usize| -> f32 { self.activity.levels(frame.saturating_sub(half), frame + half).sum() };
        (from..=to).min_by(|a, b| level(*a).total_cmp(&level(*b))).unwrap_or(from)
    }

    /// Lets go of what is in a stretch, and of quiet that no segment can begin in.
    fn release(&mut self) {
        let next = match self.region {
            Some(region) => region.from.saturating_sub(OVERLAP),
            None => self.scanned.saturating_sub(self.settings.padding.max(EDGE)).max(self.told),
        };
        let samples = (next * HOP).min(self.samples());
        if samples > self.start {
            self.held.drain(..samples - self.start);
            self.start = samples;
        }
        self.activity
            .forget(self.region.map_or(self.told.min(next), |region| region.from.min(self.told)).min(next));
    }
}

impl Cut {
    /// The samples that the segment is to answer for.
    pub(crate) fn own_samples(&self) -> &[f32] {
        let from = self.own.start.saturating_sub(self.start).min(self.samples.len());
        &self.samples[from..(from + self.own.len()).min(self.samples.len())]
    }

    /// Its samples, segment by segment where it was joined of several.
    pub(crate) fn parts(&self) -> Vec<&[f32]> {
        if self.parts.is_empty() {
            return vec![&self.samples];
        }
        let mut rest = self.samples.as_slice();
        let mut parts = Vec::with_capacity(self.parts.len());
        for &length in &self.parts {
            let (part, after) = rest.split_at(length.min(rest.len()));
            parts.push(part);
            rest = after;
        }
        parts
    }
}

/// Several segments as one, without what lies between them; `None` where there are none.
pub(crate) fn joined(cuts: &[Cut]) -> Option<Cut> {
    let own = cuts.first()?.own.start..cuts.last()?.own.end;
    let samples = cuts.iter().flat_map(Cut::own_samples).copied().collect();
    let parts =
        if cuts.len() > 1 { cuts.iter().map(|cut| cut.own_samples().len()).collect() } else { Vec::new() };
    Some(Cut { start: own.start, samples, own, parts })
}

/// A segment cut in two in the middle of its quietest pause; itself where it is too short for that or has no pause.
pub(super) fn halves(cut: &Cut) -> Vec<Cut> {
    let frames = cut.samples.len() / HOP;
    let whole = || vec![cut.clone()];
    if frames < 3 * MIN_PIECE / 2 {
        return whole();
    }
    let mut activity = Activity::new(0.0, Doubtful::StandsOut);
    activity.push(&cut.samples);
    activity.finish();
    let mut levels: Vec<f32> = activity.levels(0, frames).collect();
    let half = CUT_WINDOW / 2;
    // The loudest frame of a window, so that a stop within a word is no pause.
    let level = |frame: usize| levels[frame - half..frame + half].iter().copied().fold(f32::MIN, f32::max);
    let margin = MIN_PIECE.min(frames / 3);
    let quietest =
        (margin..frames - margin).map(|frame| (frame, level(frame))).min_by(|(_, a), (_, b)| a.total_cmp(b));
    levels.sort_unstable_by(f32::total_cmp);
    let loud = levels[frames * 9 / 10];
    let Some((place, _)) = quietest.filter(|(_, level)| *level < loud - PAUSE_DEPTH) else { return whole() };
    let (first, second) = cut.samples.split_at(place * HOP);
    let middle = (cut.start + place * HOP).clamp(cut.own.start, cut.own.end);
    vec![
        Cut { start: cut.start, samples: first.to_vec(), own: cut.own.start..middle, parts: Vec::new() },
        Cut {
            start: cut.start + place * HOP,
            samples: second.to_vec(),
            own: middle..cut.own.end,
            parts: Vec::new(),
        },
    ]
}

#[cfg(test)]
mod tests;
