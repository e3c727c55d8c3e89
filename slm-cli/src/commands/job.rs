//! What a verb asks of the model: the task, the inputs, and how they are answered.

use slm_core::{Model, PhraseError, PhraseList, Request, Task};

use crate::args::{ColorChoice, ContextArgs, InputArgs, Stretches, UsageError};

/// What a verb asks of the model.
pub(super) struct Job<'a> {
    pub(super) task: Task,
    pub(super) inputs: &'a InputArgs,
    /// Phrases that may be said, for verbs that take them.
    pub(super) context: Option<&'a ContextArgs>,
    /// The language that is spoken, where it was named.
    pub(super) language: Option<&'a str>,
}

impl<'a> Job<'a> {
    pub(super) fn new(task: Task, inputs: &'a InputArgs) -> Self {
        Self { task, inputs, context: None, language: None }
    }

    /// Refuses options that have no meaning together, or for the task.
    pub(super) fn check(&self) -> Result<(), UsageError> {
        self.inputs.check()?;
        if self.task.is_transcript() {
            return Ok(());
        }
        let refuse = |option: &str, hint: &str| {
            let message = format!("`{option}` needs a transcript, the task is `{}`", self.task.key());
            Err(UsageError { message, hint: Some(hint.into()) })
        };
        if self.inputs.timestamps == Some(Stretches::Words) {
            return refuse("--timestamps words", "`--timestamps segments` works for every task");
        }
        if self.inputs.manners.color == Some(ColorChoice::Always) {
            return refuse("--color always", "words are coloured by how well the sound supports them");
        }
        Ok(())
    }

    /// The phrases of the command line, then those of the file; `None` where neither is given.
    pub(super) fn phrases(&self) -> Result<Option<PhraseList>, PhraseError> {
        let Some(args) = self.context.map(|context| &context.phrases).filter(|args| args.is_given()) else {
            return Ok(None);
        };
        let named = PhraseList::new(&args.named)?;
        match &args.context {
            Some(path) => named.with(PhraseList::read(path)?).map(Some),
            None => Ok(Some(named)),
        }
    }

    /// The request, which the model was asked about.
    pub(super) fn request(&self, model: &Model, phrases: Option<&PhraseList>) -> anyhow::Result<Request> {
        let inputs = self.inputs;
        let mut request = inputs.decode.request(model, self.task.clone(), inputs.n_best);
        inputs.decode.check(&request.decode)?;
        if inputs.timestamps == Some(Stretches::Words) && !model.capabilities().word_timestamps {
            let message = "the model has no times of words".into();
            return Err(UsageError { message, hint: None }.into());
        }
        inputs.segments.apply(&mut request);
        request.language = self.language.map(str::to_owned);
        if inputs.stream {
            request.delivery = slm_core::Delivery::Text;
        }
        if let (Some(list), Some(args)) = (phrases, self.context) {
            let mut phrases = model.phrases(list)?;
            if let Some(top) = args.context_top {
                phrases.top = top.into();
            }
            if let Some(weight) = args.context_boost {
                request.decode.phrase_weight = Some(weight).filter(|&weight| weight > 0.0);
            }
            if let Some(respell) = args.context_respell {
                phrases.respelling = respell.into();
            }
            request.phrases = Some(phrases);
        }
        model.check(&request)?;
        Ok(request)
    }
}
