//! Times of up to days, in cells of 0.4 %.

/// Cells per power of two.
const FINE: u64 = 256;
const FINE_BITS: u32 = 8;
/// Up to 2⁵⁰ ns, thirteen days.
const BITS: u32 = 50;

/// Counts of times in nanoseconds. Exact below 256 ns; above, a quantile is interpolated inside a cell of 1/256.
#[derive(Clone)]
pub(crate) struct Histogram {
    cells: Vec<u32>,
    count: u64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self {
            cells: vec![0; cell(1 << BITS) + 1],
            count: 0,
        }
    }

    #[inline]
    pub(crate) fn add(&mut self, nanos: u64) {
        self.cells[cell(nanos.min(1 << BITS))] += 1;
        self.count += 1;
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (own, other) in self.cells.iter_mut().zip(&other.cells) {
            *own += other;
        }
        self.count += other.count;
    }

    /// The seconds that a share `q` does not exceed; not a number if there is nothing.
    pub(crate) fn quantile(&self, q: f64) -> f64 {
        let rank = q * self.count as f64;
        let mut below = 0.0;
        for (place, count) in self.cells.iter().enumerate() {
            let here = f64::from(*count);
            if here > 0.0 && below + here >= rank {
                let (from, width) = bounds(place);
                let inside = ((rank - below) / here).clamp(0.0, 1.0);
                return (from + width * inside) / 1e9;
            }
            below += here;
        }
        f64::NAN
    }
}

fn cell(nanos: u64) -> usize {
    if nanos < FINE {
        return nanos as usize;
    }
    let octave = 63 - nanos.leading_zeros();
    let inside = (nanos >> (octave - FINE_BITS)) & (FINE - 1);
    (u64::from(octave - FINE_BITS + 1) * FINE + inside) as usize
}

/// Where a cell begins and how wide it is. That of no time at all has no width.
fn bounds(place: usize) -> (f64, f64) {
    let place = place as u64;
    if place < FINE {
        return (place as f64, if place == 0 { 0.0 } else { 1.0 });
    }
    let width = (1_u64 << (place / FINE - 1)) as f64;
    ((FINE + place % FINE) as f64 * width, width)
}
