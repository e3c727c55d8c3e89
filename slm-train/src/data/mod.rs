//! Training data: sentences of the domain, speech made from them, manifests, batches.

pub mod augment;
pub mod buckets;
pub mod corpus;
pub mod domain;
pub mod encoded;
pub mod groups;
pub mod manifest;
pub mod mixture;
pub mod pool;
pub mod recordings;
pub mod rows;
pub mod speech;
pub mod synth;
pub mod vocabulary;
pub(crate) mod wav;
