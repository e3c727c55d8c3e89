//! What fits into the memory budget: how long audio may be at once, and how many segments go together.

use super::SpeechModel;
use super::segment::{Cutter, MAX_SEGMENT_SECONDS};
use crate::audio::SAMPLE_RATE;
use crate::audio::activity::Doubtful;
use crate::engine::memory::largest_count;
use crate::engine::request::Request;

/// What a task that needs all of the audio takes at once, in the longest segments that the model was trained on.
const WHOLE_SEGMENTS: f64 = 2.0;
/// The longest audio at once that is thought of: a day.
const LONGEST_HOURS: usize = 24;
/// Steps in which the longest audio is told.
const STEP_SECONDS: usize = 10;

impl SpeechModel {
    /// Bytes of work on `rows` stretches of `seconds` each, an estimate from the shapes of the models.
    pub fn working_bytes(&self, rows: usize, seconds: f64) -> u64 {
        let ears = &self.ears;
        let samples = seconds * f64::from(SAMPLE_RATE);
        let frames = (samples / ears.features.hop() as f64).ceil() as usize + 1;
        let host = rows * ears.host_values(samples as usize, frames) * size_of::<f32>();
        let writing = self.writes().working_bytes(rows, ears.states(frames), seconds);
        let beside = (rows * ears.states(frames) * ears.values_beside() * size_of::<f32>()) as u64;
        host as u64 + (ears.encoder.working_bytes(rows, frames) + beside).max(writing)
    }

    /// Seconds of audio at most for tasks that need all of it at once.
    pub fn longest_whole_seconds(&self) -> f64 {
        let most = LONGEST_HOURS * 3600 / STEP_SECONDS;
        let bytes = |steps: usize| self.working_bytes(1, (steps * STEP_SECONDS) as f64);
        let steps = largest_count(most, self.memory, bytes);
        // A segment always goes.
        ((steps * STEP_SECONDS) as f64).max(MAX_SEGMENT_SECONDS)
    }

    /// Seconds of audio at most that tasks which need all of it are given; of longer audio they get
    /// [a part](crate::LongAudio).
    pub fn whole_seconds(&self) -> f64 {
        self.longest_whole_seconds().min(WHOLE_SEGMENTS * self.max_segment_seconds)
    }

    /// What cuts a recording for a request. Where the encoder has a CTC head that can tell noise from speech, it is given
    /// what is doubtful.
    pub(crate) fn cutter(&self, request: &Request) -> Cutter {
        let doubtful =
            if self.ears.encoder.labels().is_some() { Doubtful::StandsOut } else { Doubtful::IsQuiet };
        Cutter::new(&request.segmentation, self.longest_segment(request), doubtful)
    }

    /// Stretches of at most `seconds` that go through the model together.
    pub fn batch_rows(&self, seconds: f64) -> usize {
        largest_count(self.max_batch, self.memory, |rows| self.working_bytes(rows, seconds))
    }
}
