//! How a model is opened.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use burn::prelude::*;

use super::backend::{Backend, BackendError};
use super::cancel::CancelToken;
use super::error::Error;
use super::memory::MemoryBudget;
use crate::llm::Attachment;
use crate::nn::weights::{ComputeType, Progress as LoadProgress};
use crate::prompt::Templates;

/// Bytes of encoder outputs that are kept unless something else is asked for.
const DEFAULT_CACHE_BYTES: u64 = 64 << 20;

/// What a model is opened with. The default: the best backend that computes, f32 but for what the files have in few bits, half of
/// the free memory for work.
#[derive(Clone)]
pub struct OpenOptions {
    pub(super) backend: BackendChoice,
    pub(super) compute: ComputeType,
    pub(super) memory: MemoryBudget,
    pub(super) cache_bytes: u64,
    pub(super) templates: Option<Templates>,
    pub(super) adapters: BTreeMap<String, PathBuf>,
    pub(super) attachment: Attachment,
    pub(super) progress: Option<Arc<dyn Fn(LoadProgress) + Send + Sync>>,
    pub(super) cancel: CancelToken,
}

/// Which backend computes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BackendChoice {
    /// The best one of the build that really computes: accelerators first, the processor where there is none.
    #[default]
    Automatic,
    /// This one, or an error.
    Named(Backend),
}

/// Which backend was chosen, and what became of the others.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackendReport {
    /// The one that computes.
    pub used: Backend,
    /// What its device is called.
    pub device: String,
    /// All that were tried, in order; the last one is used.
    pub tried: Vec<BackendAttempt>,
}

/// A backend that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackendAttempt {
    /// The backend.
    pub backend: Backend,
    /// The name of its device, or why it cannot be used.
    pub outcome: Result<String, BackendError>,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            backend: BackendChoice::default(),
            compute: ComputeType::Mixed,
            memory: MemoryBudget::default(),
            cache_bytes: DEFAULT_CACHE_BYTES,
            templates: None,
            adapters: BTreeMap::new(),
            attachment: Attachment::default(),
            progress: None,
            cancel: CancelToken::default(),
        }
    }
}

impl OpenOptions {
    /// The default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Which backend computes.
    #[must_use]
    pub fn backend(mut self, backend: BackendChoice) -> Self {
        self.backend = backend;
        self
    }

    /// The type of the large matrices.
    #[must_use]
    pub fn compute(mut self, compute: ComputeType) -> Self {
        self.compute = compute;
        self
    }

    /// The memory that work may take beside the weights: batches and the longest audio at once follow from it.
    #[must_use]
    pub fn memory(mut self, memory: MemoryBudget) -> Self {
        self.memory = memory;
        self
    }

    /// Bytes of encoder outputs that are kept, so that several requests about one recording encode it once; 0 keeps none.
    #[must_use]
    pub fn cache_bytes(mut self, bytes: u64) -> Self {
        self.cache_bytes = bytes;
        self
    }

    /// Phrases the tasks that `templates` has in its words.
    #[must_use]
    pub fn templates(mut self, templates: Templates) -> Self {
        self.templates = Some(templates);
        self
    }

    /// Loads a further adapter, which requests choose by `name` ([`Request::adapter`](crate::Request::adapter)): a folder with
    /// a LoRA adapter of PEFT, with an adapter as a bundle has it, or with both, or another bundle, whose adapter it is. The
    /// model's own weights are there once, however many adapters there are.
    #[must_use]
    pub fn adapter(mut self, name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        self.adapters.insert(name.into(), path.into());
        self
    }

    /// Where the matrices of LoRA adapters are: beside the model's own, or added to copies of them.
    #[must_use]
    pub fn attachment(mut self, attachment: Attachment) -> Self {
        self.attachment = attachment;
        self
    }

    /// Calls `progress` after every tensor that is loaded.
    #[must_use]
    pub fn progress(mut self, progress: impl Fn(LoadProgress) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(progress));
        self
    }

    /// Ends the loading with [`Error::Cancelled`] when `token` is cancelled.
    #[must_use]
    pub fn cancel(mut self, token: CancelToken) -> Self {
        self.cancel = token;
        self
    }
}

impl fmt::Debug for OpenOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenOptions")
            .field("backend", &self.backend)
            .field("compute", &self.compute)
            .field("memory", &self.memory)
            .field("cache_bytes", &self.cache_bytes)
            .field("adapters", &self.adapters)
            .finish_non_exhaustive()
    }
}

