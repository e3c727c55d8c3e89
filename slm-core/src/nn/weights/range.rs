//! Smallest, largest and mean value of a loaded model's tensors.

use burn::module::{ModuleVisitor, Param};
use burn::prelude::*;

use super::linears::has_blocks;

/// Of all float values of a module.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ValueRange {
    /// The smallest.
    pub min: f32,
    /// The largest.
    pub max: f32,
    /// The mean.
    pub mean: f64,
}

impl ValueRange {
    /// Reads every tensor of `module` back, one after the other; `None` for a module without tensors or with matrices in few
    /// bits, or on a device that cannot be read.
    pub fn of(module: &impl Module) -> Option<Self> {
        struct Values {
            range: ValueRange,
            sum: f64,
            count: usize,
            failed: bool,
        }
        impl ModuleVisitor for Values {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                let Ok(values) = param.val().try_into_vec_as::<f32>() else {
                    self.failed = true;
                    return;
                };
                for &value in &values {
                    self.range.min = self.range.min.min(value);
                    self.range.max = self.range.max.max(value);
                    self.sum += f64::from(value);
                }
                self.count += values.len();
            }
        }
        if has_blocks(module) {
            return None;
        }
        let range = Self { min: f32::INFINITY, max: f32::NEG_INFINITY, mean: 0.0 };
        let mut values = Values { range, sum: 0.0, count: 0, failed: false };
        module.visit(&mut values);
        if values.failed || values.count == 0 {
            return None;
        }
        Some(Self { mean: values.sum / values.count as f64, ..values.range })
    }
}
