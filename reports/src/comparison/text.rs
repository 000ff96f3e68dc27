//! The comparison in a terminal and in Markdown.

use super::{Band, Comparison, Figure, Measure, Outcome};
use crate::words::{self, NONE, percent};

impl Figure {
    /// The error, in words: `8.2 %`; of replicas also how many: `1 replica, 8.2 %`.
    #[must_use]
    pub fn error_text(&self) -> String {
        let share = self.error.map_or_else(|| NONE.to_owned(), percent);
        match self.replicas {
            Some(1.0) => format!("1 replica, {share}"),
            Some(n) => format!("{} replicas, {share}", words::rate(n)),
            None => share,
        }
    }

    /// The goal, in words: `goal 10 %`; nothing if there is none.
    #[must_use]
    pub fn goal_text(&self) -> Option<String> {
        let goal = percent(self.goal?);
        Some(match self.measure {
            Measure::Replicas => format!("goal 1 replica or {goal}"),
            _ => format!("goal {goal}"),
        })
    }

    /// How it came out, in a word or two.
    #[must_use]
    pub fn outcome_text(&self) -> &'static str {
        match self.outcome {
            Outcome::Met => "met",
            Outcome::Missed => "MISSED",
            Outcome::NoGoal => "no goal",
            Outcome::TooFew => "too few windows",
        }
    }

    /// How far a hardly different world puts the prediction, in words: `nearby 5.3 %`; nothing if nobody knows.
    #[must_use]
    pub fn nearby_text(&self) -> Option<String> {
        Some(format!("nearby {}", percent(self.nearby?)))
    }

    fn line(&self) -> String {
        let word = self.measure.word();
        match self.outcome {
            Outcome::TooFew => format!("{word} {NONE}"),
            _ => match self.goal_text() {
                Some(goal) => {
                    let outcome = self.outcome_text();
                    let nearby = self
                        .nearby_text()
                        .filter(|_| self.outcome == Outcome::Missed);
                    let nearby = nearby.map_or_else(String::new, |text| format!("; {text}"));
                    format!("{word} {} ({goal}: {outcome}{nearby})", self.error_text())
                }
                None => format!("{word} {}", self.error_text()),
            },
        }
    }
}

impl Comparison {
    /// What it comes to, in one line.
    #[must_use]
    pub fn title(&self) -> String {
        match (self.met, self.missed) {
            (0, 0) => "There is too little to compare the prediction by".to_owned(),
            (met, 0) => format!("The prediction met all of its {met} goals"),
            (met, missed) => {
                format!("The prediction met {met} of its {} goals", met + missed)
            }
        }
    }

    /// How many of the missed goals are chance, in a sentence; nothing if none is.
    #[must_use]
    pub fn chance_text(&self) -> Option<String> {
        let are = match (self.chance, self.missed) {
            (0, _) => return None,
            (1, 1) => "The goal that it missed is".to_owned(),
            (all, missed) if all == missed => format!("The {missed} that it missed are"),
            (1, missed) => format!("1 of the {missed} that it missed is"),
            (some, missed) => format!("{some} of the {missed} that it missed are"),
        };
        Some(format!(
            "{are} no further off than “nearby”: what a few tenths of a millisecond more in the gateway do to the prediction."
        ))
    }

    /// The comparison in a terminal: a line for each service and utilisation, each figure beside its goal. Bands with too
    /// few windows are left out.
    #[must_use]
    pub fn lines(&self, width: usize) -> Vec<String> {
        let title = format!("  {}. Median errors over windows:", self.title());
        let mut lines = vec![words::cut(&title, width)];
        for (subject, when, figures) in self.rows() {
            if figures.iter().all(|f| f.outcome == Outcome::TooFew) {
                continue;
            }
            let said: Vec<String> = figures.iter().map(|f| f.line()).collect();
            let name = words::cut(&words::terminal(subject.unwrap_or("whole run")), 16);
            let text = format!("  {name:<16} {when:<10}  {}", said.join("  "));
            lines.push(words::cut(&text, width));
        }
        if let Some(chance) = self.chance_text() {
            let wrapped = words::wrap(&chance, width.saturating_sub(2));
            lines.extend(wrapped.iter().map(|line| format!("  {line}")));
        }
        for sentence in &self.unlike {
            lines.push(words::cut(
                &format!("  ! {}", words::terminal(sentence)),
                width,
            ));
        }
        lines
    }

    /// The comparison as a Markdown section: a table with each figure beside its goal.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "\n### {}\n\nMedian over windows of |predicted − measured| ÷ measured, by utilisation.\n\n",
            words::markdown(&self.title())
        );
        text += "| | utilisation | measure | error | nearby | goal | |\n| --- | --- | --- | ---: | ---: | ---: | --- |\n";
        for (subject, when, figures) in self.rows() {
            for figure in figures.iter().filter(|f| f.windows > 0) {
                let goal = figure.goal_text();
                text += &format!(
                    "| {} | {when} | {} | {} | {} | {} | {} |\n",
                    words::markdown(&words::cut(subject.unwrap_or("whole run"), 63)),
                    figure.measure.word(),
                    figure.error_text(),
                    figure.nearby.map_or_else(|| NONE.to_owned(), percent),
                    goal.as_deref()
                        .map_or(NONE, |g| g.trim_start_matches("goal ")),
                    figure.outcome_text(),
                );
            }
        }
        for sentence in self.chance_text().iter().chain(&self.unlike) {
            text += &format!("\n{}\n", words::markdown(sentence));
        }
        text
    }

    /// Figures that belong on one line: by subject the latencies of each band, then throughput, then replicas.
    fn rows(&self) -> Vec<(Option<&str>, &'static str, Vec<&Figure>)> {
        let mut rows = Vec::new();
        for subject in self.subjects() {
            for band in Band::ALL {
                let latencies = [Measure::P50, Measure::P95, Measure::P99];
                let figures = latencies.map(|m| self.figure(subject, m, Some(band)));
                rows.push((
                    subject,
                    band.word(),
                    figures.into_iter().flatten().collect(),
                ));
            }
            for measure in [Measure::Throughput, Measure::Replicas] {
                let figure = self.figure(subject, measure, None);
                rows.push((subject, "always", figure.into_iter().collect()));
            }
        }
        rows
    }
}
