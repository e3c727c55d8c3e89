//! Backends by name. In Burn 0.22 the backend is a run-time value, carried by the [`Device`].

use std::panic::{self, AssertUnwindSafe};

use burn::prelude::*;

/// A backend that SLM knows, compiled in or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Backend {
    /// Pure Rust on the CPU. The default.
    Flex,
    /// Vulkan, Metal, DX12 or WebGPU.
    Wgpu,
    /// `ndarray` on the CPU.
    NdArray,
    /// libtorch on the CPU.
    TchCpu,
    /// libtorch on CUDA.
    TchCuda,
    /// libtorch on Apple's Metal.
    TchMps,
    /// CubeCL on CUDA.
    Cuda,
}

/// Why a backend cannot be used.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BackendError {
    /// No backend has this name.
    #[error("unknown backend `{name}`; this build has {}", available())]
    Unknown {
        /// The name asked for.
        name: String,
    },
    /// The backend exists, but this build lacks it.
    #[error("backend `{name}` is not in this build; it has {}", available())]
    NotCompiled {
        /// The name asked for.
        name: &'static str,
        /// The cargo feature that adds it.
        feature: &'static str,
    },
    /// The backend is there, but finds no device that computes.
    #[error("backend `{name}` found no device{}", reason.as_ref().map(|text| format!(": {text}")).unwrap_or_default())]
    NoDevice {
        /// The name asked for.
        name: &'static str,
        /// What the backend said, where it said anything.
        reason: Option<String>,
    },
}

impl BackendError {
    /// One next step.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { .. } => {
                let all: Vec<_> = Backend::ALL.iter().map(|b| b.name()).collect();
                Some(format!("backends are {}", all.join(", ")))
            }
            Self::NotCompiled { feature, .. } => Some(format!("build with `--features {feature}`")),
            Self::NoDevice { .. } => Some("`--backend flex` runs on every CPU".into()),
        }
    }
}

fn available() -> String {
    let names: Vec<_> = Backend::ALL.iter().filter(|b| b.is_compiled()).map(|b| b.name()).collect();
    names.join(", ")
}

