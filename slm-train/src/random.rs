//! Random numbers that depend on a seed and a position alone, so that they can be drawn again.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// A generator for one purpose (`stream`) at one position of the run.
pub fn rng_for(seed: u64, stream: u64, position: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ stream.rotate_left(32));
    rng.set_stream(position);
    rng
}
