//! Where in a recording something stands out from its background, found while the samples come.
//!
//! The level of each 10 ms is compared with the quietest tenth of what is around it, 10 s before and 3 s after, so that a
//! recording may be quiet or loud as a whole and its background may change. Nothing absolute is asked for: only digital
//! zero is sure silence. A steady sound, be it noise, a hum or a tone, stands out from nothing.

use std::collections::VecDeque;

/// Samples from a frame to the next: 10 ms.
pub(crate) const HOP: usize = 160;
/// Samples of a frame.
const WINDOW: usize = 2 * HOP;
/// Share of a sample that is taken from the next one: speech stands out better where low rumble counts less.
const PRE_EMPHASIS: f32 = 0.95;
/// Level of digital zero, in decibels.
const ZERO_LEVEL: f32 = -120.0;
/// Frames that are judged by one background.
const BLOCK: usize = 50;
/// Frames before and after a block that belong to its surroundings.
const BEFORE: usize = 1000;
const AFTER: usize = 300;
/// The quietest share of the surroundings is the background, and the loudest share their peak.
const BACKGROUND_SHARE: f64 = 0.1;
const PEAK_SHARE: f64 = 0.99;
/// Decibels under the peak where speech is not looked for: beside a voice, what is so much quieter is echo or hiss.
const DEPTH: f32 = 50.0;
/// Decibels from the background to the peak below which the two cannot be told apart: all of it is one sound, which may be
/// speech in noise.
const CONTRAST: f32 = 15.0;
/// Frames around one that stands out to which it lends half of the threshold.
const REACH: usize = 20;

/// Decibels above the background that count where nobody says otherwise.
const THRESHOLD: f64 = 6.0;
/// Frames in a row that stand out at least where there is speech: clicks have fewer.
pub(crate) const MIN_SPEECH: usize = 5;

/// Whether a clip may hold speech: something in it stands out for longer than a click. `samples` are mono at 16 kHz,
/// finite, of any loudness.
pub fn has_speech(samples: &[f32]) -> bool {
    let mut activity = Activity::new(THRESHOLD, Doubtful::IsQuiet);
    activity.push(samples);
    activity.finish();
    let mut run = 0;
    (0..activity.judged()).any(|frame| {
        run = if activity.stands_out(frame) { run + 1 } else { 0 };
        run >= MIN_SPEECH
    })
}

/// What is said of sound in which nothing stands out, digital silence apart: a steady noise, or speech in one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubtful {
    /// It stands out, for something better to judge.
    StandsOut,
    /// It does not.
    IsQuiet,
}

/// Levels and judgements of frames; those of frame `i` are about the 20 ms around sample `i * HOP`.
#[derive(Debug)]
pub(crate) struct Activity {
    /// Decibels above the background that count.
    threshold: f32,
    doubtful: Doubtful,
    /// Pre-emphasised samples that no frame has yet.
    pending: VecDeque<f32>,
    last: f32,
    levels: Forgetful<f32>,
    judged: Forgetful<bool>,
    /// Backgrounds of the blocks that have one.
    backgrounds: Forgetful<f32>,
    /// The last background that something stood out from.
    settled: Option<f32>,
    is_finished: bool,
}

/// A growing list whose beginning is let go.
#[derive(Debug)]
struct Forgetful<T> {
    gone: usize,
    kept: VecDeque<T>,
}

impl<T: Copy> Forgetful<T> {
    fn new() -> Self {
        Self { gone: 0, kept: VecDeque::new() }
    }

    fn len(&self) -> usize {
        self.gone + self.kept.len()
    }

    fn get(&self, index: usize) -> Option<T> {
        self.kept.get(index.checked_sub(self.gone)?).copied()
    }

    fn forget(&mut self, before: usize) {
        let count = before.saturating_sub(self.gone).min(self.kept.len());
        self.kept.drain(..count);
        self.gone += count;
    }

    /// What is kept of a range.
    fn range(&self, from: usize, to: usize) -> impl Iterator<Item = T> + '_ {
        let (from, to) = (from.saturating_sub(self.gone), to.saturating_sub(self.gone));
        let to = to.min(self.kept.len());
        self.kept.range(from.min(to)..to).copied()
    }
}

