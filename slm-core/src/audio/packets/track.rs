//! The first audio track of a file, packet by packet.

use std::io::ErrorKind;

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known::CODEC_ID_VORBIS;
use symphonia::core::errors::Error;
use symphonia::core::formats::{FormatReader, SeekMode, SeekTo, Track as SymphoniaTrack};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::packet::Packet;

use super::super::decode::{Block, Decode, seconds_to_skip};
use super::super::error::AudioWarning;
use super::super::guard::guarded;
use super::super::limits::MAX_BAD_PACKETS;
use super::super::problem::AudioProblem;
use super::super::sniff::Container;
use super::codec::{Codec, Decoded};
use super::described::{Described, Facts};
use super::ends::Witness;
use super::names;
use super::timeline::Timeline;

/// Seconds before the wanted part that are decoded, so that decoders have settled by then.
const SETTLING_SECONDS: f64 = 2.0;
/// Seconds that a file may end early without a word, where its duration is rounded.
const SHORT_SECONDS: f64 = 0.1;

/// Seconds that are rather read than jumped over.
const NEAR_SECONDS: f64 = 10.0;

/// A file whose packets are decoded one after the other.
pub(super) struct Track<'s> {
    reader: Box<dyn FormatReader + 's>,
    container: Container,
    facts: Facts,
    witness: Option<Witness>,
    format: &'static str,
    described: Described,
    codec: Codec,
    timeline: Timeline,
    has_begun: bool,
    /// Whether the next audio is at another place than that behind the last one.
    has_jumped: bool,
    channels: u16,
    rate: u32,
    /// Duration in seconds, where a header tells.
    declared: Option<f64>,
    /// Seconds up to which there are packets of other tracks.
    others: f64,
    /// Whole seconds that are left out.
    skipped: u64,
    /// Seconds before the timeline, of tracks that came earlier.
    before: f64,
    /// Frames of silence still to give before the audio that waits, and where they belong in the timeline.
    silence: u64,
    place: u64,
    waiting: Block,
    /// Packets without audio since the last one with it.
    bad: u32,
    /// Frames of those that are damaged.
    bad_frames: u64,
    is_over: bool,
    warnings: Vec<AudioWarning>,
}

/// What became of a jump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Jump {
    /// What is read next leads to the wanted part.
    Done,
    /// The file must be read from its start again.
    Failed,
}

/// How the packets end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Proper,
    Broken,
}

impl<'s> Track<'s> {
    /// Takes the first audio track, and decodes until there is audio.
    pub(super) fn open(
        reader: Box<dyn FormatReader + 's>,
        container: Container,
        facts: Facts,
        witness: Option<Witness>,
        start: f64,
    ) -> Result<Self, AudioProblem> {
        let container = names::found(reader.format_info().short_name).unwrap_or(container);
        let described = Described::first(reader.as_ref())?;
        let format = names::format(container, described.params.codec);
        let codec = Codec::new(format, &described.params)?;
        let (channels, rate) = described.channels_and_rate();
        let declared = described.seconds(container, &facts, codec.pre_skip());
        let timeline = described.timeline(container, &facts, codec.pre_skip(), rate, declared);
        let mut track = Self {
            reader,
            container,
            facts,
            witness,
            format,
            described,
            codec,
            timeline,
            has_begun: false,
            has_jumped: false,
            channels,
            rate,
            declared,
            others: 0.0,
            skipped: seconds_to_skip(start),
            before: 0.0,
            silence: 0,
            place: 0,
            waiting: Block::default(),
            bad: 0,
            bad_frames: 0,
            is_over: false,
            warnings: Vec::new(),
        };
        let mut useless = false;
        while !track.has_begun && !track.is_over {
            track.step()?;
            useless |= track.bad > 0;
        }
        // A file without a single packet may be right; one whose packets are all useless is not.
        let is_right = track.has_begun || (rate > 0 && !useless && track.warnings.is_empty());
        if is_right { Ok(track) } else { Err(AudioProblem::Undecodable { format, source: None }) }
    }

    /// Goes to shortly before the wanted part, if that is far off, in a file that can seek.
    pub(super) fn jump_to_start(&mut self) -> Result<Jump, AudioProblem> {
        let rate = f64::from(self.rate);
        let wanted = self.skipped as f64 - self.before;
        let target = wanted - SETTLING_SECONDS;
        let timestamp = self.timeline.timestamp_of((target.max(0.0) * rate) as u64);
        // symphonia is not exact to the sample among the packets of Vorbis, whose lengths depend on those before them.
        let is_exact = self.described.params.codec != CODEC_ID_VORBIS;
        let is_far = target > NEAR_SECONDS && is_exact && self.can_jump() && !self.is_over;
        let Some(ts) = timestamp.filter(|_| is_far) else {
            return Ok(Jump::Done);
        };
        let (reader, to) = (&mut self.reader, SeekTo::Timestamp { ts, track_id: self.described.id });
        if guarded(self.format, || reader.seek(SeekMode::Accurate, to))?.is_err() {
            return Ok(Jump::Failed);
        }
        self.codec = Codec::new(self.format, &self.described.params)?;
        (self.silence, self.has_jumped) = (0, true);
        self.waiting.samples.clear();
        while self.has_jumped && !self.is_over {
            if self.step().is_err() {
                return Ok(Jump::Failed);
            }
        }
        // A damaged file may lead too far.
        let is_same = f64::from(self.rate).to_bits() == rate.to_bits();
        let is_before = !self.has_jumped && is_same && self.place as f64 <= wanted * rate;
        Ok(if is_before { Jump::Done } else { Jump::Failed })
    }

