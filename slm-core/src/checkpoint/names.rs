//! Names of files in a folder.

use std::io;
use std::path::{Component, Path};

/// What the system says of a file that is not there.
pub(crate) fn absent() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "no such file")
}

/// Whether `name` is a file directly in a folder, on every system.
pub(super) fn is_base_name(name: &str) -> bool {
    let mut components = Path::new(name).components();
    let is_normal = matches!(components.next(), Some(Component::Normal(part)) if part == name);
    is_normal && components.next().is_none() && !name.contains(['/', '\\', ':'])
}

/// The subfolder of a part that has the model which it stands on.
pub(super) const BASE_FOLDER: &str = "base";

/// Whether `name` is a file directly in a folder, or in its subfolder [`BASE_FOLDER`], told by a slash on every system.
pub(super) fn is_part_name(name: &str) -> bool {
    let below = name.strip_prefix(BASE_FOLDER).and_then(|rest| rest.strip_prefix('/'));
    is_base_name(below.unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_folder() {
        for name in ["config.json", "model-00001-of-00002.safetensors", ".x"] {
            assert!(is_base_name(name), "{name}");
        }
        for name in ["", ".", "..", "../x", "a/b", "a/", "/x", "a\\b", "C:x", "./x"] {
            assert!(!is_base_name(name), "{name}");
        }
    }

    #[test]
    fn names_of_a_part_may_lead_into_its_base() {
        for name in ["config.json", "base", "base/config.json", "base/base"] {
            assert!(is_part_name(name), "{name}");
        }
        for name in
            ["base/", "base/..", "base/a/b", "base//x", "base\\x", "other/x", "/base/x", "../base/x", ""]
        {
            assert!(!is_part_name(name), "{name}");
        }
    }
}
