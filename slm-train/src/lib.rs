//! Training and evaluation of SLM: corpora, the three training stages, and the scores.
//!
//! The binary `slm-train` is a thin layer over this library, which tests use too. What is listed later imports what is
//! listed earlier, never the other way round: [`config`], [`digest`], [`failures`], [`history`], [`random`], [`signals`] and
//! [`stopped`] stand alone; [`data`] makes and reads corpora; [`training`] is the loop; [`output`] writes models and bundles;
//! [`eval`] scores; [`steps`] are the stages.

pub mod config;
pub mod data;
pub mod digest;
pub mod eval;
pub mod failures;
mod file_lock;
pub mod history;
pub mod output;
pub mod random;
pub mod signals;
pub mod steps;
pub mod stopped;
pub mod training;
