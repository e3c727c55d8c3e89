//! Formats of answers, and the files that they are written to.

use std::path::PathBuf;

use clap::{Args, ValueEnum, value_parser};

use super::UsageError;

/// Columns of a subtitle's line at most.
const MAX_WIDTH: i64 = 1000;
/// Lines of a subtitle at most.
const MAX_LINES: i64 = 100;

/// Formats of answers, and where they go.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct OutputArgs {
    /// Write answers in this format: to standard output, or with `--output-dir` to files, where several can be named with
    /// commas between [default with `--output-dir`: txt]
    #[arg(long, value_name = "FORMAT", value_delimiter = ',',
        conflicts_with_all = ["json", "stream", "timestamps"])]
    pub(crate) format: Vec<FormatName>,
    /// Write a file an input and format into this folder, in place of standard output
    #[arg(long, value_name = "DIR", conflicts_with_all = ["json", "stream", "timestamps"])]
    pub(crate) output_dir: Option<PathBuf>,
    /// Leave out inputs whose files are in the folder already
    #[arg(long, requires = "output_dir")]
    pub(crate) resume: bool,
    /// Columns of a subtitle's line at most, of which wide characters take two [default with `--max-line-count`: 42]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(2..=MAX_WIDTH))]
    pub(crate) max_line_width: Option<u16>,
    /// Lines of a subtitle at most [default with `--max-line-width`: 2]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=MAX_LINES))]
    pub(crate) max_line_count: Option<u16>,
}

/// What can be named as a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatName {
    /// Text: a line an input, in files a line a segment
    Txt,
    /// SubRip subtitles
    Srt,
    /// WebVTT subtitles
    Vtt,
    /// Start and end in milliseconds, and the text
    Tsv,
    /// One document an input, as whisper has it
    Json,
    /// A JSON record a segment as soon as it is answered, and one for the input
    Jsonl,
    /// All of these
    All,
}

/// A format of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Txt,
    Srt,
    Vtt,
    Tsv,
    Json,
    Jsonl,
}

impl Format {
    /// In the order in which they are written.
    const ALL: [Self; 6] = [Self::Txt, Self::Srt, Self::Vtt, Self::Tsv, Self::Json, Self::Jsonl];

    /// Its name, which files end in.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Txt => "txt",
            Self::Srt => "srt",
            Self::Vtt => "vtt",
            Self::Tsv => "tsv",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
        }
    }

    /// Whether the name stands for it.
    fn is_named(self, name: FormatName) -> bool {
        match name {
            FormatName::Txt => self == Self::Txt,
            FormatName::Srt => self == Self::Srt,
            FormatName::Vtt => self == Self::Vtt,
            FormatName::Tsv => self == Self::Tsv,
            FormatName::Json => self == Self::Json,
            FormatName::Jsonl => self == Self::Jsonl,
            FormatName::All => true,
        }
    }

    /// Whether it has several texts for a segment.
    fn has_alternatives(self) -> bool {
        matches!(self, Self::Json | Self::Jsonl)
    }

    /// Whether the answers of several inputs can follow each other.
    fn joins(self) -> bool {
        matches!(self, Self::Txt | Self::Jsonl)
    }
}

/// How subtitles are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Columns of a line at most.
    pub(crate) width: usize,
    /// Lines at most.
    pub(crate) lines: usize,
}

impl Layout {
    const DEFAULT: Self = Self { width: 42, lines: 2 };
}

impl OutputArgs {
    /// The formats that are asked for, each once; none where the answer is written in another form.
    pub(crate) fn formats(&self) -> Vec<Format> {
        if self.format.is_empty() && self.output_dir.is_some() {
            return vec![Format::Txt];
        }
        let is_asked = |format: &Format| self.format.iter().any(|&name| format.is_named(name));
        Format::ALL.into_iter().filter(is_asked).collect()
    }

    /// How subtitles are laid out; `None` is one a segment.
    pub(crate) fn layout(&self) -> Option<Layout> {
        let number = |given: Option<u16>, other| given.map_or(other, usize::from);
        (self.max_line_width.is_some() || self.max_line_count.is_some()).then(|| Layout {
            width: number(self.max_line_width, Layout::DEFAULT.width),
            lines: number(self.max_line_count, Layout::DEFAULT.lines),
        })
    }

