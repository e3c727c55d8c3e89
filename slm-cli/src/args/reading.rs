//! How recordings are read.

use std::str::FromStr;

use clap::Args;
use slm_core::audio::{Channel, RawFormat, ReadOptions};

use super::numbers;

/// How recordings are read.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Reading")]
pub(crate) struct ReadingArgs {
    /// The inputs are samples without a header: their type, rate and channels, such as `s16le,16000,1`
    #[arg(long, value_name = "FORMAT", value_parser = raw)]
    pub(crate) raw: Option<RawFormat>,
    /// Channel to listen to: `mix` of all, a number from 1, or `each` by itself, with an answer a channel [default: mix]
    #[arg(long, value_name = "CHANNEL")]
    pub(crate) channel: Option<ChannelChoice>,
    /// Begin here, in seconds, MM:SS or HH:MM:SS; times in answers stay those of the whole recording
    #[arg(long, value_name = "TIME", value_parser = numbers::time)]
    pub(crate) start: Option<f64>,
    /// Read this much at most, in seconds, MM:SS or HH:MM:SS
    #[arg(long, value_name = "TIME", value_parser = numbers::time_span)]
    pub(crate) duration: Option<f64>,
}

/// Which channels are listened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChannelChoice {
    /// All of them, mixed.
    Mix,
    /// One, from 1.
    One(u16),
    /// Each by itself.
    Each,
}

impl FromStr for ChannelChoice {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "mix" => Ok(Self::Mix),
            "each" => Ok(Self::Each),
            number => match number.parse() {
                Ok(number @ 1..) => Ok(Self::One(number)),
                _ => Err("expected `mix`, `each` or the number of a channel, from 1"),
            },
        }
    }
}

impl ReadingArgs {
    /// The same for the reader of audio. Where each channel is read, its number is set later.
    pub(crate) fn options(&self) -> ReadOptions {
        let mut options = ReadOptions::default();
        if let Some(ChannelChoice::One(channel)) = self.channel {
            options.channel = Channel::Only(channel);
        }
        options.start = self.start.unwrap_or(0.0);
        options.duration = self.duration;
        options.raw.clone_from(&self.raw);
        options
    }
}

fn raw(text: &str) -> Result<RawFormat, String> {
    text.parse::<RawFormat>().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_numbers_or_words() {
        assert_eq!("mix".parse(), Ok(ChannelChoice::Mix));
        assert_eq!("each".parse(), Ok(ChannelChoice::Each));
        assert_eq!("2".parse(), Ok(ChannelChoice::One(2)));
        for text in ["0", "-1", "left", "", "65536", "Mix"] {
            assert!(text.parse::<ChannelChoice>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_reader_is_told_all_of_it() {
        let args = ReadingArgs {
            channel: Some(ChannelChoice::One(3)),
            start: Some(1.5),
            duration: Some(2.0),
            ..ReadingArgs::default()
        };
        let options = args.options();
        assert_eq!((options.channel, options.duration), (Channel::Only(3), Some(2.0)));
        assert!((options.start - 1.5).abs() < 1e-9 && options.raw.is_none());
        assert_eq!(ReadingArgs::default().options().channel, Channel::Mix);
    }
}
