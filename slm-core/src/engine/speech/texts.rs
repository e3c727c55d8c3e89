//! From a search to texts: its tokens as words, told as they come where that is asked for.

use std::ops::ControlFlow;

use super::error::SpeechError;
use super::stream::{GrowingText, until_stop};
use super::writer::{OnText, Written};
use crate::decode::{Finish, Hypothesis, OnSettled, Settled, Stops};
use crate::engine::answer::Alternative;
use crate::engine::request::Request;
use crate::text::TextTokenizer;

/// What is written for each row, of at most `limit` tokens. `search` gives the hypotheses of each, the best first; it is
/// told which texts are complete and whom to tell of settled ids. `on_text` is for one row only.
pub(super) fn texts(
    tokenizer: &TextTokenizer,
    request: &Request,
    limit: usize,
    on_text: Option<OnText>,
    search: impl for<'a> FnOnce(
        Option<Stops<'a>>,
        Option<OnSettled<'a>>,
    ) -> Result<Vec<Vec<Hypothesis>>, SpeechError>,
) -> Result<Vec<Written>, SpeechError> {
    let is_complete =
        |ids: &[u32]| tokenizer.decode(ids).is_ok_and(|text| until_stop(&text, &request.stop).1);
    let has_stops = request.stop.iter().any(|stop| !stop.is_empty());
    let stops: Option<Stops<'_>> = if has_stops { Some(&is_complete) } else { None };
    let rows = match on_text {
        None => search(stops, None)?,
        Some(on_text) => {
            let mut text = GrowingText::new(tokenizer, &request.stop);
            let mut tell = |settled: Settled<'_>| {
                let added = text.advance(settled.ids, settled.is_last);
                if !added.is_empty() {
                    on_text(&added);
                }
                ControlFlow::Continue(())
            };
            search(stops, Some(&mut tell))?
        }
    };
    rows.iter().map(|hypotheses| written(tokenizer, hypotheses, request, limit)).collect()
}

/// The text of the best hypothesis, and those of the others.
fn written(
    tokenizer: &TextTokenizer,
    hypotheses: &[Hypothesis],
    request: &Request,
    limit: usize,
) -> Result<Written, SpeechError> {
    let mut texts = hypotheses
        .iter()
        .map(|hypothesis| {
            let text = tokenizer.decode(&hypothesis.ids)?;
            let text = until_stop(&text, &request.stop).0.trim().to_owned();
            Ok(Alternative { text, score: hypothesis.score })
        })
        .collect::<Result<Vec<_>, SpeechError>>()?
        .into_iter();
    let text = texts.next().map(|best| best.text).unwrap_or_default();
    let best = hypotheses.first();
    let is_cut = best.is_some_and(|best| best.finish == Finish::Length);
    Ok(Written {
        language: None,
        text,
        tokens: best.map(|best| best.ids.clone()).unwrap_or_default(),
        score: best.map_or(0.0, |best| best.score),
        stopped_at: is_cut.then_some(limit),
        alternatives: texts.collect(),
    })
}
