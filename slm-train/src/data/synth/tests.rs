//! Tests of takes and corpora. Those that speak need `espeak-ng` and `flite`, which CI installs.

use std::fs;

use super::*;

fn corpus(len: u64) -> Vec<Line> {
    (0..len).map(|id| Line { id, text: format!("Utterance number {id} is spoken.") }).collect()
}

#[test]
fn plan_depends_on_seed_and_index_only() {
    let takes: Vec<Take> = (0..50).map(|i| plan(1, i, VoiceSet::Known)).collect();
    for (index, take) in takes.iter().enumerate().rev() {
        assert_eq!(*take, plan(1, index as u64, VoiceSet::Known));
        assert_ne!(*take, plan(2, index as u64, VoiceSet::Known));
    }
    assert!(takes.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn plan_has_the_stated_shares_and_ranges() {
    let takes: Vec<Take> = (0..4000).map(|i| plan(5, i, VoiceSet::Known)).collect();
    let share = |wanted: fn(&Take) -> bool| {
        takes.iter().filter(|take| wanted(take)).count() as f64 / takes.len() as f64
    };
    assert!((share(|take| take.noise.is_some()) - 0.4).abs() < 0.03);
    assert!((share(|take| take.room.is_some()) - 0.3).abs() < 0.03);
    assert!((share(|take| take.noise.is_none() && take.room.is_none()) - 0.4).abs() < 0.03);
    for take in &takes {
        assert!((135..=190).contains(&take.rate_wpm));
        assert!((0.85..=1.15).contains(&take.pitch));
        assert!((-6.0..=6.0).contains(&take.gain_db));
    }
    for voice in voices(VoiceSet::Known) {
        assert!(takes.iter().any(|take| take.voice == voice), "{}", voice.name);
    }
}

#[test]
fn the_voice_does_not_depend_on_augmentation() {
    let take = plan(3, 8, VoiceSet::Unseen);
    let clean = take.clone().clean();
    assert_eq!((take.voice, take.rate_wpm), (clean.voice, clean.rate_wpm));
    assert!(clean.noise.is_none() && clean.room.is_none());
}

#[test]
fn trim_keeps_a_tenth_of_a_second() {
    let mut samples = vec![0f32; 8000];
    samples.extend(vec![0.5f32; 1600]);
    samples.extend(vec![0f32; 8000]);
    assert_eq!(trim(&samples).len(), 1600 + 2 * KEPT_SILENCE);
    assert_eq!(trim(&samples[8000..9600]).len(), 1600);
    assert!(trim(&[0.0; 500]).is_empty());
    assert!(trim(&[]).is_empty());
}

#[test]
fn files_are_named_by_content() {
    let take = plan(1, 7, VoiceSet::Known);
    let line = |text: &str| Line { id: 7, text: text.to_owned() };
    let name = store::file_name(&line("a"), &take);
    assert!(name.starts_with("000007-"), "{name}");
    assert_eq!(std::path::Path::new(&name).extension().and_then(|e| e.to_str()), Some("wav"), "{name}");
    assert_eq!(name.len(), "000007-00000000.wav".len());
    assert_eq!(name, store::file_name(&line("a"), &take));
    assert_ne!(name, store::file_name(&line("b"), &take));
    assert_ne!(name, store::file_name(&line("a"), &plan(2, 7, VoiceSet::Known)));
}

#[test]
fn cut_files_are_not_intact() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    assert_eq!(store::intact_duration(&path), None);
    write_wav(&path, &[0.1; 1600]).unwrap();
    let duration = store::intact_duration(&path).unwrap();
    assert!((duration - 0.1).abs() < 1e-9);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 2]).unwrap();
    assert_eq!(store::intact_duration(&path), None);
}

#[test]
fn equal_ids_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config =
        SynthConfig { out_dir: folder.path().to_owned(), seed: 1, voices: VoiceSet::Known, augment: true };
    let mut lines = corpus(2);
    lines[1].id = 0;
    let error = run(&lines, &config, &|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "two lines have the id 0");
}

#[test]
fn every_voice_speaks_and_repeats_itself() {
    for set in [VoiceSet::Known, VoiceSet::Unseen] {
        for (index, voice) in voices(set).iter().enumerate() {
            let mut take = plan(9, index as u64, set);
            take.voice = voice;
            let samples = speak("Where is the nearest station?", &take).unwrap();
            let seconds = samples.len() as f64 / f64::from(SAMPLE_RATE);
            assert!((1.0..4.0).contains(&seconds), "{}: {seconds} s", voice.name);
            assert!(samples.iter().all(|sample| sample.abs() <= PEAK + 1e-6));
            let rms = power(&samples).sqrt();
            assert!((0.015..0.2).contains(&rms), "{}: {rms}", voice.name);
            assert_eq!(samples, speak("Where is the nearest station?", &take).unwrap());
        }
    }
}

#[test]
fn a_run_resumes() {
    let folder = tempfile::tempdir().unwrap();
    let config =
        SynthConfig { out_dir: folder.path().to_owned(), seed: 4, voices: VoiceSet::Unseen, augment: true };
    let lines = corpus(4);
    let spoken = |progress: &(dyn Fn(usize) + Sync)| -> Vec<Recording> {
        run(&lines, &config, progress).unwrap().into_iter().map(Result::unwrap).collect()
    };
    let first = spoken(&|_: usize| ());
    let bytes: Vec<Vec<u8>> = first.iter().map(|r| fs::read(&r.path).unwrap()).collect();
    // One file lost, one cut, and scratch of a run that was killed.
    fs::remove_file(&first[1].path).unwrap();
    fs::write(&first[2].path, &bytes[2][..100]).unwrap();
    let scratch = folder.path().join("wav/000009-00000000.wav.tmp");
    fs::write(&scratch, b"RIFF").unwrap();

    let done = AtomicUsize::new(0);
    let count = |_: usize| {
        done.fetch_add(1, Ordering::Relaxed);
    };
    assert_eq!(spoken(&count), first);
    assert_eq!(done.into_inner(), 4);
    assert!(!scratch.exists());
    for (recording, bytes) in first.iter().zip(&bytes) {
        assert_eq!(&fs::read(&recording.path).unwrap(), bytes);
    }
}

#[test]
fn a_bad_line_is_named_and_does_not_end_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let config =
        SynthConfig { out_dir: folder.path().to_owned(), seed: 4, voices: VoiceSet::Known, augment: false };
    let mut lines = corpus(6);
    lines.insert(2, Line { id: 17, text: "?!".to_owned() });
    let done = AtomicUsize::new(0);
    let count = |_: usize| {
        done.fetch_add(1, Ordering::Relaxed);
    };
    let spoken = run(&lines, &config, &count).unwrap();
    assert_eq!((spoken.len(), done.into_inner()), (7, 7));
    for (line, recording) in lines.iter().zip(spoken) {
        match recording {
            Ok(recording) => assert!(line.id != 17 && recording.path.is_file()),
            Err(error) => {
                assert_eq!(line.id, 17);
                assert!(error.to_string().starts_with("cannot speak line 17: nothing to say"), "{error}");
            }
        }
    }
}
