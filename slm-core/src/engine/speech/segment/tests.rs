//! Tests of the cuts.

use std::f32::consts::PI;

use super::*;

const RATE: usize = SAMPLE_RATE as usize;

/// Syllables of a quarter second with a little noise: something that stands out of quiet.
fn speech(seconds: f64) -> Vec<f32> {
    (0..(seconds * RATE as f64) as usize)
        .map(|n| {
            let t = n as f32 / RATE as f32;
            let voice: f32 = (1..12).map(|k| (2.0 * PI * 140.0 * k as f32 * t).sin() / k as f32).sum();
            0.1 * voice * (PI * 4.0 * t).sin().abs() + 1e-4 * (n as f32 * 12.9898).sin()
        })
        .collect()
}

fn stretches(samples: &[f32], piece: usize, segmentation: &Segmentation, longest: f64) -> Vec<Stretch> {
    let mut cutter = Cutter::new(segmentation, longest, Doubtful::IsQuiet);
    let mut found = Vec::new();
    for piece in samples.chunks(piece) {
        cutter.push(piece);
        found.extend(std::iter::from_fn(|| cutter.next()));
    }
    cutter.finish();
    found.extend(std::iter::from_fn(|| cutter.next()));
    found
}

fn cuts(stretches: &[Stretch]) -> Vec<&Cut> {
    stretches
        .iter()
        .filter_map(|stretch| match stretch {
            Stretch::Speech(cut) => Some(cut),
            Stretch::Quiet(_) => None,
        })
        .collect()
}

/// All of the samples are in one stretch or another, in order.
fn check_cover(stretches: &[Stretch], samples: usize) {
    let mut at = 0.0;
    for stretch in stretches {
        let (start, end) = match stretch {
            Stretch::Speech(cut) => (seconds(cut.own.start), seconds(cut.own.end)),
            Stretch::Quiet(quiet) => (quiet.start, quiet.end),
        };
        assert!((start - at).abs() < 1e-9 && end > start, "{start} after {at}");
        at = end;
    }
    assert!((at - seconds(samples)).abs() < 1e-9, "{at}");
}

fn with_pauses() -> Vec<f32> {
    let mut samples = vec![0.0; 5 * RATE];
    for pause in [0.8, 1.0, 3.0] {
        samples.extend(speech(2.0));
        samples.resize(samples.len() + (pause * RATE as f64) as usize, 0.0);
    }
    samples
}

#[test]
fn cuts_fall_in_pauses_and_all_is_accounted_for() {
    let samples = with_pauses();
    let found = stretches(&samples, samples.len(), &Segmentation::default(), 30.0);
    check_cover(&found, samples.len());
    let cuts = cuts(&found);
    assert_eq!(cuts.len(), 3);
    for (cut, start) in cuts.iter().zip([5.0, 7.8, 10.8]) {
        let (from, to) = (seconds(cut.own.start), seconds(cut.own.end));
        assert!((start - 0.3..=start + 0.1).contains(&from), "{from}");
        assert!((start + 1.8..=start + 2.3).contains(&to), "{to}");
        assert_eq!(cut.samples, samples[cut.start..cut.start + cut.samples.len()]);
    }
}

#[test]
fn pieces_are_cut_as_the_whole() {
    let mut samples = with_pauses();
    samples.extend(speech(47.0));
    samples.extend(vec![0.0; 40 * RATE]);
    samples.extend(speech(1.0));
    for longest in [4.0, 30.0] {
        let whole = stretches(&samples, samples.len(), &Segmentation::default(), longest);
        let speech: Vec<Cut> = cuts(&whole).into_iter().cloned().collect();
        for piece in [160, 7_777, 160_000] {
            let found = stretches(&samples, piece, &Segmentation::default(), longest);
            check_cover(&found, samples.len());
            assert!(cuts(&found).into_iter().eq(&speech), "{piece}, {longest}");
        }
        assert!(speech.iter().all(|cut| seconds(cut.samples.len()) <= longest + 0.7), "{longest}");
    }
}

#[test]
fn what_two_segments_share_is_told_apart() {
    // Without any pause the sound around a cut belongs to both.
    let samples: Vec<f32> = (0..30 * RATE).map(|n| 0.05 * (n as f32 * 0.9).sin()).collect();
    let mut cutter = Cutter::new(&Segmentation::default(), 5.0, Doubtful::StandsOut);
    cutter.push(&samples);
    cutter.finish();
    let found: Vec<Stretch> = std::iter::from_fn(|| cutter.next()).collect();
    check_cover(&found, samples.len());
    let cuts = cuts(&found);
    assert!(cuts.len() >= 6);
    for pair in cuts.windows(2) {
        let shared = pair[0].start + pair[0].samples.len();
        assert_eq!(pair[0].own.end, pair[1].own.start);
        assert_eq!(shared - pair[1].start, 2 * OVERLAP * HOP);
    }
    let all = joined(&cuts.into_iter().cloned().collect::<Vec<_>>()).unwrap();
    assert_eq!(all.samples, samples[all.own.clone()]);
}

#[test]
fn short_clips_stay_as_they_are() {
    let mut samples = vec![0.0; RATE / 5];
    samples.extend(speech(1.5));
    samples.extend(vec![0.0; RATE / 5]);
    let found = stretches(&samples, 500, &Segmentation::default(), 30.0);
    assert!(matches!(found.as_slice(), [Stretch::Speech(cut)] if cut.samples == samples));
}

#[test]
fn what_is_no_speech_is_told_by_its_kind() {
    let hum: Vec<f32> =
        (0..6 * RATE).map(|n| 0.03 * (2.0 * PI * 50.0 * n as f32 / RATE as f32).sin()).collect();
    let kind = |samples: &[f32]| match stretches(samples, 999, &Segmentation::default(), 30.0).as_slice() {
        [Stretch::Quiet(quiet)] => Some(quiet.kind),
        _ => None,
    };
    assert_eq!(kind(&vec![0.0; 6 * RATE]), Some(QuietKind::Silence));
    assert_eq!(kind(&hum), Some(QuietKind::Sound));
    assert!(stretches(&[], 1, &Segmentation::default(), 30.0).is_empty());
}

#[test]
fn without_looking_for_speech_all_but_digital_silence_is_cut() {
    let segmentation = Segmentation { finds_speech: false, ..Segmentation::default() };
    let mut samples: Vec<f32> = (0..45 * RATE).map(|n| 0.1 * (n as f32 * 0.3).sin()).collect();
    let found = stretches(&samples, 3_000, &segmentation, 30.0);
    check_cover(&found, samples.len());
    assert_eq!(cuts(&found).len(), 2);
    samples.fill(0.0);
    assert!(cuts(&stretches(&samples, 3_000, &segmentation, 30.0)).is_empty());
}

#[test]
fn halves_meet_in_the_quietest_place() {
    let mut samples = speech(2.0);
    samples.extend(vec![0.0; RATE / 4]);
    samples.extend(speech(2.0));
    let cut = Cut { start: 100, own: 100..100 + samples.len(), samples, parts: Vec::new() };
    let [first, second] = <[Cut; 2]>::try_from(halves(&cut)).unwrap();
    assert!((1.9..2.4).contains(&seconds(first.samples.len())));
    assert_eq!((first.own.end, second.own.end), (second.start, cut.own.end));
    // Neither what is short nor what has no pause is cut.
    for seconds in [0.5, 3.0] {
        let samples = speech(seconds);
        assert_eq!(halves(&Cut { start: 0, own: 0..samples.len(), samples, parts: Vec::new() }).len(), 1);
    }
}
