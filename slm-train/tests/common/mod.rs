//! What tests of the program share: how it is started, and a very small `text` stage.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// The program, without output.
pub(crate) fn slm_train() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slm-train"));
    command.stderr(Stdio::null()).stdout(Stdio::null());
    command
}

/// A tokenizer and the settings of a very small `text` stage of so many steps.
pub(crate) fn prepare(dir: &Path, steps: u64) {
    let made = slm_train()
        .args(["tokenizer", "--purpose", "text", "--size", "300", "--items", "500", "--out"])
        .arg(dir.join("tokenizer"))
        .status()
        .unwrap();
    assert!(made.success());
    let config = format!(
        "tokenizer = {:?}\n\
         [model]\nd_model = 16\nd_kv = 8\nd_ff = 16\nnum_layers = 1\nnum_heads = 2\ndropout_rate = 0.1\n\
         [data]\nitems = 20\ncopy_share = 0.1\nbatch_tokens = 300\nheld_out_items = 2\n\
         [train]\nsteps = {steps}\nwarmup_steps = 5\nlog_every = 5\nsave_every = 3\neval_every = 20\n",
        dir.join("tokenizer").display().to_string()
    );
    fs::write(dir.join("text.toml"), config).unwrap();
}
