//! The stages of training, one file each, in their order.

pub mod adapter;
pub mod ctc;
pub mod loss;
pub mod pairing;
mod result;
mod sampling;
pub mod text;
pub mod timing;
