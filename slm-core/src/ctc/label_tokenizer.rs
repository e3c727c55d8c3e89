//! The tokenizer of the labels of an encoder's CTC head.

use crate::checkpoint::Checkpoint;
use crate::encoder::{EncoderSizes, Spelling};
use crate::text::{TextTokenizer, TokenizerError};

/// The tokenizer of the labels of the encoder in `checkpoint`, of which `sizes` are known; `None` where nothing says what
/// they spell.
///
/// # Errors
///
/// [`TokenizerError`] naming the file that is there and does not load.
pub fn label_tokenizer(
    sizes: &dyn EncoderSizes,
    checkpoint: &Checkpoint,
) -> Result<Option<TextTokenizer>, TokenizerError> {
    match sizes.spelling() {
        Spelling::Tokenizer => TextTokenizer::find(checkpoint),
        Spelling::CodePoints(labels) => TextTokenizer::of_code_points(labels, checkpoint.place()),
    }
}
