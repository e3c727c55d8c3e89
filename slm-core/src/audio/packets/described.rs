//! What the headers of a file say of its first audio track.

use symphonia::core::audio::Channels;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::formats::{FormatReader, Track, TrackType};
use symphonia::core::packet::Packet;

use super::super::problem::AudioProblem;
use super::super::sniff::Container;
use super::mp4::Edit;
use super::opus;
use super::timeline::{Beyond, Precision, Timeline, Zero};

/// Most seconds of silence before the audio.
const MAX_SILENCE_SECONDS: f64 = 60.0;

/// What is found out about a file before symphonia sees it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Facts {
    /// The edit list of an MP4 file.
    pub(super) edit: Edit,
    /// Whether it has less than its header announces.
    pub(super) is_cut: bool,
    /// Whether it was joined of several, so that times begin anew in its middle.
    pub(super) is_joined: bool,
    /// Bytes behind the end that its header declares, which nobody reads.
    pub(super) behind: u64,
}

/// The first audio track.
pub(super) struct Described {
    pub(super) id: u32,
    pub(super) params: AudioCodecParameters,
    track: Track,
    /// Duration of the file as a whole.
    whole: Option<f64>,
}

impl Described {
    pub(super) fn first(reader: &dyn FormatReader) -> Result<Self, AudioProblem> {
        let no_audio = || AudioProblem::NoAudioTrack { tracks: reader.tracks().len() };
        let track = reader.first_track(TrackType::Audio).ok_or_else(no_audio)?.clone();
        match &track.codec_params {
            Some(CodecParameters::Audio(params)) => {
                let info = reader.media_info();
                let whole = info.time_base.zip(info.duration).and_then(|(base, all)| base.calc_duration(all));
                let whole = whole.map(|seconds| seconds.as_secs_f64());
                Ok(Self { id: track.id, params: params.clone(), track, whole })
            }
            _ => Err(no_audio()),
        }
    }

    /// Seconds to the end of a packet of another track, where that counts in the same ticks and the duration is that of
    /// the longest track.
    pub(super) fn end_of(&self, packet: &Packet) -> f64 {
        let end = packet.pts.saturating_add(packet.block_dur());
        let is_of_all = self.track.num_frames.is_none();
        let base = self.track.time_base.filter(|_| is_of_all);
        base.and_then(|base| base.calc_time(end)).map_or(0.0, |end| end.as_secs_f64())
    }

    /// As the header has them, 1 and 0 where it does not.
    pub(super) fn channels_and_rate(&self) -> (u16, u32) {
        let channels = self.params.channels.as_ref().map_or(1, Channels::count);
        (channels as u16, self.params.sample_rate.unwrap_or(0))
    }

    /// Duration of the audio in seconds.
    pub(super) fn seconds(&self, container: Container, facts: &Facts, pre_skip: u16) -> Option<f64> {
        let silence = facts.edit.silence.min(MAX_SILENCE_SECONDS);
        if let Some(length) = facts.edit.length {
            return Some(length + silence);
        }
        let by_frames = self.track.num_frames.zip(self.params.sample_rate.filter(|&rate| rate > 0));
        let seconds = match by_frames {
            Some((frames, rate)) => frames as f64 / f64::from(rate),
            None => self.whole?,
        };
        let before = match container {
            Container::Ogg => f64::from(pre_skip) / f64::from(opus::RATE),
            _ => facts.edit.start - silence,
        };
        Some(seconds - before).filter(|seconds| *seconds > 0.0)
    }

    /// The timeline of the packets, for audio at `rate` Hz that is announced to last so many seconds.
    pub(super) fn timeline(
        &self,
        container: Container,
        facts: &Facts,
        pre_skip: u16,
        rate: u32,
        seconds: Option<f64>,
    ) -> Timeline {
        let precision = if container == Container::Matroska { Precision::Coarse } else { Precision::Exact };
        let frames = |seconds: f64| (seconds * f64::from(rate)).round() as i64;
        let zero = match container {
            Container::Matroska => Zero::At(0),
            Container::Mp4 => {
                Zero::At(frames(facts.edit.start - facts.edit.silence.min(MAX_SILENCE_SECONDS)))
            }
            Container::Ogg => Zero::First(pre_skip.into()),
            _ => Zero::First(0),
        };
        let mut timeline = Timeline::new(self.track.time_base, rate, precision, zero);
        let is_edited = facts.edit.length.is_some();
        let has_end = is_edited || matches!(container, Container::Mp3 | Container::Caf);
        let end = seconds.filter(|_| has_end).map(|seconds| frames(seconds).max(0) as u64);
        timeline.set_end(end, if is_edited { Beyond::Dropped } else { Beyond::Kept });
        timeline
    }
}
