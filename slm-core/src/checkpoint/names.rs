//! Names of files in a folder.

use std::io;
use std::path::{Component, Path};

/// What the system says of a file that is not there.
pub(crate) fn absent() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "no such file")
}

/// The folder inside a model's own that holds another model, which it stands on.
pub const BASE_FOLDER: &str = "base";

/// What the names of a base's files begin with in the list of the model that stands on it.
const BASE_PREFIX: &str = "base/";

/// The name that the file `name` of a base has in the list of the model that stands on it.
pub(super) fn in_base(name: &str) -> String {
    format!("{BASE_PREFIX}{name}")
}

/// The name in its own list of the file that another model lists as `name`; `None` where it is not its base's.
pub(super) fn of_base(name: &str) -> Option<&str> {
    name.strip_prefix(BASE_PREFIX)
}

/// Whether `name` is a file of a model, on every system: directly in its folder, or in that of its base.
pub(super) fn is_file_name(name: &str) -> bool {
    is_base_name(of_base(name).unwrap_or(name))
}

/// Whether `name` is a file directly in a folder, on every system.
pub(super) fn is_base_name(name: &str) -> bool {
    let mut components = Path::new(name).components();
    let is_normal = matches!(components.next(), Some(Component::Normal(part)) if part == name);
    is_normal && components.next().is_none() && !name.contains(['/', '\\', ':'])
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
        for name in ["config.json", "base/config.json", "base", "base/base"] {
            assert!(is_file_name(name), "{name}");
        }
        let outside = [
            "base/",
            "base/..",
            "base/../x",
            "base/a/b",
            "base//x",
            "base\\x",
            "other/x",
            "/base/x",
            "../base/x",
            "",
        ];
        for name in outside {
            assert!(!is_file_name(name), "{name}");
        }
    }
}
