//! The stages of training, one file each, in their order.

pub mod adapter;
pub mod config;
pub mod corpus;
pub mod ctc;
pub mod loss;
pub mod pairing;
pub mod text;
pub mod timing;
