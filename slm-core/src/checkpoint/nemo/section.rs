//! The part of a SALM's `config.json` that has an encoder's settings.
//!
//! Source: NeMo's `SALM` and `AudioPerceptionModule`. The file is the section `model` of a training's settings, which names no
//! `model_type`.

use serde::Deserialize;
use serde_json::Value;

use super::NemoSettings;

/// The family that such a folder counts as.
pub(crate) const SALM_TYPE: &str = "nemo_salm";
/// The fields that say with `null` that there is none.
pub(crate) const NULLS: &[&str] = &["preemph"];
/// What stands before the names of the tensors of encoder and features.
const PREFIX: &str = "perception.";

/// `config.json`, as far as it tells the family and the encoder.
#[derive(Deserialize)]
pub(crate) struct Section {
    model_type: Option<String>,
    perception: Option<Value>,
}

impl Section {
    /// The family: what it names, or that of a SALM, which names none.
    pub(crate) fn family(self) -> Option<String> {
        let is_salm = self.perception.is_some();
        self.model_type.or_else(|| is_salm.then(|| SALM_TYPE.to_owned()))
    }

    /// The settings of a SALM's encoder, and what stands before the names of its tensors; `None` for another family.
    pub(crate) fn settings(self) -> Result<Option<(NemoSettings, &'static str)>, serde_json::Error> {
        let perception = self.perception.filter(|_| self.model_type.is_none());
        perception.map(|section| Ok((serde_json::from_value(section)?, PREFIX))).transpose()
    }
}
