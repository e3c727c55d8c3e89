//! Tests of the reader as a whole: encodings, mixing, properties. The damaged files of the bad-input catalogue are
//! in the package `slm-tests`.

use proptest::prelude::*;

use super::*;

const PCM: u16 = 1;
const FLOAT: u16 = 3;

/// A plain WAV file.
fn wav(tag: u16, channels: u16, rate: u32, bits: u16, data: &[u8]) -> Vec<u8> {
    let align = channels.wrapping_mul(bits / 8);
    let mut file = b"RIFF".to_vec();
    file.extend((data.len() as u32 + 36).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0");
    file.extend(tag.to_le_bytes());
    file.extend(channels.to_le_bytes());
    file.extend(rate.to_le_bytes());
    file.extend(rate.wrapping_mul(u32::from(align)).to_le_bytes());
    file.extend(align.to_le_bytes());
    file.extend(bits.to_le_bytes());
    file.extend(b"data");
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    file
}

fn read_wav(bytes: &[u8]) -> Result<Audio, AudioError> {
    read_bytes(bytes, Path::new("talk.wav"))
}

fn bits(samples: &[f32]) -> Vec<u32> {
    samples.iter().map(|sample| sample.to_bits()).collect()
}

#[test]
fn every_encoding_uses_its_full_scale() {
    let eight = read_wav(&wav(PCM, 1, 16_000, 8, &[0, 64, 128, 192, 255])).unwrap();
    assert_eq!(eight.samples, [-1.0, -0.5, 0.0, 0.5, 127.0 / 128.0]);
    let sixteen: Vec<u8> =
        [i16::MIN, -16_384, 0, 1, i16::MAX].iter().flat_map(|value| value.to_le_bytes()).collect();
    let sixteen = read_wav(&wav(PCM, 1, 16_000, 16, &sixteen)).unwrap();
    let step = 1.0 / 32_768.0;
    assert_eq!(sixteen.samples, [-1.0, -0.5, 0.0, step, 1.0 - step]);
    let packed = [0, 0, 0x80, 0, 0, 0xc0, 0, 0, 0x40];
    let packed = read_wav(&wav(PCM, 1, 16_000, 24, &packed)).unwrap();
    assert_eq!(packed.samples, [-1.0, -0.5, 0.5]);
    let wide: Vec<u8> = [i32::MIN, 1 << 30, 0].iter().flat_map(|value| value.to_le_bytes()).collect();
    let wide = read_wav(&wav(PCM, 1, 16_000, 32, &wide)).unwrap();
    assert_eq!(wide.samples, [-1.0, 0.5, 0.0]);
    for audio in [eight, sixteen, packed, wide] {
        assert!(audio.warnings.is_empty());
    }
}

#[test]
fn floats_pass_bit_by_bit() {
    let values = [0.1, -0.0, f32::MIN_POSITIVE / 8.0, -1.75, 1e6];
    let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let audio = read_wav(&wav(FLOAT, 1, 16_000, 32, &data)).unwrap();
    assert_eq!(bits(&audio.samples), bits(&values));
}

#[test]
fn channels_are_averaged() {
    let frames: [i16; 6] = [100, 300, -8, 8, i16::MIN, i16::MIN];
    let data: Vec<u8> = frames.iter().flat_map(|value| value.to_le_bytes()).collect();
    let audio = read_wav(&wav(PCM, 2, 16_000, 16, &data)).unwrap();
    assert_eq!(audio.samples, [200.0 / 32_768.0, 0.0, -1.0]);
    assert!((audio.seconds() - 3.0 / 16_000.0).abs() < 1e-12);
}

#[test]
fn streams_equal_files() {
    let file = wav(PCM, 1, 8_000, 16, &[7; 4000]);
    let whole = read_wav(&file).unwrap();
    let options = ReadOptions::default();
    let mut stream = AudioStream::from_reader(Cursor::new(file), Path::new("-"), &options).unwrap();
    let mut samples = Vec::new();
    while let Some(piece) = stream.next_piece().unwrap() {
        samples.extend(piece);
    }
    assert_eq!((samples, stream.take_warnings()), (whole.samples, whole.warnings));
    let endless = AudioStream::from_reader(std::io::repeat(0), Path::new("/dev/zero"), &options);
    assert_eq!(endless.unwrap_err().kind(), ErrorKind::NotAudio);
}

#[test]
fn errors_show_path_problem_and_source() {
    let error = read_wav(&wav(PCM, 1, 0, 16, &[0; 4])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read audio `talk.wav`: sample rate is 0 Hz, allowed are 1000 to 768000 Hz"
    );
    assert_eq!(error.kind().as_str(), "limit");
    assert!(error.hint().is_none());
    assert!(std::error::Error::source(&error).is_none());
    let error = read(Path::new("/nonexistent/talk.wav")).unwrap_err();
    assert_eq!(error.to_string(), "cannot read audio `/nonexistent/talk.wav`: no such file");
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn a_walk_over_too_many_chunks_ends() {
    let mut file = b"RIFF\0\0\0\0WAVE".to_vec();
    for _ in 0..65 {
        file.extend(b"junk\0\0\0\0");
    }
    let error = read_wav(&file).unwrap_err();
    assert!(error.to_string().ends_with("more than 64 chunks before the data"));
}

proptest! {
    #[test]
    fn any_bytes_return(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = read_wav(&bytes);
    }

    #[test]
    fn any_chunks_return(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut file = b"RIFF\0\0\0\0WAVE".to_vec();
        file.extend(bytes);
        let _ = read_wav(&file);
    }

    #[test]
    fn any_format_returns(
        fmt in proptest::collection::vec(any::<u8>(), 16..41),
        size in any::<u32>(),
        data in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let mut file = b"RIFF\0\0\0\0WAVEfmt ".to_vec();
        file.extend((fmt.len() as u32).to_le_bytes());
        file.extend(fmt);
        file.extend(b"data");
        file.extend(size.to_le_bytes());
        file.extend(data);
        let _ = read_wav(&file);
    }

    #[test]
    fn mutated_files_return(
        position in 0_usize..144,
        value in any::<u8>(),
        cut in 0_usize..=144,
        rate in prop_oneof![Just(16_000_u32), Just(8_000), Just(44_100)],
    ) {
        let mut file = wav(FLOAT, 2, rate, 32, &[0; 100]);
        file[position] = value;
        file.truncate(cut);
        if let Ok(audio) = read_wav(&file) {
            prop_assert!(audio.samples.iter().all(|sample| sample.is_finite()));
        }
    }

    #[test]
    fn valid_samples_round_trip(values in proptest::collection::vec(any::<i16>(), 0..400)) {
        let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let audio = read_wav(&wav(PCM, 1, SAMPLE_RATE, 16, &data)).unwrap();
        let back: Vec<i16> = audio.samples.iter().map(|x| (x * 32_768.0) as i16).collect();
        prop_assert_eq!(back, values);
    }

    #[test]
    fn resampling_keeps_duration(len in 0_usize..3000, hundreds in 10_u32..1_000) {
        // Rates with a large common divisor: co-prime ones need long transforms, slow without optimisation.
        let rate = hundreds * 100;
        let audio = read_wav(&wav(PCM, 1, rate, 16, &vec![1; len * 2])).unwrap();
        let expected = len as f64 / f64::from(rate);
        prop_assert!((audio.seconds() - expected).abs() <= 1.0 / f64::from(SAMPLE_RATE));
    }
}

/// The checksum of FLAC with this polynomial, over so many bits.
fn checksum(bytes: &[u8], polynomial: u32, width: u32) -> u32 {
    bytes.iter().fold(0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte) << (width - 8), |sum: u32, _| {
            let carry = sum >> (width - 1) & 1;
            ((sum << 1) ^ (carry * polynomial)) & ((1 << width) - 1)
        })
    })
}

