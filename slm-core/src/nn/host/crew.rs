//! Threads that stay awake between the products of a step.
//!
//! A token is some hundred products of a fraction of a millisecond, one after the other. Rayon lets a thread from outside its
//! pool sleep while the pool works, and its threads sleep as soon as they find nothing: waking both takes about as long as
//! such a product. The threads here look for the next piece of work for [`PATIENCE`] before they sleep, and who asks for the work
//! does its share.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use rayon::prelude::*;

/// How long a thread looks for work before it sleeps: longer than what lies between two products of a step.
const PATIENCE: Duration = Duration::from_micros(200);
/// How long others may take with the parts that they have begun, at least, and in parts of one's own: longer than a part takes.
const GRACE: Duration = Duration::from_micros(50);
const GRACE_IN_PARTS: u32 = 2;
/// How often a thread looks before it lets others have its processor.
const LOOKS: usize = 128;

/// What makes one part of a result.
type Part = Box<dyn Fn(usize) -> Vec<f32> + Send + Sync>;

/// Parts that are made by whoever comes.
struct Job {
    part: Part,
    /// The next one that nobody has begun.
    next: AtomicUsize,
    /// Those that are made or failed.
    ended: AtomicUsize,
    made: Vec<Mutex<Option<Vec<f32>>>>,
}

/// Counts a part when it ends, in whatever way.
struct Ending<'a>(&'a AtomicUsize);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Release);
    }
}

impl Job {
    /// Makes parts until all are begun, and tells how many.
    fn help(&self) -> u32 {
        let mut count = 0;
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(place) = self.made.get(index) else { return count };
            let _ending = Ending(&self.ended);
            *held(place) = Some((self.part)(index));
            count += 1;
        }
    }

    /// All parts. One that somebody has begun and does not finish is made here as well: where other programs run, a thread may
    /// lose its processor for as long as hundreds of parts take. So is one that failed, whose panic is that of the caller.
    fn finish(&self) -> Vec<Vec<f32>> {
        let start = Instant::now();
        let own = self.help();
        let grace = GRACE.max(start.elapsed() / own.max(1) * GRACE_IN_PARTS);
        let start = Instant::now();
        while self.ended.load(Ordering::Acquire) < self.made.len() && start.elapsed() < grace {
            std::hint::spin_loop();
        }
        let places = self.made.iter().enumerate();
        places.map(|(index, place)| held(place).take().unwrap_or_else(|| (self.part)(index))).collect()
    }
}

/// Waits for a moment.
fn pause(looks: &mut usize) {
    *looks += 1;
    if (*looks).is_multiple_of(LOOKS) {
        thread::yield_now();
    } else {
        std::hint::spin_loop();
    }
}

/// What a lock holds, whoever has panicked with it.
fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the threads work at.
#[derive(Default)]
struct Board {
    job: Option<Arc<Job>>,
    sleepers: usize,
}

#[derive(Default)]
struct Crew {
    board: Mutex<Board>,
    wake: Condvar,
    /// Counts the jobs, so that a thread sees a new one without the lock.
    jobs: AtomicU64,
    /// Held while a job runs: there is one at a time.
    turn: Mutex<()>,
}

impl Crew {
    /// That of the process; none where there is one processor.
    fn get() -> Option<&'static Self> {
        static CREW: OnceLock<Option<Arc<Crew>>> = OnceLock::new();
        let start = || {
            let crew = Arc::new(Self::default());
            let mut others = 0;
            for number in 1..rayon::current_num_threads() {
                let standing = Arc::clone(&crew);
                let thread = thread::Builder::new().name(format!("slm-crew-{number}"));
                others += usize::from(thread.spawn(move || standing.stand_by()).is_ok());
            }
            (others > 0).then_some(crew)
        };
        CREW.get_or_init(start).as_deref()
    }

    /// The life of a thread.
    fn stand_by(&self) {
        let mut seen = 0;
        loop {
            self.await_job(seen);
            // Read before the board, so that no later job is missed.
            seen = self.jobs.load(Ordering::Acquire);
            let job = held(&self.board).job.clone();
            if let Some(job) = job {
                // The caller makes what failed, and so panics as well.
                let _ = catch_unwind(AssertUnwindSafe(|| job.help()));
            }
        }
    }

    /// Returns when there was a job since that of number `seen`.
    fn await_job(&self, seen: u64) {
        let (start, mut looks) = (Instant::now(), 0);
        while self.jobs.load(Ordering::Acquire) == seen {
            pause(&mut looks);
            if looks.is_multiple_of(LOOKS) && start.elapsed() > PATIENCE {
                let mut board = held(&self.board);
                board.sleepers += 1;
                while self.jobs.load(Ordering::Acquire) == seen {
                    board = self.wake.wait(board).unwrap_or_else(PoisonError::into_inner);
                }
                board.sleepers -= 1;
            }
        }
    }

    /// Does a job with all threads.
    fn run(&self, job: &Arc<Job>) -> Vec<Vec<f32>> {
        self.put(Some(Arc::clone(job)));
        let made = job.finish();
        // What the job reads may be freed.
        held(&self.board).job = None;
        made
    }

    fn put(&self, job: Option<Arc<Job>>) {
        let mut board = held(&self.board);
        board.job = job;
        self.jobs.fetch_add(1, Ordering::Release);
        if board.sleepers > 0 {
            self.wake.notify_all();
        }
    }
}

/// What `part` makes of the numbers below `count`, in their order, made by all threads. Where they are at other work, by those
/// of rayon.
pub(super) fn together(
    count: usize,
    part: impl Fn(usize) -> Vec<f32> + Send + Sync + 'static,
) -> Vec<Vec<f32>> {
    let Some(crew) = Crew::get().filter(|_| count > 1) else { return (0..count).map(part).collect() };
    let _turn = match crew.turn.try_lock() {
        Ok(turn) => turn,
        // Somebody's part panicked, which is over.
        Err(TryLockError::Poisoned(turn)) => turn.into_inner(),
        Err(TryLockError::WouldBlock) => return (0..count).into_par_iter().map(part).collect(),
    };
    let job = Job {
        part: Box::new(part),
        next: AtomicUsize::new(0),
        ended: AtomicUsize::new(0),
        made: (0..count).map(|_| Mutex::new(None)).collect(),
    };
    crew.run(&Arc::new(job))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_in_their_order_whoever_made_them() {
        thread::scope(|scope| {
            for of in 0..3 {
                scope.spawn(move || {
                    for round in 0..300 {
                        let count = round % 17;
                        let found = together(count, move |part| vec![part as f32; part % 3 + of]);
                        let expected: Vec<Vec<f32>> =
                            (0..count).map(|part| vec![part as f32; part % 3 + of]).collect();
                        assert_eq!(found, expected);
                    }
                });
            }
        });
    }

    #[test]
    fn what_a_job_reads_is_freed_with_it() {
        let read = Arc::new(());
        let held = Arc::clone(&read);
        together(8, move |_| {
            let _ = &held;
            Vec::new()
        });
        let start = Instant::now();
        // A thread that comes late lets go of it a moment later.
        while Arc::strong_count(&read) > 1 {
            assert!(start.elapsed() < Duration::from_secs(5));
            thread::yield_now();
        }
    }

    #[test]
    fn a_panic_is_that_of_the_caller_and_the_threads_live_on() {
        for _ in 0..3 {
            let failing = || {
                together(64, |part| {
                    assert!(part != 33);
                    Vec::new()
                })
            };
            assert!(catch_unwind(failing).is_err());
            assert_eq!(together(64, |part| vec![part as f32]).len(), 64);
        }
    }
}
