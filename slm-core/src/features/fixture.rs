//! What the tests of the features compare with: made with transformers 5.23.0, see `tests/fixtures`.

use std::path::Path;

use safetensors::SafeTensors;

/// Shape and values of a tensor in `features/<file>.safetensors`.
pub(super) fn fixture(file: &str, name: &str) -> (Vec<usize>, Vec<f32>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/features");
    let bytes = std::fs::read(folder.join(file).with_extension("safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let view = tensors.tensor(name).unwrap();
    let values =
        view.data().chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect();
    (view.shape().to_vec(), values)
}
