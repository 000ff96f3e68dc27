//! Random numbers for the shapes of days: the same for the same seed everywhere.

/// `SplitMix64` (Steele, Lea and Flood, *Fast splittable pseudorandom number generators*, 2014).
pub struct Luck(u64);

impl Luck {
    /// For a day of this class and seed.
    pub fn new(class: &str, seed: u64) -> Self {
        let mix = |h: u64, b: u8| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3);
        Self(
            class.bytes().fold(0xcbf2_9ce4_8422_2325, mix)
                ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        )
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From `low` to `high`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// With mean 0 and variance 1 (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        let (u, v) = (self.between(1e-300, 1.0), self.between(0.0, 1.0));
        libm::sqrt(-2.0 * libm::log(u)) * libm::cos(std::f64::consts::TAU * v)
    }

    /// With this mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * libm::log(self.between(1e-300, 1.0))
    }
}
