//! Damaged, odd and hostile WAV files: one test for each id of the bad-input catalogue, W1 to W28; the others are in `odd_files`.
//!
//! Each file is built in code. A refused file is compared by full message and kind, an accepted one by its samples
//! and warnings.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers outside of test functions"
)]

use slm_tests::wav::{
    FLOAT, PCM, accepted, chunk, extensible, fmt, mono, ramp, ramp_samples, refused, riff, sized, wav,
};

const FFMPEG: &str = "convert with: ffmpeg -i IN -c:a pcm_s16le OUT.wav";

#[test]
fn w01_empty_or_too_short() {
    refused(b"", "not_audio", "file is empty (0 bytes)");
    refused(b"RIFF\0", "not_audio", "file is too short to be audio (5 bytes)");
}

#[test]
fn w02_other_content() {
    let error = refused(b"Dear diary, today", "not_audio", "not an audio file: content looks like text");
    assert!(error.hint().unwrap().starts_with("supported: WAV"));
    refused(b"<!DOCTYPE html><html>", "not_audio", "not an audio file: content looks like HTML");
    refused(
        &[0x3c, 0x21, 0x44, 0x4f, 0, 1, 2, 3, 4, 5, 6, 7],
        "not_audio",
        "not an audio file: unrecognised format, first bytes `3c 21 44 4f`",
    );
    refused(
        b"ID3\x04\0\0\0\0\0\0\0\0\0",
        "corrupt",
        "no audio can be decoded, the MP3 data is damaged or cut off",
    );
    let error = refused(
        b"#!AMR\n\x04\x10\0\0\0\0\0\0",
        "unsupported_codec",
        "content looks like AMR, which is not supported",
    );
    assert_eq!(error.hint().as_deref(), Some(FFMPEG));
}

#[test]
fn w03_other_riff() {
    refused(b"RIFF\x10\0\0\0AVI LIST\0\0\0\0", "not_audio", "RIFF file of type `AVI `, expected `WAVE`");
    refused(b"RIFX\0\0\0\x10WAVEfmt \0\0\0\0", "unsupported_codec", "big-endian WAV (RIFX) is not supported");
}

#[test]
fn w04_header_cut_off() {
    let whole = wav(&mono(), &ramp(4));
    refused(&whole[..26], "truncated", "WAV header is cut off in the `fmt ` chunk at byte 26");
    refused(&whole[..15], "truncated", "WAV header is cut off in a chunk header at byte 15");
    refused(&whole[..36], "corrupt", "WAV file has no data chunk");
    refused(&whole[..12], "corrupt", "WAV file has no data chunk");
}

#[test]
fn w05_truncated_data() {
    let file = wav(&mono(), &vec![0; 320_000]);
    let warning = ["data ends after 3.20 s, header says 10.00 s"];
    assert_eq!(accepted(&file[..44 + 102_400], &warning).len(), 51_200);
    // In the middle of a sample, and of a frame.
    assert_eq!(accepted(&file[..44 + 102_401], &warning).len(), 51_200);
    let stereo = wav(&fmt(PCM, 2, 16_000, 16), &vec![0; 640_000]);
    assert_eq!(accepted(&stereo[..44 + 204_802], &warning).len(), 51_200);
}

#[test]
fn w06_wrong_riff_size() {
    for size in [0, 3, 40, 0x7fff_0000, u32::MAX] {
        let mut file = wav(&mono(), &ramp(9));
        file[4..8].copy_from_slice(&size.to_le_bytes());
        assert_eq!(accepted(&file, &[]), ramp_samples(9));
    }
}

