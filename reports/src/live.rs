//! A run while it goes on, on one line.

use std::collections::BTreeMap;

use metrics::{Quantile, Timestamp, Window};
use scaler::Verdict;

use crate::record::{Event, Header, speed};
use crate::words::{self, NONE, clock, rate};

/// What is known of a run so far. It takes the events that the record takes.
#[derive(Clone, Debug)]
pub struct Live {
    name: String,
    start: Timestamp,
    speed: f64,
    duration_s: f64,
    /// The window that is being filled, and the last one that was filled.
    open: Option<Window>,
    last: Option<Window>,
    replicas: BTreeMap<String, (u32, u32)>,
    failed: u64,
    decision: Option<String>,
}

impl Live {
    /// Nothing is known yet but what was to be done.
    #[must_use]
    pub fn new(header: &Header) -> Self {
        let speed = speed(header);
        let services = header.services.iter();
        Self {
            name: words::terminal(&header.name),
            start: header.start,
            speed,
            duration_s: header.duration.as_secs_f64() * speed,
            open: None,
            last: None,
            replicas: services
                .map(|(n, s)| (n.clone(), (0, s.replicas.get())))
                .collect(),
            failed: 0,
            decision: None,
        }
    }

    /// Takes an event.
    pub fn see(&mut self, event: &Event) {
        match event {
            Event::Window(piece) => self.window(piece),
            Event::Decision {
                workload,
                at,
                decision,
            } => {
                let known = self.replicas.get(workload).copied();
                let (Verdict::Scale(to), Some((ready, desired))) = (decision.verdict, known) else {
                    return;
                };
                if to.get() != desired {
                    let at = clock(self.scenario_s(*at));
                    let why = decision.reason.sentence();
                    let text = format!("{at} {workload} {desired} → {to}: {why}");
                    self.decision = Some(words::terminal(&text));
                    self.replicas.insert(workload.clone(), (ready, to.get()));
                }
            }
            _ => {}
        }
    }

    fn window(&mut self, piece: &Window) {
        let counts = piece.all_pages().counts;
        self.failed += counts.failed + counts.shed + counts.timed_out;
        for (name, workload) in &piece.workloads {
            let now = (workload.ready.get(), workload.desired.get());
            self.replicas.insert(name.clone(), now);
        }
        match &mut self.open {
            Some(open) if open.start == piece.start => open.add(piece),
            // A late piece of an earlier window.
            Some(open) if open.start > piece.start => {
                if let Some(last) = self.last.as_mut().filter(|l| l.start == piece.start) {
                    last.add(piece);
                }
            }
            _ => self.last = self.open.replace(piece.clone()),
        }
    }

    fn scenario_s(&self, at: Timestamp) -> f64 {
        at.since(self.start).as_secs_f64() * self.speed
    }

    /// The line, of at most `width` characters.
    #[must_use]
    pub fn line(&self, now: Timestamp, width: usize) -> String {
        let last = self.last.as_ref();
        let all = last.map(Window::all_pages);
        let seconds = last.map_or(0.0, |w| w.length.as_secs_f64());
        let per_second = |n: Option<u64>| match n {
            Some(n) if seconds > 0.0 => rate(n as f64 / seconds),
            _ => NONE.to_owned(),
        };
        let p99 = all
            .as_ref()
            .and_then(|a| a.latency.as_ref())
            .filter(|l| l.len() >= 200);
        let p99 = p99.and_then(|l| l.quantile(Quantile::P99));
        let p99 = p99.map_or_else(|| NONE.to_owned(), |d| words::ms(d.as_secs_f64() * 1e3));
        let replicas = self.replicas.iter();
        let replicas: Vec<String> = replicas
            .map(|(name, (ready, desired))| format!("{} {ready}/{desired}", words::terminal(name)))
            .collect();
        let mut line = format!(
            "{}  {} / {}  load {} req/s  served {}  p99 {p99}  failed {}  {}",
            self.name,
            clock(self.scenario_s(now).min(self.duration_s)),
            clock(self.duration_s),
            per_second(all.as_ref().map(|a| a.counts.offered)),
            per_second(all.as_ref().map(|a| a.counts.served)),
            words::count(self.failed),
            replicas.join("  "),
        );
        if let Some(decision) = &self.decision {
            line += &format!("  │ {decision}");
        }
        words::cut(&line, width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{self, Kind};

    #[test]
    fn the_line_says_how_it_stands() {
        let header = sample::header(Kind::Failed);
        let mut live = Live::new(&header);
        let before = live.line(header.start, 200);
        assert!(
            before.contains("0:00 / 20:00  load – req/s  served –  p99 –  failed 0"),
            "{before}"
        );
        for event in &sample::events(Kind::Failed)[..100] {
            live.see(event);
        }
        let now = header.start + std::time::Duration::from_secs(18);
        insta::assert_snapshot!(live.line(now, 300));
        assert_eq!(live.line(now, 80).chars().count(), 80);
    }
}
