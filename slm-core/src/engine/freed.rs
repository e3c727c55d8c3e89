//! What becomes of memory that is freed.

/// Lets this process keep memory that it frees, to use it again.
///
/// The layers of a model take and free tensors of megabytes again and again. The C library of most Linux systems (glibc) gives such
/// memory back to the system at once, and each page of it is cleared again where it is next written to: the encoder of a w2v-BERT took
/// a fifth longer so. A program that works with models calls this first, before it has other threads; the peak of its memory stays the
/// same. On other systems nothing is done.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "the settings of glibc")]
pub fn keep_freed_memory() {
    /// What is larger comes from the system by itself, and goes back to it.
    const LARGE: libc::c_int = 128 << 20;
    /// The most that is kept at the end of what was taken.
    const KEPT: libc::c_int = 1 << 30;
    /// What is taken beyond what is asked for, so that pages of megabytes have room.
    const AHEAD: libc::c_int = 32 << 20;
    // SAFETY: it takes any value; those that it does not like change nothing.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT);
        libc::mallopt(libc::M_TOP_PAD, AHEAD);
    }
}

/// Lets this process keep memory that it frees, where the system has a setting for that.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn keep_freed_memory() {}
