//! Loops over values, compiled for the widest registers that are common.
//!
//! The program is built for any processor of its kind; on x86-64 that means registers of four values. What runs through
//! [`run`] is compiled a second time for AVX2 and chosen when the program runs.

/// A loop. Its `run` must be inlined (`#[inline(always)]`), with all that it calls.
pub(super) trait Kernel {
    /// Does the work.
    fn run(self);
}

/// Runs `kernel` with the widest registers that this processor has.
#[inline]
#[allow(unsafe_code, reason = "a function that needs AVX2 is called where the processor was asked for it")]
pub(super) fn run<K: Kernel>(kernel: K) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
        // SAFETY: this processor has both features that `with_avx2` is compiled for.
        return unsafe { with_avx2(kernel) };
    }
    kernel.run();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn with_avx2<K: Kernel>(kernel: K) {
    kernel.run();
}
