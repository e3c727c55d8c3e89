//! The instructions of a stage, as the frozen language model reads them.

use std::path::Path;

use slm_core::Templates;
use slm_core::models::checkpoint::PromptSettings;
use slm_core::models::llm::Architecture;
use slm_core::models::prompt::{Asked, PLAIN_CHAT_TEMPLATE, PromptError, PromptForm, PromptIds, Slots};
use slm_core::models::text::chat::ChatTemplate;

use super::{AdapterStage, Frozen};
use crate::output::templates::templates;

/// Where a template comes from that the folder does not have, for messages.
const SAID_IN: &str = "prompt.chat_template";

/// The phrasings of a task.
struct Phrasings {
    asked: Vec<Asked>,
    spoken: Vec<PromptIds>,
}

/// The instructions of a stage.
pub(super) struct Prompts {
    /// What the bundle is to say of them.
    pub(super) settings: PromptSettings,
    form: PromptForm,
    /// Those of each task.
    tasks: Vec<Phrasings>,
}

impl Prompts {
    /// Phrases the tasks of a stage for a language model. One without a chat template gets a plain one, which the bundle
    /// will say.
    ///
    /// # Errors
    ///
    /// A template that cannot be used, or an instruction without tokens.
    pub(super) fn new(config: &AdapterStage, parts: &Frozen) -> anyhow::Result<Self> {
        let sizes = parts.llm.sizes();
        let mut settings = config.prompt.clone();
        let needs_template =
            sizes.architecture() == Architecture::DecoderOnly && settings.chat_template.is_none();
        if needs_template && ChatTemplate::find(&parts.llm_files)?.is_none() {
            settings.chat_template = Some(PLAIN_CHAT_TEMPLATE.to_owned());
        }
        let form = PromptForm::of(sizes, &parts.llm_files, &parts.tokenizer, &settings, Path::new(SAID_IN))?;
        let all = Templates::parse(&templates(config.order))?;
        let phrasings = |key: &str| {
            let asked = all
                .phrasings(key)
                .iter()
                .map(|template| Ok(template.fill(&Slots::default())?.into()))
                .collect::<anyhow::Result<Vec<Asked>>>()?;
            let spoken = asked.iter().map(|asked| form.spoken(asked)).collect::<Result<_, _>>()?;
            Ok(Phrasings { asked, spoken })
        };
        let tasks = config
            .tasks
            .iter()
            .map(|trained| phrasings(&trained.key()))
            .collect::<anyhow::Result<Vec<_>>>()?;
        Ok(Self { settings, form, tasks })
    }

    /// The phrasings of a task, with a place for speech; the first one is used where none is drawn.
    pub(super) fn spoken(&self, task: usize) -> &[PromptIds] {
        &self.tasks[task].spoken
    }

    /// The same with `text` in the place of speech.
    ///
    /// # Errors
    ///
    /// A text without tokens, or too long.
    pub(super) fn written(&self, task: usize, text: &str) -> Result<Vec<PromptIds>, PromptError> {
        self.tasks[task].asked.iter().map(|asked| self.form.written(text, asked)).collect()
    }

    /// The id that an answer ends with.
    pub(super) fn end(&self) -> u32 {
        self.form.end()
    }

    /// All ids, for a fingerprint.
    pub(super) fn ids(&self) -> Vec<Vec<&[Vec<u32>]>> {
        self.tasks.iter().map(|task| task.spoken.iter().map(PromptIds::parts).collect()).collect()
    }
}
