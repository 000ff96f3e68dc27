//! The small charts of a service's row.

use crate::analysis::{Analysis, Service, ServiceInterval};

use super::hero::replica_steps;
use super::marks::Ink;
use super::panel::{Panel, Rule};
use super::scale::Scale;
use super::timeline::{Timeline, fill, height_of, trace};
use super::words;

const HEIGHT: u32 = 30;

/// What all rows share.
pub(crate) struct Sparks<'a> {
    analysis: &'a Analysis,
    timeline: Timeline,
    /// The scale of p99, one down the column.
    latency: Scale,
    /// The scale of utilisation, one down the column.
    busy: Scale,
}

impl<'a> Sparks<'a> {
    /// For the services of a run.
    pub(crate) fn new(analysis: &'a Analysis) -> Self {
        let services = || analysis.services.iter();
        let all = services().flat_map(|s| s.p99_steps_ms.iter().flatten().copied());
        let lowest = all.clone().fold(f64::INFINITY, f64::min);
        let highest = all.fold(0.0, f64::max);
        let busiest = services().filter_map(|s| s.peak_busy).fold(1.0, f64::max);
        Self {
            analysis,
            timeline: Timeline::of(analysis),
            latency: Scale::latency(analysis.about.limit_ms, lowest, highest),
            busy: Scale::Linear {
                low: 0.0,
                high: busiest,
            },
        }
    }

    fn panel(&self, says: String) -> Panel {
        let mut panel = Panel::new(HEIGHT, says);
        panel.cursor = true;
        for (from, to) in &self.timeline.gaps {
            panel.gaps.extend(self.timeline.band(*from, *to));
        }
        panel
    }

    fn windows(
        service: &Service,
        pick: impl Fn(&ServiceInterval) -> Option<f64>,
    ) -> impl Iterator<Item = (f64, f64, Option<f64>)> {
        service
            .windows
            .iter()
            .map(move |w| (w.from_s, w.to_s, pick(w)))
    }

    /// Load, on a scale of its own.
    pub(crate) fn load(&self, service: &Service) -> Panel {
        let peak = service.peak_rps.unwrap_or(0.0);
        let mut panel = self.panel(format!("Load, at most {}", words::rate(peak)));
        let scale = Scale::Linear {
            low: 0.0,
            high: peak.max(1e-9),
        };
        let y = |v: f64| height_of(scale, f64::from(HEIGHT), v);
        let lines = self
            .timeline
            .line(Self::windows(service, |w| w.load_rps), y);
        fill(&mut panel.back, Ink::LoadFill, &lines, f64::from(HEIGHT));
        trace(&mut panel.front, Ink::Load, lines);
        panel
    }

    /// Utilisation, on one scale for all services.
    pub(crate) fn busy(&self, service: &Service) -> Panel {
        let peak = service
            .peak_busy
            .map_or("not measured".into(), words::share);
        let mut panel = self.panel(format!("Utilisation, at most {peak}"));
        let y = |v: f64| height_of(self.busy, f64::from(HEIGHT), v);
        panel.rules.push(Rule::Across("g", y(1.0)));
        let lines = self.timeline.line(Self::windows(service, |w| w.busy), y);
        trace(&mut panel.front, Ink::Neutral, lines);
        panel
    }

    /// Replicas, on a scale of their own.
    pub(crate) fn replicas(&self, service: &Service) -> Panel {
        let end = self.timeline.axis.to;
        let ready = replica_steps(service, end, |r| f64::from(r.ready));
        let desired = replica_steps(service, end, |r| f64::from(r.desired));
        let most = ready
            .iter()
            .chain(&desired)
            .filter_map(|s| s.2)
            .fold(1.0, f64::max);
        let mut panel = self.panel(format!("Replicas, at most {}", words::number(most)));
        let scale = Scale::Linear {
            low: 0.0,
            high: most,
        };
        let y = |v: f64| height_of(scale, f64::from(HEIGHT), v);
        let ready = self.timeline.steps(ready, y);
        let desired = self.timeline.steps(desired, y);
        fill(&mut panel.back, Ink::ReadyFill, &ready, f64::from(HEIGHT));
        trace(&mut panel.front, Ink::Ready, ready);
        trace(&mut panel.front, Ink::Desired, desired);
        panel
    }

    /// p99, on one scale for all services, with the service's own limit.
    pub(crate) fn latency(&self, service: &Service) -> Panel {
        let worst = service
            .p99_steps_ms
            .iter()
            .flatten()
            .copied()
            .fold(0.0, f64::max);
        let says = if worst > 0.0 {
            format!("p99, at worst {}", words::ms(worst))
        } else {
            "p99: too few requests to say".into()
        };
        let mut panel = self.panel(says);
        let y = |v: f64| height_of(self.latency, f64::from(HEIGHT), v);
        panel.rules.push(Rule::Across("lim", y(service.limit_ms)));
        let steps = self.analysis.percentiles.iter().zip(&service.p99_steps_ms);
        let steps = steps.map(|(s, ms)| (s.from_s, s.to_s, *ms));
        let lines = self.timeline.steps(steps, y);
        trace(&mut panel.front, Ink::P99, lines);
        panel
    }

    /// Requests not served, as bars.
    pub(crate) fn failed(&self, service: &Service) -> Panel {
        let errors = service.counts.errors();
        let mut panel = self.panel(format!("Not served: {}", words::count(errors)));
        let most = Self::windows(service, |w| w.failed_rps)
            .filter_map(|w| w.2)
            .fold(0.0, f64::max);
        let height = panel.h();
        panel.rules.push(Rule::Across("g", height - 1.0));
        let scale = Scale::Linear {
            low: 0.0,
            high: most.max(1e-9),
        };
        for (from, to, rate) in Self::windows(service, |w| w.failed_rps) {
            let Some(rate) = rate.filter(|r| *r > 0.0) else {
                continue;
            };
            if let Some((from, to)) = self.timeline.band(from, to) {
                let top = height_of(scale, height, rate).min(height - 4.0);
                panel.front.area(
                    Ink::Failed,
                    &[(from, top), (to.max(from + 0.012).min(1.0), top)],
                    height,
                );
            }
        }
        panel
    }
}