    /// Whether symphonia finds its way in such a file. In these three it guesses by the bit rate, or times are rounded;
    /// and among several streams of an Ogg file it may search for ever.
    fn can_jump(&self) -> bool {
        let is_audio =
            |track: &&SymphoniaTrack| matches!(track.codec_params, Some(CodecParameters::Audio(_)));
        let has_index = !matches!(self.container, Container::Mp3 | Container::Adts | Container::Matroska);
        let is_one =
            self.container != Container::Ogg || self.reader.tracks().iter().filter(is_audio).count() == 1;
        has_index && is_one && !self.facts.is_joined
    }

    /// The bytes of the file, at any place.
    pub(super) fn into_stream(self) -> MediaSourceStream<'s> {
        self.reader.into_inner()
    }

    pub(super) fn format(&self) -> &'static str {
        self.format
    }

    pub(super) fn channels(&self) -> u16 {
        self.channels
    }

    pub(super) fn rate(&self) -> u32 {
        self.rate
    }

    /// Duration in seconds, where a header tells.
    pub(super) fn seconds(&self) -> Option<f64> {
        self.declared
    }

    /// Whole seconds that are left out.
    pub(super) fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Reads a packet, and decodes it if it may be wanted.
    fn step(&mut self) -> Result<(), AudioProblem> {
        let Some(packet) = self.next_packet()? else {
            return Ok(());
        };
        let wanted = self.skipped as f64 - self.before - SETTLING_SECONDS;
        if self.has_begun && self.timeline.seconds_of(packet.pts).is_some_and(|at| at < wanted) {
            self.timeline.jump(packet.pts.saturating_add(packet.dur));
            return Ok(());
        }
        let mut block = std::mem::take(&mut self.waiting);
        let decoded = self.codec.decode(self.format, &packet, &mut block)?;
        let has_audio = matches!(decoded, Decoded::Audio) && !block.samples.is_empty();
        if has_audio {
            (self.bad, self.bad_frames) = (0, 0);
            self.put(&packet, &mut block);
        } else {
            block.samples.clear();
            if matches!(decoded, Decoded::Damaged) {
                self.bad_frames = self.bad_frames.saturating_add(self.timeline.frames_in(packet.block_dur()));
            }
            self.count_bad()?;
        }
        self.waiting = block;
        Ok(())
    }

    /// The next packet of the track; `None` at the end, which is then told of.
    fn next_packet(&mut self) -> Result<Option<Packet>, AudioProblem> {
        loop {
            let reader = &mut self.reader;
            let ending = match guarded(self.format, || reader.next_packet())? {
                Ok(Some(packet)) if packet.track_id == self.described.id => return Ok(Some(packet)),
                Ok(Some(packet)) => {
                    self.others = self.others.max(self.described.end_of(&packet));
                    continue;
                }
                Err(Error::ResetRequired) => {
                    self.go_on_with_next()?;
                    continue;
                }
                Err(Error::IoError(error)) if error.kind() != ErrorKind::UnexpectedEof => {
                    return Err(error.into());
                }
                Ok(None) => Ending::Proper,
                // Such a file is read as from a pipe, whose end is always a surprise.
                Err(Error::IoError(_)) if self.container == Container::Matroska => Ending::Proper,
                Err(_) => Ending::Broken,
            };
            self.is_over = true;
            self.tell_of_end(ending);
            return Ok(None);
        }
    }

    /// Goes on with other tracks, as in Ogg files that were joined.
    fn go_on_with_next(&mut self) -> Result<(), AudioProblem> {
        self.count_bad()?;
        self.described = Described::first(self.reader.as_ref())?;
        self.codec = Codec::new(self.format, &self.described.params)?;
        self.declared = None;
        self.restart(self.rate);
        Ok(())
    }

    /// Begins a new timeline behind the present one.
    fn restart(&mut self, rate: u32) {
        self.before += self.timeline.position() as f64 / f64::from(self.rate.max(1));
        self.rate = rate;
        let pre_skip = self.codec.pre_skip();
        self.timeline = self.described.timeline(self.container, &self.facts, pre_skip, rate, self.declared);
        self.has_begun = false;
    }

    fn count_bad(&mut self) -> Result<(), AudioProblem> {
        self.bad += 1;
        if self.bad > MAX_BAD_PACKETS {
            return Err(AudioProblem::BadPackets { packets: MAX_BAD_PACKETS });
        }
        Ok(())
    }

    /// Finds the place of decoded audio in time.
    fn put(&mut self, packet: &Packet, block: &mut Block) {
        if block.rate != self.rate {
            // The first audio tells better than the header.
            self.restart(block.rate);
        }
        if !self.has_begun {
            self.timeline.begin(packet.pts);
            self.has_begun = true;
            self.channels = block.channels;
        }
        if std::mem::take(&mut self.has_jumped) {
            self.timeline.jump(packet.pts);
        }
        let channels = usize::from(block.channels.max(1));
        let placed = self.timeline.place(packet.pts, block.frames());
        let mut keep = placed.keep;
        if self.container == Container::Ogg {
            let trimmed = self.timeline.frames_in(packet.trim_end);
            keep = keep.saturating_sub(usize::try_from(trimmed).unwrap_or(usize::MAX));
            self.timeline.step_back(trimmed);
        }
        if self.is_of_another_file(placed.at) {
            keep = 0;
        }
        block.samples.truncate((placed.front + keep) * channels);
        block.samples.drain(..placed.front * channels);
        self.silence = placed.silence;
        self.place = placed.at;
        let at = self.seconds_at(placed.at);
        if placed.is_loss && at >= self.skipped as f64 {
            let seconds = placed.silence as f64 / f64::from(self.rate.max(1));
            self.warnings.push(AudioWarning::AudioLost { at, seconds });
        }
    }

    /// Whether audio at a place of the timeline is that of another file, which stands behind the first one.
    fn is_of_another_file(&self, place: u64) -> bool {
        self.container == Container::Flac
            && self.declared.is_some_and(|declared| self.seconds_at(place) >= declared)
            && self.witness.as_ref().is_some_and(|witness| witness.behind() > 0)
    }

    /// Seconds to a place of the timeline.
    fn seconds_at(&self, place: u64) -> f64 {
        self.before + place as f64 / f64::from(self.rate.max(1))
    }

    /// Frames of what is about to be given that lie before the wanted part.
    fn unwanted(&self) -> u64 {
        let wanted = (self.skipped as f64 - self.before).max(0.0) * f64::from(self.rate);
        (wanted.round() as u64).saturating_sub(self.place)
    }

    /// Says so if the audio ends too early.
    fn tell_of_end(&mut self, ending: Ending) {
        let rate = f64::from(self.rate.max(1));
        let found = self.seconds_at(self.timeline.position());
        let lost = self.bad_frames as f64 / rate;
        // These count their samples.
        let is_counted = matches!(self.container, Container::Flac | Container::Aiff);
        let short = if is_counted && self.bad_frames == 0 { 0.5 / rate } else { SHORT_SECONDS };
        let behind = self.facts.behind.max(self.witness.as_ref().map_or(0, Witness::behind));
        if behind > 0 {
            self.warnings.push(AudioWarning::DataBeyondEnd { bytes: behind });
        }
        let is_cut = self.facts.is_cut || self.witness.as_ref().is_some_and(Witness::is_cut);
        self.warnings.extend(match self.declared {
            Some(declared) if declared - found.max(self.others) > short => {
                Some(AudioWarning::DataTruncated { found, declared })
            }
            // All is there that was announced, whatever comes behind.
            Some(_) if !is_cut => None,
            _ if ending == Ending::Broken || is_cut => Some(AudioWarning::BreaksOff { found }),
            _ if lost > SHORT_SECONDS => Some(AudioWarning::AudioLost { at: found, seconds: lost }),
            _ => None,
        });
    }
}