#[test]
fn w07_unknown_data_size() {
    for size in [u32::MAX, u32::MAX - 1, 0xffff_ffdb] {
        let data = sized(*b"data", size, &ramp(1600));
        let mut file = riff(&[chunk(*b"fmt ", &mono()), data]);
        file[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(accepted(&file, &[]), ramp_samples(1600));
    }
    let file = riff(&[chunk(*b"fmt ", &mono()), sized(*b"data", 0, &ramp(1600))]);
    let warning = ["data size is 0 in the header, using the 3200 bytes that follow"];
    assert_eq!(accepted(&file, &warning), ramp_samples(1600));
}

#[test]
fn w08_partial_last_frame() {
    let mut data = ramp(9);
    data.push(7);
    let warning = ["1 byte after the last whole frame ignored"];
    assert_eq!(accepted(&wav(&mono(), &data), &warning), ramp_samples(9));
    let stereo = wav(&fmt(PCM, 2, 16_000, 16), &ramp(9));
    let warning = ["2 bytes after the last whole frame ignored"];
    assert_eq!(accepted(&stereo, &warning).len(), 4);
}

#[test]
fn w09_zero_frames() {
    let warning = ["no audio samples"];
    assert!(accepted(&wav(&mono(), &[]), &warning).is_empty());
    let resampled = wav(&fmt(PCM, 1, 48_000, 16), &[]);
    assert!(accepted(&resampled, &warning).is_empty());
    // Followed by metadata, it is not an unfinished recording.
    let tagged =
        riff(&[chunk(*b"fmt ", &mono()), chunk(*b"data", &[]), chunk(*b"LIST", b"INFOIART\x04\0\0\0me\0\0")]);
    assert!(accepted(&tagged, &warning).is_empty());
}

#[test]
fn w10_few_samples() {
    for count in [1, 2, 159, 160, 399, 400] {
        let samples = accepted(&wav(&mono(), &ramp(count)), &[]);
        assert_eq!(samples, ramp_samples(count));
        let resampled = accepted(&wav(&fmt(PCM, 1, 8_000, 16), &ramp(count)), &[]);
        assert_eq!(resampled.len(), samples.len() * 2);
    }
}

#[test]
fn w11_zero_channels() {
    let file = wav(&fmt(PCM, 0, 16_000, 16), &ramp(4));
    refused(&file, "corrupt", "header says 0 channels");
}

#[test]
fn w12_too_many_channels() {
    let file = wav(&fmt(PCM, u16::MAX, 16_000, 16), &ramp(4));
    refused(&file, "limit", "65535 channels, limit is 64");
    let file = wav(&fmt(PCM, 65, 16_000, 16), &ramp(4));
    refused(&file, "limit", "65 channels, limit is 64");
    let file = wav(&fmt(PCM, 64, 16_000, 16), &ramp(64));
    assert_eq!(accepted(&file, &[]).len(), 1);
}

#[test]
fn w13_rate_zero() {
    let file = wav(&fmt(PCM, 1, 0, 16), &ramp(4));
    let text = "sample rate is 0 Hz, allowed are 1000 to 768000 Hz";
    refused(&file, "limit", text);
}

#[test]
fn w14_absurd_rates() {
    for rate in [1, 999, 768_001, 4_000_000_000, 4_294_967_291] {
        let file = wav(&fmt(PCM, 1, rate, 16), &ramp(4));
        let text = format!("sample rate is {rate} Hz, allowed are 1000 to 768000 Hz");
        refused(&file, "limit", &text);
    }
    let file = wav(&fmt(PCM, 1, 1_000, 16), &ramp(4));
    assert_eq!(accepted(&file, &[]).len(), 64);
}

#[test]
fn w15_wrong_sizes() {
    let mut odd = mono();
    odd[8..14].copy_from_slice(&[1, 2, 3, 4, 5, 6]);
    assert_eq!(accepted(&wav(&odd, &ramp(9)), &[]), ramp_samples(9));
    for bits in [0, 12, 13, 64, 255] {
        let file = wav(&fmt(PCM, 1, 16_000, bits), &ramp(4));
        let text = format!("{bits}-bit PCM is not supported");
        refused(&file, "unsupported_codec", &text);
    }
}

#[test]
fn w16_8_bit() {
    let file = wav(&fmt(PCM, 1, 16_000, 8), &[0, 128, 192]);
    assert_eq!(accepted(&file, &[]), [-1.0, 0.0, 0.5]);
}

#[test]
fn w17_24_bit() {
    let packed = [0, 0, 0x80, 0, 0, 0x40];
    let expected = [-1.0, 0.5];
    let file = wav(&fmt(PCM, 1, 16_000, 24), &packed);
    assert_eq!(accepted(&file, &[]), expected);
    // 20 valid bits in 24, and 24 in 32, both left-justified.
    let file = wav(&extensible(PCM, 1, 24, 20, 4), &packed);
    assert_eq!(accepted(&file, &[]), expected);
    let file = wav(&extensible(PCM, 1, 32, 24, 4), &[0, 0, 0, 0x80, 0, 0, 0, 0x40]);
    assert_eq!(accepted(&file, &[]), expected);
    let mut ambiguous = fmt(PCM, 1, 16_000, 24);
    ambiguous[12] = 4;
    refused(
        &wav(&ambiguous, &[0; 8]),
        "unsupported_codec",
        "24-bit samples in 4-byte containers need WAVE_FORMAT_EXTENSIBLE",
    );
    let mut ambiguous = extensible(PCM, 1, 24, 24, 4);
    ambiguous[12] = 4;
    refused(
        &wav(&ambiguous, &[0; 8]),
        "unsupported_codec",
        "24-bit samples in 4-byte containers need 32 container bits in the header",
    );
}

#[test]
fn w18_wide_samples() {
    let ints: Vec<u8> = [i32::MIN, 1 << 30].into_iter().flat_map(i32::to_le_bytes).collect();
    let file = wav(&fmt(PCM, 1, 16_000, 32), &ints);
    assert_eq!(accepted(&file, &[]), [-1.0, 0.5]);
    let floats: Vec<u8> = [0.1_f32, -0.25].into_iter().flat_map(f32::to_le_bytes).collect();
    for fmt in [fmt(FLOAT, 1, 16_000, 32), extensible(FLOAT, 1, 32, 32, 4)] {
        assert_eq!(accepted(&wav(&fmt, &floats), &[]), [0.1, -0.25]);
    }
    let doubles: Vec<u8> = [0.1_f64, -0.25].into_iter().flat_map(f64::to_le_bytes).collect();
    assert_eq!(accepted(&wav(&fmt(FLOAT, 1, 16_000, 64), &doubles), &[]), [0.1, -0.25]);
    let file = wav(&fmt(FLOAT, 1, 16_000, 16), &[0; 16]);
    let error = refused(&file, "unsupported_codec", "16-bit float WAV is not supported");
    assert_eq!(error.hint().as_deref(), Some(FFMPEG));
    let file = wav(&fmt(PCM, 1, 16_000, 64), &[0; 16]);
    refused(&file, "unsupported_codec", "64-bit PCM is not supported");
}

#[test]
fn w19_non_finite_samples() {
    let mut samples = vec![0.5_f32; 32_000];
    for n in 0..17 {
        samples[19_744 + n] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY][n % 3];
    }
    for (rate, seconds) in [(16_000, "1.234"), (48_000, "0.411")] {
        let data: Vec<u8> = samples.iter().flat_map(|x| x.to_le_bytes()).collect();
        let file = wav(&fmt(FLOAT, 1, rate, 32), &data);
        let text = format!("17 non-finite samples, first at {seconds} s");
        refused(&file, "nonfinite", &text);
    }
    let file = wav(&fmt(FLOAT, 1, 16_000, 32), &f32::NAN.to_le_bytes());
    refused(&file, "nonfinite", "1 non-finite sample, first at 0.000 s");
}

