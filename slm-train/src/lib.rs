//! Training and evaluation of SLM: corpora, the three training stages, and the scores.
//!
//! The binary `slm-train` is a thin layer over this library, which tests use too.

pub mod data;
pub mod eval;
pub mod steps;
pub mod training;
