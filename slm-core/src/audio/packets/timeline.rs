//! Where decoded packets belong in time.
//!
//! Timestamps tell what the samples alone do not: what an encoder has put before the audio, and where packets are
//! missing. Gaps become silence, so that later times stay right.

use symphonia::core::units::{Duration, TimeBase, Timestamp};

/// Most seconds of silence put into all gaps together: damaged timestamps must not make days of a small file.
const MAX_GAP_SECONDS: i64 = 600;
/// Most seconds of silence before the first packet.
const MAX_LEAD_SECONDS: i64 = 60;

/// How exactly a format gives the time of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Precision {
    /// To the sample.
    Exact,
    /// To the millisecond at best; some recorders give the time at which a packet arrived.
    Coarse,
}

/// What becomes of a packet's frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Placed {
    /// Where the silence begins, or the frames that are kept if there is none.
    pub(super) at: u64,
    /// Frames of silence before them.
    pub(super) silence: u64,
    /// Whether those stand for audio that was lost.
    pub(super) is_loss: bool,
    /// Frames to drop in front.
    pub(super) front: usize,
    /// Frames to keep behind those.
    pub(super) keep: usize,
}

/// Follows the packets of a track, counted in frames of the decoded audio.
#[derive(Clone, Debug)]
pub(super) struct Timeline {
    base: Option<TimeBase>,
    rate: u32,
    precision: Precision,
    /// What to take from each timestamp.
    zero: Zero,
    /// Where the next frame belongs; below 0 it is dropped.
    cursor: i64,
    /// Frames of silence that may still be put into gaps.
    gaps_left: i64,
    /// Where the audio ends, if that is known, and what becomes of more.
    end: Option<(i64, Beyond)>,
}

/// What becomes of audio that goes on behind its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beyond {
    /// It was cut out on purpose.
    Dropped,
    /// The end is only there for what an encoder filled the last packets up with; what goes on for longer belongs to
    /// another file that was joined.
    Kept,
}

/// The place of the audio's first frame among the timestamps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Zero {
    /// So many frames after time 0.
    At(i64),
    /// Wherever the first packet is, if that is not before so many frames after time 0.
    First(i64),
}

impl Timeline {
    pub(super) fn new(base: Option<TimeBase>, rate: u32, precision: Precision, zero: Zero) -> Self {
        let gaps_left = MAX_GAP_SECONDS * i64::from(rate);
        Self { base, rate, precision, zero, cursor: 0, gaps_left, end: None }
    }

    /// Sets the end of the audio in frames.
    pub(super) fn set_end(&mut self, end: Option<u64>, beyond: Beyond) {
        self.end = end.and_then(|end| i64::try_from(end).ok()).map(|end| (end, beyond));
    }

    /// Where the next frame belongs.
    pub(super) fn position(&self) -> u64 {
        self.cursor.max(0) as u64
    }

    /// Frames of a duration.
    pub(super) fn frames_in(&self, duration: Duration) -> u64 {
        let Some(base) = self.base else {
            return 0;
        };
        let ticks = u128::from(duration.get()) * u128::from(base.numer.get()) * u128::from(self.rate);
        u64::try_from(ticks / u128::from(base.denom.get())).unwrap_or(u64::MAX)
    }

    /// Where a timestamp belongs.
    fn frame_of(&self, timestamp: Timestamp) -> Option<i64> {
        let base = self.base?;
        let ticks = i128::from(timestamp.get()) * i128::from(base.numer.get()) * i128::from(self.rate);
        let frame = i64::try_from(ticks.div_euclid(i128::from(base.denom.get()))).ok()?;
        match self.zero {
            Zero::At(zero) | Zero::First(zero) => frame.checked_sub(zero),
        }
    }

    /// The timestamp of a place, or the last one before it.
    pub(super) fn timestamp_of(&self, frame: u64) -> Option<Timestamp> {
        let base = self.base?;
        let (Zero::At(zero) | Zero::First(zero)) = self.zero;
        let frame = i128::from(frame) + i128::from(zero);
        let ticks = frame * i128::from(base.denom.get());
        let timestamp = ticks.div_euclid(i128::from(base.numer.get()) * i128::from(self.rate.max(1)));
        i64::try_from(timestamp).ok().map(Timestamp::new)
    }

    /// Seconds to a timestamp, for packets that are not decoded.
    pub(super) fn seconds_of(&self, timestamp: Timestamp) -> Option<f64> {
        Some(self.frame_of(timestamp)? as f64 / f64::from(self.rate))
    }

    /// Goes on from a packet that was not decoded.
    pub(super) fn jump(&mut self, timestamp: Timestamp) {
        if let Some(frame) = self.frame_of(timestamp) {
            self.cursor = frame;
        }
    }

    /// Takes back frames that an encoder has put behind the audio.
    pub(super) fn step_back(&mut self, frames: u64) {
        self.cursor = self.cursor.saturating_sub_unsigned(frames);
    }

    /// Settles the frame at which the audio begins, by the first packet.
    pub(super) fn begin(&mut self, timestamp: Timestamp) {
        let Some(frame) = self.frame_of(timestamp) else {
            return;
        };
        let lead = MAX_LEAD_SECONDS * i64::from(self.rate);
        if let Zero::First(zero) = self.zero {
            self.zero = Zero::At(zero.saturating_add(frame.max(0)));
        } else if frame > lead
            && let Zero::At(zero) = self.zero
        {
            self.zero = Zero::At(zero.saturating_add(frame));
        }
        self.cursor = self.frame_of(timestamp).unwrap_or(0).min(0);
    }

