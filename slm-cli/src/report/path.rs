//! Paths as text that tells any two apart.

use std::path::Path;

/// A path as text: as it is, where it is UTF-8. Else the bytes that are not, and `%` itself, are written as `%` and two
/// hexadecimal digits, so that no byte is lost.
pub(crate) fn path_text(path: &Path) -> String {
    if let Some(text) = path.to_str() {
        return text.to_owned();
    }
    let mut text = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        text.push_str(&chunk.valid().replace('%', "%25"));
        text.extend(chunk.invalid().iter().map(|byte| format!("%{byte:02X}")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_as_it_is() {
        for text in ["talk.wav", "50% and %FF.wav", "ä/今.wav", ""] {
            assert_eq!(path_text(Path::new(text)), text);
        }
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_not_utf_8_are_told_apart() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        let text = |bytes: &[u8]| path_text(Path::new(OsStr::from_bytes(bytes)));
        assert_eq!(text(b"a\xff.wav"), "a%FF.wav");
        assert_eq!(text(b"a\xfe\xc3.wav"), "a%FE%C3.wav");
        // The name that an escaped one looks like is another when it is escaped itself.
        assert_eq!(text(b"a%FF\xff.wav"), "a%25FF%FF.wav");
    }
}
