//! The encoder inside a model with a decoder: what the config of that model leaves out.
//!
//! Source: transformers 5.23.0, `models/canary/configuration_canary.py` and that of `cohere_asr`.

use serde_json::{Map, Value};

use super::config::{COHERE_ASR, PARAKEET_ENCODER, ParakeetEncoderConfig};

/// The field that has the encoder's sizes.
const FIELD: &str = "encoder_config";

/// The encoder's sizes in the config `raw` of a whole model of type `model_type`.
///
/// Cohere's defaults hold for each field that the file leaves out, Canary's only where it has none at all.
///
/// # Errors
///
/// What is wrong with a field.
pub(super) fn encoder_config(
    raw: &Value,
    model_type: &str,
) -> Result<ParakeetEncoderConfig, serde_json::Error> {
    let given = match raw.get(FIELD) {
        None => None,
        Some(given) => Some(serde_json::from_value::<Map<String, Value>>(given.clone())?),
    };
    let defaults = match (model_type, &given) {
        (COHERE_ASR, _) => cohere(),
        (_, None) => canary(),
        (_, Some(_)) => ParakeetEncoderConfig::default(),
    };
    let mut all: Map<String, Value> = serde_json::from_value(serde_json::to_value(defaults)?)?;
    all.extend(given.unwrap_or_default());
    serde_json::from_value(Value::Object(all))
}

/// What is wrong with the encoder of a whole model beside its sizes.
pub(super) fn problem(config: &ParakeetEncoderConfig) -> Option<String> {
    let found = &config.model_type;
    (found != PARAKEET_ENCODER)
        .then(|| format!("`{FIELD}.model_type` is `{found}`, expected `{PARAKEET_ENCODER}`"))
}

fn canary() -> ParakeetEncoderConfig {
    ParakeetEncoderConfig {
        num_hidden_layers: 32,
        num_mel_bins: 128,
        scale_input: false,
        ..ParakeetEncoderConfig::default()
    }
}

fn cohere() -> ParakeetEncoderConfig {
    ParakeetEncoderConfig {
        hidden_size: 1280,
        num_hidden_layers: 48,
        intermediate_size: 5120,
        dropout: 0.0,
        ..canary()
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::CANARY;
    use super::*;

    #[test]
    fn what_a_file_leaves_out_is_as_in_transformers() {
        let of = |text: &str, model_type| {
            let raw: Value = serde_json::from_str(text).unwrap();
            let found = encoder_config(&raw, model_type).unwrap();
            (found.hidden_size, found.num_hidden_layers, found.num_mel_bins, found.scale_input)
        };
        assert_eq!(of("{}", CANARY), (1024, 32, 128, false));
        assert_eq!(of("{}", COHERE_ASR), (1280, 48, 128, false));
        let partial = r#"{"encoder_config": {"hidden_size": 32}}"#;
        assert_eq!(of(partial, CANARY), (32, 24, 80, true));
        assert_eq!(of(partial, COHERE_ASR), (32, 48, 128, false));
        let wrong: Value = serde_json::from_str(r#"{"encoder_config": {"hidden_size": "32"}}"#).unwrap();
        assert!(encoder_config(&wrong, CANARY).unwrap_err().to_string().contains("\"32\""));
        let list: Value = serde_json::from_str(r#"{"encoder_config": [1]}"#).unwrap();
        assert!(encoder_config(&list, CANARY).is_err());
    }
}
