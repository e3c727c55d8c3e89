//! Samples in half of their memory.

/// Samples in 16 bits each, relative to the loudest of them, so that quiet and overdriven ones lose nothing that can be
/// heard.
#[derive(Debug)]
pub(super) struct Packed {
    scale: f32,
    values: Vec<i16>,
}

impl Packed {
    pub(super) fn new(samples: &[f32]) -> Self {
        let peak = samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        let scale = if peak > 0.0 { peak / f32::from(i16::MAX) } else { 1.0 };
        let values = samples.iter().map(|sample| (sample / scale).round() as i16).collect();
        Self { scale, values }
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    pub(super) fn unpacked(&self) -> Vec<f32> {
        self.values.iter().map(|&value| f32::from(value) * self.scale).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_any_magnitude_come_back() {
        for peak in [1e-4_f32, 1.0, 1e6] {
            let samples: Vec<f32> = (-50_i16..=50).map(|n| f32::from(n) / 50.0 * peak).collect();
            let packed = Packed::new(&samples);
            assert_eq!(packed.len(), samples.len());
            let close = |(one, other): (&f32, f32)| (one - other).abs() <= peak * 1e-4;
            assert!(samples.iter().zip(packed.unpacked()).all(close), "{peak}");
        }
        assert_eq!(Packed::new(&[0.0, 0.0]).unpacked(), [0.0, 0.0]);
    }
}