impl Activity {
    /// One for which a sound counts that is `threshold` decibels above the background.
    pub(crate) fn new(threshold: f64, doubtful: Doubtful) -> Self {
        Self {
            threshold: threshold as f32,
            doubtful,
            // The first frame begins half a frame before the first sample.
            pending: VecDeque::from(vec![0.0; HOP]),
            last: 0.0,
            levels: Forgetful::new(),
            judged: Forgetful::new(),
            backgrounds: Forgetful::new(),
            settled: None,
            is_finished: false,
        }
    }

    /// Takes the samples that follow.
    pub(crate) fn push(&mut self, samples: &[f32]) {
        for &sample in samples {
            self.pending.push_back(sample - PRE_EMPHASIS * self.last);
            self.last = sample;
        }
        self.measure();
        self.judge();
    }

    /// Says that no samples follow, so that all frames can be judged.
    pub(crate) fn finish(&mut self) {
        if !self.is_finished {
            self.is_finished = true;
            self.pending.extend([0.0; HOP]);
            self.measure();
            self.judge();
        }
    }

    /// Frames that are judged.
    pub(crate) fn judged(&self) -> usize {
        self.judged.len()
    }

    /// Whether a frame that is judged stands out; frames that were forgotten do not.
    pub(crate) fn stands_out(&self, frame: usize) -> bool {
        self.judged.get(frame).unwrap_or(false)
    }

    /// The levels of the frames of a range that are there, in decibels.
    pub(crate) fn levels(&self, from: usize, to: usize) -> impl Iterator<Item = f32> + '_ {
        self.levels.range(from, to)
    }

    /// Lets go of frames; those that are still needed to judge others are kept.
    pub(crate) fn forget(&mut self, before: usize) {
        self.judged.forget(before.min(self.judged.len()));
        let next = self.judged.len();
        self.levels.forget(before.min(next.saturating_sub(BEFORE + BLOCK + REACH)));
        self.backgrounds.forget((next / BLOCK).saturating_sub(1));
    }

    fn measure(&mut self) {
        while self.pending.len() >= WINDOW {
            let energy: f32 = self.pending.iter().take(WINDOW).map(|x| x * x).sum();
            let level = 10.0 * (energy / WINDOW as f32).log10();
            self.levels.kept.push_back(level.max(ZERO_LEVEL));
            self.pending.drain(..HOP);
        }
    }

    fn judge(&mut self) {
        let total = self.levels.len();
        // Backgrounds of blocks whose surroundings are there.
        while self.backgrounds.len() * BLOCK < total {
            let block = self.backgrounds.len();
            if !self.is_finished && (block + 1) * BLOCK + AFTER > total {
                break;
            }
            let from = (block * BLOCK).saturating_sub(BEFORE);
            let mut around: Vec<f32> = self.levels.range(from, block * BLOCK + AFTER).collect();
            around.sort_unstable_by(f32::total_cmp);
            let at = |share: f64| around.get(((around.len().max(1) - 1) as f64 * share) as usize).copied();
            let quiet = at(BACKGROUND_SHARE).unwrap_or(ZERO_LEVEL);
            let loud = at(PEAK_SHARE).unwrap_or(ZERO_LEVEL);
            let floor = quiet.max(loud - DEPTH);
            let has_contrast = loud - quiet >= CONTRAST || loud <= ZERO_LEVEL;
            // A background that goes on after the speech is known for one.
            let goes_on = self.settled.is_some_and(|settled| (quiet - settled).abs() < self.threshold);
            let background = match self.doubtful {
                Doubtful::StandsOut if !has_contrast && !goes_on => f32::MIN,
                _ => floor,
            };
            if has_contrast {
                self.settled = Some(quiet);
            }
            self.backgrounds.kept.push_back(background);
        }
        // Frames whose neighbours have a background.
        let known = (self.backgrounds.len() * BLOCK).min(total);
        let ready = if self.is_finished { known } else { known.saturating_sub(REACH) };
        for frame in self.judged.len()..ready {
            let judgement = self.judgement(frame, known);
            self.judged.kept.push_back(judgement);
        }
    }

    /// Whether a frame stands out, or joins without a gap in level one that does.
    fn judgement(&self, frame: usize, known: usize) -> bool {
        let above = |frame: usize, by: f32| {
            let level = self.levels.get(frame).unwrap_or(ZERO_LEVEL);
            let background = self.backgrounds.get(frame / BLOCK).unwrap_or(ZERO_LEVEL);
            level > background + by
        };
        if !above(frame, self.threshold / 2.0) {
            return false;
        }
        let joins = |frames: &mut dyn Iterator<Item = usize>| {
            for near in frames {
                if above(near, self.threshold) {
                    return true;
                }
                if !above(near, self.threshold / 2.0) {
                    return false;
                }
            }
            false
        };
        joins(&mut (frame..(frame + REACH).min(known)))
            || joins(&mut (frame.saturating_sub(REACH)..frame).rev())
    }
}

