//! What one replica takes: measured where the run shows it, else from the scenario's own work times.

use super::{KneeFit, KneePoint, PercentileStep, SafeRate, full};
use crate::record::ServiceHeader;

/// A measured knee must be no further from the model's full rate than this (lower and upper factor): beyond it, it
/// is another service's slowness that was measured.
const BELIEVED: (f64, f64) = (0.3, 1.25);
/// Fewer points say nothing about a curve.
const FEWEST_POINTS: usize = 8;
/// The model's safe rate is at least this share of the full rate: what autoscalers are commonly told to aim at.
const LEAST: f64 = 0.7;
/// The share of requests that a replica may let wait beyond the limit.
const LATE: f64 = 0.01;

/// Points of load per ready replica against p99.
pub(super) fn points(
    steps: &[PercentileStep],
    p99: &[Option<f64>],
    load_per_replica: impl Fn(f64, f64) -> Option<f64>,
    limit_ms: f64,
) -> Vec<KneePoint> {
    let point = |(step, p99): (&PercentileStep, &Option<f64>)| {
        let p99_ms = (*p99)?;
        Some(KneePoint {
            at_s: step.from_s,
            load_rps: load_per_replica(step.from_s, step.to_s)?,
            p99_ms,
            over: p99_ms > limit_ms,
        })
    };
    steps.iter().zip(p99).filter_map(point).collect()
}

/// The curve through the points with the least squared relative error, if they show a knee: enough of them, some
/// within the limit and some over it, and the curve telling those apart.
///
/// For each of a row of guesses of `full`, `floor` and `rise` follow from linear least squares; the best guess wins.
pub(super) fn fit(points: &[KneePoint], limit_ms: f64) -> Option<KneeFit> {
    let over = points.iter().filter(|p| p.over).count();
    if points.len() < FEWEST_POINTS || over < 2 || points.len() - over < FEWEST_POINTS / 2 {
        return None;
    }
    let within = points.iter().filter(|p| !p.over).map(|p| p.load_rps);
    let highest = within.fold(0.0, f64::max);
    let mut best: Option<(f64, KneeFit)> = None;
    for guess in 0..200 {
        // From just above the highest load within the limit to four times it, ever wider apart.
        let full_rps = highest * (1.002 + 3.0 * libm::pow(f64::from(guess) / 199.0, 3.0));
        // Beyond full load the queue only grows: such latencies are of no steady state and lie on no curve.
        let steady: Vec<&KneePoint> = points.iter().filter(|p| p.load_rps < full_rps).collect();
        let Some((floor_ms, rise_ms)) = least_squares(&steady, full_rps) else {
            continue;
        };
        let safe_rps = full_rps * (limit_ms - floor_ms) / (limit_ms - floor_ms + rise_ms);
        let fit = KneeFit {
            floor_ms,
            rise_ms,
            full_rps,
            safe_rps,
        };
        let error = steady
            .iter()
            .map(|p| (fit.at(p.load_rps) / p.p99_ms - 1.0).powi(2))
            .sum::<f64>()
            / steady.len() as f64;
        let better = best.as_ref().is_none_or(|(least, _)| error < *least);
        if better && floor_ms < limit_ms && safe_rps > 0.0 {
            best = Some((error, fit));
        }
    }
    let (_, fit) = best?;
    let right = points
        .iter()
        .filter(|p| p.over == (p.load_rps > fit.safe_rps))
        .count();
    (right * 5 >= points.len() * 4).then_some(fit)
}

/// `floor` and `rise` for a guess of `full`, each point weighing 1 ÷ its latency; nothing unless both are positive.
fn least_squares(points: &[&KneePoint], full: f64) -> Option<(f64, f64)> {
    let (mut aa, mut ab, mut bb, mut ay, mut by) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for p in points {
        let weight = 1.0 / p.p99_ms.max(1e-3);
        let (a, b) = (weight, weight * p.load_rps / (full - p.load_rps));
        aa += a * a;
        ab += a * b;
        bb += b * b;
        ay += a;
        by += b;
    }
    let determinant = aa * bb - ab * ab;
    if determinant.abs() < 1e-12 {
        return None;
    }
    let floor = (ay * bb - by * ab) / determinant;
    let rise = (aa * by - ab * ay) / determinant;
    (floor >= 0.0 && rise > 0.0).then_some((floor, rise))
}

/// What one replica takes within its limit: where the measured curve meets it, else by the throughput measured with
/// most slots held where that is far from the scenario's work times, else by those.
pub(super) fn safe_rate(
    fit: Option<&KneeFit>,
    measured_full: Option<f64>,
    service: &ServiceHeader,
) -> SafeRate {
    let full = service.full_rate.filter(|r| r.is_finite() && *r > 0.0);
    if let Some(fit) = fit {
        let known = measured_full.or(full);
        let believed = known
            .is_none_or(|full| (BELIEVED.0 * full..=BELIEVED.1 * full).contains(&fit.safe_rps));
        if believed {
            return SafeRate::Measured { rps: fit.safe_rps };
        }
    }
    if let Some((rps, full_rps)) = full::safe_rate(measured_full, full).zip(measured_full) {
        return SafeRate::Throughput { rps, full_rps };
    }
    let (Some(full), Some(slots)) = (full, service.slots) else {
        return SafeRate::Unknown {
            why: "the run shows no knee, and the scenario's work times do not say what a replica takes".into(),
        };
    };
    match model(full, slots, service.limit.as_secs_f64()) {
        Some(rps) => SafeRate::Model { rps },
        None => SafeRate::Unknown {
            why: "its work takes longer than its limit, even without load".into(),
        },
    }
}

