//! Limits on audio input. A file beyond one of them is refused with a message that names it.

use std::ops::RangeInclusive;

/// Most channels in a file; the largest common layouts have 24, and damaged headers claim up to 65 535.
pub const MAX_CHANNELS: u16 = 64;

/// Sample rates in Hz. Outside of them a Fourier resampler needs up to gigabytes before its first sample, and an
/// absurd rate aborts the process, so this is checked before one is built.
pub const SAMPLE_RATES: RangeInclusive<u32> = 1_000..=768_000;

/// Longest duration in hours of audio that is taken into memory as a whole; streams have no limit. At 16 kHz it takes 2.8 GB of memory; without a limit, 100 MB of 8-bit samples at 1 kHz would
/// take 6.4 GB.
pub const MAX_HOURS: u32 = 12;

/// Largest magnitude of a sample, full scale being 1. Far above any real signal; beyond it f32 power spectra and the
/// resampler overflow.
pub const MAX_SAMPLE: f32 = 1e6;

/// Most chunks of a WAV file before its `data`, so that the walk over them is bounded.
pub const MAX_CHUNKS: u32 = 64;

/// Most bytes of a `fmt ` chunk; the longest in use are below 100.
pub const MAX_FMT_BYTES: u32 = 4096;

/// Most bytes of a pipe that are kept in a temporary file, where a format must be read from its end: more than
/// [`MAX_HOURS`] of the usual rates of speech.
pub const MAX_STREAM_BYTES: u64 = 2 << 30;

/// Most damaged packets in a row before a file is given up.
pub const MAX_BAD_PACKETS: u32 = 1_000;
