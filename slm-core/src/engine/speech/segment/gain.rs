//! Quiet segments are raised. The logarithm of a mel energy has a floor (2^-24 in NeMo's recipe, more in others), so that
//! speech at -50 dBFS loses its soft sounds in it, and a recogniser that was trained on speech of usual loudness mishears.

use crate::audio::activity::HOP;

/// Level of the loud frames of a segment below which it is raised, in decibels of full scale.
const QUIET_LEVEL: f32 = -40.0;
/// The level that they are raised to.
const RAISED_LEVEL: f32 = -25.0;
/// Share of the frames that are not louder than the level of a segment.
const LOUD_SHARE: usize = 10;

/// Raises a segment that is quiet, without clipping it.
pub(super) fn raise_quiet(samples: &mut [f32]) {
    let mut powers: Vec<f32> = samples
        .chunks(HOP)
        .map(|frame| frame.iter().map(|sample| sample * sample).sum::<f32>() / frame.len() as f32)
        .collect();
    powers.sort_unstable_by(f32::total_cmp);
    let Some(loud) = powers
        .get((powers.len() - powers.len() / LOUD_SHARE).saturating_sub(1))
        .filter(|power| **power > 0.0)
    else {
        return;
    };
    let level = 10.0 * loud.log10();
    if level >= QUIET_LEVEL {
        return;
    }
    let peak = samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    let gain = 10.0_f32.powf((RAISED_LEVEL - level) / 20.0).min(1.0 / peak);
    // One that has a click at full scale stays as it is.
    if gain > 1.0 {
        samples.iter_mut().for_each(|sample| *sample *= gain);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(amplitude: f32) -> Vec<f32> {
        (0..16_000).map(|n| amplitude * (n as f32 * 0.3).sin()).collect()
    }

    #[test]
    fn quiet_sound_is_raised_and_usual_sound_is_not() {
        let mut quiet = tone(1e-3);
        raise_quiet(&mut quiet);
        let peak = quiet.iter().fold(0.0_f32, |peak, sample| peak.max(*sample));
        assert!((0.07..0.09).contains(&peak), "{peak}");
        let mut usual = tone(0.1);
        raise_quiet(&mut usual);
        assert_eq!(usual, tone(0.1));
    }

    #[test]
    fn nothing_is_clipped_and_silence_stays() {
        let mut clicks = tone(1e-3);
        clicks[500] = 0.9;
        raise_quiet(&mut clicks);
        assert!(clicks.iter().all(|sample| sample.abs() <= 1.0));
        let mut silence = vec![0.0; 1_000];
        raise_quiet(&mut silence);
        assert_eq!(silence, vec![0.0; 1_000]);
        raise_quiet(&mut []);
    }
}
