//! How PEFT names what it adds to a model.

use crate::checkpoint::WeightFiles;

/// What PEFT puts before the path of a map in an adapter's own file.
const PREFIX: &str = "base_model.model.";
/// What the map itself is called once it has an adapter.
const BASE: &str = ".base_layer";
/// The name of an adapter that was given none, which model files and some training programs write out.
const UNNAMED: &str = ".default";

/// Which tensor of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TensorKind {
    /// `A`, `[R, I]`.
    A,
    /// `B`, `[O, R]`.
    B,
    /// The map itself, `[O, I]`. PEFT saves it beside an adapter of the head.
    Base,
}

/// The map that a tensor belongs to, by its path, and which one it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) map: String,
    pub(super) kind: TensorKind,
}

impl TensorKind {
    /// The name in an adapter's own file of this tensor of the map at a path.
    pub(super) fn name(self, map: &str) -> String {
        let part = match self {
            Self::A => ".lora_A",
            Self::B => ".lora_B",
            Self::Base => BASE,
        };
        format!("{PREFIX}{map}{part}.weight")
    }
}

impl Place {
    /// What the name of a tensor says: `<path>.lora_A.weight`, `<path>.lora_A.default.weight`, `<path>.base_layer.weight`.
    pub(super) fn of(name: &str) -> Option<Self> {
        let rest = name.strip_prefix(PREFIX).unwrap_or(name).strip_suffix(".weight")?;
        let rest = rest.strip_suffix(UNNAMED).unwrap_or(rest);
        [(".lora_A", TensorKind::A), (".lora_B", TensorKind::B), (BASE, TensorKind::Base)]
            .into_iter()
            .find_map(|(suffix, kind)| Some(Self { map: rest.strip_suffix(suffix)?.to_owned(), kind }))
    }
}

/// Whether a tensor of a model's own files is one of an adapter that was saved in it.
pub(in crate::llm) fn is_part(name: &str) -> bool {
    matches!(Place::of(name), Some(Place { kind: TensorKind::A | TensorKind::B, .. }))
}

/// The name of a tensor of the model itself in files that may have been saved with an adapter in it, as transformers 5
/// does: there, the weight of a map that has one lies under another name.
pub(in crate::llm) fn base_name(files: &WeightFiles, name: String) -> String {
    let renamed = |stem: &str| Some(format!("{stem}{BASE}.weight")).filter(|base| files.contains(base));
    match name.strip_suffix(".weight").filter(|_| !files.contains(&name)).and_then(renamed) {
        Some(base) => base,
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_the_map_and_the_matrix() {
        let place = |map: &str, kind| Some(Place { map: map.to_owned(), kind });
        let q = "model.layers.0.self_attn.q_proj";
        for (name, expected) in [
            (format!("base_model.model.{q}.lora_A.weight"), place(q, TensorKind::A)),
            (format!("base_model.model.{q}.lora_B.default.weight"), place(q, TensorKind::B)),
            ("base_model.model.lm_head.base_layer.weight".to_owned(), place("lm_head", TensorKind::Base)),
            (format!("{q}.lora_A.default.weight"), place(q, TensorKind::A)),
            (format!("{q}.base_layer.weight"), place(q, TensorKind::Base)),
            (format!("base_model.model.{q}.lora_embedding_A.weight"), None),
            (format!("{q}.weight"), None),
            (format!("{q}.lora_B.bias"), None),
        ] {
            assert_eq!(Place::of(&name), expected, "{name}");
            let is_thin = expected.is_some_and(|place| place.kind != TensorKind::Base);
            assert_eq!(is_part(&name), is_thin, "{name}");
        }
        for kind in [TensorKind::A, TensorKind::B, TensorKind::Base] {
            assert_eq!(Place::of(&kind.name(q)), place(q, kind));
        }
    }
}