/// Half a minute of FLAC at 16 kHz, 120 frames of samples as they are.
fn flac() -> Vec<u8> {
    let mut file = b"fLaC\x80\0\0\x22\x0f\xa0\x0f\xa0\0\0\0\0\0\0\x03\xe8\0\xf0\0\x07\x53\0".to_vec();
    file.extend([0; 16]);
    for number in 0..120_u8 {
        let mut frame = vec![0xff, 0xf8, 0x70, 0x08, number, 0x0f, 0x9f];
        frame.push(checksum(&frame, 0x07, 8) as u8);
        frame.push(2);
        for place in 0..4_000_u32 {
            let sample = (u32::from(number) * 4_000 + place).wrapping_mul(2_654_435_761) >> 18;
            frame.extend((sample as i16).to_be_bytes());
        }
        frame.extend((checksum(&frame, 0x8005, 16) as u16).to_be_bytes());
        file.extend(frame);
    }
    file
}

/// A reader that counts what is read.
struct Counted<'c>(Cursor<Vec<u8>>, &'c std::sync::atomic::AtomicUsize);

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.0.read(buffer)?;
        self.1.fetch_add(count, std::sync::atomic::Ordering::Relaxed);
        Ok(count)
    }
}

impl Seek for Counted<'_> {
    fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
        self.0.seek(to)
    }
}

/// A second from `start` on, and what was odd.
fn second_from(source: Source<'_>, start: f64) -> (Vec<f32>, Vec<AudioWarning>) {
    let options = ReadOptions { start, duration: Some(1.0), ..ReadOptions::default() };
    let mut stream = stream::open(source, &options).unwrap();
    let mut samples = Vec::new();
    while let Some(piece) = stream.next_piece().unwrap() {
        samples.extend(piece);
    }
    (samples, stream.take_warnings())
}

#[test]
fn what_is_before_the_start_is_jumped_over() {
    let file = flac();
    let whole = read_bytes(&file, Path::new("talk.flac")).unwrap();
    assert_eq!((whole.samples.len(), whole.warnings.len()), (480_000, 0));
    for start in [0.0, 5.1, 14.3, 21.217, 28.9] {
        let count = std::sync::atomic::AtomicUsize::new(0);
        let source = Source::file(Counted(Cursor::new(file.clone()), &count)).unwrap();
        let first = (start * 16_000.0_f64).round() as usize;
        let expected = &whole.samples[first..first + 16_000];
        let (samples, warnings) = second_from(source, start);
        assert!(samples == expected && warnings.is_empty(), "{start}");
        let read = count.into_inner();
        assert!(read < 400_000, "{start}: {read} of {} bytes", file.len());
        // What cannot seek is read from its start on.
        assert!(second_from(Source::pipe(file.as_slice()), start).0 == expected, "{start}");
    }
}

#[test]
fn a_damaged_file_is_read_from_its_start_where_a_jump_fails() {
    let mut file = flac();
    let whole = read_bytes(&file, Path::new("talk.flac")).unwrap();
    // Frames without a beginning in the second half, but for the last two.
    let frame = 8_011;
    for number in 60..118 {
        let place = 42 + number * frame;
        file[place..place + frame].fill(0);
    }
    let (samples, warnings) = second_from(Source::file(Cursor::new(file)).unwrap(), 29.5);
    assert!(samples == whole.samples[472_000..]);
    assert_eq!(warnings, []);
}
