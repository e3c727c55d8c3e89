//! Speech in a conversation with a decoder-only model: prompts, texts, loss and gradient are those of transformers.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::Path;

use burn::prelude::*;
use serde::Deserialize;
use slm_core::models::checkpoint::{Checkpoint, PromptSettings};
use slm_core::models::decode::{DecodeConfig, Finish, Strategy, generate};
use slm_core::models::llm::LanguageModel;
use slm_core::models::nn::{PaddedBatch, PaddedIds, cross_entropy_sum};
use slm_core::models::prompt::{
    Asked, Instruction, PLAIN_CHAT_TEMPLATE, PromptForm, PromptIds, embed_prompts,
};
use slm_core::models::text::TextTokenizer;
use slm_core::{Dialog, Speaker};
use slm_tests::{backend, checkpoint, fixtures, read_tensors};
use slm_train::steps::loss::shift_right;

#[derive(Deserialize)]
struct Message {
    role: String,
    content: String,
}

/// What transformers makes of the conversations, a row each.
#[derive(Deserialize)]
struct Expected {
    messages: Vec<Vec<Message>>,
    ids: Vec<Vec<u32>>,
    greedy: Vec<Vec<u32>>,
    ends: Vec<u32>,
    beams: Vec<Vec<u32>>,
    answers: Vec<String>,
    answer_ids: Vec<Vec<u32>>,
    losses: Vec<f64>,
}

/// What stands for speech in the fixture's messages, and its id.
const PLACE: (&str, u32) = ("<|audio|>\n", 286);

struct Fixture {
    files: Checkpoint,
    tokenizer: TextTokenizer,
    llm: LanguageModel,
    expected: Expected,
    device: Device,
}

impl Fixture {
    fn load() -> Self {
        let folder = fixtures().join("conversation");
        let device = backend().device().unwrap();
        let files = checkpoint(&folder);
        Self {
            tokenizer: TextTokenizer::from_checkpoint(&files).unwrap(),
            llm: LanguageModel::load(&files, &device).unwrap(),
            expected: serde_json::from_slice(&std::fs::read(folder.join("expect.json")).unwrap()).unwrap(),
            files,
            device,
        }
    }

    fn form(&self, settings: &PromptSettings) -> PromptForm {
        PromptForm::of(self.llm.sizes(), &self.files, &self.tokenizer, settings, Path::new("slm.json"))
            .unwrap()
    }

    /// The conversations as they are asked here.
    fn asked(&self) -> Vec<Asked> {
        let asked = |messages: &Vec<Message>| {
            let (last, before) = messages.split_last().unwrap();
            let mut dialog = Dialog::default();
            for message in before {
                let speaker = if message.role == "user" { Speaker::User } else { Speaker::Assistant };
                dialog.push(speaker, &message.content);
            }
            let after = last.content.strip_prefix(PLACE.0).unwrap().to_owned();
            Asked { dialog, instruction: Instruction { before: String::new(), after }, ..Asked::default() }
        };
        self.expected.messages.iter().map(asked).collect()
    }

    fn prompts(&self) -> Vec<PromptIds> {
        let form = self.form(&PromptSettings::default());
        self.asked().iter().map(|asked| form.spoken(asked).unwrap()).collect()
    }

    /// The embeddings in the places of speech, a row each.
    fn speech(&self) -> PaddedBatch {
        let io = read_tensors(&fixtures().join("conversation/io.safetensors"));
        let rows = [io["speech.0"].values.as_slice(), io["speech.1"].values.as_slice()];
        PaddedBatch::from_rows(&rows, self.llm.d_model(), &self.device)
    }
}

#[test]
fn prompts_are_those_of_the_chat_template_and_dialogs_its_turns() {
    let fixture = Fixture::load();
    for (found, expected) in fixture.prompts().iter().zip(&fixture.expected.ids) {
        let parts: Vec<&[u32]> = expected.split(|id| *id == PLACE.1).collect();
        assert_eq!(found.parts(), parts);
    }
    // Of the two ends the template writes the second.
    let form = fixture.form(&PromptSettings::default());
    assert_eq!((fixture.llm.ends(), form.end()), (&[3, 0][..], 0));
    let written = form.written("up and down", &fixture.asked()[0]).unwrap();
    let text = "user<|end_of_role|>up and down\nrepeat the text";
    assert_eq!(written.parts()[0][1..18], fixture.tokenizer.encode(text).unwrap()[..17]);
    assert_eq!(written.parts().len(), 1);
}