impl Backend {
    /// Every backend, the default first.
    pub const ALL: [Self; 7] =
        [Self::Flex, Self::Wgpu, Self::NdArray, Self::TchCpu, Self::TchCuda, Self::TchMps, Self::Cuda];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::Wgpu => "wgpu",
            Self::NdArray => "ndarray",
            Self::TchCpu => "tch-cpu",
            Self::TchCuda => "tch-cuda",
            Self::TchMps => "tch-mps",
            Self::Cuda => "cuda",
        }
    }

    /// The cargo feature that compiles it in.
    pub fn feature(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::Wgpu => "wgpu",
            Self::NdArray => "ndarray",
            Self::TchCpu | Self::TchCuda | Self::TchMps => "tch",
            Self::Cuda => "cuda",
        }
    }

    /// Whether this build holds it.
    pub fn is_compiled(self) -> bool {
        match self {
            Self::Flex => cfg!(feature = "flex"),
            Self::Wgpu => cfg!(feature = "wgpu"),
            Self::NdArray => cfg!(feature = "ndarray"),
            Self::TchCpu | Self::TchCuda | Self::TchMps => cfg!(feature = "tch"),
            Self::Cuda => cfg!(feature = "cuda"),
        }
    }

    /// A device on which modules can be laid out: that of the first backend of this build.
    pub(super) fn first() -> Result<Device, BackendError> {
        let compiled = Self::ALL.into_iter().find(|backend| backend.is_compiled());
        compiled.unwrap_or(Self::Flex).device()
    }

    /// Finds a backend by its name.
    ///
    /// # Errors
    ///
    /// [`BackendError::Unknown`] with the names of this build.
    pub fn from_name(name: &str) -> Result<Self, BackendError> {
        Self::ALL
            .into_iter()
            .find(|backend| backend.name() == name)
            .ok_or_else(|| BackendError::Unknown { name: name.into() })
    }

    /// The first device of this backend.
    ///
    /// # Errors
    ///
    /// [`BackendError::NotCompiled`] and [`BackendError::NoDevice`].
    #[allow(deprecated, reason = "tch and ndarray leave Burn after 0.22, which is why SLM stays on it")]
    pub fn device(self) -> Result<Device, BackendError> {
        let missing = BackendError::NotCompiled { name: self.name(), feature: self.feature() };
        match self {
            #[cfg(feature = "flex")]
            Self::Flex => Ok(Device::flex()),
            #[cfg(feature = "wgpu")]
            Self::Wgpu => Ok(wgpu_device()),
            #[cfg(feature = "ndarray")]
            Self::NdArray => Ok(Device::ndarray()),
            #[cfg(feature = "tch")]
            Self::TchCpu => Ok(Device::libtorch()),
            #[cfg(feature = "tch")]
            Self::TchCuda => Ok(Device::libtorch_cuda(0)),
            #[cfg(feature = "tch")]
            Self::TchMps => Ok(Device::libtorch_mps()),
            #[cfg(feature = "cuda")]
            Self::Cuda => Ok(Device::cuda(0)),
            #[allow(unreachable_patterns, reason = "reached when a feature is off")]
            _ => Err(missing),
        }
    }

    /// A device that has computed something. A backend can be in a build and find no hardware, which most of them tell by
    /// a panic: here it is an error. The first probe of a graphics card takes seconds.
    ///
    /// # Errors
    ///
    /// [`BackendError::NotCompiled`] and [`BackendError::NoDevice`].
    pub fn probe(self) -> Result<Device, BackendError> {
        let none = |reason: Option<String>| BackendError::NoDevice { name: self.name(), reason };
        let attempt = || -> Result<Device, BackendError> {
            let device = self.device()?;
            let sum = Tensor::<1>::ones([4], &device).sum().try_into_scalar::<f32>();
            match sum {
                Ok(sum) if (sum - 4.0).abs() < f32::EPSILON => Ok(device),
                Ok(sum) => Err(none(Some(format!("it computes 1 + 1 + 1 + 1 as {sum}")))),
                Err(error) => Err(none(Some(first_line(&error.to_string())))),
            }
        };
        panic::catch_unwind(AssertUnwindSafe(attempt)).unwrap_or_else(|_| Err(none(None)))
    }

    /// Whether it computes on something else than the processor that runs the program.
    pub fn is_accelerator(self) -> bool {
        matches!(self, Self::Wgpu | Self::TchCuda | Self::TchMps | Self::Cuda)
    }

    /// What `device`, which is one of this backend, is called: a graphics card by its own name, a processor by its
    /// threads. Opens the device.
    pub fn describe(self, device: &Device) -> String {
        match self {
            Self::Flex | Self::NdArray | Self::TchCpu => {
                let threads = std::thread::available_parallelism().map_or(1, usize::from);
                format!("CPU, {threads} thread{}", if threads == 1 { "" } else { "s" })
            }
            Self::TchCuda => "CUDA device 0".into(),
            Self::TchMps => "Apple GPU".into(),
            Self::Wgpu | Self::Cuda => card_name(device).unwrap_or_else(|| format!("{device:?}")),
        }
    }
}

/// The first line of a message, which may be a page of a driver's own.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(200).collect()
}

/// The default card of the platform's own graphics interface.
///
/// Left to choose, CubeCL goes on to OpenGL where it finds a software driver only. Its libraries then look for a
/// display, and complain on stderr where there is none.
#[cfg(feature = "wgpu")]
fn wgpu_device() -> Device {
    use burn::backend::wgpu::{WgpuBackend, WgpuDevice};
    let interface = if cfg!(any(target_os = "linux", target_os = "freebsd", target_os = "android")) {
        WgpuBackend::Vulkan
    } else {
        WgpuBackend::Auto
    };
    WgpuDevice::default().on(interface).into()
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn card_name(device: &Device) -> Option<String> {
    device.identity().map(|identity| identity.name)
}

#[cfg(not(any(feature = "wgpu", feature = "cuda")))]
fn card_name(_: &Device) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for backend in Backend::ALL {
            assert_eq!(Backend::from_name(backend.name()), Ok(backend));
        }
    }

    #[test]
    fn unknown_and_missing_backends_say_what_there_is() {
        let error = Backend::from_name("gpu").unwrap_err();
        assert!(error.to_string().starts_with("unknown backend `gpu`; this build has"));
        if !Backend::Cuda.is_compiled() {
            let error = Backend::Cuda.device().unwrap_err();
            assert!(error.to_string().starts_with("backend `cuda` is not in this build; it has"));
            assert_eq!(error.hint().as_deref(), Some("build with `--features cuda`"));
        }
    }
}
