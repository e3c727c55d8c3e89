//! An instruction and speech as the last message of a conversation, as a chat template writes it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::asked::Asked;
use super::dialog::Speaker;
use super::error::PromptError;
use super::ids::PromptIds;
use super::template::Instruction;
use super::{MAX_INSTRUCTION_TOKENS, MAX_TEXT_TOKENS};
use crate::checkpoint::{Checkpoint, PromptExample, PromptSettings};
use crate::text::TextTokenizer;
use crate::text::chat::{Chat, ChatEnd, ChatMessage, ChatPrompt, ChatTemplate};

/// What stands for speech in a message. It is never embedded, so that a model need not have it.
const PLACEHOLDER: &str = "<|audio|>";

/// A chat template for language models that have none: each message under the name of who speaks.
pub const PLAIN_CHAT_TEMPLATE: &str = "{{ bos_token }}{% for message in messages %}\
    {{ message['role'] + ':\\n' + message['content'] }}\
    {% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}{{ '\\n' }}\
    {% endfor %}{% if add_generation_prompt %}{{ 'assistant:\\n' }}{% endif %}";

/// What stands between speech and the words of its instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpeechJoint {
    /// The end of a line, as between a text and an instruction about it.
    Line,
    /// Nothing.
    Nothing,
}

/// The form of a conversation.
#[derive(Debug, Clone)]
pub struct ChatForm {
    chat: Arc<Chat>,
    variables: Map<String, Value>,
    joint: SpeechJoint,
    /// Examples of tasks, by their keys.
    examples: BTreeMap<String, Vec<PromptExample>>,
    /// The id that an answer ends with.
    end: u32,
    /// Tokens of a conversation of one empty message.
    frame: usize,
}

impl ChatForm {
    /// The form that the settings of a bundle say, or the folder of the language model. `said_in` is the file with the
    /// settings; `ends` are the ids that end what the model writes, one at least.
    ///
    /// # Errors
    ///
    /// [`PromptError`] where there is no template, or it cannot be used.
    pub(super) fn load(
        files: &Checkpoint,
        tokenizer: &TextTokenizer,
        settings: &PromptSettings,
        said_in: &Path,
        ends: &[u32],
    ) -> Result<Self, PromptError> {
        let template = match &settings.chat_template {
            Some(text) => Some(ChatTemplate::for_checkpoint(text, said_in, files)?),
            None => ChatTemplate::find(files)?,
        };
        let template = template.ok_or_else(|| PromptError::NoTemplate { place: files.place().to_owned() })?;
        let chat = Chat::new(template, tokenizer, PLACEHOLDER)?;
        let form = Self::new(chat, settings.variables.clone(), SpeechJoint::Line, ends)?;
        Ok(Self { examples: settings.examples.clone(), ..form })
    }

    /// The form of conversations that `chat` writes. `ends` are the ids that end what the model writes, one at least.
    ///
    /// # Errors
    ///
    /// [`PromptError`] for a template that refuses a question.
    pub fn new(
        chat: Chat,
        variables: Map<String, Value>,
        joint: SpeechJoint,
        ends: &[u32],
    ) -> Result<Self, PromptError> {
        let empty = chat.prompt(&[message(Speaker::User, "")], ChatEnd::Answer, &variables, 0)?;
        // The template writes an answer's end where it goes on after one; of several ends it knows which.
        let answered = [message(Speaker::User, "a"), message(Speaker::Assistant, "b")];
        let answered = chat.prompt(&answered, ChatEnd::Message, &variables, 0)?;
        let written = answered.ids().iter().rev().find(|id| ends.contains(id)).copied();
        let end = written.or(ends.first().copied()).ok_or(PromptError::Empty)?;
        let frame = empty.ids().len();
        Ok(Self { chat: Arc::new(chat), variables, joint, examples: BTreeMap::new(), end, frame })
    }

    /// The ids of messages with `recordings` places for speech, and what an answer begins with.
    ///
    /// # Errors
    ///
    /// [`PromptError::Chat`] where the template refuses them, or they have other places than these.
    pub fn conversation(
        &self,
        messages: &[ChatMessage],
        recordings: usize,
    ) -> Result<ChatPrompt, PromptError> {
        let prompt = self.chat.prompt(messages, ChatEnd::Answer, &self.variables, recordings)?;
        if prompt.ids().is_empty() { Err(PromptError::Empty) } else { Ok(prompt) }
    }

