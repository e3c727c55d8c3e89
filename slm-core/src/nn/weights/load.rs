//! Reads weight files into a module.

use std::collections::{BTreeMap, BTreeSet};

use burn::prelude::*;

use super::check::{Check, suggest};
use super::fill::Fill;
use super::path::ModulePath;
use super::plan::LaidOut;
use super::{Placement, Progress, Reading};
use crate::checkpoint::tensors::{TensorProblem, TensorReader, WeightFiles, WeightsError};
use crate::nn::beside;

/// Fills `module` with the tensors of `files`, in f32 or, where it may be, in the type that `placement` asks for.
///
/// `hf_name` turns a module's path into the name in the file; `is_ignored` tells which tensors of the
/// file the model does without. Tensors keep the module's devices. The module may be fresh: its
/// random weights are never made. Tensors are read one after the other, so that the peak of memory is the loaded model
/// and little more. Where `placement` asks for less to be [read](Reading), the module stays as it is.
///
/// # Errors
///
/// [`WeightsError`] with every tensor that is missing, unexpected, misshaped, not a float, not finite or too large for
/// the type; [`WeightsError::Cancelled`] where the observer of `placement` breaks.
pub fn load<M: Module>(
    module: M,
    files: &WeightFiles,
    placement: &Placement,
    hf_name: impl Fn(&str) -> String,
    is_ignored: impl Fn(&str) -> bool,
) -> Result<M, WeightsError> {
    if placement.reading == Reading::Nothing {
        return Ok(match &placement.plan {
            Some(plan) => module.map(&mut LaidOut::new(plan)),
            None => module,
        });
    }
    let mut check = Check {
        path: ModulePath::default(),
        hf_name: &hf_name,
        files,
        placement,
        used: BTreeSet::new(),
        total: 0,
        problems: Vec::new(),
    };
    // Mapping rather than visiting, because a visit would make the random weights.
    let module = module.map(&mut check);
    let Check { used, mut problems, total, .. } = check;
    let unused: Vec<&String> =
        files.names().filter(|name| !used.contains(*name) && !is_ignored(name)).collect();
    suggest(&mut problems, &unused);
    problems.extend(unused.iter().map(|name| TensorProblem::Unexpected {
        name: (*name).clone(),
        found: files.entry(name).map(|entry| entry.shape.clone()).unwrap_or_default(),
    }));
    let failed = |problems| WeightsError::Tensors { path: files.path().into(), problems };
    if !problems.is_empty() {
        return Err(failed(problems));
    }
    if placement.reading == Reading::Shapes {
        return Ok(module);
    }

    let mut fill = Fill {
        path: ModulePath::default(),
        hf_name: &hf_name,
        reader: TensorReader::new(files),
        placement,
        progress: Progress { done: 0, total },
        blocks: BTreeMap::new(),
        shared: BTreeMap::new(),
        error: None,
        problems: Vec::new(),
    };
    let module = module.map(&mut fill);
    if let Some(error) = fill.error {
        return Err(error);
    }
    if !fill.problems.is_empty() {
        return Err(failed(fill.problems));
    }
    let module = beside::attach(module, fill.blocks);
    Ok(beside::attach(module, fill.shared))
}

#[cfg(all(test, feature = "flex"))]
#[allow(clippy::unwrap_used, reason = "helpers of tests")]
mod tests_on_a_device {
    use std::ops::ControlFlow;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use burn::nn::{Linear, LinearConfig};

    use super::*;
    use crate::checkpoint::{Checkpoint, WEIGHTS_FILE};
    use crate::nn::weights::{StorageType, save};

    /// A saved layer, and what its files say.
    fn saved(device: &Device) -> (tempfile::TempDir, Linear, WeightFiles) {
        let dir = tempfile::tempdir().unwrap();
        let layer = LinearConfig::new(3, 2).init(device);
        save(&layer, &dir.path().join(WEIGHTS_FILE), str::to_owned, StorageType::F32).unwrap();
        let files = Checkpoint::open(dir.path()).unwrap().weights().unwrap();
        (dir, layer, files)
    }

    fn values(layer: &Linear) -> Vec<f32> {
        layer.weight.val().try_into_vec_as::<f32>().unwrap()
    }

    #[test]
    fn what_was_saved_is_loaded() {
        let device = Device::flex();
        let (_dir, layer, files) = saved(&device);
        // PyTorch has rows for what Burn has columns for.
        assert_eq!(files.entry("weight").unwrap().shape, [2, 3]);
        let fresh = LinearConfig::new(3, 2).init(&device);
        let loaded = load(fresh, &files, &Placement::new(&device), str::to_owned, |_| false).unwrap();
        assert_eq!(values(&loaded), values(&layer));
    }

    #[test]
    fn shapes_are_compared_without_values() {
        let device = Device::flex();
        let (dir, _, files) = saved(&device);
        // The values are gone, the header stays.
        let path = dir.path().join(WEIGHTS_FILE);
        let header = std::fs::metadata(&path).unwrap().len() - 4 * (6 + 2);
        std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(header).unwrap();
        let read = |inputs, reading| {
            let fresh = LinearConfig::new(inputs, 2).init(&device);
            load(fresh, &files, &Placement::new(&device).with_reading(reading), str::to_owned, |_| false)
        };
        read(3, Reading::Shapes).unwrap();
        assert!(read(3, Reading::Values).is_err());
        assert!(matches!(read(4, Reading::Shapes).unwrap_err(), WeightsError::Tensors { .. }));
        read(4, Reading::Nothing).unwrap();
    }

    #[test]
    fn an_observer_sees_every_tensor_and_can_end_the_loading() {
        let device = Device::flex();
        let (_dir, _, files) = saved(&device);
        for (most, expected) in [(usize::MAX, 2), (1, 1)] {
            let calls = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&calls);
            let placement = Placement::new(&device).with_observer(move |progress| {
                assert_eq!(progress.total, 4 * (6 + 2));
                let call = counted.fetch_add(1, Ordering::Relaxed) + 1;
                if call == most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            let fresh = LinearConfig::new(3, 2).init(&device);
            let loaded = load(fresh, &files, &placement, str::to_owned, |_| false);
            assert_eq!(calls.load(Ordering::Relaxed), expected);
            assert_eq!(matches!(loaded, Err(WeightsError::Cancelled)), most == 1);
        }
    }
}
