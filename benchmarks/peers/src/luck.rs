//! The same cheap luck for every peer, so that simulators are compared and not generators.

/// SplitMix64.
pub struct Luck(pub u64);

impl Luck {
    /// Exponential with mean 1.
    pub fn exponential(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        -(((z >> 11) as f64 + 0.5) / (1_u64 << 53) as f64).ln()
    }
}