#[test]
fn w20_loud_samples() {
    let float = fmt(FLOAT, 1, 16_000, 32);
    for value in [1.5_f32, -300.0, 1e6, f32::MIN_POSITIVE / 2.0] {
        let samples = accepted(&wav(&float, &value.to_le_bytes()), &[]);
        assert_eq!(samples, [value]);
        let data = value.to_le_bytes().repeat(3000);
        accepted(&wav(&fmt(FLOAT, 1, 44_100, 32), &data), &[]);
    }
    let file = wav(&float, &1e38_f32.to_le_bytes());
    let text = "sample value 1e38 at 0.000 s, limit is 1e6";
    refused(&file, "limit", text);
}

#[test]
fn w21_companded() {
    // Loudest, quietest and a value between, of both signs.
    let a_law = ([0xaa, 0x2a, 0xd5, 0x55, 0x80], [32_256, -32_256, 8, -8, 5_504]);
    let mu_law = ([0x80, 0x00, 0xff, 0x7f, 0x8f], [32_124, -32_124, 0, 0, 16_764]);
    for (tag, (bytes, values)) in [(6, a_law), (7, mu_law)] {
        let short = fmt(tag, 1, 16_000, 8);
        let long = [short.clone(), vec![0, 0]].concat();
        for fmt in [short, long, extensible(tag, 1, 8, 8, 4)] {
            assert_eq!(
                accepted(&wav(&fmt, &bytes), &[]),
                values.map(|value: i16| f32::from(value) / 32_768.0)
            );
        }
    }
}

