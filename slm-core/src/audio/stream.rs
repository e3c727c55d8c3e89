//! The way of samples from a decoder to the caller: checked, mixed, resampled, cut to what was asked for.

use super::SAMPLE_RATE;
use super::decode::{Block, Decode, Opened, Sureness};
use super::error::AudioWarning;
use super::limits::MAX_SAMPLE;
use super::losses::Losses;
use super::mix::Mixer;
use super::options::{Channel, ReadOptions};
use super::packets;
use super::problem::AudioProblem;
use super::resample::ModelRate;
use super::sniff::{self, Found, SNIFF_BYTES};
use super::source::Source;
use super::stored;

/// Samples of a piece at most: a second.
const PIECE: usize = SAMPLE_RATE as usize;
/// Seconds over which damaged samples are still counted after the first.
const COUNTED_SECONDS: f64 = 600.0;

/// Mono samples at 16 kHz, piece by piece.
pub(super) struct Stream<'s> {
    decoder: Box<dyn Decode + 's>,
    pub(super) format: &'static str,
    pub(super) channels: u16,
    /// Duration in seconds of the whole file, where it is known, and how.
    seconds: Option<f64>,
    sure: Sureness,
    start: f64,
    /// Samples still to drop at the start.
    dropping: u64,
    /// Samples still to give, and those asked for; `None` gives all.
    left: Option<u64>,
    asked: Option<f64>,
    channel: Channel,
    part: Option<Part>,
    block: Block,
    mono: Vec<f32>,
    ready: Vec<f32>,
    /// Samples given.
    given: u64,
    /// Seconds of audio behind us, in the file.
    decoded: f64,
    is_over: bool,
    losses: Losses,
    warnings: Vec<AudioWarning>,
}

/// What depends on the channels and the rate, which may change inside a file.
struct Part {
    channels: u16,
    rate: u32,
    mixer: Mixer,
    resampler: ModelRate,
}

/// Opens audio of any format.
pub(super) fn open<'s>(mut source: Source<'s>, options: &ReadOptions) -> Result<Stream<'s>, AudioProblem> {
    check_time("start", options.start)?;
    check_time("duration", options.duration.unwrap_or(0.0))?;
    let opened = match options.raw {
        Some(raw) => stored::open_raw(source, raw, options.start)?,
        None => match sniff::tell(source.peek(SNIFF_BYTES)?)? {
            Found::Wav(layout) => stored::open_wav(source, layout, options.start)?,
            Found::Packets(container) => packets::open(source, container, options.start)?,
        },
    };
    Stream::new(opened, options)
}

fn check_time(name: &'static str, seconds: f64) -> Result<(), AudioProblem> {
    if seconds >= 0.0 && seconds.is_finite() { Ok(()) } else { Err(AudioProblem::NoTime { name, seconds }) }
}

/// Samples in so many seconds.
fn samples_in(seconds: f64) -> u64 {
    (seconds * f64::from(SAMPLE_RATE)).round() as u64
}

impl<'s> Stream<'s> {
    fn new(opened: Opened<'s>, options: &ReadOptions) -> Result<Self, AudioProblem> {
        // Refuses a channel that is not there before anything is read.
        let part = Part::new(options.channel, opened.channels, opened.rate)?;
        let skipped = samples_in(opened.skipped as f64);
        Ok(Self {
            decoder: opened.decoder,
            format: opened.format,
            channels: opened.channels,
            seconds: opened.seconds,
            sure: opened.sure,
            start: options.start,
            dropping: samples_in(options.start).saturating_sub(skipped),
            left: options.duration.map(samples_in),
            asked: options.duration,
            channel: options.channel,
            part: Some(part),
            block: Block::default(),
            mono: Vec::new(),
            ready: Vec::new(),
            given: 0,
            decoded: opened.skipped as f64,
            is_over: false,
            losses: Losses::default(),
            warnings: Vec::new(),
        })
    }

    /// Seconds that will be given, as far as a header tells.
    pub(super) fn declared_seconds(&self) -> Option<f64> {
        let rest = (self.seconds? - self.start).max(0.0);
        Some(self.asked.map_or(rest, |asked| asked.min(rest)))
    }

    /// The same, where the size of the file backs it.
    pub(super) fn measured_seconds(&self) -> Option<f64> {
        self.declared_seconds().filter(|_| self.sure == Sureness::Measured)
    }

    /// The next samples, a second at most; `None` at the end, and after an error.
    pub(super) fn next_piece(&mut self) -> Result<Option<Vec<f32>>, AudioProblem> {
        while self.ready.len() < PIECE && !self.is_over {
            if let Err(problem) = self.advance() {
                self.is_over = true;
                self.ready.clear();
                return Err(problem);
            }
        }
        if self.ready.is_empty() {
            return Ok(None);
        }
        let rest = self.ready.split_off(PIECE.min(self.ready.len()));
        Ok(Some(std::mem::replace(&mut self.ready, rest)))
    }

