//! Published models of the families that SLM reads, and what can be said of them without their weights.
//!
//! [`table`] has an entry a model: what its config says, its licence, what was tried. All else follows from the code that
//! opens models: [`outline`] lays the config down as a folder and asks what it is.

mod outline;
mod table;

pub(crate) use outline::Outline;
pub(crate) use table::PUBLISHED;

/// A published model.
#[derive(Debug)]
pub(crate) struct Published {
    /// Its repository on the hub.
    pub(crate) repository: &'static str,
    /// The licence that its card states.
    pub(crate) licence: &'static str,
    /// What was tried.
    pub(crate) evidence: Evidence,
    /// The class of its features in transformers, where it hears.
    pub(crate) features: Option<&'static str>,
    /// The fields of its `config.json` that say what it is and has; those that are as transformers' defaults may lack.
    pub(crate) config: &'static str,
    /// Names of its tensors that say more than the config.
    pub(crate) tensors: &'static [&'static str],
}

/// What was tried of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// Its published weights were run.
    Run(&'static str),
    /// Small models of the same shape compute what transformers computes; its own weights were not run.
    Parity,
}

impl Evidence {
    /// As a text.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Run(what) => what,
            Self::Parity => "parity on small models of its shape; its weights were not run here",
        }
    }
}
