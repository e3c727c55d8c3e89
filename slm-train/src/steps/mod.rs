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

use crate::training::{Outcome, Purpose};

/// Tells on stderr what happens before the run has a log.
fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// How a stage ends of which `error` came before its loop: a signal that asked for a stop is an end in order, of which a line
/// says how to go on.
fn stopped_early<M>(error: anyhow::Error, purpose: Purpose) -> anyhow::Result<Outcome<M>> {
    let outcome = Outcome::of_error(error)?;
    if purpose != Purpose::DryRun {
        note("stopped before the first step; the same command goes on from there");
    }
    Ok(outcome)
}