    /// What was odd since the last call.
    pub(super) fn take_warnings(&mut self) -> Vec<AudioWarning> {
        self.collect_warnings();
        std::mem::take(&mut self.warnings)
    }

    fn collect_warnings(&mut self) {
        for warning in self.decoder.take_warnings() {
            self.warnings.extend(self.losses.sift(warning));
        }
    }

    /// Decodes a block.
    fn advance(&mut self) -> Result<(), AudioProblem> {
        if self.left == Some(0) {
            return self.end_of_part();
        }
        if !self.decoder.next(&mut self.block)? {
            self.end_of_part()?;
            self.tell_of_nothing();
            return Ok(());
        }
        self.collect_warnings();
        if self.block.samples.is_empty() {
            return Ok(());
        }
        self.check_samples()?;
        self.decoded += self.block.frames() as f64 / f64::from(self.block.rate.max(1));
        let is_same = |part: &Part| (part.channels, part.rate) == (self.block.channels, self.block.rate);
        if !self.part.as_ref().is_some_and(is_same) {
            self.close_part()?;
            self.part = Some(Part::new(self.channel, self.block.channels, self.block.rate)?);
        }
        if let Some(part) = &mut self.part {
            self.mono.clear();
            part.mixer.push(&self.block.samples, &mut self.mono);
            let mut output = Vec::new();
            part.resampler.push(&self.mono, &mut output)?;
            self.give(&output);
        }
        Ok(())
    }

    /// Gives what mixer and resampler still hold.
    fn close_part(&mut self) -> Result<(), AudioProblem> {
        if let Some(mut part) = self.part.take() {
            self.mono.clear();
            part.mixer.finish(&mut self.mono);
            let mut output = Vec::new();
            part.resampler.push(&self.mono, &mut output)?;
            part.resampler.finish(&mut output)?;
            self.warnings.extend(part.mixer.warnings());
            self.give(&output);
        }
        Ok(())
    }

    fn end_of_part(&mut self) -> Result<(), AudioProblem> {
        self.is_over = true;
        self.close_part()?;
        self.collect_warnings();
        self.warnings.extend(self.losses.rest());
        Ok(())
    }

    fn tell_of_nothing(&mut self) {
        if self.given > 0 || self.left == Some(0) {
            return;
        }
        let seconds = self.seconds.unwrap_or(self.decoded).min(self.start);
        self.warnings.push(if self.start > 0.0 && seconds > 0.0 {
            AudioWarning::StartBeyondEnd { start: self.start, seconds }
        } else {
            AudioWarning::NoSamples
        });
    }

    /// Adds those of the samples that were asked for.
    fn give(&mut self, samples: &[f32]) {
        let dropped = samples.len().min(usize::try_from(self.dropping).unwrap_or(usize::MAX));
        self.dropping -= dropped as u64;
        let samples = samples.get(dropped..).unwrap_or_default();
        let most = self.left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
        let samples = samples.get(..most.min(samples.len())).unwrap_or_default();
        self.left = self.left.map(|left| left - samples.len() as u64);
        self.given += samples.len() as u64;
        self.ready.extend_from_slice(samples);
    }

    /// Refuses values that no audio has: the resampler must not see them.
    fn check_samples(&mut self) -> Result<(), AudioProblem> {
        let limit = f64::from(MAX_SAMPLE);
        if self.block.samples.iter().all(|sample| sample.abs() <= limit) {
            return Ok(());
        }
        let seconds_to = |stream: &Self, index: usize| {
            let frame = index / usize::from(stream.block.channels.max(1));
            stream.decoded + frame as f64 / f64::from(stream.block.rate.max(1))
        };
        let Some(first) = self.block.samples.iter().position(|sample| !sample.is_finite()) else {
            let (index, value) = self
                .block
                .samples
                .iter()
                .copied()
                .enumerate()
                .find(|(_, sample)| sample.abs() > limit)
                .unwrap_or_default();
            let seconds = seconds_to(self, index);
            return Err(AudioProblem::TooLoud { value: value as f32, seconds, limit: MAX_SAMPLE });
        };
        let seconds = seconds_to(self, first);
        Err(AudioProblem::NonFinite { count: self.count_non_finite(), seconds })
    }

    /// Non-finite samples of this block and of those that follow, within reason.
    fn count_non_finite(&mut self) -> u64 {
        let (mut count, mut counted) = (0, 0.0);
        loop {
            count += self.block.samples.iter().filter(|sample| !sample.is_finite()).count() as u64;
            counted += self.block.frames() as f64 / f64::from(self.block.rate.max(1));
            if counted > COUNTED_SECONDS || !matches!(self.decoder.next(&mut self.block), Ok(true)) {
                return count;
            }
        }
    }
}

impl Part {
    fn new(channel: Channel, channels: u16, rate: u32) -> Result<Self, AudioProblem> {
        let mixer = Mixer::new(channel, channels, rate)?;
        Ok(Self { channels, rate, mixer, resampler: ModelRate::new(rate) })
    }
}
