//! Makes Burn's default device the chosen one.
//!
//! Burn puts an optimizer's state on its default device first when it is loaded, whatever device the
//! parameters are on. In a build with `wgpu` that default is a GPU, so a resumed training would need one.
//! The default is taken from `BURN_DEVICE` alone, and a process cannot safely change its own environment,
//! so the process starts itself again with it.

use std::env;
use std::process::{Command, ExitCode};

use anyhow::Context;
use slm_core::Backend;

const VARIABLE: &str = "BURN_DEVICE";

/// Starts this process again with `backend` as Burn's default; `None` when it is that already.
///
/// # Errors
///
/// When the program cannot be started.
pub(crate) fn ensure(backend: Backend) -> anyhow::Result<Option<ExitCode>> {
    if env::var_os(VARIABLE).is_some() {
        return Ok(None);
    }
    let program = env::current_exe().context("cannot find this program")?;
    let mut command = Command::new(program);
    // Burn names its backends as cargo's features do.
    command.args(env::args_os().skip(1)).env(VARIABLE, backend.feature());
    // Without a display, Mesa's layer that orders graphics cards only complains that there is none.
    if env::var_os("XDG_RUNTIME_DIR").is_none() && env::var_os("MESA_VK_DEVICE_SELECT").is_none() {
        command.env("NODEVICE_SELECT", "1");
    }
    replace(&mut command).map(Some)
}

/// Signals go to the new process, which takes the place of this one.
#[cfg(unix)]
fn replace(command: &mut Command) -> anyhow::Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    Err(command.exec()).context("cannot start this program again")
}

#[cfg(not(unix))]
fn replace(command: &mut Command) -> anyhow::Result<ExitCode> {
    let status = command.status().context("cannot start this program again")?;
    Ok(ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)))
}
