//! The small model that the made-up runs are drawn from.

use std::time::Duration;

use metrics::{Counts, Generator, Replicas, Series, Window, Workload};
use scaler::{Clip, Decision, Observation, Reason, Status, Verdict, WriteOutcome};

use super::{FULL, Kind, PERIOD_S, SPEED, at, services, world};
use crate::record::Event;

/// Requests per second of all pages at an instant of scenario time.
fn load(t: f64) -> f64 {
    let flash = match t {
        _ if t < 300.0 => 0.0,
        _ if t < 330.0 => (t - 300.0) / 30.0,
        _ if t < 450.0 => 1.0,
        _ => libm::exp(-(t - 450.0) / 120.0),
    };
    200.0 + 1080.0 * flash
}

/// The state of the model.
pub(super) struct Run {
    kind: Kind,
    draw: u64,
    ready: u32,
    desired: u32,
    /// Replicas that become ready, and in which period.
    coming: Vec<(u32, u32)>,
    /// Requests waiting at the catalogue.
    backlog: f64,
}

impl Run {
    pub(super) fn new(kind: Kind) -> Self {
        let min = services(kind)["catalogue"].min.get();
        Self {
            kind,
            draw: 42,
            ready: min,
            desired: min,
            coming: Vec::new(),
            backlog: 0.0,
        }
    }

