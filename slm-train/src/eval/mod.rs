//! Evaluation: tasks over manifests, scores and how sure they are, reports.

mod answers;
mod bootstrap;
pub mod context;
pub mod follow;
pub mod hypotheses;
pub mod metrics;
pub mod normalise;
pub mod own;
pub mod recordings;
pub mod report;
pub mod rows;
mod score;
pub mod suite;
pub mod table;
pub mod tasks;
