//! Rotary positions: their base, and how far they are stretched.

use serde_json::{Map, Value, json};

use super::fields::{Fields, object};
use crate::checkpoint::gguf::FieldProblem;

/// The tensor that divides the frequencies, in files of Llama 3.1 and later.
pub(super) const FACTORS: &str = "rope_freqs.weight";
/// The base, where none is told.
const BASE: f64 = 10_000.0;
/// What the models with such a tensor have in common: of the frequencies, those that turn less than [`LOW`] times in so
/// many positions are divided by a factor, those that turn more than [`HIGH`] times stay, and those between are blended.
const POSITIONS: u64 = 8192;
const LOW: f64 = 1.0;
const HIGH: f64 = 4.0;
/// How far the tensor may be from that: its values went through f32.
const TOLERANCE: f64 = 1e-3;

/// What `rope_parameters` would say of heads that are `width` wide.
pub(super) fn parameters(fields: &mut Fields<'_>, width: u64) -> Map<String, Value> {
    let base = fields.float_if("rope.freq_base").unwrap_or(BASE);
    if let Some(turned) = fields.count_if("rope.dimension_count")
        && turned != width
    {
        let key = fields.key("rope.dimension_count");
        fields.problem(FieldProblem::value(&key, turned, format!("{width}, the width of a head")));
    }
    let mut found = object(json!({ "rope_type": "default", "rope_theta": base }));
    if fields.has_tensor(FACTORS) {
        found.extend(blended(fields, base, width));
    } else {
        found.extend(scaling(fields));
    }
    found
}

/// What the keys say of stretching.
fn scaling(fields: &mut Fields<'_>) -> Map<String, Value> {
    let kind = fields.text_if("rope.scaling.type").unwrap_or("none");
    if kind == "none" {
        return Map::new();
    }
    let factor = fields.float("rope.scaling.factor");
    let mut found = object(json!({ "rope_type": kind, "factor": factor }));
    if let Some(positions) = fields.count_if("rope.scaling.original_context_length") {
        found.insert("original_max_position_embeddings".to_owned(), positions.into());
    }
    found
}

/// What makes the tensor of factors, which is all that a file has of it.
fn blended(fields: &mut Fields<'_>, base: f64, width: u64) -> Map<String, Value> {
    let factors = match fields.file().read(FACTORS) {
        Ok(tensor) => tensor.dequantize(),
        Err(error) => {
            fields.problem(FieldProblem::value(FACTORS, error, "a tensor"));
            return Map::new();
        }
    };
    // The slowest frequency is divided by the whole factor.
    let factor = f64::from(factors.last().copied().unwrap_or(1.0));
    let half = width / 2;
    let is_known = factors.len() as u64 == half
        && factors.iter().enumerate().all(|(i, &found)| {
            let frequency = base.powf(-(i as f64) / half as f64);
            (f64::from(found) / divisor(frequency, factor) - 1.0).abs() < TOLERANCE
        });
    if !is_known {
        let expected = format!("the {half} factors of Llama 3's rule for {POSITIONS} positions");
        fields.problem(FieldProblem::value(FACTORS, format!("{} other values", factors.len()), expected));
    }
    object(json!({
        "rope_type": "llama3",
        "factor": (factor * 1e3).round() / 1e3,
        "low_freq_factor": LOW,
        "high_freq_factor": HIGH,
        "original_max_position_embeddings": POSITIONS,
    }))
}

/// What a frequency is divided by.
fn divisor(frequency: f64, factor: f64) -> f64 {
    let turns = POSITIONS as f64 * frequency / (2.0 * std::f64::consts::PI);
    let blend = ((turns - LOW) / (HIGH - LOW)).clamp(0.0, 1.0);
    1.0 / ((1.0 - blend) / factor + blend)
}
