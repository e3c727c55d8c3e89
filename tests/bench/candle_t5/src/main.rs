//! What `timed_work` does with a T5, done by candle: `candle_t5 DIR` prints `ready`, and for each line `write BATCH BEAMS READ WRITTEN` of
//! its input the seconds that reading and greedy writing took, or `null` for work that candle's T5 does not have (beams).

use std::error::Error;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{env, fs};

use candle_core::{D, DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::t5::{Config, T5ForConditionalGeneration};

type Failure = Box<dyn Error>;

struct Worker {
    model: T5ForConditionalGeneration,
    /// The first id of every text.
    start: u32,
}

impl Worker {
    fn load(dir: &Path) -> Result<Self, Failure> {
        let config: Config = serde_json::from_slice(&fs::read(dir.join("config.json"))?)?;
        let weights = fs::read(dir.join("model.safetensors"))?;
        let weights = VarBuilder::from_buffered_safetensors(weights, DType::F32, &Device::Cpu)?;
        let start = u32::try_from(config.decoder_start_token_id.unwrap_or(config.pad_token_id))?;
        Ok(Self { model: T5ForConditionalGeneration::load(weights, &config)?, start })
    }

    fn time(&mut self, line: &str) -> Result<Option<f64>, Failure> {
        let sizes = line.strip_prefix("write ").ok_or("this program writes")?;
        let sizes = sizes.split(' ').map(str::parse).collect::<Result<Vec<usize>, _>>()?;
        let &[batch, 1, read, written] = sizes.as_slice() else {
            return Ok(None);
        };
        let ids: Vec<u32> =
            (0..batch).flat_map(|b| (0..read).map(move |i| (3 + (b + i) * 31 % 30_000) as u32)).collect();
        let began = Instant::now();
        self.model.clear_kv_cache();
        let memory = self.model.encode(&Tensor::from_vec(ids, (batch, read), &Device::Cpu)?)?;
        let mut last = Tensor::full(self.start, (batch, 1), &Device::Cpu)?;
        for _ in 0..written {
            // [B, V] -> [B, 1]
            last = self.model.decode(&last, &memory)?.argmax(D::Minus1)?.unsqueeze(1)?;
        }
        last.to_vec2::<u32>()?;
        Ok(Some(began.elapsed().as_secs_f64()))
    }
}

fn main() -> Result<(), Failure> {
    let dir = env::args().nth(1).map(PathBuf::from).ok_or("usage: candle_t5 DIR")?;
    let mut worker = Worker::load(&dir)?;
    println!("ready");
    io::stdout().flush()?;
    for line in io::stdin().lock().lines() {
        match worker.time(&line?)? {
            Some(seconds) => println!("{seconds}"),
            None => println!("null"),
        }
        io::stdout().flush()?;
    }
    Ok(())
}
