//! What the frozen encoder made of audio, kept by the audio's content, so that several requests about one recording
//! encode it once.

use std::collections::HashMap;
use std::mem::size_of;
use std::sync::{Arc, Mutex, PoisonError};

use crate::checkpoint::hash::sha256;
use crate::ctc::EncoderOutput;
use crate::nn::CtcFrame;

/// SHA-256 of the samples.
type Key = String;

/// Encoder outputs by content. When they take more than the limit, those that were not asked for longest go.
#[derive(Debug)]
pub(crate) struct EncoderCache {
    limit: u64,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    outputs: HashMap<Key, Entry>,
    bytes: u64,
    /// Counts what was asked for; an entry has the count of its last time.
    clock: u64,
    /// Outputs that were found.
    hits: u64,
}

#[derive(Debug)]
struct Entry {
    output: Arc<EncoderOutput>,
    bytes: u64,
    used: u64,
}

impl EncoderCache {
    /// One that keeps at most `limit` bytes; 0 keeps nothing.
    pub(crate) fn new(limit: u64) -> Self {
        Self { limit, kept: Mutex::default() }
    }

    /// The key of `samples`; `None` where nothing is kept, so that nothing need be hashed.
    pub(crate) fn key(&self, samples: &[f32]) -> Option<Key> {
        (self.limit > 0).then(|| sha256(bytemuck::cast_slice(samples)))
    }

    /// The output with this key.
    pub(crate) fn get(&self, key: &Key) -> Option<Arc<EncoderOutput>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clock += 1;
        let clock = kept.clock;
        let entry = kept.outputs.get_mut(key)?;
        entry.used = clock;
        let output = Arc::clone(&entry.output);
        kept.hits += 1;
        Some(output)
    }

    /// Keeps an output, where it fits at all.
    pub(crate) fn insert(&self, key: Key, output: &Arc<EncoderOutput>) {
        let bytes = size(output);
        if bytes > self.limit {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clock += 1;
        let used = kept.clock;
        let entry = Entry { output: Arc::clone(output), bytes, used };
        if let Some(old) = kept.outputs.insert(key, entry) {
            kept.bytes -= old.bytes;
        }
        kept.bytes += bytes;
        while kept.bytes > self.limit {
            let oldest = kept.outputs.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone());
            let Some(gone) = oldest.and_then(|key| kept.outputs.remove(&key)) else { break };
            kept.bytes -= gone.bytes;
        }
    }

    /// How often an output was found.
    pub(crate) fn hits(&self) -> u64 {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).hits
    }
}

/// Bytes of an output.
fn size(output: &EncoderOutput) -> u64 {
    let speech = &output.speech;
    let posteriors = output.posteriors.as_ref().map_or(0, |all| all.frames() * all.labels());
    let values = (speech.states.len() + posteriors) * size_of::<f32>();
    (values + speech.ctc.len() * size_of::<CtcFrame>()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::EncodedSpeech;

    fn output(values: usize) -> Arc<EncoderOutput> {
        let speech = EncodedSpeech { states: vec![0.5; values], width: 1, ctc: Vec::new(), blank: 0 };
        Arc::new(EncoderOutput { speech, posteriors: None })
    }

    #[test]
    fn content_is_the_key_and_the_oldest_goes() {
        let cache = EncoderCache::new(100);
        let keys: Vec<Key> = [0.1, 0.2, 0.3].iter().map(|&value| cache.key(&[value]).unwrap()).collect();
        assert_ne!(keys[0], keys[1]);
        cache.insert(keys[0].clone(), &output(10));
        cache.insert(keys[1].clone(), &output(10));
        assert!(cache.get(&keys[0]).is_some());
        // 120 bytes are too many: the second one was not asked for since.
        cache.insert(keys[2].clone(), &output(10));
        assert!(cache.get(&keys[1]).is_none());
        assert!(cache.get(&keys[0]).is_some() && cache.get(&keys[2]).is_some());
        assert_eq!(cache.hits(), 3);
        cache.insert(keys[1].clone(), &output(26));
        assert!(cache.get(&keys[1]).is_none());
    }

    #[test]
    fn without_room_nothing_is_hashed() {
        assert!(EncoderCache::new(0).key(&[0.1]).is_none());
    }
}
