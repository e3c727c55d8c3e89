//! Files that one process at a time may write; the system releases a lock with the process.

use std::fs::{File, TryLockError};
use std::io;
use std::thread;
use std::time::Duration;

/// How often a lock is tried.
const TRIES: usize = 20;
/// How long lies between two tries.
const PAUSE: Duration = Duration::from_millis(10);

/// Takes the lock of `file`; `false` where another process has it. It is tried for a moment, as a program that any thread of the
/// process starts has a copy of all its locks until it has begun.
///
/// # Errors
///
/// A file system that knows no locks.
pub(crate) fn take(file: &File) -> io::Result<bool> {
    for _ in 0..TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_given_back_soon_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let first = File::create(&path).unwrap();
        assert!(take(&first).unwrap());
        let second = File::create(&path).unwrap();
        assert!(!take(&second).unwrap());
        let giver = thread::spawn(move || {
            thread::sleep(PAUSE);
            drop(first);
        });
        assert!(take(&second).unwrap());
        giver.join().unwrap();
    }
}