    /// Between 0 and 1, from a 64-bit congruential generator: its quality does not matter here.
    fn uniform(&mut self) -> f64 {
        self.draw = self
            .draw
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.draw >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    pub(super) fn period(&mut self, index: u32, events: &mut Vec<Event>) {
        let t = f64::from(index) * PERIOD_S;
        self.coming.retain(|(due, n)| {
            let now = *due <= index;
            self.ready += if now { *n } else { 0 };
            !now
        });
        if index == 56 {
            events.push(Event::Fault {
                at: at(index),
                lasts: world(20.0),
                service: Some("payment".into()),
                what: "kill 1 replica of payment".into(),
            });
        }
        self.decide(index, t, events);
        let measured = !(self.kind == Kind::Invalid && (480.0..600.0).contains(&t));
        let window = self.window(index, t);
        if measured {
            events.push(Event::Window(window));
        }
    }

    fn decide(&mut self, index: u32, t: f64, events: &mut Vec<Event>) {
        let min = services(self.kind)["catalogue"].min.get();
        let seen = load(t - 1.0);
        let unclipped = (seen * 1.15 / 78.0).ceil() as u32;
        let wanted = unclipped
            .max(self.desired.min(self.ready).saturating_sub(2))
            .clamp(min, 30);
        let before = self.desired;
        if wanted > self.desired {
            self.coming.push((index + 2, wanted - self.desired));
        } else if wanted < self.ready {
            self.ready = wanted.max(1);
        }
        self.desired = wanted;
        let mut reason = Reason::new(
            "metric",
            format!(
                "{seen:.0} req/s are expected, and each replica takes 78 req/s within the limit"
            ),
        );
        reason.wanted = Some(Replicas(unclipped));
        reason.rest_on(
            format_args!("load expected"),
            format_args!("{seen:.1} req/s"),
        );
        if unclipped < wanted {
            reason.clips = vec![Clip {
                by: "min".into(),
                from: Replicas(unclipped),
                to: Replicas(wanted),
            }];
        }
        self.emit(index, before, reason, events);
    }

    fn emit(&self, index: u32, before: u32, reason: Reason, events: &mut Vec<Event>) {
        let workload = || "catalogue".to_owned();
        let scale = scaler::Scale {
            spec: Replicas(before),
            status: Replicas(before),
            ..scaler::Scale::default()
        };
        events.push(Event::Observation {
            workload: workload(),
            observation: Box::new(Observation {
                at: at(index),
                scale: metrics::Reading::now(scale, at(index)),
                ..Observation::default()
            }),
        });
        events.push(Event::Decision {
            workload: workload(),
            at: at(index),
            decision: Decision {
                verdict: Verdict::Scale(Replicas(self.desired)),
                reason: reason.into(),
                next: at(index + 1),
            },
        });
        events.push(Event::Written {
            workload: workload(),
            at: at(index),
            outcome: if before == self.desired {
                WriteOutcome::Unchanged
            } else {
                WriteOutcome::Written
            },
            status: Status {
                current: Some(Replicas(before)),
                desired: Some(Replicas(self.desired)),
                ..Status::default()
            },
        });
    }

    fn window(&mut self, index: u32, t: f64) -> Window {
        let length = PERIOD_S / SPEED;
        let rate = load(t + PERIOD_S / 2.0);
        let full = f64::from(self.ready) * FULL;
        self.backlog = (self.backlog + (rate - full) * length).max(0.0);
        let wait_ms = self.backlog / full * 1e3;
        let busy = (rate / full).min(1.0);
        let mut window = Window::new(at(index), world(PERIOD_S));
        for (page, share) in [
            ("home", 0.2),
            ("search", 0.35),
            ("product", 0.4),
            ("checkout", 0.05),
        ] {
            let series = self.series(rate * share * length, busy, wait_ms);
            window.pages.insert(format!("shopper/{page}"), series);
        }
        for (name, share) in [
            ("auth", 0.3),
            ("catalogue", 1.0),
            ("order", 0.2),
            ("payment", 0.05),
        ] {
            let (busy, wait) = if name == "catalogue" {
                (busy, wait_ms)
            } else {
                (0.3, 0.0)
            };
            let series = self.series(rate * share * length, busy, wait);
            window.services.insert(name.into(), series);
            let starting = self.coming.iter().map(|(_, n)| n).sum();
            let fixed = services(self.kind)[name].min;
            let is_catalogue = name == "catalogue";
            window.workloads.insert(
                name.into(),
                Workload {
                    desired: if is_catalogue {
                        Replicas(self.desired)
                    } else {
                        fixed
                    },
                    ready: if is_catalogue {
                        Replicas(self.ready)
                    } else {
                        fixed
                    },
                    starting: Replicas(if is_catalogue { starting } else { 0 }),
                    draining: Replicas(0),
                    busy: Some(busy),
                    cpu: Some(busy * 0.7),
                },
            );
        }
        window.generator = Some(self.generator(rate));
        window
    }

    fn series(&mut self, mean: f64, busy: f64, wait_ms: f64) -> Series {
        let offered = (mean + self.normal() * mean.sqrt()).max(0.0).round() as u64;
        let mut series = Series {
            counts: Counts {
                offered,
                served: offered,
                ..Counts::default()
            },
            ..Series::default()
        };
        for _ in 0..offered {
            let work = 28.0 * libm::exp(0.55 * self.normal());
            let ms = work / (1.0 - 0.6 * busy) + wait_ms * self.uniform();
            series.record_latency(Duration::from_secs_f64(ms / 1e3));
            series.record_service_time(Duration::from_secs_f64(ms / 1e3));
            series.counts.slow += u64::from(ms > 300.0);
        }
        if self.uniform() < 0.015 && offered > 0 {
            series.counts.served -= 1;
            series.counts.failed += 1;
        }
        series
    }

    fn generator(&mut self, rate: f64) -> Generator {
        let mut lateness = Series::default();
        let usual = if self.kind == Kind::Invalid {
            24.0
        } else {
            0.08
        };
        for _ in 0..100 {
            let late = usual * self.uniform();
            lateness.record_latency(Duration::from_secs_f64(late / 1e3));
        }
        let cpu = if self.kind == Kind::Invalid {
            0.97
        } else {
            0.1 + rate / 8000.0
        };
        Generator {
            lateness: lateness.latency,
            cpu: Some(cpu),
            queued: 0,
            connections: 64,
        }
    }
}
