//! Finds the model, chooses what it computes on, and opens it.

use std::env;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use slm_core::models::checkpoint::MANIFEST_NAME;
use slm_core::models::nn::weights::Placement;
use slm_core::{
    Backend, BackendChoice, BackendError, Error, LoadProgress, MemoryBudget, Model, OpenOptions, Templates,
};
use tempfile::TempDir;

use crate::args::{ModelArgs, UsageError};
use crate::embedded;
use crate::interrupt::Interrupt;
use crate::scratch;

/// The bundle that is used when none is named.
const DEFAULT_BUNDLE: &str = "weights/slm-tiny";

/// Models that take this much or more in memory are loaded with a bar.
const BAR_BYTES: u64 = 200 << 20;
/// Bytes of encoder outputs that are kept. The program asks once about each recording, so that only segments that are decoded
/// again need them.
const CACHE_BYTES: u64 = 8 << 20;

/// Where a model comes from.
pub(crate) enum Source {
    /// A folder of the user's.
    Folder(PathBuf),
    /// The program, unpacked to a folder that goes with this value.
    Embedded(TempDir),
}

impl Source {
    /// The model that the arguments name, or the nearest [`DEFAULT_BUNDLE`], or the one in the program.
    /// While the program is held, Ctrl-C ends the unpacking.
    pub(crate) fn find(args: &ModelArgs, interrupt: &Interrupt) -> anyhow::Result<Self> {
        let nearest =
            || nearest_bundle(env::current_dir().ok().as_deref(), env::current_exe().ok().as_deref());
        if let Some(dir) = args.bundle.clone().or_else(nearest) {
            return Ok(Self::Folder(dir));
        }
        let token = interrupt.token();
        let dir = scratch::dir(|dir| embedded::unpack(dir, &token)).context("cannot unpack the model")?;
        Ok(Self::Embedded(dir))
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Folder(path) => path,
            Self::Embedded(dir) => dir.path(),
        }
    }
}

/// Opens the model that the arguments name. While the program is held, Ctrl-C ends the loading.
pub(crate) fn open(args: &ModelArgs, interrupt: &Interrupt) -> anyhow::Result<Model> {
    let mut options = OpenOptions::new()
        .cancel(interrupt.token())
        .backend(BackendChoice::Named(choose(args.backend.as_deref())?))
        .compute(args.compute())
        .cache_bytes(CACHE_BYTES)
        .progress(loading_bar());
    if let Some(bytes) = args.memory {
        options = options.memory(MemoryBudget::Bytes(bytes));
    }
    if let Some(path) = &args.templates {
        options = options.templates(Templates::read(path)?);
    }
    if let Some(path) = &args.adapter {
        options = options.adapter(path.display().to_string(), path);
    }
    let source = Source::find(args, interrupt)?;
    Model::open(source.path(), &options).map_err(with_alternatives)
}

/// Where the arguments say that weights go, for loading a model without asking it anything.
pub(crate) fn placement(args: &ModelArgs, interrupt: &Interrupt) -> anyhow::Result<Placement> {
    let device = choose(args.backend.as_deref())?.probe().map_err(|error| with_alternatives(error.into()))?;
    let compute = args.compute();
    compute.check(&device).with_context(|| format!("cannot compute in {}", compute.name()))?;
    let (show, token) = (loading_bar(), interrupt.token());
    Ok(Placement::new(&device).with_compute(compute).with_observer(move |progress| {
        show(progress);
        if token.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }))
}

/// Shows a bar on stderr while a large model is loaded; without a terminal it shows nothing.
fn loading_bar() -> impl Fn(LoadProgress) + Send + Sync + 'static {
    let bar = OnceLock::new();
    move |progress: LoadProgress| {
        if progress.total < BAR_BYTES {
            return;
        }
        let bar = bar.get_or_init(|| {
            let style =
                ProgressStyle::with_template("loading {bar:24} {bytes}/{total_bytes} {bytes_per_sec}");
            ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        bar.set_length(progress.total);
        bar.set_position(progress.done);
        if progress.done == progress.total {
            bar.finish_and_clear();
        }
    }
}

/// The backend with this name, or the first of this build that computes.
fn choose(name: Option<&str>) -> anyhow::Result<Backend> {
    if let Some(name) = name {
        return Ok(Backend::from_name(name)?);
    }
    let found = compiled().find(|backend| backend.probe().is_ok());
    let nothing = || UsageError { message: "no backend of this build computes".into(), hint: Some(tried()) };
    Ok(found.ok_or_else(nothing)?)
}

/// The backends of this build.
fn compiled() -> impl Iterator<Item = Backend> {
    Backend::ALL.into_iter().filter(|backend| backend.is_compiled())
}

/// Adds to the failure of a backend that finds no device what becomes of all backends of this build.
fn with_alternatives(error: Error) -> anyhow::Error {
    let backend = error.cause().and_then(|cause| cause.downcast_ref::<BackendError>());
    match backend {
        Some(BackendError::NoDevice { .. }) => {
            UsageError { message: error.to_string(), hint: Some(tried()) }.into()
        }
        _ => error.into(),
    }
}

/// What becomes of each backend of this build when it is tried.
fn tried() -> String {
    let state = |backend: Backend| match backend.probe() {
        Ok(device) => format!("{} computes ({})", backend.name(), backend.describe(&device)),
        Err(_) => format!("{} finds no device", backend.name()),
    };
    let states: Vec<String> = compiled().map(state).collect();
    if states.is_empty() {
        return "build with `--features flex`".into();
    }
    format!("of this build, {}", states.join(", "))
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
        let error = choose(Some("gpu")).unwrap_err();
        assert!(error.to_string().starts_with("unknown backend `gpu`"));
    }

    #[cfg(feature = "flex")]
    #[test]
    fn the_cpu_is_the_first_choice() {
        assert_eq!(choose(None).unwrap(), Backend::Flex);
    }

    #[cfg(feature = "flex")]
    #[test]
    fn a_backend_without_a_device_tells_the_others() {
        let error = Error::from(BackendError::NoDevice { name: "cuda", reason: None });
        let text = crate::report::render(&*with_alternatives(error));
        assert!(text.starts_with("error: backend `cuda` found no device\nhint: of this build, "), "{text}");
        assert!(text.contains("flex computes (CPU, "), "{text}");
    }
}
