//! The reference model inside the program, so that an installed one runs by itself.

use std::fs;
use std::io;
use std::path::Path;

use slm_core::CancelToken;

/// The files of `weights/slm-tiny` with their contents.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../weights/slm-tiny/", $name)))),*]
    };
}

const FILES: &[(&str, &[u8])] = files![
    "slm.json",
    "adapter/config.json",
    "adapter/model.safetensors",
    "encoder/config.json",
    "encoder/model.safetensors",
    "encoder/preprocessor_config.json",
    "encoder/tokenizer.json",
    "encoder/tokenizer_config.json",
    "llm/config.json",
    "llm/generation_config.json",
    "llm/model.safetensors",
    "llm/tokenizer.json",
    "llm/tokenizer_config.json",
];

/// Writes the bundle into `dir`, until `token` is cancelled.
pub(crate) fn unpack(dir: &Path, token: &CancelToken) -> io::Result<()> {
    for (name, content) in FILES {
        if token.is_cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let path = dir.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, content)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use slm_core::Model;

    /// Describing a bundle compares every file that `slm.json` names, so none is missing or stale.
    #[test]
    fn the_unpacked_bundle_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        unpack(dir.path(), &CancelToken::default()).unwrap();
        assert_eq!(Model::describe(dir.path()).unwrap().name.as_deref(), Some("slm-tiny"));
    }

    #[test]
    fn nothing_is_unpacked_after_a_cancel() {
        let dir = tempfile::tempdir().unwrap();
        let token = CancelToken::default();
        token.cancel();
        let error = unpack(dir.path(), &token).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Interrupted);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
