//! What a replica takes with all its slots held, as the run itself shows it.

use super::ServiceInterval;

/// From this share of slots held on, what is served says what a full replica takes.
const BUSY_ENOUGH: f64 = 0.7;
/// Fewer windows are chance.
const FEWEST_WINDOWS: usize = 4;
/// So are fewer requests: the longest of them hold their slots many times as long as the others.
const FEWEST_SERVED: f64 = 100.0;
/// A model this far from the measurement (lower and upper factor) is of another mix of requests: the measurement counts.
const MODEL_HOLDS: (f64, f64) = (0.6, 1.7);
/// The safe rate's share of a measured full rate: above it, queues grow faster than a policy sees them.
const SAFE: f64 = 0.85;

/// Requests per second and replica with all slots held: all that was served ÷ all (ready × busy), over the windows with at
/// least 70 % of the slots held; nothing with fewer than four of them or a hundred requests. `world_s` is a window's length
/// in the world's time.
///
/// It is the utilisation law (Denning and Buzen, 1978): throughput = busy slots ÷ mean time that a slot is held. Sums are
/// taken and not the median of the windows' own rates, because a few long requests fill a short window and end in the next:
/// at speed 20 the median was a quarter above what the sums and the work times both said.
///
/// Windows that are `disturbed` do not count: where another service is full or broken, slots are held waiting for it, and
/// what is measured is the other's rate.
pub(super) fn full_rate(
    windows: &[ServiceInterval],
    disturbed: impl Fn(usize) -> bool,
    world_s: impl Fn(&ServiceInterval) -> f64,
) -> Option<f64> {
    let (mut count, mut served, mut held) = (0, 0.0, 0.0);
    for (_, window) in windows.iter().enumerate().filter(|(i, _)| !disturbed(*i)) {
        let Some(busy) = window.busy.filter(|b| *b >= BUSY_ENOUGH) else {
            continue;
        };
        let (Some(ready), Some(rate)) = (window.ready.filter(|n| *n > 0), window.served_rps) else {
            continue;
        };
        let length = world_s(window);
        count += 1;
        served += rate * length;
        held += f64::from(ready) * busy.min(1.0) * length;
    }
    (count >= FEWEST_WINDOWS && served >= FEWEST_SERVED).then(|| served / held)
}

/// The safe rate of a measured full rate where it counts: where there is no model, or one that is far off.
pub(super) fn safe_rate(measured: Option<f64>, model: Option<f64>) -> Option<f64> {
    let measured = measured?;
    let holds = |model: f64| (MODEL_HOLDS.0 * model..=MODEL_HOLDS.1 * model).contains(&measured);
    (!model.is_some_and(holds)).then_some(measured * SAFE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(served_rps: f64, ready: u32, busy: f64) -> ServiceInterval {
        ServiceInterval {
            served_rps: Some(served_rps),
            ready: Some(ready),
            busy: Some(busy),
            ..ServiceInterval::empty(0.0, 1.0)
        }
    }

    /// Of three windows of ten seconds at ten requests per second and replica with all slots held, and `more`.
    fn with(more: &[ServiceInterval]) -> Option<f64> {
        let mut all = vec![
            window(20.0, 2, 1.0),
            window(8.0, 1, 0.8),
            window(27.0, 3, 0.9),
        ];
        all.extend_from_slice(more);
        full_rate(&all, |_| false, |_| 10.0)
    }

    #[test]
    fn the_full_rate_is_that_of_busy_windows() {
        let no_replicas = window(8.0, 0, 0.8);
        let unknown = ServiceInterval {
            ready: None,
            ..window(8.0, 1, 0.8)
        };
        for (why, more, meant) in [
            ("three windows", vec![], None),
            ("the fourth", vec![window(7.0, 1, 0.7)], Some(10.0)),
            (
                "an idle one does not count",
                vec![window(50.0, 1, 0.6)],
                None,
            ),
            ("nor one without replicas", vec![no_replicas], None),
            ("nor one without data", vec![unknown], None),
            (
                "what ends in the next window is not counted twice",
                vec![window(2.0, 1, 1.0), window(18.0, 1, 1.0)],
                Some(10.0),
            ),
        ] {
            let found = with(&more);
            let same = match (found, meant) {
                (Some(a), Some(b)) => f64::abs(a - b) < 1e-9,
                (a, b) => a == b,
            };
            assert!(same, "{why}: {found:?}");
        }
    }

    #[test]
    fn few_requests_and_disturbed_windows_say_nothing() {
        let all = vec![window(10.0, 1, 1.0); 6];
        let of = |disturbed: usize, length: f64| full_rate(&all, |i| i < disturbed, |_| length);
        assert_eq!(of(0, 10.0), Some(10.0));
        assert_eq!(of(2, 10.0), Some(10.0));
        assert_eq!(of(3, 10.0), None, "three are left");
        assert_eq!(of(0, 1.0), None, "sixty requests");
        assert_eq!(full_rate(&[], |_| false, |_| 1.0), None);
    }

    #[test]
    fn the_measurement_counts_where_the_model_is_far_off() {
        for (measured, model, meant) in [
            (None, Some(10.0), None),
            (None, None, None),
            (Some(10.0), None, Some(8.5)),
            (Some(10.0), Some(10.0), None),
            (Some(10.0), Some(16.0), None),
            (Some(10.0), Some(17.0), Some(8.5)),
            (Some(10.0), Some(6.0), None),
            (Some(10.0), Some(5.8), Some(8.5)),
        ] {
            assert_eq!(safe_rate(measured, model), meant, "{measured:?} {model:?}");
        }
    }
}
