//! `slm-cli devices`: the backends, and whether they find a device.

use std::io::{self, Write};
use std::process::ExitCode;

use slm_core::backend::Backend;

use crate::model::probe;
use crate::report::Stop;

pub(super) fn execute() -> Result<ExitCode, Stop> {
    let mut out = io::stdout().lock();
    for backend in Backend::ALL {
        writeln!(out, "{:<9} {}", backend.name(), state(backend))?;
        out.flush()?;
    }
    Ok(ExitCode::SUCCESS)
}

fn state(backend: Backend) -> String {
    if !backend.is_compiled() {
        let feature = backend.feature();
        return format!("not in this build, which needs `--features {feature}`");
    }
    match probe(backend) {
        Ok(device) => format!("ready: {}", backend.describe(&device)),
        Err(_) => "in this build, but finds no device".into(),
    }
}