#[test]
fn a_template_of_the_settings_takes_the_place_of_the_folders() {
    let fixture = Fixture::load();
    let settings =
        PromptSettings { chat_template: Some(PLAIN_CHAT_TEMPLATE.into()), ..PromptSettings::default() };
    let prompt = fixture.form(&settings).spoken(&fixture.asked()[1]).unwrap();
    let encode = |text: &str| fixture.tokenizer.encode(text).unwrap();
    let (before, after) = (
        "<|end_of_text|>user:\ncall anna\nassistant:\ncalling anna<|end_of_text|>\nuser:\n",
        "\nreply\nassistant:\n",
    );
    assert_eq!(prompt, PromptIds::new(vec![encode(before), encode(after)]));

    // What a template asks for beside the messages comes from the settings.
    let mut settings =
        PromptSettings { chat_template: Some("{{ messages[0].content }}{{ mood }}".into()), ..settings };
    settings.variables.insert("mood".into(), "!".into());
    let prompt = fixture.form(&settings).spoken(&fixture.asked()[0]).unwrap();
    assert_eq!(prompt, PromptIds::new(vec![vec![], encode("\nrepeat the text!")]));
}

#[test]
fn texts_of_prompts_of_different_lengths_are_those_of_transformers() {
    let fixture = Fixture::load();
    let Expected { greedy, ends, beams, .. } = &fixture.expected;
    let memory = embed_prompts(&fixture.llm, &fixture.prompts(), &[fixture.speech()], &fixture.device);
    let mut config = DecodeConfig::default();
    config.max_new_tokens = 16;
    let found = generate(&fixture.llm, &fixture.llm.encode(&memory), &config).unwrap();
    assert_eq!(ends, &[3, 0]);
    for (found, expected) in found.iter().zip(greedy) {
        // Each row ends with another of the end tokens.
        assert_eq!((&found.ids, found.finish), (expected, Finish::Eos));
    }
    config.strategy = Strategy::Beam { size: 3, length_penalty: 1.0 };
    let found = generate(&fixture.llm, &fixture.llm.encode(&memory), &config).unwrap();
    for (found, expected) in found.iter().zip(beams) {
        assert_eq!(&found.ids, expected);
    }
}

/// The loss is that of the answers alone, each row computed alone and in f64 by the reference, whatever stands beside it.
#[test]
fn loss_and_gradient_of_a_batch_are_those_of_its_rows() {
    let fixture = Fixture::load();
    let Expected { answers, answer_ids, losses, .. } = &fixture.expected;
    let form = fixture.form(&PromptSettings::default());
    let targets: Vec<Vec<u32>> = answers
        .iter()
        .map(|text| {
            let mut ids = fixture.tokenizer.encode(text).unwrap();
            ids.push(form.end());
            ids
        })
        .collect();
    assert_eq!(&targets, answer_ids);

    let plain = fixture.speech();
    let leaf = plain.values().autodiff().require_grad();
    let speech = PaddedBatch::new(leaf.clone(), plain.lengths().to_vec());
    let (llm, device) = (&fixture.llm, &fixture.device);
    let memory = llm.encode(&embed_prompts(llm, &fixture.prompts(), &[speech], device));
    let pad = llm.ids().pad;
    let inputs = PaddedIds::from_rows(&shift_right(&targets, llm.ids().decoder_start), pad, device);
    let logits = llm.decode(&memory, inputs.ids);
    let loss = cross_entropy_sum(logits, &PaddedIds::from_rows(&targets, pad, device), 0.0);
    let value = f64::from(loss.clone().inner().try_into_scalar::<f32>().unwrap());
    let expected: f64 = losses.iter().sum();
    assert!((value - expected).abs() < 1e-4 * expected, "{value}, expected {expected}");

    let io = read_tensors(&fixtures().join("conversation/io.safetensors"));
    let found = leaf.grad(&loss.backward()).unwrap().try_into_vec_as::<f32>().unwrap();
    let width = llm.d_model();
    for (row, found) in found.chunks(found.len() / 2).enumerate() {
        let expected = &io[&format!("gradient.{row}")].values;
        let square: f32 = expected.iter().map(|value| value * value).sum();
        let rms = (square / expected.len() as f32).sqrt();
        assert_eq!(expected.len(), plain.lengths()[row] * width);
        let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-3 * rms, "row {row}: {worst} of {rms}");
        assert!(found[expected.len()..].iter().all(|value| *value == 0.0), "padding has a gradient");
    }
}
