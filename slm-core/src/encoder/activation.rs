//! Activations by the names that configs have for them.

use crate::nn::ActivationKind;

/// The activation called `name`; SiLU for a name that [`problem`] refuses.
pub(super) fn named(name: &str) -> ActivationKind {
    ActivationKind::parse(name).unwrap_or(ActivationKind::Silu)
}

/// What is wrong with `name` as the value of `field`; `None` where it is known.
pub(super) fn problem(field: &str, name: &str) -> Option<String> {
    let known = "`relu`, `gelu`, `gelu_new`, `silu` or `swish`";
    ActivationKind::parse(name).is_none().then(|| format!("`{field}` is `{name}`, expected {known}"))
}
