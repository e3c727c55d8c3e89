//! `adapter_config.json` of PEFT.

use serde::Deserialize;
use serde_json::Value;

use super::patterns::Patterns;

/// What it says.
#[derive(Debug, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "the fields of the file")]
pub(super) struct LoraConfig {
    #[serde(default = "lora")]
    peft_type: String,
    /// Columns of the thin matrices, where `rank_pattern` says nothing.
    r: usize,
    lora_alpha: f64,
    #[serde(default)]
    use_rslora: bool,
    pub(super) target_modules: Option<Targets>,
    /// What the adapter was made for.
    pub(super) base_model_name_or_path: Option<String>,
    /// The layers that it is for, where not for all.
    layers_to_transform: Option<Value>,
    exclude_modules: Option<Value>,
    bias: Option<String>,
    #[serde(default)]
    use_dora: bool,
    #[serde(default)]
    lora_bias: bool,
    #[serde(default)]
    fan_in_fan_out: bool,
    #[serde(default)]
    rank_pattern: Patterns<usize>,
    #[serde(default)]
    alpha_pattern: Patterns<f64>,
    #[serde(default)]
    modules_to_save: Vec<String>,
}

/// The kind of a config inside that of a model, which says nothing else.
fn lora() -> String {
    "LORA".to_owned()
}

/// The linear maps that an adapter is for.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Targets {
    /// Those whose path is or ends with one of these names.
    Names(Vec<String>),
    /// Those that a pattern describes: the tensors tell which they are.
    Pattern(#[allow(dead_code, reason = "read to tell it from names")] String),
}

impl LoraConfig {
    /// Columns of the thin matrices of the map at a path, and the field that says so.
    pub(super) fn rank(&self, path: &str) -> (usize, &'static str) {
        self.rank_pattern.of(path).map_or((self.r, "r"), |rank| (rank, "rank_pattern"))
    }

    /// What the product of the thin matrices of the map at a path is multiplied by.
    pub(super) fn scale(&self, path: &str) -> f64 {
        let rank = self.rank(path).0 as f64;
        let alpha = self.alpha_pattern.of(path).unwrap_or(self.lora_alpha);
        alpha / if self.use_rslora { rank.sqrt() } else { rank }
    }

    /// The names of the maps that it is for, where it is for all maps of these names.
    pub(super) fn complete_targets(&self) -> &[String] {
        let partly = self.layers_to_transform.is_some() || self.exclude_modules.is_some();
        if partly { &[] } else { self.targets() }
    }

    /// The names of the maps that it is for, where it names them.
    pub(super) fn targets(&self) -> &[String] {
        match &self.target_modules {
            Some(Targets::Names(names)) => names,
            Some(Targets::Pattern(_)) | None => &[],
        }
    }

    /// What is out of range, and what other kinds of adapters have, one text each.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut check = |ok: bool, text: String| {
            if !ok {
                problems.push(text);
            }
        };
        check(self.peft_type == "LORA", format!("`peft_type` is `{}`, must be `LORA`", self.peft_type));
        check(self.r > 0, "`r` is 0".into());
        check(self.rank_pattern.values().all(|rank| rank > 0), "`rank_pattern` has a rank of 0".into());
        check(self.lora_alpha.is_finite(), format!("`lora_alpha` {} is not finite", self.lora_alpha));
        let bias = self.bias.as_deref().unwrap_or("none");
        check(bias == "none", format!("`bias` is `{bias}`, must be `none`"));
        for (name, is_on) in [
            ("use_dora", self.use_dora),
            ("lora_bias", self.lora_bias),
            ("fan_in_fan_out", self.fan_in_fan_out),
        ] {
            check(!is_on, format!("`{name}` is true, must be false"));
        }
        check(self.modules_to_save.is_empty(), "`modules_to_save` is not empty".into());
        problems
    }
}
