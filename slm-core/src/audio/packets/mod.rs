//! Formats that come in packets: symphonia takes them apart and decodes all but AAC and Opus.
//!
//! symphonia is known to panic on damaged files, to drop audio silently and to give values that are no numbers, so every
//! call is [`guarded`], packets are held against their timestamps, and the samples are checked like all others.

mod aac;
mod codec;
mod described;
mod ends;
mod extent;
mod joined;
mod mp4;
mod names;
mod opus;
mod sizes;
mod spool;
mod timeline;
mod track;

use std::io::{Seek, SeekFrom};

use symphonia::core::errors::Error;
use symphonia::core::formats::probe::{Hint, Probe, ProbeOptions};
use symphonia::core::formats::{FormatOptions, FormatReader};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;

use super::content::Content;
use super::decode::{Opened, Sureness};
use super::guard::guarded;
use super::problem::AudioProblem;
use super::sniff::Container;
use super::source::Source;
use described::Facts;
use ends::{Watched, Witness};
use track::{Jump, Track};

/// Bytes in which the start of audio is looked for behind others: in what is known, and in what is not.
const PROBED_BYTES: u32 = 1 << 20;
const PROBED_UNKNOWN_BYTES: u32 = 1 << 16;

/// Opens a file of this kind. What lies well before `start` is jumped over where the file can do that, and else not decoded.
pub(super) fn open(source: Source<'_>, container: Container, start: f64) -> Result<Opened<'_>, AudioProblem> {
    let (source, facts) = prepare(source, container, start)?;
    let can_seek = source.len().is_some();
    let watched = Watched::new(source, container);
    let witness = watched.witness();
    let stream = MediaSourceStream::new(Box::new(watched), MediaSourceStreamOptions::default());
    let mut track = begin(stream, container, facts, witness.clone(), start)?;
    if can_seek && track.jump_to_start()? == Jump::Failed {
        let mut stream = track.into_stream();
        stream.seek(SeekFrom::Start(0))?;
        track = begin(stream, container, facts, witness, start)?;
    }
    Ok(Opened {
        format: track.format(),
        channels: track.channels(),
        rate: track.rate(),
        seconds: track.seconds(),
        sure: Sureness::Announced,
        skipped: track.skipped(),
        decoder: Box::new(track),
    })
}

/// Begins with the first track of a file.
fn begin(
    stream: MediaSourceStream<'_>,
    container: Container,
    facts: Facts,
    witness: Option<Witness>,
    start: f64,
) -> Result<Track<'_>, AudioProblem> {
    let name = names::container(container);
    let reader = guarded(name, || probe(stream, container))?;
    let reader = reader.map_err(|error| refused(error, container, name))?;
    Track::open(reader, container, facts, witness, start).map_err(|problem| match (container, problem) {
        // Bytes that looked like the start of audio.
        (Container::Unknown(first), AudioProblem::Undecodable { .. }) => unrecognised(first),
        (_, problem) => problem,
    })
}

/// Looks at a file before symphonia sees it, and hides from that what it would stumble over.
fn prepare(
    source: Source<'_>,
    container: Container,
    start: f64,
) -> Result<(Source<'_>, Facts), AudioProblem> {
    let is_file = source.len().is_some();
    let mut source = match container {
        Container::Mp4 | Container::Caf if !is_file => spool::spool(source)?,
        _ => source,
    };
    let mut facts = Facts::default();
    if let Some(end) = extent::early_end(&mut source, container)? {
        facts.behind = source.len().map_or(0, |len| len - end);
        source.end_at(end);
    }
    match container {
        Container::Mp4 => {
            let (edit, end) = mp4::look(&mut source)?;
            facts.edit = edit;
            if source.len().is_some_and(|len| end > len) {
                source.announce(end);
                facts.is_cut = true;
            }
        }
        Container::Caf => {
            if let Some(wrong) = sizes::caf_wrong_size(&mut source)? {
                source.replace(wrong.place, wrong.size.to_be_bytes());
                facts.is_cut = wrong.is_cut;
            }
        }
        Container::Aiff if sizes::aiff_is_cut(&mut source)? => source = source.forward_only(),
        // Looked at only where a jump is asked for.
        Container::Ogg if is_file && start > 0.0 => facts.is_joined = joined::ogg_is_joined(&mut source)?,
        Container::Flac if is_file && start > 0.0 && joined::flac_table_is_wrong(&mut source)? => {
            source = source.forward_only();
        }
        // Of MP3 and AAC that can seek, symphonia guesses the duration by the bit rate, far off where that varies. In a
        // Matroska file that is cut, it looks for the parts that are announced further on.
        Container::Mp3 | Container::Adts | Container::Matroska => source = source.forward_only(),
        _ => {}
    }
    Ok((source, facts))
}

fn probe(stream: MediaSourceStream<'_>, container: Container) -> Result<Box<dyn FormatReader + '_>, Error> {
    let is_known = !matches!(container, Container::Unknown(_));
    let max_probe_depth = if is_known { PROBED_BYTES } else { PROBED_UNKNOWN_BYTES };
    let options = ProbeOptions { max_probe_depth, ..ProbeOptions::default() };
    let mut probe = Probe::new_with_options(&options);
    symphonia::default::register_enabled_formats(&mut probe);
    probe.probe(&Hint::new(), stream, FormatOptions::default(), MetadataOptions::default())
}

/// Why symphonia does not open a file.
fn refused(error: Error, container: Container, name: &'static str) -> AudioProblem {
    match (error, container) {
        (Error::IoError(error), _) if error.kind() != std::io::ErrorKind::UnexpectedEof => error.into(),
        (_, Container::Unknown(first)) => unrecognised(first),
        (error, _) => AudioProblem::Undecodable { format: name, source: Some(error) },
    }
}

fn unrecognised(first: [u8; 4]) -> AudioProblem {
    AudioProblem::NotAudio { found: Content::Unrecognised(first) }
}
