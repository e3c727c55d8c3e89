//! Keeps the graphics libraries from complaining on stderr, which is for our own messages.
//!
//! Mesa's layer that orders graphics cards asks the display which one it uses, and the library that it asks complains where
//! there is no display. The layer can be turned off by the environment alone, and a process cannot safely change its own: so
//! the process takes its own place with that variable set. It costs a few milliseconds.

/// The variable that turns the layer off.
#[cfg(target_os = "linux")]
const OFF: &str = "NODEVICE_SELECT";
/// Where a display would be found, and how a user chooses a card by the layer.
#[cfg(target_os = "linux")]
const NEEDED: [&str; 2] = ["XDG_RUNTIME_DIR", "MESA_VK_DEVICE_SELECT"];

/// Starts the process anew without the layer, where there is no display and nobody asks for the layer. Where that cannot be
/// done, the complaints stay and nothing else.
#[cfg(target_os = "linux")]
pub(crate) fn without_display() {
    use std::env;
    use std::os::unix::process::CommandExt;
    use std::process::Command;
    let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    if is_set(OFF) || NEEDED.into_iter().any(is_set) {
        return;
    }
    if let Ok(program) = env::current_exe() {
        let mut args = env::args_os();
        let name = args.next().unwrap_or_else(|| program.clone().into_os_string());
        // It comes back only where it failed.
        let _ = Command::new(program).arg0(name).args(args).env(OFF, "1").exec();
    }
}

/// Elsewhere the graphics libraries do not ask for a display.
#[cfg(not(target_os = "linux"))]
pub(crate) fn without_display() {}
