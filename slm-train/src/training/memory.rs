//! The memory of this process, as far as the system tells it. Tensors on a graphics card are no part of it.

use std::fs;

use burn::prelude::*;

/// The most bytes that this process has held since its start, or since [`forget_peak`].
pub(super) fn peak() -> Option<u64> {
    of_status("VmHWM:")
}

/// The bytes that this process holds.
pub(super) fn held() -> Option<u64> {
    of_status("VmRSS:")
}

/// Lets [`peak`] begin anew from what is held, where the system can do so.
pub(super) fn forget_peak() {
    /// Stands for this in the file.
    const PEAK: &str = "5";
    // Where it cannot be written the peak stays one of all that was done.
    let _ = fs::write("/proc/self/clear_refs", PEAK);
}

/// Whether the tensors of `device` are a part of this memory.
#[cfg(feature = "flex")]
pub(super) fn has_tensors_of(device: &Device) -> bool {
    *device == Device::flex()
}

/// Without that backend it is not known of any.
#[cfg(not(feature = "flex"))]
pub(super) fn has_tensors_of(_: &Device) -> bool {
    false
}

fn of_status(name: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linux_tells_what_is_held_and_what_was() {
        let (held, peak) = (held(), peak());
        assert_eq!(cfg!(target_os = "linux"), held.is_some_and(|bytes| bytes > 1 << 20));
        assert_eq!(peak.is_some(), held.is_some());
        forget_peak();
        assert!(super::peak() >= held.map(|bytes| bytes / 2));
    }
}
