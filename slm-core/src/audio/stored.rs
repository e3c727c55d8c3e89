//! Samples that lie in a file as they are, or in blocks of ADPCM: those of WAV and its relatives, and raw ones.

use super::adpcm::Adpcm;
use super::decode::{Block, Decode, Opened, Sureness, seconds_to_skip};
use super::error::AudioWarning;
use super::limits::MAX_STREAM_BYTES;
use super::problem::AudioProblem;
use super::raw::RawFormat;
use super::source::Source;
use super::wav::{self, Coding, Layout, WavFormat, WavHeader};

/// Bytes read at once, where they are not more than a second.
const READ_BYTES: u32 = 1 << 16;

/// Opens WAV or one of its relatives.
pub(super) fn open_wav(
    mut source: Source<'_>,
    layout: Layout,
    start: f64,
) -> Result<Opened<'_>, AudioProblem> {
    let header = wav::walk(&mut source, layout)?;
    let name = match (layout, header.format.coding) {
        (Layout::Riff, Coding::MsAdpcm(_)) => "WAV (ADPCM)",
        (Layout::Riff, Coding::ImaAdpcm(_)) => "WAV (IMA ADPCM)",
        _ => layout.name(),
    };
    open(source, header, name, start)
}

/// Opens samples without a header.
pub(super) fn open_raw(source: Source<'_>, raw: RawFormat, start: f64) -> Result<Opened<'_>, AudioProblem> {
    wav::check_limits(raw.channels.into(), raw.sample_rate)?;
    let format = WavFormat {
        coding: Coding::Plain(raw.encoding),
        channels: raw.channels,
        sample_rate: raw.sample_rate,
    };
    let (bytes, warnings) = (source.left(), Vec::new());
    open(source, WavHeader { format, layout: Layout::Riff, bytes, declared: None, warnings }, "raw", start)
}

fn open<'s>(
    mut source: Source<'s>,
    header: WavHeader,
    name: &'static str,
    start: f64,
) -> Result<Opened<'s>, AudioProblem> {
    let WavHeader { format, bytes, declared, warnings, .. } = header;
    let sure = if source.len().is_some() { Sureness::Measured } else { Sureness::Announced };
    let mut left = bytes;
    let mut skipped = 0;
    let adpcm = match format.coding {
        Coding::Plain(_) => {
            skipped = seconds_to_skip(start);
            let unwanted = skipped * u64::from(format.sample_rate) * u64::from(format.unit_bytes());
            let unwanted = unwanted.min(left.unwrap_or(u64::MAX));
            source.skip(unwanted)?;
            left = left.map(|left| left - unwanted);
            None
        }
        Coding::MsAdpcm(_) | Coding::ImaAdpcm(_) => Some(Adpcm::new(format)?),
    };
    let (channels, rate) = (format.channels, format.sample_rate);
    let taken = skipped * u64::from(rate) * u64::from(format.unit_bytes());
    let decoder = Stored { source, format, left, declared, taken, adpcm, warnings, bytes: Vec::new() };
    let seconds = bytes.map(|bytes| format.seconds(bytes));
    Ok(Opened { decoder: Box::new(decoder), format: name, channels, rate, seconds, sure, skipped })
}

struct Stored<'s> {
    source: Source<'s>,
    format: WavFormat,
    /// Bytes still to take; `None` takes all.
    left: Option<u64>,
    declared: Option<u64>,
    /// Bytes behind us.
    taken: u64,
    adpcm: Option<Adpcm>,
    warnings: Vec<AudioWarning>,
    bytes: Vec<u8>,
}

impl Stored<'_> {
    /// Bytes of a block: whole units, of a second at most.
    fn block_bytes(&self) -> usize {
        let unit = usize::from(self.format.unit_bytes());
        let second = (self.format.sample_rate / self.format.unit_frames()).max(1) as usize * unit;
        let most = (READ_BYTES as usize).min(second);
        (most - most % unit).max(unit)
    }

    /// Looks at what is behind the last sample.
    fn end(&mut self, cut: usize) -> Result<(), AudioProblem> {
        if let Some(left) = self.left.take().filter(|&left| left > 0) {
            // A pipe has ended early, or a file has shrunk meanwhile.
            let declared = self.format.seconds(self.taken.saturating_add(left));
            let found = self.format.seconds(self.taken);
            self.warnings.push(AudioWarning::DataTruncated { found, declared });
        } else if self.declared.is_none() && cut > 0 {
            self.warnings.push(AudioWarning::TrailingBytes { bytes: cut as u64 });
        } else if self.source.len().is_none()
            && let Some(declared) = self.declared
        {
            let unit = u64::from(self.format.unit_bytes());
            if declared % unit > 0 {
                self.warnings.push(AudioWarning::TrailingBytes { bytes: declared % unit });
            }
            self.source.skip(declared % unit)?;
            let bytes = wav::count_rest(&mut self.source, MAX_STREAM_BYTES)?;
            if bytes > 0 {
                self.warnings.push(AudioWarning::DataBeyondEnd { bytes });
            }
        }
        self.left = Some(0);
        self.declared = None;
        Ok(())
    }
}

impl Decode for Stored<'_> {
    fn next(&mut self, block: &mut Block) -> Result<bool, AudioProblem> {
        (block.channels, block.rate) = (self.format.channels, self.format.sample_rate);
        block.samples.clear();
        let most = self.block_bytes();
        let wanted = self.left.map_or(most, |left| most.min(usize::try_from(left).unwrap_or(most)));
        self.bytes.resize(wanted, 0);
        let got = self.source.fill(&mut self.bytes)?;
        let cut = got % usize::from(self.format.unit_bytes());
        self.bytes.truncate(got - cut);
        match (&mut self.adpcm, self.format.coding) {
            (Some(adpcm), _) => {
                let at = self.format.seconds(self.taken);
                adpcm.decode(&self.bytes, at, &mut block.samples, &mut self.warnings)?;
            }
            (None, Coding::Plain(encoding)) => encoding.decode(&self.bytes, &mut block.samples),
            (None, _) => {}
        }
        self.taken = self.taken.saturating_add(self.bytes.len() as u64);
        self.left = self.left.map(|left| left.saturating_sub(self.bytes.len() as u64));
        if got == wanted && wanted > 0 {
            return Ok(true);
        }
        self.end(cut)?;
        Ok(!self.bytes.is_empty())
    }

    fn take_warnings(&mut self) -> Vec<AudioWarning> {
        std::mem::take(&mut self.warnings)
    }
}
