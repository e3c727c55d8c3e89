//! The steps of stage `adapter`, for a comparison with another trainer: `adapter_steps STAGE.toml START OUT [KEY=VALUE..]`.
//!
//! START has the weights that the training starts from (`config.json`, `model.safetensors`, and of a stage with a LoRA
//! `adapter_config.json`, `adapter_model.safetensors`). OUT gets what each step puts to the models (`speech.safetensors`,
//! `steps.json`), the gradients of the first step before they are clipped (`gradient`), and the run (`run/metrics.jsonl`).
//! `tests/bench/train_step.py` calls it.

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;

use burn::module::{ModuleMapper, Param};
use burn::optim::GradientsParams;
use burn::prelude::*;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};
use slm_core::Backend;
use slm_core::models::adapter::Adapter;
use slm_core::models::checkpoint::Checkpoint;
use slm_core::models::nn::weights::StorageType;
use slm_train::config;
use slm_train::steps::adapter::{AdapterJob, AdapterStage, Batch, Frozen, StepInput, Trained};
use slm_train::training::{self, Draw, Job, Source, rng_for};

/// Puts gradients in the place of weights, and zeros where there is none.
struct IntoGradients(GradientsParams);

impl ModuleMapper for IntoGradients {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let gradient = self.0.get::<D>(param.id);
        Param::initialized(param.id, gradient.unwrap_or_else(|| param.val().inner().zeros_like()))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    // As `slm-train` does.
    slm_core::keep_freed_memory();
    let args: Vec<String> = env::args().skip(1).collect();
    let [stage, start, out, settings @ ..] = args.as_slice() else {
        return Err("adapter_steps STAGE.toml START OUT [KEY=VALUE..]".into());
    };
    let (start, out) = (Path::new(start), Path::new(out));
    let stage: AdapterStage = config::read(Path::new(stage), settings)?;
    let device = Backend::Flex.device()?;
    let tracked = device.clone().autodiff();
    let job = AdapterJob::new(stage.clone(), Frozen::load(&stage.encoder, &stage.llm, &device)?)?;

    let files = Checkpoint::open(start)?;
    let mut trained = Trained::new(Adapter::load(&files, &tracked)?, None, &tracked);
    if let Some(shape) = &stage.lora {
        trained = trained.with_lora(job.llm().trainable_lora(shape, &tracked)?.load(&files, &tracked)?);
    }
    fs::create_dir_all(out.join("gradient"))?;
    let first = write_inputs(&job, stage.train.steps as usize, out)?;
    let loss = job.loss(&trained, &first, &mut rng_for(1, 1, 1))? / job.weight(&first);
    let gradients = GradientsParams::from_grads(loss.backward(), &trained);
    let gradients = trained.clone().map(&mut IntoGradients(gradients));
    gradients.adapter.save(&out.join("gradient"), StorageType::F32)?;
    if let Some(lora) = &gradients.lora {
        lora.save(&out.join("gradient"), "gradient")?;
    }
    training::run(&job, trained, &stage.train, &out.join("run"), &tracked)?;
    Ok(())
}

/// Writes what so many steps put to the models, and gives the first batch.
fn write_inputs(job: &AdapterJob, steps: usize, out: &Path) -> Result<Batch, Box<dyn Error>> {
    let load = |items: Vec<usize>| job.source().load(Draw { step: 0, epoch: 0, items });
    let batches = (0..).flat_map(|epoch| job.batches(epoch)).take(steps);
    let mut inputs: Vec<StepInput> = Vec::new();
    for items in batches {
        inputs.push(job.spoken_input(&load(items)?, &mut rng_for(1, 1, 1))?);
    }
    let said: Vec<Value> = inputs
        .iter()
        .map(|input| {
            let prompts: Vec<_> = input.prompts.iter().map(|prompt| prompt.parts().to_vec()).collect();
            let rows: Vec<usize> = input.speech.iter().map(|speech| speech.origins.len()).collect();
            json!({"rows": rows, "prompts": prompts, "targets": input.targets})
        })
        .collect();
    fs::write(out.join("steps.json"), serde_json::to_vec(&said)?)?;

    let heard: Vec<(String, Vec<usize>, Vec<u8>)> = inputs
        .iter()
        .enumerate()
        .map(|(step, input)| {
            let bytes: Vec<u8> =
                input.speech.iter().flat_map(|one| &one.rows).flat_map(|value| value.to_le_bytes()).collect();
            let width = input.speech.first().map_or(1, |one| one.width);
            (format!("{step}"), vec![bytes.len() / 4 / width, width], bytes)
        })
        .collect();
    let mut views = Vec::new();
    for (name, shape, bytes) in &heard {
        views.push((name, TensorView::new(Dtype::F32, shape.clone(), bytes)?));
    }
    safetensors::serialize_to_file(views, None, &out.join("speech.safetensors"))?;
    Ok(load(job.batches(0).into_iter().next().ok_or("no batches")?)?)
}
