//! Names of formats and codecs, as users know them.

use symphonia::core::codecs::audio::AudioCodecId;
use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_AAC, CODEC_ID_AC3, CODEC_ID_AC4, CODEC_ID_ALAC, CODEC_ID_DCA, CODEC_ID_EAC3, CODEC_ID_FLAC,
    CODEC_ID_MP1, CODEC_ID_MP2, CODEC_ID_MP3, CODEC_ID_OPUS, CODEC_ID_SPEEX, CODEC_ID_TRUEHD,
    CODEC_ID_VORBIS, CODEC_ID_WAVPACK, CODEC_ID_WMA,
};

use super::super::sniff::Container;

/// The name of a file of this kind before its codec is known.
pub(super) fn container(container: Container) -> &'static str {
    match container {
        Container::Aiff => "AIFF",
        Container::Caf => "CAF",
        Container::Mp3 => "MP3",
        Container::Flac => "FLAC",
        Container::Ogg => "Ogg",
        Container::Mp4 => "MP4",
        Container::Matroska => "Matroska",
        Container::Adts => "AAC",
        Container::Unknown(_) => "audio",
    }
}

/// The container that symphonia has found, by its short name.
pub(super) fn found(short_name: &str) -> Option<Container> {
    Some(match short_name {
        "aiff" => Container::Aiff,
        "caf" => Container::Caf,
        "mp1" | "mp2" | "mp3" => Container::Mp3,
        "flac" => Container::Flac,
        "ogg" => Container::Ogg,
        "isomp4" => Container::Mp4,
        "matroska" => Container::Matroska,
        "aac" => Container::Adts,
        _ => return None,
    })
}

/// The name of a file with a known codec.
pub(super) fn format(of: Container, codec: AudioCodecId) -> &'static str {
    match (of, codec) {
        (Container::Mp3, CODEC_ID_MP1) => "MP1",
        (Container::Mp3, CODEC_ID_MP2) => "MP2",
        (Container::Ogg, CODEC_ID_VORBIS) => "Ogg Vorbis",
        (Container::Ogg, CODEC_ID_OPUS) => "Ogg Opus",
        (Container::Ogg, CODEC_ID_FLAC) => "Ogg FLAC",
        (Container::Mp4, CODEC_ID_AAC) => "MP4 AAC",
        (Container::Mp4, CODEC_ID_ALAC) => "MP4 ALAC",
        (Container::Mp4, CODEC_ID_MP3) => "MP4 MP3",
        (Container::Mp4, CODEC_ID_FLAC) => "MP4 FLAC",
        (Container::Mp4, CODEC_ID_OPUS) => "MP4 Opus",
        (Container::Matroska, CODEC_ID_AAC) => "Matroska AAC",
        (Container::Matroska, CODEC_ID_FLAC) => "Matroska FLAC",
        (Container::Matroska, CODEC_ID_MP3) => "Matroska MP3",
        (Container::Matroska, CODEC_ID_OPUS) => "Matroska Opus",
        (Container::Matroska, CODEC_ID_VORBIS) => "Matroska Vorbis",
        (Container::Caf, CODEC_ID_AAC) => "CAF AAC",
        (Container::Caf, CODEC_ID_ALAC) => "CAF ALAC",
        (Container::Caf, CODEC_ID_OPUS) => "CAF Opus",
        _ => container(of),
    }
}

/// The name of a codec that is not read, or its number.
pub(super) fn codec(codec: AudioCodecId) -> String {
    let name = match codec {
        CODEC_ID_AAC => "AAC other than LC, Main, LTP, HE, LD and ELD",
        CODEC_ID_AC3 => "AC-3",
        CODEC_ID_AC4 => "AC-4",
        CODEC_ID_ALAC => "ALAC",
        CODEC_ID_DCA => "DTS",
        CODEC_ID_EAC3 => "E-AC-3",
        CODEC_ID_SPEEX => "Speex",
        CODEC_ID_TRUEHD => "TrueHD",
        CODEC_ID_WAVPACK => "WavPack",
        CODEC_ID_WMA => "WMA",
        other => return format!("{other}"),
    };
    name.into()
}
