//! The stages of training, one file each, in their order.

pub mod adapter;
pub mod ctc;
pub mod loss;
pub mod pairing;
mod result;
pub mod text;
pub mod timing;
