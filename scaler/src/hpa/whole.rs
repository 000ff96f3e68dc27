//! Metrics of the whole: of one object, or from outside.

use super::metric::{Basis, CUSTOM, Context, EXTERNAL, MetricError, Proposal, Whole, series};
use crate::{MetricId, Phase, ReadyState, Sample};

pub(super) fn object(
    name: &str,
    at: &str,
    id: &MetricId,
    target: Option<Whole>,
    with: &Context<'_>,
) -> Result<Proposal, MetricError> {
    let fail = |event: String, error: String| MetricError {
        reason: "FailedGetObjectMetric",
        error: format!("failed to get object metric value: {error}"),
        event,
    };
    let read = || {
        series(id, CUSTOM, with.metrics)
            .map(|all| all[0].value.milli())
            .map_err(|why| format!("unable to get metric {name} on {at}: {why}"))
    };
    match target {
        Some(Whole::Value(target)) => read()
            .and_then(|usage| value(usage, target, with))
            .map_err(|why| fail(why.clone(), why)),
        Some(Whole::Average(target)) => {
            read()
                .map(|usage| average(usage, target, with))
                .map_err(|why| {
                    fail(
                        why.clone(),
                        format!("failed to get {name} object metric: {why}"),
                    )
                })
        }
        None => {
            let why = "invalid object metric source: neither a value target nor an average value target was set".to_owned();
            Err(fail(why.clone(), why))
        }
    }
}

pub(super) fn external(
    name: &str,
    id: &MetricId,
    target: Option<Whole>,
    with: &Context<'_>,
) -> Result<Proposal, MetricError> {
    let fail = |event: String, error: String| MetricError {
        reason: "FailedGetExternalMetric",
        error: format!("failed to get {name} external metric value: {error}"),
        event,
    };
    let read = || {
        series(id, EXTERNAL, with.metrics)
            .map_err(|why| format!("unable to get external metric {name}: {why}"))
    };
    match target {
        Some(Whole::Average(target)) => {
            let all = read().map_err(|why| {
                fail(
                    why.clone(),
                    format!("failed to get {name} external metric: {why}"),
                )
            })?;
            // Upstream's test for an overflow also catches a negative sum: it then counts as the most there is.
            let sum = all.iter().try_fold(0_i64, |sum, sample| {
                let sum = sum.checked_add(sample.value.milli())?;
                (sum >= 0).then_some(sum)
            });
            Ok(average(sum.unwrap_or(i64::MAX), target, with))
        }
        Some(Whole::Value(target)) => read()
            .and_then(|all| value(sum(all), target, with))
            .map_err(|why| {
                fail(
                    why.clone(),
                    format!("failed to get external metric {name}: {why}"),
                )
            }),
        None => {
            let why = "invalid external metric source: neither a value target nor an average value target was set".to_owned();
            Err(fail(why.clone(), why))
        }
    }
}

/// The sum of all series. Once it is as high as it can be, it stays so.
fn sum(all: &[Sample]) -> i64 {
    let sum = all.iter().try_fold(0_i64, |sum, sample| {
        let value = sample.value.milli();
        match sum.checked_add(value) {
            None if value > 0 => Err(i64::MAX),
            sum => Ok(sum.unwrap_or(i64::MIN)),
        }
    });
    sum.unwrap_or_else(|most| most)
}

/// `usage` as a whole against a target: the ready pods times the ratio; from none, the ratio itself.
fn value(usage: i64, target: i64, with: &Context<'_>) -> Result<Proposal, String> {
    let ratio = usage as f64 / target as f64;
    let proposal = |replicas, ready| Proposal {
        replicas,
        basis: Basis::Value {
            usage,
            target,
            ratio,
            ready,
        },
    };
    if with.cur == 0 {
        return Ok(proposal(ratio.ceil() as i32, None));
    }
    if with.tolerance.holds(ratio) {
        return Ok(proposal(with.cur, None));
    }
    let pods = &with.seen.replicas;
    if pods.is_empty() {
        return Err("no pods returned by selector while calculating replica count".into());
    }
    let ready = pods
        .iter()
        .filter(|pod| pod.phase == Phase::Running && pod.ready.state == ReadyState::True)
        .count();
    Ok(proposal((ratio * ready as f64).ceil() as i32, Some(ready)))
}

/// `usage` against so much per replica: pods are not looked at, and the replicas that exist stay if it is near enough.
fn average(usage: i64, target: i64, with: &Context<'_>) -> Proposal {
    let ratio = usage as f64 / (target as f64 * f64::from(with.status));
    let replicas = if with.tolerance.holds(ratio) {
        with.status
    } else {
        (usage as f64 / target as f64).ceil() as i32
    };
    Proposal {
        replicas,
        basis: Basis::Average {
            usage,
            target,
            replicas: with.status,
        },
    }
}
