//! Titles of the charts of latency.

use super::{Finding, total_above_s};
use crate::analysis::{Analysis, Breach, SafeRate};
use crate::words::{self, clock, ms, percent, seconds};

pub(super) fn hero(run: &Analysis) -> Finding {
    let limit = ms(run.about.limit_ms);
    if run.percentiles.is_empty() {
        return Finding::new("Load, latency and capacity", "There is no latency to show.");
    }
    let Some(first) = run.breaches.first() else {
        let room = run.tightest.as_ref().map_or_else(String::new, |t| {
            let at = clock(t.at_s);
            match t.headroom.filter(|h| *h >= 0.0) {
                Some(room) => format!(
                    "{} {}, with {} of room at {at}.",
                    t.service,
                    t.did(),
                    percent(room)
                ),
                None => format!("{} {}, at {at}.", t.service, t.did()),
            }
        });
        return Finding::new(
            format!("Latency stayed within {limit} from start to end"),
            room,
        );
    };
    let above = seconds(total_above_s(run));
    let phase = run
        .phases
        .iter()
        .find(|p| p.from_s <= first.from_s && first.from_s < p.to_s);
    let place = match (run.breaches.len(), phase) {
        (1, Some(phase)) if run.phases.len() > 1 => format!(" in the phase {}", phase.name),
        (1, _) => format!(" at {}", clock(first.from_s)),
        (n, _) => format!(" in {n} spans"),
    };
    let cause = match run.breaches.iter().find_map(|b| b.split.as_ref()) {
        Some(split) => format!(
            ": load outran the {} replicas that were ready",
            split.service
        ),
        None => String::new(),
    };
    let worst = run
        .breaches
        .iter()
        .max_by(|a, b| a.worst_ms.total_cmp(&b.worst_ms))
        .unwrap_or(first);
    Finding::new(
        format!("Latency left its limit of {limit} for {above}{place}{cause}"),
        format!(
            "It was worst at {}, with {} at {}.",
            clock(worst.worst_at_s),
            ms(worst.worst_ms),
            words::quantile(run.about.share)
        ),
    )
}

pub(super) fn breach(breach: &Breach) -> Option<Finding> {
    let split = breach.split.as_ref()?;
    let parts = [
        (split.not_seen, "until it was seen"),
        (split.starting, "until enough replicas were ready"),
        (split.clearing, "until the queue was cleared"),
    ];
    let longest = parts
        .iter()
        .max_by(|a, b| a.0.length_s().total_cmp(&b.0.length_s()))?;
    let said: Vec<String> = parts
        .iter()
        .map(|(span, what)| format!("{} {what}", seconds(span.length_s())))
        .collect();
    Some(Finding::new(
        format!("Most of the time went by {}", longest.1),
        format!("{}: {}.", split.service, said.join(", ")),
    ))
}

pub(super) fn knee(run: &Analysis) -> Finding {
    let Some(service) = run.shown_service() else {
        return Finding::new(
            "Latency against load",
            format!("No service was {}.", run.about.world.seen()),
        );
    };
    let name = &service.name;
    // At the beginning of a sentence.
    let a_name = words::with_article(name).replacen('a', "A", 1);
    match &service.safe {
        SafeRate::Measured { rps } => Finding::new(
            format!(
                "{a_name} replica takes {} req/s within its limit",
                words::rate(*rps)
            ),
            format!(
                "As {}: there the curve through the run's windows meets {}.",
                run.about.world.seen(),
                ms(service.limit_ms)
            ),
        ),
        SafeRate::Throughput { rps, full_rps } => Finding::new(
            format!(
                "{a_name} replica takes about {} req/s, by what it served at its fullest",
                words::rate(*rps)
            ),
            format!(
                "With all slots held it served {} req/s; 85 % of that is safe. The scenario's work times alone would not say so.",
                words::rate(*full_rps)
            ),
        ),
        SafeRate::Model { rps } => Finding::new(
            format!(
                "{a_name} replica takes about {} req/s, by its work times",
                words::rate(*rps)
            ),
            format!(
                "Not {}: the run shows no knee, because it was hardly ever, or not only by load, over the limit.",
                run.about.world.seen()
            ),
        ),
        SafeRate::Unknown { why } => Finding::new(
            format!("Latency against load of {name}"),
            format!("No safe rate: {why}."),
        ),
    }
}

pub(super) fn percentiles(run: &Analysis) -> Finding {
    let tail = run
        .total
        .p50_ms
        .zip(run.total.p99_ms)
        .filter(|(p50, _)| *p50 > 0.0);
    let Some((p50, p99)) = tail else {
        return Finding::new(
            "Latency by percentile",
            "There are too few requests for a p99.",
        );
    };
    let sentence = run
        .total
        .p999_ms
        .map_or_else(String::new, |p| format!("p99.9 is {}.", ms(p)));
    Finding::new(
        format!(
            "Half took {} or less, one in a hundred {} or more",
            ms(p50),
            ms(p99)
        ),
        sentence,
    )
}

/// Two humps: of the whole run's rows a valley with at most a third of the lower of the peaks on both sides.
pub(super) fn heatmap(run: &Analysis) -> Finding {
    let rows = run.heatmap.edges_ms.len().saturating_sub(1);
    let sum = |row: usize| {
        run.heatmap
            .counts
            .iter()
            .filter_map(|c| c.get(row))
            .sum::<u64>()
    };
    let sums: Vec<u64> = (0..rows).map(sum).collect();
    let all: u64 = sums.iter().sum();
    let valley = (1..rows.saturating_sub(1)).find_map(|v| {
        let low = sums[..v].iter().enumerate().max_by_key(|(_, n)| **n)?;
        let high = sums[v + 1..].iter().enumerate().max_by_key(|(_, n)| **n)?;
        let lower = *low.1.min(high.1);
        (lower >= 50 && lower * 50 >= all && sums[v] * 3 <= lower)
            .then_some((low.0, v + 1 + high.0))
    });
    match valley {
        Some((low, high)) => Finding::new(
            format!(
                "Two kinds of answers: around {} and around {}",
                ms(run.heatmap.edges_ms[low]),
                ms(run.heatmap.edges_ms[high])
            ),
            "Percentiles hide it: there is a valley between them.",
        ),
        None => Finding::new("All latencies over time", ""),
    }
}
