//! Conversations as ids, against what transformers makes of them with the templates and tokenizers of speech models.

#![allow(clippy::unwrap_used, reason = "a test")]

use serde::Deserialize;
use serde_json::{Map, Value};
use slm_core::models::checkpoint::Checkpoint;
use slm_core::models::text::TextTokenizer;
use slm_core::models::text::chat::{Chat, ChatEnd, ChatError, ChatMessage, ChatTemplate};
use slm_tests::{checkpoint, fixtures};

const PLACEHOLDER: &str = "<|audio|>";

/// A conversation, and what the reference makes of it.
#[derive(Deserialize)]
struct Prompt {
    messages: Vec<Map<String, Value>>,
    ids: Vec<u32>,
    ids_expanded: Option<Vec<u32>>,
    /// Embeddings of each recording.
    #[serde(default)]
    audio_tokens: Vec<usize>,
}

fn messages(prompt: &Prompt) -> Vec<ChatMessage> {
    prompt.messages.iter().map(|message| message.clone().into_iter().collect()).collect()
}

fn template(checkpoint: &Checkpoint) -> ChatTemplate {
    ChatTemplate::find(checkpoint).unwrap().unwrap()
}

fn prompts(folder: &str) -> (Chat, Vec<Prompt>) {
    let checkpoint = checkpoint(&fixtures().join("chat").join(folder));
    let tokenizer = TextTokenizer::from_checkpoint(&checkpoint).unwrap();
    let chat = Chat::new(template(&checkpoint), &tokenizer, PLACEHOLDER).unwrap();
    let file = std::fs::read(checkpoint.path_of("prompts.json")).unwrap();
    (chat, serde_json::from_slice(&file).unwrap())
}

#[test]
fn prompts_are_those_of_transformers_token_by_token() {
    for folder in ["granite", "granite_roles"] {
        let (chat, prompts) = prompts(folder);
        assert_eq!(prompts.len(), 5);
        for prompt in prompts {
            let places = prompt.audio_tokens.len();
            let found = chat.prompt(&messages(&prompt), ChatEnd::Answer, &Map::new(), places).unwrap();
            assert_eq!(found.ids(), prompt.ids, "{folder}");
            let expanded = prompt.ids_expanded.unwrap_or(prompt.ids);
            assert_eq!(slm_tests::expanded(&found, &prompt.audio_tokens), expanded, "{folder}");
            // The parts around speech, with speech between them, are the whole.
            let parts = found.parts();
            assert_eq!((parts.len(), found.places()), (places + 1, places));
            let text: usize = parts.iter().map(|part| part.len()).sum();
            assert_eq!(text + prompt.audio_tokens.iter().sum::<usize>(), expanded.len());

            let error = chat.prompt(&messages_of("no"), ChatEnd::Answer, &Map::new(), 1).unwrap_err();
            assert!(matches!(error, ChatError::Places { expected: 1, found: 0, .. }), "{error}");
        }
    }
}

/// A prompt of Canary: its languages are in the message's content.
#[derive(Deserialize)]
struct Languages {
    source_language: String,
    target_language: String,
    punctuation: bool,
    ids: Vec<u32>,
}

#[test]
fn what_a_template_asks_for_may_be_in_the_content() {
    let checkpoint = checkpoint(&fixtures().join("parity/canary"));
    let tokenizer = TextTokenizer::from_checkpoint(&checkpoint).unwrap();
    let chat = Chat::new(template(&checkpoint), &tokenizer, PLACEHOLDER).unwrap();
    let file = std::fs::read(checkpoint.path_of("prompts.json")).unwrap();
    let prompts: Vec<Languages> = serde_json::from_slice(&file).unwrap();
    assert_eq!(prompts.len(), 6);
    for prompt in prompts {
        let content = serde_json::json!([{
            "type": "text",
            "source_language": prompt.source_language,
            "target_language": prompt.target_language,
            "punctuation": prompt.punctuation,
        }]);
        let message = [("role".to_owned(), "user".into()), ("content".to_owned(), content)];
        let message: ChatMessage = message.into_iter().collect();
        let found = chat.prompt(&[message], ChatEnd::Answer, &Map::new(), 0).unwrap();
        assert_eq!(found.ids(), prompt.ids);
    }
}

fn messages_of(text: &str) -> [ChatMessage; 1] {
    [ChatMessage::new("user", text)]
}

#[test]
fn a_placeholder_that_the_vocabulary_lacks_is_added() {
    let checkpoint = checkpoint(&fixtures().join("chat/granite"));
    let tokenizer = TextTokenizer::from_checkpoint(&checkpoint).unwrap();
    let chat = Chat::new(template(&checkpoint), &tokenizer, "<|speech|>").unwrap();
    let text = messages_of("say <|speech|> again");
    let found = chat.prompt(&text, ChatEnd::Answer, &Map::new(), 1).unwrap();
    // The vocabulary has 287 tokens.
    assert!(found.ids().contains(&287));
    let around: Vec<u32> = found.parts().concat();
    let without = ["USER: say ", " again\n ASSISTANT:"].map(|text| tokenizer.encode(text).unwrap());
    assert_eq!(around, without.concat());
}

#[test]
fn templates_lie_in_files_of_their_own_or_in_settings() {
    let read = |files: &[(&str, &str)]| {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let template = ChatTemplate::find(&checkpoint(dir.path()));
        template
            .map(|found| found.map(|found| found.render(&messages_of("x"), ChatEnd::Message, &Map::new())))
    };
    let rendered = |files: &[(&str, &str)]| read(files).unwrap().unwrap().unwrap();
    assert!(read(&[]).unwrap().is_none());
    let one = r#"{"chat_template": "one{{ eos_token }}", "eos_token": {"content": "</s>", "lstrip": false}}"#;
    assert_eq!(rendered(&[("tokenizer_config.json", one)]), "one</s>");
    let own = ("chat_template.jinja", "own{{ bos_token }}{{ eos_token }}");
    let old = ("special_tokens_map.json", r#"{"bos_token": "<s>", "eos_token": "other"}"#);
    assert_eq!(rendered(&[("tokenizer_config.json", one), own, old]), "own<s></s>");
    let several =
        r#"{"chat_template": [{"name": "tool_use", "template": "a"}, {"name": "default", "template": "b"}]}"#;
    assert_eq!(rendered(&[("tokenizer_config.json", several)]), "b");
    assert_eq!(rendered(&[("chat_template.json", r#"{"chat_template": "c"}"#)]), "c");

    let error = read(&[("chat_template.jinja", "\n{% if %}")]).unwrap_err();
    assert!(
        matches!(&error, ChatError::Syntax { line: 2, path, .. } if path.ends_with("chat_template.jinja"))
    );
    let refuses = "{{ raise_exception('no ' + messages[0].role) }}";
    let error = read(&[("chat_template.jinja", refuses)]).unwrap().unwrap().unwrap_err();
    assert!(error.to_string().ends_with("chat_template.jinja` refuses the conversation: no user"), "{error}");
}