    /// Finds the place of `frames` decoded from the packet with this timestamp.
    pub(super) fn place(&mut self, timestamp: Timestamp, frames: usize) -> Placed {
        let tolerance = i64::from(self.rate) / if self.precision == Precision::Exact { 200 } else { 10 };
        let mut silence = 0;
        let mut is_loss = false;
        let at = self.position();
        if let Some(frame) = self.frame_of(timestamp) {
            let gap = frame.saturating_sub(self.cursor);
            if gap > tolerance && gap <= self.gaps_left {
                is_loss = self.cursor > 0;
                // What lies before time 0 is dropped as the frames would be.
                silence = frame.max(0) - self.cursor.max(0);
                self.gaps_left -= gap;
                self.cursor = frame;
            } else if gap.abs() > tolerance {
                // The clock was set: go on from here.
                self.zero = match self.zero {
                    Zero::At(zero) | Zero::First(zero) => Zero::At(zero.saturating_add(gap)),
                };
            }
        }
        let before = usize::try_from(self.cursor.min(0).unsigned_abs()).unwrap_or(usize::MAX);
        let front = before.min(frames);
        let mut keep = frames - front;
        if let Some((end, beyond)) = self.end {
            let goes_on = self.cursor.saturating_sub(end) > i64::from(self.rate) / 5;
            let past = self.cursor.saturating_add(frames as i64).saturating_sub(end).max(0);
            if beyond == Beyond::Dropped || !goes_on {
                keep = keep.saturating_sub(usize::try_from(past).unwrap_or(usize::MAX));
            }
        }
        self.cursor = self.cursor.saturating_add(frames as i64);
        Placed { at, silence: silence as u64, is_loss, front, keep }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(zero: Zero) -> Timeline {
        Timeline::new(TimeBase::try_from_recip(8_000), 8_000, Precision::Exact, zero)
    }

    fn at(timestamp: i64) -> Timestamp {
        Timestamp::new(timestamp)
    }

    fn kept(at: u64, front: usize, keep: usize) -> Placed {
        Placed { at, front, keep, ..Placed::default() }
    }

    #[test]
    fn what_is_before_the_start_is_dropped() {
        let mut track = timeline(Zero::At(0));
        track.begin(at(-1500));
        assert_eq!(track.place(at(-1500), 1000), kept(0, 1000, 0));
        assert_eq!(track.place(at(-500), 1000), kept(0, 500, 500));
        assert_eq!(track.place(at(500), 1000), kept(500, 0, 1000));
        assert_eq!(track.position(), 1500);
        let mut delayed = timeline(Zero::At(312));
        delayed.begin(at(0));
        assert_eq!(delayed.place(at(0), 1000), kept(0, 312, 688));
    }

    #[test]
    fn places_have_timestamps() {
        let mut track = timeline(Zero::First(312));
        track.begin(at(1000));
        assert_eq!(track.timestamp_of(0), Some(at(1000)));
        assert_eq!(track.timestamp_of(9_000), Some(at(10_000)));
        let coarse = Timeline::new(TimeBase::try_from_recip(1_000), 48_000, Precision::Exact, Zero::At(48));
        assert_eq!(coarse.timestamp_of(95), Some(at(2)));
        assert_eq!(coarse.timestamp_of(96), Some(at(3)));
    }

    #[test]
    fn what_is_behind_the_end_is_dropped() {
        for (beyond, later) in [(Beyond::Dropped, 0), (Beyond::Kept, 1000)] {
            let mut track = timeline(Zero::At(0));
            track.set_end(Some(1200), beyond);
            track.begin(at(0));
            assert_eq!(track.place(at(0), 1000), kept(0, 0, 1000));
            assert_eq!(track.place(at(1000), 1000), kept(1000, 0, 200));
            assert_eq!(track.place(at(2000), 1000), kept(2000, 0, 0));
            assert_eq!(track.place(at(3000), 1000), kept(3000, 0, later));
        }
    }

    #[test]
    fn gaps_become_silence() {
        let mut track = timeline(Zero::At(0));
        track.begin(at(0));
        track.place(at(0), 1000);
        let placed = track.place(at(3000), 1000);
        assert_eq!(placed, Placed { at: 1000, silence: 2000, is_loss: true, front: 0, keep: 1000 });
        assert_eq!(track.place(at(4003), 1000), kept(4000, 0, 1000));
        // No day of silence: the clock was set.
        assert_eq!(track.place(at(8_000 * 86_400), 1000), kept(5000, 0, 1000));
        assert_eq!(track.place(at(8_000 * 86_400 + 1000), 1000), kept(6000, 0, 1000));
        assert_eq!(track.position(), 7000);
    }

    #[test]
    fn the_start_is_where_the_format_says() {
        let mut lead = timeline(Zero::At(0));
        lead.begin(at(4000));
        let placed = lead.place(at(4000), 10);
        assert_eq!(placed, Placed { at: 0, silence: 4000, is_loss: false, front: 0, keep: 10 });
        for mut track in [timeline(Zero::First(0)), timeline(Zero::At(0))] {
            track.begin(at(8_000_000));
            assert_eq!(track.place(at(8_000_000), 10), kept(0, 0, 10));
        }
        let mut delayed = timeline(Zero::First(312));
        delayed.begin(at(0));
        assert_eq!(delayed.place(at(0), 1000), kept(0, 312, 688));
    }
}
