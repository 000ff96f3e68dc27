//! A plan in a terminal, and as Markdown.

use std::fmt::Write as _;

use super::{Confirmed, Plan, ServicePlan};
use crate::grid::aligned;
use crate::words::{self, NONE, clock, count, markdown, ms, percent, plural, rate};

const HEAD: [&str; 8] = [
    "service",
    "min",
    "max",
    "today",
    "at the peak",
    "req/s",
    "a replica",
    "headroom",
];

impl Plan {
    /// The result in a terminal, ending in a line feed.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!(
            "{}: {}\n\n",
            words::terminal(&self.scenario),
            self.verdict()
        );
        let rows: Vec<Vec<String>> = self.services.iter().map(row).collect();
        for line in aligned(&HEAD, &rows) {
            writeln!(text, "  {line}").expect("a String takes everything");
        }
        for sentence in self.sentences() {
            text.push('\n');
            for line in words::wrap(&words::terminal(&sentence), 96) {
                writeln!(text, "  {line}").expect("a String takes everything");
            }
        }
        write!(text, "\n{}", self.scaling_yaml()).expect("a String takes everything");
        text
    }

    /// The result as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "## {}: capacity\n\n{}\n\n",
            markdown(&self.scenario),
            markdown(&self.verdict())
        );
        write!(
            text,
            "| {} |\n|{}\n",
            HEAD.join(" | "),
            " --- |".repeat(HEAD.len())
        )
        .expect("a String takes everything");
        for service in &self.services {
            let cells: Vec<String> = row(service).iter().map(|c| markdown(c)).collect();
            writeln!(text, "| {} |", cells.join(" | ")).expect("a String takes everything");
        }
        for sentence in self.sentences() {
            write!(text, "\n{}\n", markdown(&sentence)).expect("a String takes everything");
        }
        let fence = |text: &str| text.replace("```", "'''");
        write!(
            text,
            "\n```yaml\n{}```\n\n```yaml\n{}```\n",
            fence(&self.scaling_yaml()),
            fence(&self.manifests())
        )
        .expect("a String takes everything");
        text
    }

    /// Whether it is met, in a sentence.
    #[must_use]
    pub fn verdict(&self) -> String {
        let runs = self.runs.len() as u64;
        let met = self.runs.iter().filter(|r| r.met).count() as u64;
        let hour = if self.to_s - self.from_s > 3599.0 {
            "the worst hour".to_owned()
        } else {
            format!("all {}", words::seconds(self.to_s - self.from_s))
        };
        if self.interrupted {
            format!(
                "interrupted: what was found so far for {} is not confirmed",
                self.slo
            )
        } else if self.met {
            let worst = self
                .runs
                .iter()
                .filter_map(|r| r.missed)
                .fold(0.0, f64::max);
            format!(
                "this is the least that keeps {}; confirmed by {} of {hour}, at most {} missed",
                self.slo,
                plural(runs, "run"),
                percent(worst)
            )
        } else if runs == 0 {
            format!("no capacity keeps {}", self.slo)
        } else {
            format!(
                "{} is kept in {} of {} of {hour} only",
                self.slo,
                count(met),
                plural(runs, "run")
            )
        }
    }

    fn sentences(&self) -> Vec<String> {
        let mut sentences = vec![format!(
            "Looked at {}–{} of the scenario in {}; {}.",
            clock(self.from_s),
            clock(self.to_s),
            plural(self.tried, "run"),
            runs(&self.runs)
        )];
        if let Some(breaks) = &self.breaks {
            sentences.push(format!(
                "If more come, {} breaks first, at {:.2} times the load: {}.",
                breaks.service, breaks.at, breaks.how
            ));
        }
        sentences.push(self.cost());
        sentences.extend(self.notes.iter().cloned());
        sentences
    }

    fn cost(&self) -> String {
        let cost = &self.cost;
        let (low, high) = cost.replicas;
        let mut text = format!("Replicas: {low} at the least, {high} at the most");
        if let Some(mean) = cost.mean_replicas {
            text += &format!(", {} on average over the runs", rate(mean));
        }
        text.push('.');
        if let Some((low, high)) = cost.nodes {
            text += &format!(" Nodes: {low} to {high}.");
        }
        if let Some((low, high)) = cost.per_hour {
            text += &format!(" Cost per hour: {} to {}", money(low), money(high));
            if let Some(worst) = cost.worst_hour {
                text += &format!(", {} as it was run", money(worst));
            }
            text.push('.');
        }
        text
    }
}

fn money(value: f64) -> String {
    if value.abs() >= 100.0 {
        rate(value)
    } else {
        format!("{value:.2}")
    }
}

fn runs(runs: &[Confirmed]) -> String {
    let one = |run: &Confirmed| {
        let missed = run.missed.map_or_else(|| NONE.to_owned(), percent);
        let p99 = run.p99_ms.map_or_else(|| NONE.to_owned(), ms);
        let mark = if run.met { "" } else { " (not met)" };
        format!("seed {}: {missed} missed, p99 {p99}{mark}", run.seed)
    };
    if runs.is_empty() {
        return "nothing was left to confirm".to_owned();
    }
    runs.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn row(service: &ServicePlan) -> Vec<String> {
    let said = |v: Option<f64>| v.map_or_else(|| NONE.to_owned(), rate);
    vec![
        words::cut(&words::terminal(&service.service), 28),
        service.min.to_string(),
        service.max.to_string(),
        format!("{} to {}", service.today.0, service.today.1),
        service.peak.to_string(),
        said(service.peak_rps),
        service
            .knee_rps
            .map_or_else(|| NONE.to_owned(), |k| format!("{k:.1}")),
        service.headroom.map_or_else(|| NONE.to_owned(), percent),
    ]
}