impl BackendChoice {
    /// Accelerators before processors, and of each the ones that Burn goes on with first.
    const PREFERENCE: [Backend; 7] = [
        Backend::Cuda,
        Backend::TchCuda,
        Backend::TchMps,
        Backend::Wgpu,
        Backend::Flex,
        Backend::TchCpu,
        Backend::NdArray,
    ];

    /// Finds a device of the choice that computes.
    ///
    /// A software driver of a graphics interface computes, but slower than the processor's own backend: automatic choice
    /// passes it over.
    pub(super) fn find(self) -> Result<(Device, BackendReport), Error> {
        let candidates = match self {
            Self::Named(backend) => vec![backend],
            Self::Automatic => Self::PREFERENCE.into_iter().filter(|one| one.is_compiled()).collect(),
        };
        self.first_that_computes(candidates, |backend| {
            let device = backend.probe()?;
            let name = backend.describe(&device);
            Ok((device, name))
        })
    }

    /// The first of `candidates` for which `probe` gives a device and its name.
    fn first_that_computes(
        self,
        candidates: Vec<Backend>,
        probe: impl Fn(Backend) -> Result<(Device, String), BackendError>,
    ) -> Result<(Device, BackendReport), Error> {
        let mut tried = Vec::new();
        for backend in candidates {
            let outcome = probe(backend).and_then(|(device, name)| {
                if self == Self::Automatic && backend.is_accelerator() && is_software(&name) {
                    let reason = Some(format!("`{name}` is a software driver"));
                    return Err(BackendError::NoDevice { name: backend.name(), reason });
                }
                Ok((device, name))
            });
            match outcome {
                Ok((device, name)) => {
                    tried.push(BackendAttempt { backend, outcome: Ok(name.clone()) });
                    return Ok((device, BackendReport { used: backend, device: name, tried }));
                }
                Err(error) => tried.push(BackendAttempt { backend, outcome: Err(error) }),
            }
        }
        let first = tried.into_iter().find_map(|attempt| attempt.outcome.err());
        Err(first.unwrap_or(BackendError::NoDevice { name: Backend::Flex.name(), reason: None }).into())
    }
}

/// Whether a graphics card's name is that of a software driver.
fn is_software(name: &str) -> bool {
    let name = name.to_lowercase();
    ["llvmpipe", "lavapipe", "softpipe", "swiftshader", "basic render"]
        .iter()
        .any(|driver| name.contains(driver))
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;

    #[test]
    fn a_named_backend_is_used_or_refused() {
        let (_, report) = BackendChoice::Named(Backend::Flex).find().unwrap();
        assert_eq!(report.used, Backend::Flex);
        assert_eq!(report.tried.len(), 1);
        if let Some(missing) = Backend::ALL.into_iter().find(|backend| !backend.is_compiled()) {
            let error = BackendChoice::Named(missing).find().unwrap_err();
            assert!(matches!(error, Error::Unsupported(_)), "{error:?}");
        }
    }

    #[test]
    fn the_best_backend_that_computes_is_found_and_the_others_are_told() {
        let probe = |backend: Backend| match backend {
            Backend::Cuda => Err(BackendError::NoDevice { name: backend.name(), reason: None }),
            Backend::Wgpu => Ok((Device::flex(), "llvmpipe (LLVM 15.0.6, 256 bits)".to_owned())),
            _ => Ok((Device::flex(), "a processor".to_owned())),
        };
        let find = |candidates: &[Backend], choice: BackendChoice| {
            choice.first_that_computes(candidates.to_vec(), probe)
        };
        let all = [Backend::Cuda, Backend::Wgpu, Backend::Flex, Backend::NdArray];
        let (_, report) = find(&all, BackendChoice::Automatic).unwrap();
        assert_eq!((report.used, report.device.as_str()), (Backend::Flex, "a processor"));
        let tried: Vec<(Backend, bool)> =
            report.tried.iter().map(|one| (one.backend, one.outcome.is_ok())).collect();
        assert_eq!(tried, [(Backend::Cuda, false), (Backend::Wgpu, false), (Backend::Flex, true)]);
        // Who names it gets it.
        let (_, report) = find(&[Backend::Wgpu], BackendChoice::Named(Backend::Wgpu)).unwrap();
        assert_eq!(report.used, Backend::Wgpu);
        // Where none computes, the first one says why.
        let error = find(&[Backend::Cuda, Backend::Wgpu], BackendChoice::Automatic).unwrap_err();
        assert!(error.to_string().contains("cuda"), "{error}");
    }

    #[test]
    fn software_drivers_are_known_by_name() {
        assert!(is_software("llvmpipe (LLVM 15.0.6, 256 bits)"));
        assert!(!is_software("NVIDIA H100 80GB HBM3"));
    }
}
