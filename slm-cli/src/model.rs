//! Finds the bundle and the device, and loads the model.

use std::collections::BTreeMap;
use std::env;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::Context;
use burn::prelude::*;
use indicatif::{ProgressBar, ProgressStyle};
use slm_core::backend::{Backend, BackendError};
use slm_core::bundle::{Bundle, MANIFEST_NAME};
use slm_core::json;
use slm_core::task::{SpeechModel, Templates};
use slm_core::weights::Placement;
use tempfile::TempDir;

use crate::args::ModelArgs;
use crate::embedded;

/// The bundle that is used when none is named.
const DEFAULT_BUNDLE: &str = "weights/slm-tiny";

/// Models that take this much or more in memory are loaded with a bar.
const BAR_BYTES: u64 = 200 << 20;

/// Where a bundle comes from.
pub(crate) enum Source {
    /// A folder of the user's.
    Folder(Bundle),
    /// The program, unpacked to a folder that goes with this value.
    Embedded(Bundle, #[expect(dead_code, reason = "kept for its drop")] TempDir),
}

impl Source {
    /// The bundle that the arguments name, or the nearest [`DEFAULT_BUNDLE`], or the one in the program.
    pub(crate) fn open(args: &ModelArgs) -> anyhow::Result<Self> {
        let nearest =
            || nearest_bundle(env::current_dir().ok().as_deref(), env::current_exe().ok().as_deref());
        if let Some(dir) = args.bundle.clone().or_else(nearest) {
            return Ok(Self::Folder(Bundle::open(&dir)?));
        }
        let dir = TempDir::with_prefix("slm-").context("cannot make a folder for the model")?;
        embedded::unpack(dir.path())
            .with_context(|| format!("cannot unpack the model to `{}`", dir.path().display()))?;
        Ok(Self::Embedded(Bundle::open(dir.path())?, dir))
    }

    /// The bundle.
    pub(crate) fn bundle(&self) -> &Bundle {
        match self {
            Self::Folder(bundle) | Self::Embedded(bundle, _) => bundle,
        }
    }
}

/// Loads the model that the arguments name.
pub(crate) fn load(args: &ModelArgs) -> anyhow::Result<SpeechModel> {
    let templates = args.templates.as_deref().map(read_templates).transpose()?;
    let model = SpeechModel::load(Source::open(args)?.bundle(), placement(args)?)?;
    Ok(match templates {
        Some(templates) => model.with_templates(templates),
        None => model,
    })
}

/// Reads phrasings by task, as a bundle's manifest has them.
fn read_templates(path: &Path) -> anyhow::Result<Templates> {
    let phrasings: BTreeMap<String, Vec<String>> = json::read(path)?;
    Templates::parse(&phrasings).with_context(|| format!("cannot use templates `{}`", path.display()))
}

/// Where the arguments say that models go, with a bar on stderr for large ones.
pub(crate) fn placement(args: &ModelArgs) -> anyhow::Result<Placement> {
    let device = device(args.backend.as_deref())?;
    args.dtype.check(&device).with_context(|| format!("cannot compute in {}", args.dtype.name()))?;
    let bar = OnceLock::new();
    Ok(Placement::new(&device).with_compute(args.dtype).with_observer(move |progress| {
        if progress.total >= BAR_BYTES {
            let bar = bar.get_or_init(loading_bar);
            bar.set_length(progress.total);
            bar.set_position(progress.done);
            if progress.done == progress.total {
                bar.finish_and_clear();
            }
        }
    }))
}

/// A bar that counts bytes; without a terminal it shows nothing.
fn loading_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("loading {bar:24} {bytes}/{total_bytes} {bytes_per_sec}");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// A device of the backend with this name, or of the first that is in this build.
pub(crate) fn device(name: Option<&str>) -> Result<Device, BackendError> {
    let backend = match name {
        Some(name) => Backend::from_name(name)?,
        None => Backend::ALL.into_iter().find(|backend| backend.is_compiled()).unwrap_or(Backend::Flex),
    };
    probe(backend)
}

/// A device that has computed something: a backend can be in a build and find no hardware, which most
/// of them tell by a panic.
pub(crate) fn probe(backend: Backend) -> Result<Device, BackendError> {
    let missing = BackendError::NoDevice { name: backend.name() };
    let attempt = || -> Result<Option<Device>, BackendError> {
        let device = backend.device()?;
        match Tensor::<1>::ones([1], &device).try_into_vec_as::<f32>() {
            Ok(_) => Ok(Some(device)),
            Err(_) => Ok(None),
        }
    };
    match panic::catch_unwind(AssertUnwindSafe(attempt)) {
        Ok(Ok(Some(device))) => Ok(device),
        Ok(Err(error)) => Err(error),
        Ok(Ok(None)) | Err(_) => Err(missing),
    }
}

/// The default bundle in the current directory or above it, or next to the program.
fn nearest_bundle(current: Option<&Path>, program: Option<&Path>) -> Option<PathBuf> {
    let above = current.into_iter().flat_map(Path::ancestors);
    let beside = program.and_then(Path::parent);
    above.chain(beside).map(|dir| dir.join(DEFAULT_BUNDLE)).find(|dir| dir.join(MANIFEST_NAME).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_bundle_wins() {
        let root = tempfile::tempdir().unwrap();
        let make = |place: &str| {
            let bundle = root.path().join(place).join(DEFAULT_BUNDLE);
            std::fs::create_dir_all(&bundle).unwrap();
            std::fs::write(bundle.join(MANIFEST_NAME), "{}").unwrap();
            bundle
        };
        let current = root.path().join("a/b");
        let program = root.path().join("bin/slm-cli");
        let nearest = || nearest_bundle(Some(&current), Some(&program));
        assert_eq!(nearest(), None);
        for place in ["bin", "a", "a/b"] {
            let bundle = make(place);
            assert_eq!(nearest(), Some(bundle));
        }
    }

    #[test]
    fn unknown_backends_are_named() {
        let error = device(Some("gpu")).unwrap_err();
        assert!(error.to_string().starts_with("unknown backend `gpu`"));
    }

    #[cfg(feature = "flex")]
    #[test]
    fn the_cpu_is_always_there() {
        assert!(probe(Backend::Flex).is_ok());
    }
}
