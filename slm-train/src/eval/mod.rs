//! Scores of what a model said against what it should have said.

pub mod metrics;
pub mod normalise;
pub mod report;
pub mod tasks;