#[test]
fn w22_other_codecs() {
    for (tag, name) in [(0x31, "0x0031 (GSM 6.10)"), (0x55, "0x0055 (MP3)"), (0x1234, "0x1234")] {
        let file = wav(&fmt(tag, 1, 16_000, 0), &[0; 8]);
        let text = format!("WAV codec {name} is not supported");
        let error = refused(&file, "unsupported_codec", &text);
        assert_eq!(error.hint().as_deref(), Some(FFMPEG));
    }
    // ADPCM is read, in blocks that make sense.
    let file = wav(&fmt(0x02, 1, 16_000, 0), &[0; 8]);
    let text = "ADPCM with blocks of 0 bytes for 1 channels is not supported";
    refused(&file, "unsupported_codec", text);
}

#[test]
fn w23_odd_channel_mask() {
    for mask in [0, 0x55, u32::MAX] {
        let file = wav(&extensible(PCM, 1, 16, 16, mask), &ramp(9));
        assert_eq!(accepted(&file, &[]), ramp_samples(9));
    }
}

#[test]
fn w24_eight_channels() {
    let file = wav(&fmt(PCM, 8, 16_000, 16), &ramp(16));
    let means = [4.5 / 32_768.0, 12.5 / 32_768.0];
    assert_eq!(accepted(&file, &[]), means);
}

#[test]
fn w25_192_khz() {
    let file = wav(&fmt(PCM, 1, 192_000, 16), &vec![0; 2 * 192_000]);
    assert_eq!(accepted(&file, &[]).len(), 16_000);
    let file = wav(&fmt(PCM, 1, 192_000, 16), &vec![0; 2 * 100_001]);
    assert_eq!(accepted(&file, &[]).len(), 8_334);
}

#[test]
fn w26_same_rate_is_bit_exact() {
    let values = [0.1_f32, -0.0, 1e-40, -0.999_999_9];
    let data: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    let samples = accepted(&wav(&fmt(FLOAT, 1, 16_000, 32), &data), &[]);
    for (sample, value) in samples.iter().zip(values) {
        assert_eq!(sample.to_bits(), value.to_bits());
    }
    assert_eq!(samples.len(), values.len());
}

#[test]
fn w27_chunk_order_and_padding() {
    let (fmt_chunk, data) = (chunk(*b"fmt ", &mono()), chunk(*b"data", &ramp(9)));
    let padded = [chunk(*b"junk", b"odd"), vec![0]].concat();
    let others = [
        padded,
        chunk(*b"junk", b"odd"),
        chunk(*b"fact", &[9, 0]),
        chunk(*b"fact", &[9, 0, 0, 0, 0, 0, 0, 0]),
        chunk(*b"LIST", b"INFO"),
    ];
    for other in others {
        let between = riff(&[fmt_chunk.clone(), other.clone(), data.clone()]);
        assert_eq!(accepted(&between, &[]), ramp_samples(9));
        let before = riff(&[other, fmt_chunk.clone(), data.clone()]);
        assert_eq!(accepted(&before, &[]), ramp_samples(9));
    }
    let two_data = riff(&[fmt_chunk.clone(), data.clone(), chunk(*b"data", &ramp(4))]);
    assert_eq!(accepted(&two_data, &[]), ramp_samples(9));
    let two_fmt = riff(&[fmt_chunk.clone(), fmt_chunk.clone(), data.clone()]);
    refused(&two_fmt, "corrupt", "two `fmt ` chunks");
    let data_first = riff(&[data, fmt_chunk]);
    refused(&data_first, "corrupt", "no `fmt ` chunk before `data`");
}

#[test]
fn w28_chunk_past_the_end() {
    let list = sized(*b"LIST", 4_294_967_280, &[0; 208]);
    let file = riff(&[chunk(*b"fmt ", &mono()), list]);
    refused(&file, "corrupt", "chunk `LIST` claims 4294967280 bytes, file has 208 left");
    let item = chunk(*b"LIST", b"INFOIART\xf0\xff\xff\xffme\0\0");
    let file = riff(&[chunk(*b"fmt ", &mono()), item, chunk(*b"data", &ramp(9))]);
    assert_eq!(accepted(&file, &[]), ramp_samples(9));
}
