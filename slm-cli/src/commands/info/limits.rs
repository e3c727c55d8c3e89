//! `slm-cli info --limits`: how much is taken at once, of files and by the model.

use slm_core::Model;
use slm_core::audio::limits;
use slm_core::models::checkpoint::json::MAX_CONFIG_BYTES;
use slm_core::models::text::MAX_TOKENIZER_BYTES;

use super::Row;

/// The limits on files, whatever the model.
pub(super) fn of_files() -> Vec<Row> {
    let rates = limits::SAMPLE_RATES;
    vec![
        ("channels", format!("1 to {}", limits::MAX_CHANNELS)),
        ("sample rate", format!("{} to {} Hz", rates.start(), rates.end())),
        ("sample magnitude", format!("{:e}", limits::MAX_SAMPLE)),
        ("WAV chunks before `data`", limits::MAX_CHUNKS.to_string()),
        ("`fmt ` chunk", bytes(limits::MAX_FMT_BYTES.into())),
        ("audio file", format!("{} h", limits::MAX_HOURS)),
        ("piped audio", bytes(limits::MAX_STREAM_BYTES)),
        ("config file", bytes(MAX_CONFIG_BYTES)),
        ("tokenizer file", bytes(MAX_TOKENIZER_BYTES)),
    ]
}

/// The limits of a model that is open; those on audio follow from what it may take of memory.
pub(super) fn of_model(model: &Model) -> Vec<Row> {
    let limits = model.limits();
    let backend = model.backend();
    let adapters = model.capabilities().adapters.join(", ");
    vec![
        ("backend", format!("{} ({})", backend.used.name(), backend.device)),
        ("adapter", if adapters.is_empty() { "the model's own".to_owned() } else { adapters }),
        (
            "audio to transcribe or translate",
            format!("that of a file, cut into {} s, {} at once", limits.segment_seconds, limits.batch),
        ),
        ("audio for other tasks", format!("{:.0} s", limits.whole_audio_seconds)),
        ("instruction", format!("{} tokens", limits.instruction_tokens)),
        ("text in place of speech", format!("{} tokens", limits.text_tokens)),
        ("phrases", format!("{}, {} characters each", limits.phrases, limits.phrase_chars)),
        ("answer", format!("{} tokens", limits.answer_tokens)),
        ("beams", limits.beams.to_string()),
    ]
}

/// Bytes in the largest unit that divides them.
fn bytes(count: u64) -> String {
    let units = [(1_u64 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    units
        .into_iter()
        .find(|(size, _)| count >= *size && count.is_multiple_of(*size))
        .map_or_else(|| format!("{count} bytes"), |(size, unit)| format!("{} {unit}", count / size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_round_units() {
        assert_eq!(bytes(2 << 30), "2 GiB");
        assert_eq!(bytes(4096), "4 KiB");
        assert_eq!(bytes(1025), "1025 bytes");
        assert!(of_files().len() > 8);
    }
}