/// The highest rate at which no more than 1 % wait so long that a request of mean length exceeds the limit, in a
/// queue with `slots` servers (Erlang C): P(wait > t) = C · exp(−(slots·µ − λ)·t). But at least [`LEAST`] of the full rate:
/// the formula is of one replica alone, while balanced replicas share their queues, and the time that a slot is held counts
/// calls, which the limit does not.
fn model(full: f64, slots: u32, limit_s: f64) -> Option<f64> {
    let slots = slots.clamp(1, 10_000);
    let patience = limit_s - f64::from(slots) / full;
    if patience <= 0.0 {
        return None;
    }
    let late = |rate: f64| {
        let spare = full - rate;
        erlang_c(slots, rate / full * f64::from(slots)) * libm::exp(-spare * patience)
    };
    let (mut low, mut high) = (0.0, full);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if late(middle) <= LATE {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low > 0.0).then_some(low.max(LEAST * full))
}

/// The probability that all `slots` are held at `load` Erlangs, from the recursion of Erlang B.
fn erlang_c(slots: u32, load: f64) -> f64 {
    let n = f64::from(slots);
    if load >= n {
        return 1.0;
    }
    let mut b = 1.0;
    for k in 1..=slots {
        b = load * b / (f64::from(k) + load * b);
    }
    n * b / (n - load * (1.0 - b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics::Replicas;
    use std::time::Duration;

    fn on_curve(curve: &KneeFit, loads: &[f64], limit: f64) -> Vec<KneePoint> {
        let point = |load_rps: &f64| {
            let p99_ms = curve.at(*load_rps);
            KneePoint {
                at_s: 0.0,
                load_rps: *load_rps,
                p99_ms,
                over: p99_ms > limit,
            }
        };
        loads.iter().map(point).collect()
    }

    fn service(full_rate: Option<f64>, limit_ms: u64) -> ServiceHeader {
        ServiceHeader {
            slots: Some(2),
            limit: Duration::from_millis(limit_ms),
            policy: "hpa".into(),
            min: Replicas(1),
            max: Replicas(9),
            replicas: Replicas(1),
            start_up: Duration::from_secs(1),
            full_rate,
        }
    }

    #[test]
    fn a_curve_is_found_again() {
        let curve = KneeFit {
            floor_ms: 60.0,
            rise_ms: 20.0,
            full_rps: 100.0,
            safe_rps: 0.0,
        };
        let points = on_curve(
            &curve,
            &[10.0, 20.0, 35.0, 50.0, 60.0, 75.0, 85.0, 92.0, 95.0],
            250.0,
        );
        let fit = fit(&points, 250.0).unwrap();
        assert!((fit.full_rps - 100.0).abs() < 1.5, "{fit:?}");
        assert!((fit.safe_rps - 90.5).abs() < 1.5, "{fit:?}");
        assert!((fit.at(fit.safe_rps) - 250.0).abs() < 1e-6);
    }

    #[test]
    fn no_knee_is_made_up() {
        let curve = KneeFit {
            floor_ms: 60.0,
            rise_ms: 20.0,
            full_rps: 100.0,
            safe_rps: 0.0,
        };
        let calm = on_curve(
            &curve,
            &[5.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0],
            250.0,
        );
        assert_eq!(fit(&calm, 250.0), None, "never over the limit");
        let few = on_curve(&curve, &[10.0, 95.0, 97.0], 250.0);
        assert_eq!(fit(&few, 250.0), None, "three points");
        // Slow at low load, fast at high load: something else made it slow.
        let mut odd = on_curve(
            &curve,
            &[10.0, 12.0, 14.0, 16.0, 60.0, 65.0, 70.0, 75.0],
            250.0,
        );
        for point in &mut odd[..4] {
            (point.p99_ms, point.over) = (900.0, true);
        }
        assert_eq!(fit(&odd, 250.0), None, "the curve does not tell them apart");
    }

    #[test]
    fn without_a_knee_the_model_says_it_or_why_not() {
        let SafeRate::Model { rps } = safe_rate(None, None, &service(Some(100.0), 250)) else {
            panic!("the work times are known");
        };
        assert!((70.0..100.0).contains(&rps), "{rps}");
        // Two slots of 100 ms each leave 20 ms to wait: alone hardly anything would be safe.
        let SafeRate::Model { rps } = safe_rate(None, None, &service(Some(20.0), 120)) else {
            panic!("the work times are known");
        };
        assert!((rps - 14.0).abs() < 1e-9, "{rps}");
        for (why, header) in [
            ("no work times", service(None, 250)),
            ("slower than its limit", service(Some(100.0), 20)),
        ] {
            assert_eq!(safe_rate(None, None, &header).rps(), None, "{why}");
        }
        let elsewhere = KneeFit {
            floor_ms: 1.0,
            rise_ms: 1.0,
            full_rps: 12.0,
            safe_rps: 10.0,
        };
        let safe = safe_rate(Some(&elsewhere), None, &service(Some(100.0), 250));
        assert!(
            matches!(safe, SafeRate::Model { .. }),
            "a tenth of the model is not its own knee"
        );
        let safe = safe_rate(Some(&elsewhere), Some(12.0), &service(Some(100.0), 250));
        assert_eq!(
            safe,
            SafeRate::Measured { rps: 10.0 },
            "it is, if that is what a full replica served"
        );
        let safe = safe_rate(None, Some(12.0), &service(Some(100.0), 250));
        assert!(matches!(safe, SafeRate::Throughput { .. }), "{safe:?}");
    }

    #[test]
    fn erlang_c_agrees_with_known_values() {
        // One server: the probability to wait is the utilisation. Two servers at 1 Erlang: 1/3.
        assert!((erlang_c(1, 0.7) - 0.7).abs() < 1e-12);
        assert!((erlang_c(2, 1.0) - 1.0 / 3.0).abs() < 1e-12);
    }
}
