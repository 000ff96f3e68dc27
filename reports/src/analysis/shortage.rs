//! Where a service was short of replicas.

use super::{ServiceInterval, Span};

/// Load is above capacity only if it is so beyond what chance does: two standard deviations of the count.
const BEYOND_CHANCE: f64 = 2.0;
/// From this share turned away on a service is short, if it is more than one request.
const SHED_SHARE: f64 = 0.01;
/// From this share of slots held on a service is full.
const FULL: f64 = 0.9;

/// Where a service was short: its load was above capacity beyond what chance does, it turned requests away, or it was full in
/// two windows in a row and not all was `fine` (within the limit, and everything served). One full window is chance: at a
/// high speed it is not even a second of the world's time, and a few long requests fill it.
pub(super) fn shortages(
    windows: &[ServiceInterval],
    speed: f64,
    fine: impl Fn(&ServiceInterval) -> bool,
) -> Vec<Span> {
    let full = |index: usize| {
        let window = windows.get(index);
        window.is_some_and(|w| w.busy.is_some_and(|busy| busy >= FULL) && !fine(w))
    };
    let full_for_long = |i: usize| full(i) && (full(i + 1) || i.checked_sub(1).is_some_and(full));
    let mut spans: Vec<Span> = Vec::new();
    for (index, window) in windows.iter().enumerate() {
        if !(is_overloaded(window, speed) || sheds(window, speed) || full_for_long(index)) {
            continue;
        }
        match spans.last_mut() {
            Some(span) if (span.to_s - window.from_s).abs() < 1e-6 => span.to_s = window.to_s,
            _ => spans.push(Span {
                from_s: window.from_s,
                to_s: window.to_s,
            }),
        }
    }
    spans
}

fn is_overloaded(window: &ServiceInterval, speed: f64) -> bool {
    let loads = window.load_rps.zip(window.capacity_rps);
    loads.is_some_and(|(load, capacity)| {
        load - capacity > BEYOND_CHANCE * (load / world_s(window, speed)).sqrt()
    })
}

fn sheds(window: &ServiceInterval, speed: f64) -> bool {
    let loads = window.load_rps.zip(window.shed_rps);
    loads.is_some_and(|(load, shed)| {
        shed >= SHED_SHARE * load && libm::round(shed * world_s(window, speed)) >= 2.0
    })
}

/// A window's length in seconds of the world's time, never zero.
pub(super) fn world_s(window: &ServiceInterval, speed: f64) -> f64 {
    ((window.to_s - window.from_s) / speed).max(1e-9)
}

/// Requests turned away in the windows that begin in some spans.
pub(super) fn turned_away(windows: &[ServiceInterval], spans: &[Span], speed: f64) -> u64 {
    let inside = |w: &&ServiceInterval| {
        let mut spans = spans.iter();
        spans.any(|s| s.from_s <= w.from_s && w.from_s < s.to_s)
    };
    let shed = |w: &ServiceInterval| w.shed_rps.unwrap_or(0.0) * world_s(w, speed);
    let all: f64 = windows.iter().filter(inside).map(shed).sum();
    libm::round(all) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortage_is_more_than_chance() {
        let window = |(i, (load, ready)): (usize, &(f64, u32))| ServiceInterval {
            load_rps: Some(*load),
            capacity_rps: Some(f64::from(*ready) * 10.0),
            ..ServiceInterval::empty(i as f64 * 15.0, (i + 1) as f64 * 15.0)
        };
        let rows = [(30.0, 4), (41.0, 4), (80.0, 4), (90.0, 4), (90.0, 9)];
        let windows: Vec<ServiceInterval> = rows.iter().enumerate().map(window).collect();
        let span = Span {
            from_s: 30.0,
            to_s: 60.0,
        };
        assert_eq!(shortages(&windows, 1.0, |_| true), [span]);
    }

    #[test]
    fn a_service_that_sheds_or_is_full_and_slow_is_short_whatever_the_model_says() {
        // Windows of fifteen seconds at 20 requests per second, with room for 100.
        let with = |i: i32, shed: f64, busy: f64| ServiceInterval {
            load_rps: Some(20.0),
            shed_rps: Some(shed),
            busy: Some(busy),
            capacity_rps: Some(100.0),
            ..ServiceInterval::empty(f64::from(i) * 15.0, f64::from(i + 1) * 15.0)
        };
        let one = |shed: f64, busy: f64| vec![with(0, shed, busy)];
        let full = |n: i32| (0..n).map(|i| with(i, 0.0, 0.9)).collect::<Vec<_>>();
        let no_data = vec![ServiceInterval::empty(0.0, 15.0)];
        for (why, windows, speed, fine, short_s) in [
            ("calm", one(0.0, 0.5), 1.0, true, 0.0),
            ("three of 300 turned away", one(0.2, 0.5), 1.0, false, 15.0),
            (
                "two of 300: under one per cent",
                one(2.0 / 15.0, 0.5),
                1.0,
                false,
                0.0,
            ),
            (
                "one of 15 at speed 20",
                one(4.0 / 3.0, 0.5),
                20.0,
                false,
                0.0,
            ),
            (
                "two of 15 at speed 20",
                one(8.0 / 3.0, 0.5),
                20.0,
                false,
                15.0,
            ),
            ("full and slow, once", full(1), 1.0, false, 0.0),
            ("full and slow, twice", full(2), 1.0, false, 30.0),
            ("full and well", full(2), 1.0, true, 0.0),
            ("no data is no shortage", no_data, 1.0, false, 0.0),
        ] {
            let spans = shortages(&windows, speed, |_| fine);
            let length: f64 = spans.iter().map(Span::length_s).sum();
            assert_eq!(length, short_s, "{why}");
        }
    }

    #[test]
    fn what_is_turned_away_is_counted_while_short() {
        let window = |i: i32, shed: f64| ServiceInterval {
            shed_rps: Some(shed),
            ..ServiceInterval::empty(f64::from(i) * 15.0, f64::from(i + 1) * 15.0)
        };
        let windows = [
            window(0, 9.0),
            window(1, 2.0),
            window(2, 4.0),
            window(3, 9.0),
        ];
        let span = Span {
            from_s: 15.0,
            to_s: 45.0,
        };
        assert_eq!(turned_away(&windows, &[span], 1.0), 90);
        assert_eq!(turned_away(&windows, &[span], 20.0), 5, "4.5 rounded");
        assert_eq!(turned_away(&windows, &[], 1.0), 0);
    }
}