    /// Refuses what would change nothing, or cannot be followed for so many inputs.
    pub(crate) fn check(&self, inputs: usize, n_best: Option<u16>) -> Result<(), UsageError> {
        let formats = self.formats();
        let refuse = |message: String, hint: &str| Err(UsageError { message, hint: Some(hint.into()) });
        if !formats.iter().any(|format| matches!(format, Format::Srt | Format::Vtt)) {
            for (option, is_given) in [
                ("--max-line-width", self.max_line_width.is_some()),
                ("--max-line-count", self.max_line_count.is_some()),
            ] {
                if is_given {
                    let message = format!("`{option}` has no effect without subtitles");
                    return refuse(message, "`--format srt` and `--format vtt` write them");
                }
            }
        }
        if n_best.is_some_and(|count| count > 1)
            && !formats.is_empty()
            && !formats.iter().any(|format| format.has_alternatives())
        {
            let message = format!("`--n-best` has no effect on `--format {}`", names(&formats));
            return refuse(message, "`--format json` and `--format jsonl` have several texts");
        }
        if self.output_dir.is_some() {
            return Ok(());
        }
        if formats.len() > 1 {
            let message = "several formats cannot be written to standard output".into();
            return refuse(message, "`--output-dir DIR` writes a file each");
        }
        if inputs > 1 && !formats.iter().all(|format| format.joins()) {
            let message = format!(
                "`--format {}` of {inputs} inputs cannot be written to standard output",
                names(&formats)
            );
            return refuse(
                message,
                "`--output-dir DIR` writes a file each, `--format jsonl` takes several inputs",
            );
        }
        Ok(())
    }
}

/// Formats as they are named on the command line.
pub(super) fn names(formats: &[Format]) -> String {
    formats.iter().map(|format| format.name()).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(named: &[FormatName], dir: Option<&str>) -> OutputArgs {
        OutputArgs { format: named.to_vec(), output_dir: dir.map(PathBuf::from), ..OutputArgs::default() }
    }

    #[test]
    fn formats_are_named_once_in_their_own_order() {
        assert_eq!(args(&[], None).formats(), []);
        assert_eq!(args(&[], Some("out")).formats(), [Format::Txt]);
        let named = [FormatName::Vtt, FormatName::Srt, FormatName::Vtt];
        assert_eq!(args(&named, Some("out")).formats(), [Format::Srt, Format::Vtt]);
        assert_eq!(args(&[FormatName::Srt, FormatName::All], Some("out")).formats(), Format::ALL);
    }

    #[test]
    fn a_layout_completes_itself() {
        let subtitles = args(&[FormatName::Srt], None);
        assert_eq!(subtitles.layout(), None);
        let narrow = OutputArgs { max_line_width: Some(20), ..subtitles.clone() };
        assert_eq!(narrow.layout(), Some(Layout { width: 20, lines: 2 }));
        let flat = OutputArgs { max_line_count: Some(1), ..subtitles };
        assert_eq!(flat.layout(), Some(Layout { width: 42, lines: 1 }));
    }

    #[test]
    fn what_cannot_be_followed_is_refused() {
        let message = |args: &OutputArgs, inputs, n_best| args.check(inputs, n_best).unwrap_err().to_string();
        for name in [FormatName::Srt, FormatName::Vtt, FormatName::Tsv, FormatName::Json] {
            let one = args(&[name], None);
            one.check(1, None).unwrap();
            assert!(message(&one, 2, None).contains("of 2 inputs cannot be written"), "{name:?}");
            args(&[name], Some("out")).check(2, None).unwrap();
        }
        for name in [FormatName::Txt, FormatName::Jsonl] {
            args(&[name], None).check(2, None).unwrap();
        }
        let several = args(&[FormatName::All], None);
        assert!(message(&several, 1, None).contains("several formats"));
        args(&[FormatName::All], Some("out")).check(2, Some(3)).unwrap();
        let text = args(&[FormatName::Txt, FormatName::Srt], Some("out"));
        assert_eq!(message(&text, 1, Some(2)), "`--n-best` has no effect on `--format txt,srt`");
        text.check(1, Some(1)).unwrap();
        args(&[], None).check(2, Some(2)).unwrap();
        let wide = OutputArgs { max_line_width: Some(20), ..args(&[FormatName::Json], None) };
        assert!(message(&wide, 1, None).contains("`--max-line-width` has no effect"));
    }
}
