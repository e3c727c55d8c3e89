//! WAV and its 64-bit relatives: RF64, BW64 and W64.

mod chunks;
mod data;
mod format;
mod header;

pub(super) use chunks::Layout;
pub(super) use data::count_rest;
pub(super) use format::{Coding, WavFormat, check_limits};
pub(super) use header::{WavHeader, walk};
