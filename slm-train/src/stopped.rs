//! Work that had begun and could not go on: an error of another kind than one before the start.

/// Says what was going on and what is kept of it; the reason is the error below it.
///
/// [`Stopped::because`] puts it around an error; `error.is::<Stopped>()` then tells that the work had begun.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Stopped(String);

impl Stopped {
    /// `text` says what stopped, and where that is which was finished before.
    pub fn because(error: impl Into<anyhow::Error>, text: impl Into<String>) -> anyhow::Error {
        error.into().context(Self(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn it_is_found_wherever_it_is_in_the_chain() {
        let error = Stopped::because(anyhow::anyhow!("disk full"), "stopped at step 3");
        assert!(error.is::<Stopped>());
        assert_eq!(format!("{error:#}"), "stopped at step 3: disk full");
        let above = Err::<(), _>(error).context("corpus `a`").unwrap_err();
        assert!(above.is::<Stopped>());
        assert!(!anyhow::anyhow!("disk full").context("corpus `a`").is::<Stopped>());
    }
}
