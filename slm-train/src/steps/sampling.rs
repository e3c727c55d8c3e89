//! How samples of an evaluation are generated: greedily and short, as they are only looked at.

use slm_core::DecodeConfig;
use slm_core::models::text::TextTokenizer;

/// Tokens of a sample at most.
const MAX_TOKENS: usize = 64;

/// The settings for texts in the ids of `tokenizer`.
pub(super) fn sampling(tokenizer: &TextTokenizer) -> DecodeConfig {
    let mut config = DecodeConfig::default();
    config.max_new_tokens = MAX_TOKENS;
    config.vocab_limit = Some(tokenizer.len());
    config
}
