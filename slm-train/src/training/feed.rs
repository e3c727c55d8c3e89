//! Batches in their order, loaded ahead of their steps by other threads.
//!
//! What a batch is depends on its [`Draw`] alone, and batches come in the order of the epoch: the number of threads changes
//! the speed and nothing else.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Scope;

use anyhow::Context;

use super::batches::Batches;
use super::place::Place;
use super::{BatchOf, Job, LoopConfig};

/// Batches that are loaded, or being loaded, for each thread.
const AHEAD: usize = 2;

/// Which batch is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draw {
    /// The step that it is for.
    pub step: u64,
    /// The epoch that it is of.
    pub epoch: u64,
    /// The items of the job's data, with their order.
    pub items: Vec<usize>,
}

/// Where batches are loaded from, by several threads.
pub trait Source: Sync {
    /// What a step needs of its data.
    type Batch: Send;

    /// Loads a batch; everything random in it derives from `draw`.
    ///
    /// # Errors
    ///
    /// Data that cannot be read.
    fn load(&self, draw: Draw) -> anyhow::Result<Self::Batch>;
}

/// The source of a job that has all of its data in memory.
impl Source for () {
    type Batch = Draw;

    fn load(&self, draw: Draw) -> anyhow::Result<Draw> {
        Ok(draw)
    }
}

/// A batch to load, and where it goes.
type Task<B> = (Draw, SyncSender<anyhow::Result<B>>);

/// The batches of a run, from where it stands.
pub(super) struct Feed<'a, J: Job> {
    job: &'a J,
    order: Batches<'a, J>,
    /// Where threads take their tasks; none without threads.
    tasks: Option<Sender<Task<BatchOf<J>>>>,
    /// What was asked for and is not taken yet, and how many that may be.
    pending: VecDeque<Receiver<anyhow::Result<BatchOf<J>>>>,
    most: usize,
    epoch: u64,
    /// The batches of the epoch, how many of them were taken, and how many were asked for.
    batches: Vec<Vec<usize>>,
    taken: usize,
    asked: usize,
    /// The batches of the run that were asked for, of which a step takes `accumulate`.
    count: u64,
    accumulate: u64,
}

impl<'a, J: Job> Feed<'a, J> {
    /// Goes on at `place`, with the threads of `scope` that `config` asks for; without one, a batch is loaded when it is taken.
    pub(super) fn start<'scope>(
        scope: &'scope Scope<'scope, 'a>,
        job: &'a J,
        config: &LoopConfig,
        place: Place,
    ) -> Self {
        let (sender, receiver) = channel();
        let (tasks, source) = (Arc::new(Mutex::new(receiver)), job.source());
        for _ in 0..config.workers {
            let tasks = Arc::clone(&tasks);
            scope.spawn(move || work(source, &tasks));
        }
        let (accumulate, order) = (config.accumulate as u64, Batches::new(job, config.overfit));
        Self {
            job,
            tasks: (config.workers > 0).then_some(sender),
            pending: VecDeque::new(),
            most: AHEAD * config.workers,
            epoch: place.epoch,
            batches: order.of(place.epoch),
            taken: place.batch,
            asked: place.batch,
            count: place.step * accumulate,
            order,
            accumulate,
        }
    }

    /// The epoch of the next batch, and its number within the epoch.
    pub(super) fn place(&self) -> (u64, usize) {
        (self.epoch, self.taken)
    }

    /// The batches of the epoch.
    pub(super) fn batches(&self) -> &[Vec<usize>] {
        &self.batches
    }

    /// The items of the next `count` batches, or of fewer where an epoch has none.
    pub(super) fn upcoming(&self, count: usize) -> Vec<Vec<usize>> {
        let mut batches: Vec<Vec<usize>> =
            self.batches.iter().skip(self.taken).take(count).cloned().collect();
        let mut epoch = self.epoch;
        while batches.len() < count {
            epoch += 1;
            let more = self.order.of(epoch);
            if more.is_empty() {
                break;
            }
            let left = count - batches.len();
            batches.extend(more.into_iter().take(left));
        }
        batches
    }

    /// The next batch. Nothing is loaded ahead beyond the end of an epoch.
    ///
    /// # Errors
    ///
    /// Data that cannot be read, or an epoch without batches.
    pub(super) fn next(&mut self) -> anyhow::Result<BatchOf<J>> {
        while self.taken >= self.batches.len() {
            self.epoch += 1;
            (self.taken, self.asked) = (0, 0);
            self.batches = self.order.of(self.epoch);
            anyhow::ensure!(!self.batches.is_empty(), "no batches in epoch {}", self.epoch);
        }
        self.taken += 1;
        let Some(tasks) = self.tasks.clone() else {
            let draw = self.draw().context("no batch is left")?;
            return self.job.source().load(draw);
        };
        while self.pending.len() < self.most
            && let Some(draw) = self.draw()
        {
            let (answer, loaded) = sync_channel(1);
            tasks.send((draw, answer)).ok().context("the threads that load batches ended")?;
            self.pending.push_back(loaded);
        }
        let loaded = self.pending.pop_front().context("no batch is left")?;
        loaded.recv().context("a thread that loads batches ended")?
    }

    /// The next batch to ask for, as far as the epoch has one.
    fn draw(&mut self) -> Option<Draw> {
        let items = self.batches.get(self.asked)?.clone();
        let step = self.count / self.accumulate;
        self.asked += 1;
        self.count += 1;
        Some(Draw { step, epoch: self.order.data_epoch(self.epoch), items })
    }
}

/// Loads what is asked for until nobody asks any more.
fn work<S: Source>(source: &S, tasks: &Mutex<Receiver<Task<S::Batch>>>) {
    loop {
        let task = tasks.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((draw, answer)) = task else { return };
        // Nobody waits for it where the run has ended.
        let _ = answer.send(source.load(draw));
    }
}
