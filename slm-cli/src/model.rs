//! Finds the bundle and the device, and loads the model.

use std::env;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};

use burn::prelude::*;
use slm_core::backend::{Backend, BackendError};
use slm_core::bundle::{Bundle, MANIFEST_NAME};
use slm_core::task::SpeechModel;

use crate::args::ModelArgs;
use crate::report::UsageError;

/// The bundle that is used when none is named.
const DEFAULT_BUNDLE: &str = "weights/slm-tiny";

/// Loads the model that the arguments name.
pub(crate) fn load(args: &ModelArgs) -> anyhow::Result<SpeechModel> {
    let device = device(args.backend.as_deref())?;
    let bundle = open_bundle(args)?;
    Ok(SpeechModel::load(&bundle, &device)?)
}

/// Opens the bundle that the arguments name.
pub(crate) fn open_bundle(args: &ModelArgs) -> anyhow::Result<Bundle> {
    let dir = match &args.bundle {
        Some(dir) => dir.clone(),
        None => default_bundle()?,
    };
    Ok(Bundle::open(&dir)?)
}

/// A device of the backend with this name, or of the first that is in this build.
fn device(name: Option<&str>) -> Result<Device, BackendError> {
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

/// The nearest [`DEFAULT_BUNDLE`].
fn default_bundle() -> Result<PathBuf, UsageError> {
    let candidates = candidates(env::current_dir().ok(), env::current_exe().ok());
    candidates.into_iter().find(|dir| dir.join(MANIFEST_NAME).is_file()).ok_or_else(|| UsageError {
        message: format!(
            "no model found: there is no `{DEFAULT_BUNDLE}` here, above, or next to the program"
        ),
        hint: Some("name its folder with `--bundle DIR`".into()),
    })
}

/// Where the default bundle may be: in the current directory or above it, next to the program, in the
/// repository that the program was built from.
fn candidates(current: Option<PathBuf>, program: Option<PathBuf>) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = Vec::new();
    if let Some(dir) = current {
        all.extend(dir.ancestors().map(|dir| dir.join(DEFAULT_BUNDLE)));
    }
    if let Some(program) = program {
        all.extend(program.parent().map(|dir| dir.join(DEFAULT_BUNDLE)));
    }
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    all.extend(repository.map(|dir| dir.join(DEFAULT_BUNDLE)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundles_are_looked_up_in_order() {
        let found = candidates(Some("/a/b".into()), Some("/bin/slm-cli".into()));
        let expected = ["/a/b", "/a", "/", "/bin"].map(|dir| Path::new(dir).join(DEFAULT_BUNDLE));
        assert_eq!(found[..4], expected);
        assert_eq!(found.len(), 5);
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
