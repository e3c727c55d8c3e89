//! `slm-cli devices`: the backends, and whether they find a device.

use std::io::{self, Write};
use std::process::ExitCode;

use slm_core::{Backend, BackendError};

use crate::report::Stop;

pub(super) fn execute() -> Result<ExitCode, Stop> {
    let mut out = io::stdout().lock();
    for backend in Backend::ALL {
        let state = match backend.probe() {
            Ok(device) => format!("ready: {}", backend.describe(&device)),
            Err(error) => absence(&error),
        };
        writeln!(out, "{:<9} {state}", backend.name())?;
        out.flush()?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Why a backend cannot be used, for a table that has its name already.
pub(super) fn absence(error: &BackendError) -> String {
    match error {
        BackendError::NotCompiled { feature, .. } => {
            format!("not in this build, which needs `--features {feature}`")
        }
        BackendError::NoDevice { reason: Some(reason), .. } => {
            format!("in this build, but finds no device: {reason}")
        }
        _ => "in this build, but finds no device".into(),
    }
}
