//! Why a model is not stored in few bits.

use std::io;
use std::path::PathBuf;

/// Why a model is not stored in few bits.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QuantizeError {
    /// A type that is none of few bits.
    #[error("cannot quantize to {found}: types are q8_0, q4_0 and q4_k")]
    Type {
        /// Its name.
        found: &'static str,
    },
    /// It is stored in a form that is not written.
    #[error("cannot quantize `{}`: it is {what}", place.display())]
    Form {
        /// The model.
        place: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// Nothing in it can have fewer bits than it has.
    #[error("cannot quantize `{}`: no matrix of it would have fewer bits in {compute}{}", place.display(), named(left))]
    Nothing {
        /// The model.
        place: PathBuf,
        /// The name of the type.
        compute: &'static str,
        /// Matrices whose rows are no whole blocks.
        left: Vec<String>,
    },
    /// A GGUF file does not hold it.
    #[error("cannot write `{}`: {reason}", out.display())]
    File {
        /// The file.
        out: PathBuf,
        /// What it does not hold.
        reason: String,
    },
    /// The place for the result is taken.
    #[error("cannot write model `{}`: it is there already", out.display())]
    Exists {
        /// The place.
        out: PathBuf,
    },
    /// The system refused to write.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// The most matrices that are named.
const MAX_NAMED: usize = 20;

fn named(left: &[String]) -> String {
    if left.is_empty() {
        return String::new();
    }
    let names: Vec<String> = left.iter().take(MAX_NAMED).map(|name| format!("\n  `{name}`")).collect();
    let more = left.len().saturating_sub(MAX_NAMED);
    let more = if more > 0 { format!("\n  .. and {more} more") } else { String::new() };
    format!("; rows of these are no whole blocks:{}{more}", names.join(""))
}

impl QuantizeError {
    /// One next step.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Exists { .. } => Some("name another folder, or remove this one".to_owned()),
            Self::Form { .. } => {
                Some("a folder as the hub has it, a bundle or a `.gguf` file can be quantized".to_owned())
            }
            Self::File { .. } => {
                Some("a folder, which has no `.gguf` in its name, holds any model".to_owned())
            }
            Self::Type { .. } | Self::Nothing { .. } | Self::Write { .. } => None,
        }
    }
}
