//! The path of a tensor in a module, by which files find it.

use crate::nn::low_rank::Half;
use crate::nn::matrix;

/// The names of the heads of language models.
const HEADS: [&str; 2] = ["lm_head", "proj_out"];

/// The path of a tensor while a module is walked.
#[derive(Debug, Default)]
pub(super) struct ModulePath {
    names: Vec<String>,
    containers: Vec<String>,
}

impl ModulePath {
    pub(super) fn enter(&mut self, name: &str, container: &str) {
        self.names.push(name.to_owned());
        self.containers.push(container.to_owned());
    }

    pub(super) fn exit(&mut self) {
        self.names.pop();
        self.containers.pop();
    }

    /// The path with PyTorch's names for the parameters of norms. The variant of an enum is no part of it.
    pub(super) fn text(&self) -> String {
        let named = self.names.iter().zip(&self.containers);
        let names: Vec<&str> = named
            .filter(|(_, container)| !container.starts_with("Enum:"))
            .map(|(name, _)| name.as_str())
            .collect();
        let mut text = names.join(".");
        for (burn, torch) in [(".gamma", ".weight"), (".beta", ".bias")] {
            if let Some(stem) = text.strip_suffix(burn) {
                text = format!("{stem}{torch}");
            }
        }
        text
    }

    /// Whether the tensor is the weight of a `Linear`, which PyTorch stores as `[out, in]`.
    pub(super) fn is_transposed(&self) -> bool {
        let linear = ["Struct:Linear", "Struct:MatrixLinear", matrix::WIDE];
        self.containers.last().is_some_and(|container| linear.contains(&container.as_str()))
            && self.is_weight()
    }

    /// The path of the linear map whose matrix the tensor is.
    pub(super) fn linear(&self) -> Option<String> {
        let text = self.is_transposed().then(|| self.text())?;
        text.strip_suffix(".weight").map(str::to_owned)
    }

    /// Which of the thin matrices beside a matrix the tensor is.
    pub(super) fn thin(&self) -> Option<Half> {
        let is_thin = self.containers.last().is_some_and(|container| container == "Struct:LowRank");
        match self.names.last().filter(|_| is_thin)?.as_str() {
            "down" => Some(Half::Down),
            "up" => Some(Half::Up),
            _ => None,
        }
    }

    /// Whether the tensor is one of the large matrices that may have fewer bits.
    pub(super) fn is_matrix(&self) -> bool {
        let matrix = |container: &String| matrix::CONTAINERS.contains(&container.as_str());
        self.containers.last().is_some_and(matrix) && self.is_weight()
    }

    /// Whether it is one whose inputs may be too large for 16 bits.
    pub(super) fn is_wide(&self) -> bool {
        self.containers.last().is_some_and(|container| container == matrix::WIDE) && self.is_weight()
    }

    /// Whether it says which token comes next, where the values of a row are looked at alone: the embedding or the head.
    pub(super) fn is_of_tokens(&self) -> bool {
        let embedding = self.containers.last().is_some_and(|container| container == "Struct:MatrixEmbedding");
        embedding || self.names.iter().rev().nth(1).is_some_and(|name| HEADS.contains(&name.as_str()))
    }

    fn is_weight(&self) -> bool {
        self.names.last().is_some_and(|name| name == "weight")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_are_no_names_and_norms_have_those_of_pytorch() {
        let mut path = ModulePath::default();
        for (name, container) in [
            ("layers", "Struct:X"),
            ("0", "Vec"),
            ("Gated", "Enum:Y"),
            ("norm", "Struct:Z"),
            ("gamma", "Struct:N"),
        ] {
            path.enter(name, container);
        }
        assert_eq!(path.text(), "layers.0.norm.weight");
        assert!(!path.is_transposed() && !path.is_matrix());
        path.exit();
        path.enter("weight", "Struct:MatrixLinear");
        assert!(path.is_transposed() && path.is_matrix());
        path.exit();
        path.enter("bias", "Struct:MatrixLinear");
        assert!(!path.is_transposed() && !path.is_matrix());
        path.exit();
        path.enter("weight", "Struct:Linear");
        assert!(path.is_transposed() && !path.is_matrix());
    }
}
