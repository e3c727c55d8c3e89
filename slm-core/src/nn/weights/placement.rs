//! Where a model's weights go: the device, the type of its large matrices, and who is told of the progress.

use std::ops::ControlFlow;
use std::sync::Arc;

use burn::prelude::*;
use burn::tensor::DType;

use super::ComputeType;
use super::kept::Asked;
use super::plan::StoragePlan;
use crate::nn::host::has_host_memory;

/// How much of the weight files is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reading {
    /// All of them.
    #[default]
    Values,
    /// Names and shapes alone, which are compared with the module. Its tensors are never made, and must not be used.
    Shapes,
    /// Nothing: the module is what its config says. Its tensors are never made, and must not be used.
    Nothing,
}

/// How far the loading of one model's weights is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Bytes that the loaded values take so far.
    pub done: u64,
    /// Bytes that all of them will take.
    pub total: u64,
}

/// Who is told, and says whether to go on.
type Observer = Arc<dyn Fn(Progress) -> ControlFlow<()> + Send + Sync>;

/// Where weights go. A device alone is one too: f32, and nobody is told.
#[derive(Clone)]
pub struct Placement {
    pub(super) device: Device,
    pub(super) compute: ComputeType,
    pub(super) reading: Reading,
    pub(super) observer: Option<Observer>,
    pub(super) plan: Option<StoragePlan>,
}

impl Placement {
    /// On `device`, in f32.
    pub fn new(device: &Device) -> Self {
        let (compute, reading) = (ComputeType::F32, Reading::Values);
        Self { device: device.clone(), compute, reading, observer: None, plan: None }
    }

    /// With large matrices in `compute`, which the device has been [checked](ComputeType::check) for.
    #[must_use]
    pub fn with_compute(mut self, compute: ComputeType) -> Self {
        self.compute = compute;
        self
    }

    /// With so much of the files read.
    #[must_use]
    pub fn with_reading(mut self, reading: Reading) -> Self {
        self.reading = reading;
        self
    }

    /// With `observer` called after every tensor. Where it breaks, loading ends with
    /// [`WeightsError::Cancelled`](crate::checkpoint::tensors::WeightsError::Cancelled).
    #[must_use]
    pub fn with_observer(
        mut self,
        observer: impl Fn(Progress) -> ControlFlow<()> + Send + Sync + 'static,
    ) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// With `plan` told how every tensor is kept.
    #[must_use]
    pub(crate) fn with_plan(mut self, plan: &StoragePlan) -> Self {
        self.plan = Some(plan.clone());
        self
    }

    /// The same for weights that autodiff takes for constants.
    #[must_use]
    pub(crate) fn without_autodiff(mut self) -> Self {
        self.device = self.device.without_autodiff();
        self
    }

    /// What is asked for of large matrices: blocks that files have only where the device has products of them.
    pub(super) fn asked(&self) -> Asked {
        match self.compute.asked() {
            Asked::Stored if !has_host_memory(&self.device) => Asked::Floats(DType::F32),
            asked => asked,
        }
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The type of large matrices that is asked for.
    pub fn compute(&self) -> ComputeType {
        self.compute
    }
}

impl From<&Device> for Placement {
    fn from(device: &Device) -> Self {
        Self::new(device)
    }
}

impl From<&Placement> for Placement {
    fn from(placement: &Placement) -> Self {
        placement.clone()
    }
}

impl std::fmt::Debug for Placement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let observed = self.observer.is_some();
        f.debug_struct("Placement")
            .field("device", &self.device)
            .field("compute", &self.compute)
            .field("reading", &self.reading)
            .field("observed", &observed)
            .field("plan", &self.plan)
            .finish()
    }
}
