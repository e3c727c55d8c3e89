//! How a recording is cut into segments.

use clap::{Args, value_parser};
use slm_core::{Request, UnsupportedText};

use super::numbers;

/// The longest pause and padding, in milliseconds.
const MAX_MS: i64 = 60_000;

/// How a recording is cut; what is not given is as the engine does it.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Segments")]
pub(crate) struct SegmentArgs {
    /// How clearly a sound must stand out from the background to count as speech, from 0 to 1 [default: 0.5]
    #[arg(long, value_name = "X", value_parser = numbers::fraction)]
    pub(crate) vad_threshold: Option<f64>,
    /// Silence that parts two segments, in milliseconds [default: 500]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(0..=MAX_MS))]
    pub(crate) min_silence_ms: Option<u32>,
    /// The longest segment in seconds [default: as the model was trained for]
    #[arg(long, value_name = "X", value_parser = numbers::segment)]
    pub(crate) max_segment_s: Option<f64>,
    /// Sound that is kept before and after speech, in milliseconds [default: 250]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(0..=MAX_MS))]
    pub(crate) speech_pad_ms: Option<u32>,
    /// How unsure the encoder must be of all that it hears for a sound to count as no speech, from 0 to 1, which leaves out none [default: as the encoder says, or 0.25]
    #[arg(long, value_name = "X", value_parser = numbers::fraction)]
    pub(crate) no_speech_threshold: Option<f64>,
    /// Do not look for speech: all of the audio goes through the model, cut where it is quiet
    #[arg(long, conflicts_with_all = ["vad_threshold", "min_silence_ms", "speech_pad_ms", "no_speech_threshold"])]
    pub(crate) no_vad: bool,
    /// Leave out text that the sound does not support at all
    #[arg(long)]
    pub(crate) suppress_unsupported: bool,
}

impl SegmentArgs {
    /// Puts what was chosen in the place of what `request` has.
    pub(crate) fn apply(&self, request: &mut Request) {
        let cuts = &mut request.segmentation;
        let seconds = |milliseconds: u32| f64::from(milliseconds) / 1000.0;
        cuts.finds_speech &= !self.no_vad;
        cuts.threshold = self.vad_threshold.unwrap_or(cuts.threshold);
        cuts.min_silence = self.min_silence_ms.map_or(cuts.min_silence, seconds);
        cuts.max_segment = self.max_segment_s.or(cuts.max_segment);
        cuts.padding = self.speech_pad_ms.map_or(cuts.padding, seconds);
        cuts.no_speech_threshold = self.no_speech_threshold.unwrap_or(cuts.no_speech_threshold);
        if self.suppress_unsupported {
            request.unsupported = UnsupportedText::LeftOut;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use slm_core::{Segmentation, Task};

    #[test]
    fn what_is_chosen_is_asked_for() {
        let mut request = Request::new(Task::Transcribe);
        SegmentArgs::default().apply(&mut request);
        assert_eq!(request.segmentation, Segmentation::default());
        assert_eq!(request.unsupported, UnsupportedText::Marked);
        let args = SegmentArgs {
            vad_threshold: Some(0.25),
            min_silence_ms: Some(700),
            max_segment_s: Some(12.0),
            speech_pad_ms: Some(20),
            no_speech_threshold: Some(0.5),
            no_vad: true,
            suppress_unsupported: true,
        };
        args.apply(&mut request);
        let mut expected = Segmentation::default();
        expected.finds_speech = false;
        expected.threshold = 0.25;
        expected.min_silence = 0.7;
        expected.max_segment = Some(12.0);
        expected.padding = 0.02;
        expected.no_speech_threshold = 0.5;
        assert_eq!(request.segmentation, expected);
        assert_eq!(request.unsupported, UnsupportedText::LeftOut);
    }

    #[test]
    fn the_defaults_that_help_tells_are_the_engines() {
        let cuts = Segmentation::default();
        assert_eq!((cuts.threshold, cuts.min_silence, cuts.padding), (0.5, 0.5, 0.25));
        assert!((cuts.no_speech_threshold - 0.25).abs() < 1e-9);
    }
}