    /// As [`PromptForm::spoken`](super::PromptForm::spoken).
    pub(crate) fn spoken(&self, asked: &Asked) -> Result<PromptIds, PromptError> {
        let between = match self.joint {
            SpeechJoint::Line => "\n",
            SpeechJoint::Nothing => "",
        };
        let content = around(self.chat.placeholder(), &asked.instruction, between);
        let prompt = self.conversation(&messages(asked, between, &content), 1)?;
        let tokens = self.own_tokens(&prompt);
        if tokens > MAX_INSTRUCTION_TOKENS {
            return Err(PromptError::InstructionTooLong { tokens });
        }
        Ok(PromptIds::from(&prompt))
    }

    /// As [`PromptForm::written`](super::PromptForm::written).
    pub(crate) fn written(&self, text: &str, asked: &Asked) -> Result<PromptIds, PromptError> {
        let content = around(text, &asked.instruction, "\n");
        let prompt = self.conversation(&messages(asked, "\n", &content), 0)?;
        let tokens = self.own_tokens(&prompt);
        if tokens > MAX_TEXT_TOKENS {
            return Err(PromptError::TextTooLong { tokens });
        }
        Ok(PromptIds::from(&prompt))
    }

    /// Tokens beside those that the template writes around any message.
    fn own_tokens(&self, prompt: &ChatPrompt) -> usize {
        prompt.ids().len().saturating_sub(self.frame)
    }

    pub(super) fn examples(&self, task: &str) -> &[PromptExample] {
        self.examples.get(task).map_or(&[], Vec::as_slice)
    }

    pub(super) fn end(&self) -> u32 {
        self.end
    }

    pub(super) fn frame_tokens(&self) -> usize {
        self.frame
    }
}

/// The instruction around what it is about; `between` parts them.
fn around(subject: &str, instruction: &Instruction, between: &str) -> String {
    let parts = [instruction.before.as_str(), subject, instruction.after.as_str()];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(between)
}

fn message(speaker: Speaker, content: &str) -> ChatMessage {
    ChatMessage::new(&speaker.to_string(), content)
}

/// The messages of examples and of a dialog, and one of the user's after them. Many templates want the user to begin and the
/// two to take turns: what the assistant said before anybody asked is left out, and what one said in two turns is one message.
/// `between` parts the text of an example from its instruction.
fn messages(asked: &Asked, between: &str, content: &str) -> Vec<ChatMessage> {
    let turns = asked.dialog.turns().iter().map(|turn| (turn.speaker, turn.text.as_str()));
    let turns = turns.skip_while(|(speaker, _)| *speaker != Speaker::User);
    let example = |example: &PromptExample| {
        let question = around(&example.text, &asked.instruction, between);
        [(Speaker::User, question), (Speaker::Assistant, example.answer.clone())]
    };
    let mut all: Vec<(Speaker, String)> = asked.examples.iter().flat_map(example).collect();
    for (speaker, text) in turns.chain([(Speaker::User, content)]) {
        match all.last_mut().filter(|(last, _)| *last == speaker) {
            Some((_, said)) => {
                said.push('\n');
                said.push_str(text);
            }
            None => all.push((speaker, text.to_owned())),
        }
    }
    all.iter().map(|(speaker, text)| message(*speaker, text)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::dialog::Dialog;
    use super::*;

    #[test]
    fn the_user_begins_and_the_two_take_turns() {
        let mut dialog = Dialog::default();
        dialog.push(Speaker::Assistant, "lost");
        dialog.push(Speaker::User, "one");
        dialog.push(Speaker::Assistant, "two");
        dialog.push(Speaker::User, "three");
        let expected = [(Speaker::User, "one"), (Speaker::Assistant, "two"), (Speaker::User, "three\nfour")];
        let expected = expected.map(|(speaker, text)| message(speaker, text));
        let mut asked = Asked { dialog, ..Asked::default() };
        assert_eq!(messages(&asked, "\n", "four"), expected);
        assert_eq!(messages(&Asked::default(), "\n", "four"), [message(Speaker::User, "four")]);
        // Examples are asked as the speech is, before all that was said.
        asked.instruction.after = "Repeat.".into();
        asked.examples = vec![PromptExample { text: "a b".into(), answer: "A b.".into() }];
        let found = messages(&asked, "\n", "four");
        let example = [(Speaker::User, "a b\nRepeat."), (Speaker::Assistant, "A b.")];
        assert_eq!(found[..2], example.map(|(speaker, text)| message(speaker, text)));
        assert_eq!(found[2..], expected);
    }

    #[test]
    fn an_instruction_stands_around_its_subject() {
        let instruction = Instruction { before: "hear".into(), after: String::new() };
        assert_eq!(around("<x>", &instruction, "\n"), "hear\n<x>");
        let instruction = Instruction { before: String::new(), after: "what".into() };
        assert_eq!(around("<x>", &instruction, ""), "<x>what");
    }
}
