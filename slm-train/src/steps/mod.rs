//! The stages of training, one file each, in their order.

pub mod adapter;
pub mod ctc;
pub mod ctc_layers;
mod labelling;
pub mod loss;
pub mod pairing;
mod result;
mod sampling;
pub mod text;
pub mod timing;

use std::io::{self, Write};

/// Tells on stderr what happens before the run has a log.
fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
