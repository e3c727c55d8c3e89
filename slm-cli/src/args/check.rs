//! Options of the model that a verb does not look at: they are refused, so that nobody takes them for followed.

use super::{Cli, Command, UsageError};

impl Cli {
    /// Refuses options of the model that would have no effect.
    pub(crate) fn check(&self) -> Result<(), UsageError> {
        let model = &self.model;
        let given = [
            ("--backend", model.backend.is_some()),
            ("--dtype", model.dtype.is_some()),
            ("--memory", model.memory.is_some()),
            ("--bundle", model.bundle.is_some()),
            ("--adapter", model.adapter.is_some()),
            ("--templates", model.templates.is_some()),
        ];
        let used = self.command.uses();
        let unused = given.iter().zip(used).find(|((_, is_given), is_used)| *is_given && !is_used);
        let Some(((option, _), _)) = unused else { return Ok(()) };
        let hint = match &self.command {
            Command::Info(args) if args.dir.is_some() && self.model.bundle.is_some() => {
                Some("the folder that is named is described".to_owned())
            }
            Command::Info(_) => Some("it is for `--load` or `--limits`, which load a model".to_owned()),
            _ => None,
        };
        let message = format!("`{option}` has no effect on `slm-cli {}`", self.command.name());
        Err(UsageError { message, hint })
    }
}

impl Command {
    /// The verb.
    fn name(&self) -> &'static str {
        match self {
            Self::Transcribe(_) => "transcribe",
            Self::Translate(_) => "translate",
            Self::Ask(_) => "ask",
            Self::Continue(_) => "continue",
            Self::Chat(_) => "chat",
            Self::Run(_) => "run",
            Self::Devices => "devices",
            Self::Doctor(_) => "doctor",
            Self::Warmup => "warmup",
            Self::Fetch(_) => "fetch",
            Self::Info(_) => "info",
            Self::Quantize(_) => "quantize",
            Self::Models(_) => "models",
            Self::Completions(_) => "completions",
            Self::Man(_) => "man",
        }
    }

    /// Whether it looks at backend, type, memory, bundle, adapter and templates.
    fn uses(&self) -> [bool; 6] {
        match self {
            Self::Transcribe(_)
            | Self::Translate(_)
            | Self::Ask(_)
            | Self::Continue(_)
            | Self::Chat(_)
            | Self::Run(_)
            | Self::Warmup => [true; 6],
            Self::Devices | Self::Fetch(_) | Self::Models(_) | Self::Completions(_) | Self::Man(_) => {
                [false; 6]
            }
            Self::Quantize(_) => [false, true, false, false, false, false],
            Self::Doctor(_) => [true, false, false, false, false, false],
            Self::Info(args) => {
                let loads = args.load || args.limits;
                [loads, loads, args.limits, args.dir.is_none(), args.limits, args.limits]
            }
        }
    }
}
