//! The ids that `generation_config.json` says, which overrule those of `config.json`.

use serde::Deserialize;

use super::token_ids::{OneOrMany, TokenIds};
use crate::checkpoint::json::{self, JsonError};
use crate::checkpoint::{Checkpoint, GENERATION_FILE};

/// What the file says of ids. In transformers it counts alone once it is there; here an id that it lacks is that of
/// `config.json`, so that a file about beams alone does not leave a text without an end.
#[expect(clippy::struct_field_names, reason = "the names of the file")]
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct GenerationIds {
    pad_token_id: Option<u32>,
    eos_token_id: Option<OneOrMany>,
    /// What the decoder starts from, where nothing else is said.
    bos_token_id: Option<u32>,
    decoder_start_token_id: Option<u32>,
}

impl GenerationIds {
    /// Reads the file of a model whose vocabulary has `rows`; without a file nothing is said.
    pub(super) fn from_checkpoint(checkpoint: &Checkpoint, rows: usize) -> Result<Self, JsonError> {
        if !checkpoint.has(GENERATION_FILE) {
            return Ok(Self::default());
        }
        let ids: Self = checkpoint.json(GENERATION_FILE)?;
        json::checked(ids, &checkpoint.path_of(GENERATION_FILE), |ids| ids.problems(rows))
    }

    fn problems(&self, rows: usize) -> Vec<String> {
        let ends = self.ends().into_iter().flatten().map(|&id| ("eos_token_id", Some(id)));
        [("pad_token_id", self.pad_token_id), self.start()]
            .into_iter()
            .chain(ends)
            .filter_map(|(name, id)| id.filter(|&id| id as usize >= rows).map(|id| (name, id)))
            .map(|(name, id)| format!("`{name}` {id}, vocabulary has {rows}"))
            .collect()
    }

    fn ends(&self) -> Option<&[u32]> {
        self.eos_token_id.as_ref().map(OneOrMany::ids).filter(|ids| !ids.is_empty())
    }

    fn start(&self) -> (&'static str, Option<u32>) {
        match self.decoder_start_token_id {
            None => ("bos_token_id", self.bos_token_id),
            start => ("decoder_start_token_id", start),
        }
    }

    /// Puts what it says in the place of what `config.json` said. The id that ends what the model reads,
    /// [`TokenIds::eos`], stays: it is about what was learnt, and not about writing.
    pub(super) fn overrule(&self, ids: &mut TokenIds, ends: &mut Vec<u32>) {
        ids.pad = self.pad_token_id.unwrap_or(ids.pad);
        ids.decoder_start = self.start().1.unwrap_or(ids.decoder_start);
        if let Some(own) = self.ends() {
            *ends = own.to_vec();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: TokenIds = TokenIds { pad: 0, eos: 1, decoder_start: 0 };

    fn read(text: Option<&str>) -> Result<(TokenIds, Vec<u32>), JsonError> {
        let dir = tempfile::tempdir().unwrap();
        if let Some(text) = text {
            std::fs::write(dir.path().join(GENERATION_FILE), text).unwrap();
        }
        let (mut ids, mut ends) = (CONFIG, vec![1]);
        let checkpoint = Checkpoint::open(dir.path()).unwrap();
        GenerationIds::from_checkpoint(&checkpoint, 10)?.overrule(&mut ids, &mut ends);
        Ok((ids, ends))
    }

    #[test]
    fn what_is_said_overrules() {
        for said in [
            None,
            Some("{}"),
            Some(r#"{"eos_token_id": null, "decoder_start_token_id": null}"#),
            Some(r#"{"eos_token_id": []}"#),
        ] {
            assert_eq!(read(said).unwrap(), (CONFIG, vec![1]), "{said:?}");
        }
        let all =
            r#"{"pad_token_id": 3, "eos_token_id": [4, 5], "decoder_start_token_id": 6, "bos_token_id": 7}"#;
        let ids = TokenIds { pad: 3, eos: 1, decoder_start: 6 };
        assert_eq!(read(Some(all)).unwrap(), (ids, vec![4, 5]));
        let ids = TokenIds { decoder_start: 7, ..CONFIG };
        assert_eq!(read(Some(r#"{"eos_token_id": 8, "bos_token_id": 7}"#)).unwrap(), (ids, vec![8]));
    }

    #[test]
    fn ids_that_the_vocabulary_lacks_are_named() {
        let text = r#"{"pad_token_id": 10, "eos_token_id": [4, 11], "decoder_start_token_id": 12}"#;
        let error = read(Some(text)).unwrap_err().to_string();
        for part in [
            "generation_config.json`",
            "`pad_token_id` 10,",
            "`eos_token_id` 11,",
            "_token_id` 12, vocabulary has 10",
        ] {
            assert!(error.contains(part), "{error}");
        }
    }
}
