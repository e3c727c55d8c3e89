//! An answer in a format, which grows segment by segment.

use std::io;

use slm_core::Segment;

use super::answered::{About, Closing};
use super::cues::words;
use super::subtitle::{Dialect, Subtitles};
use super::whisper::{Records, Shape};
use crate::args::{Format, Layout};

/// An answer in a format.
#[derive(Debug)]
pub(super) struct Document {
    content: Content,
    has_begun: bool,
}

#[derive(Debug)]
enum Content {
    Lines,
    Table,
    Subtitles(Subtitles),
    Records(Box<Records>),
}

impl Document {
    pub(super) fn new(format: Format, layout: Option<Layout>, about: &About) -> Self {
        let subtitles = |dialect| Content::Subtitles(Subtitles::new(dialect, layout));
        let records = |shape| Content::Records(Box::new(Records::new(shape, about)));
        let content = match format {
            Format::Txt => Content::Lines,
            Format::Tsv => Content::Table,
            Format::Srt => subtitles(Dialect::Srt),
            Format::Vtt => subtitles(Dialect::Vtt),
            Format::Json => records(Shape::Document),
            Format::Jsonl => records(Shape::Lines),
        };
        Self { content, has_begun: false }
    }

    /// What the next segment adds.
    pub(super) fn segment(&mut self, segment: &Segment) -> io::Result<String> {
        let head = self.head()?;
        let text = match &mut self.content {
            Content::Lines => Some(words(&segment.text).join(" "))
                .filter(|text| !text.is_empty())
                .map_or_else(String::new, |text| text + "\n"),
            Content::Table => {
                let [start, end] =
                    [segment.start, segment.end].map(|seconds| (seconds * 1000.0).round() as u64);
                format!("{start}\t{end}\t{}\n", words(&segment.text).join(" "))
            }
            Content::Subtitles(subtitles) => subtitles.segment(segment),
            Content::Records(records) => records.segment(segment)?,
        };
        Ok(head + &text)
    }

    /// What the end adds. A failure before the first segment is told by records alone.
    pub(super) fn end(&mut self, closing: &Closing) -> io::Result<String> {
        if closing.failed.is_some() && !self.has_begun && !matches!(self.content, Content::Records(_)) {
            return Ok(String::new());
        }
        let head = self.head()?;
        Ok(match &self.content {
            Content::Records(records) => head + &records.tail(closing)?,
            _ => head,
        })
    }

    /// What stands before all, once.
    fn head(&mut self) -> io::Result<String> {
        if std::mem::replace(&mut self.has_begun, true) {
            return Ok(String::new());
        }
        Ok(match &self.content {
            Content::Lines => String::new(),
            Content::Table => "start\tend\ttext\n".into(),
            Content::Subtitles(subtitles) => subtitles.head().into(),
            Content::Records(records) => records.head()?,
        })
    }
}
