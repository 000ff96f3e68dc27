//! Where latency was above its limit, and why.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DecisionStep, Decisions, PercentileStep, Service, Span};

/// A span in which the SLO's latency quantile was above its limit.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Breach {
    /// When it begins, in seconds of scenario time.
    pub from_s: f64,
    /// When it ends, in seconds of scenario time.
    pub to_s: f64,
    /// The worst latency in it, in ms.
    pub worst_ms: f64,
    /// When that was, in seconds of scenario time.
    pub worst_at_s: f64,
    /// Whether latency came back into its limit before the run's end.
    pub recovered: bool,
    /// Where the time went, if the record can say.
    pub split: Option<BreachSplit>,
}

/// Where the time of a shortage went, one span after the other.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct BreachSplit {
    /// The service that was short.
    pub service: String,
    /// Load was above capacity, and no decision had asked for more yet.
    pub not_seen: Span,
    /// More replicas were asked for, and were not ready yet.
    pub starting: Span,
    /// Capacity was above load again, and the queue was being worked off.
    pub clearing: Span,
}

/// The service that ran out: the one that turned most away, or else the one that was short first; or, if none was short, the
/// one that came closest to it.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Tightest {
    /// Its name.
    pub service: String,
    /// When, in seconds of scenario time.
    pub at_s: f64,
    /// Its headroom then: (capacity − load) ÷ load; nothing if what a replica takes is not known.
    pub headroom: Option<f64>,
    /// For how long it was short in a row then, in seconds; zero if it never was.
    pub short_s: f64,
    /// Requests that it turned away while it was short.
    pub turned_away: u64,
}

impl Breach {
    /// All of them, in the order of time.
    pub(super) fn all(
        steps: &[PercentileStep],
        services: &[Service],
        decisions: &Decisions,
    ) -> Vec<Self> {
        let mut breaches: Vec<Self> = Vec::new();
        for (index, step) in steps.iter().enumerate().filter(|(_, s)| s.above_limit) {
            let worst_ms = step.slo_ms.or(step.p99_ms).or(step.p95_ms).unwrap_or(0.0);
            let recovered = steps[index + 1..].iter().any(|s| !s.above_limit);
            match breaches.last_mut() {
                Some(b) if (b.to_s - step.from_s).abs() < 1e-6 => {
                    b.to_s = step.to_s;
                    b.recovered = recovered;
                    if worst_ms > b.worst_ms {
                        (b.worst_ms, b.worst_at_s) = (worst_ms, step.from_s);
                    }
                }
                _ => breaches.push(Self {
                    from_s: step.from_s,
                    to_s: step.to_s,
                    worst_ms,
                    worst_at_s: step.from_s,
                    recovered,
                    split: None,
                }),
            }
        }
        for breach in &mut breaches {
            breach.split = breach.split_by(services, decisions);
        }
        breaches
    }

    /// Where its time went: by the first shortage, that overlaps it or ends just before it, of the service that turned most
    /// away; of those that turned none away, of the one that was short first.
    fn split_by(&self, services: &[Service], decisions: &Decisions) -> Option<BreachSplit> {
        let (service, short) = services
            .iter()
            .flat_map(|s| s.shortages.iter().map(move |short| (s, *short)))
            .filter(|(_, short)| short.from_s < self.to_s && short.to_s > self.from_s - 1e-6)
            .min_by(|a, b| {
                let worst = b.0.turned_away.cmp(&a.0.turned_away);
                worst.then(a.1.from_s.total_cmp(&b.1.from_s))
            })?;
        let window = self.window_of(service);
        // A decision of the window in which the shortage begins counts as having seen it.
        let seen_s = decisions
            .groups
            .iter()
            .filter(|g| g.workload == service.name)
            .flat_map(|g| &g.steps)
            .filter(|step: &&DecisionStep| step.to > step.from)
            .map(|step| step.at_s)
            .find(|at| *at > short.from_s - window && *at <= short.to_s)
            .map_or(short.to_s, |at| at.clamp(short.from_s, short.to_s));
        let span = |from_s, to_s| Span { from_s, to_s };
        Some(BreachSplit {
            service: service.name.clone(),
            not_seen: span(short.from_s, seen_s),
            starting: span(seen_s, short.to_s),
            clearing: span(short.to_s, self.to_s.max(short.to_s)),
        })
    }

    fn window_of(&self, service: &Service) -> f64 {
        service.windows.first().map_or(0.0, |w| w.to_s - w.from_s)
    }
}

impl Tightest {
    /// The service that ran out; if none did, the one that came closest.
    pub(super) fn of(services: &[Service]) -> Option<Self> {
        let short = services
            .iter()
            .filter_map(|s| Some((s, *s.shortages.first()?)))
            .min_by(|a, b| {
                let worst = b.0.turned_away.cmp(&a.0.turned_away);
                worst.then(a.1.from_s.total_cmp(&b.1.from_s))
            });
        if let Some((service, span)) = short {
            let inside = service
                .windows
                .iter()
                .filter(|w| w.from_s >= span.from_s && w.from_s < span.to_s);
            let headroom = inside
                .filter_map(|w| Some((w.capacity_rps? - w.load_rps?) / w.load_rps?))
                .filter(|h| h.is_finite())
                .reduce(f64::min);
            return Some(Self {
                service: service.name.clone(),
                at_s: span.from_s,
                headroom,
                short_s: span.length_s(),
                turned_away: service.turned_away,
            });
        }
        services
            .iter()
            .filter_map(|s| Some((s, s.least_headroom?)))
            .min_by(|a, b| a.1.share.total_cmp(&b.1.share))
            .map(|(service, least)| Self {
                service: service.name.clone(),
                at_s: least.at_s,
                headroom: Some(least.share),
                short_s: 0.0,
                turned_away: 0,
            })
    }

    /// What it did, for people: "ran out first".
    #[must_use]
    pub fn did(&self) -> &'static str {
        match (self.short_s > 0.0, self.turned_away) {
            (false, _) => "came closest to running out",
            (true, 0) => "ran out first",
            (true, _) => "ran out and turned most away",
        }
    }
}

/// The longest time from leaving the limit to being back in it: zero if it was never left, nothing if it was not
/// come back to or if there is no data.
pub(super) fn recovery_s(steps: &[PercentileStep], breaches: &[Breach]) -> Option<f64> {
    if steps.is_empty() || breaches.iter().any(|b| !b.recovered) {
        return None;
    }
    Some(
        breaches
            .iter()
            .map(|b| b.to_s - b.from_s)
            .fold(0.0, f64::max),
    )
}