#[cfg(test)]
mod tests {
    use std::f32::consts::PI;

    use super::*;

    fn noise(len: usize, amplitude: f32) -> Vec<f32> {
        let mut state = 12_345_u32;
        let mut next = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            amplitude * (f64::from(state) / f64::from(1_u32 << 31) - 1.0) as f32
        };
        (0..len).map(|_| next()).collect()
    }

    fn judged(samples: &[f32], piece: usize) -> Vec<bool> {
        let mut activity = Activity::new(6.0, Doubtful::IsQuiet);
        samples.chunks(piece).for_each(|piece| activity.push(piece));
        activity.finish();
        (0..activity.judged()).map(|frame| activity.stands_out(frame)).collect()
    }

    #[test]
    fn steady_sounds_stand_out_from_nothing() {
        let tone: Vec<f32> =
            (0..80_000).map(|n| 0.2 * (2.0 * PI * 440.0 * n as f32 / 16_000.0).sin()).collect();
        for samples in [noise(80_000, 0.2), tone, vec![0.0; 80_000], vec![0.3; 80_000]] {
            // Where a sound begins at once, its first frame may stand out from the nothing before it.
            assert!(judged(&samples, 1000).iter().filter(|out| **out).count() <= 3);
        }
    }

    #[test]
    fn what_is_doubtful_stands_out_where_that_is_wanted() {
        let mut activity = Activity::new(6.0, Doubtful::StandsOut);
        activity.push(&noise(80_000, 0.2));
        activity.finish();
        assert!((0..activity.judged()).all(|frame| activity.stands_out(frame)));
        let mut activity = Activity::new(6.0, Doubtful::StandsOut);
        activity.push(&[0.0; 80_000]);
        activity.finish();
        assert!((0..activity.judged()).all(|frame| !activity.stands_out(frame)));
    }

    #[test]
    fn a_background_that_goes_on_stays_one() {
        let mut samples = noise(400_000, 0.001);
        samples[32_000..64_000].iter_mut().for_each(|x| *x *= 100.0);
        let mut activity = Activity::new(6.0, Doubtful::StandsOut);
        activity.push(&samples);
        activity.finish();
        let found: Vec<usize> = (0..activity.judged()).filter(|&frame| activity.stands_out(frame)).collect();
        assert!(found.iter().all(|frame| (195..405).contains(frame)), "{found:?}");
        assert!(found.len() > 190);
    }

    #[test]
    fn a_burst_stands_out_at_any_loudness() {
        for gain in [1.0, 1e-2, 1e-4] {
            let mut samples = noise(160_000, 0.01);
            samples[64_000..80_000].iter_mut().for_each(|x| *x *= 30.0);
            samples.iter_mut().for_each(|x| *x *= gain);
            let out = judged(&samples, 7_777);
            let found: Vec<usize> = (0..out.len()).filter(|&frame| out[frame]).collect();
            assert!(found.first().unwrap().abs_diff(400) <= 2 && found.last().unwrap().abs_diff(500) <= 2);
        }
    }

    #[test]
    fn pieces_are_judged_as_the_whole_and_old_frames_can_go() {
        let samples: Vec<f32> = noise(900_000, 0.1)
            .iter()
            .enumerate()
            .map(|(n, x)| x * (1.1 + (n as f32 / 9_000.0).sin() + (n as f32 / 70_000.0).cos()))
            .collect();
        let whole = judged(&samples, samples.len());
        assert_eq!(judged(&samples, 333), whole);
        let mut activity = Activity::new(6.0, Doubtful::IsQuiet);
        let mut found = Vec::new();
        for piece in samples.chunks(5_000) {
            activity.push(piece);
            found.extend((found.len()..activity.judged()).map(|frame| activity.stands_out(frame)));
            activity.forget(found.len());
        }
        activity.finish();
        found.extend((found.len()..activity.judged()).map(|frame| activity.stands_out(frame)));
        assert_eq!(found, whole);
        assert!(activity.levels.kept.len() < 3_000);
    }
}