impl Decode for Track<'_> {
    fn next(&mut self, block: &mut Block) -> Result<bool, AudioProblem> {
        loop {
            let channels = usize::from(self.waiting.channels.max(1));
            let unwanted = self.unwanted();
            if self.silence > 0 {
                let second = u64::from(self.rate.max(1));
                let frames = if unwanted > 0 { self.silence.min(unwanted) } else { self.silence.min(second) };
                self.silence -= frames;
                self.place += frames;
                if unwanted == 0 {
                    (block.channels, block.rate) = (self.waiting.channels, self.waiting.rate);
                    block.samples.clear();
                    block.samples.resize(frames as usize * channels, 0.0);
                    return Ok(true);
                }
            } else if !self.waiting.samples.is_empty() {
                let frames = self.waiting.frames();
                let dropped = frames.min(usize::try_from(unwanted).unwrap_or(usize::MAX));
                self.place += frames as u64;
                std::mem::swap(block, &mut self.waiting);
                self.waiting.samples.clear();
                block.samples.drain(..dropped * channels);
                return Ok(true);
            } else if self.is_over {
                return Ok(false);
            } else {
                self.step()?;
            }
        }
    }

    fn take_warnings(&mut self) -> Vec<AudioWarning> {
        std::mem::take(&mut self.warnings)
    }
}
