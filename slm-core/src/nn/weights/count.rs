//! How many values a module has, without making them.

use burn::module::{ModuleMapper, Param};
use burn::prelude::*;

/// The values of a module's float tensors, which are not made for it.
pub fn parameter_count(module: impl Module) -> usize {
    struct Count(usize);
    impl ModuleMapper for Count {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            self.0 += param.lazy_shape().iter().product::<usize>();
            param
        }
    }
    let mut count = Count(0);
    module.map(&mut count);
    count.0
}
