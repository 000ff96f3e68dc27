//! What all charts over time share: the axis, the phases, and the bands of faults, breaches and missing data.

use crate::analysis::Analysis;

use super::marks::{Ink, Marks, Point};
use super::panel::{Panel, Rule};
use super::place::{ACROSS, Anchor, Room, Shown, Widths, Word};
use super::sample::{self, Step};
use super::scale::{Scale, TimeAxis};
use super::words;

/// The narrowest band of a fault or breach, as a share of the width: about two pixels.
const NARROWEST: f64 = 0.002;

/// The frame of charts over time.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    pub(crate) axis: TimeAxis,
    /// Where latency was over its limit.
    pub(crate) breaches: Vec<(f64, f64)>,
    faults: Vec<(f64, f64)>,
    /// Where there is no data.
    pub(crate) gaps: Vec<(f64, f64)>,
    /// When the run ended; what is after it was never run.
    pub(crate) ran: f64,
    phases: Vec<(String, f64, f64)>,
}

impl Timeline {
    /// The frame of the whole run.
    pub(crate) fn of(analysis: &Analysis) -> Self {
        let end = analysis
            .windows
            .last()
            .map_or(0.0, |w| w.to_s)
            .max(analysis.about.ran_s)
            .max(analysis.about.duration_s);
        Self::between(analysis, 0.0, end)
    }

    /// The frame of a span of it.
    pub(crate) fn between(analysis: &Analysis, from: f64, to: f64) -> Self {
        let phases = analysis.phases.iter();
        Self {
            axis: TimeAxis::new(from, to),
            breaches: analysis
                .breaches
                .iter()
                .map(|b| (b.from_s, b.to_s))
                .collect(),
            faults: analysis.faults.iter().map(|f| (f.from_s, f.to_s)).collect(),
            gaps: gaps(analysis, to),
            ran: analysis.about.ran_s,
            phases: phases
                .map(|p| (words::shown(&p.name), p.from_s, p.to_s))
                .collect(),
        }
    }

    /// A span's edges as shares of the width, if it is on the axis: at least about two pixels wide.
    pub(crate) fn band(&self, from: f64, to: f64) -> Option<(f64, f64)> {
        if to < self.axis.from || from > self.axis.to {
            return None;
        }
        let left = self.axis.at(from).min(1.0 - NARROWEST);
        Some((left, self.axis.at(to).max(left + NARROWEST)))
    }

    /// Bands of faults, breaches and missing data, and the phases' edges.
    pub(crate) fn dress(&self, panel: &mut Panel) {
        let bands = |spans: &[(f64, f64)]| -> Vec<(f64, f64)> {
            spans
                .iter()
                .filter_map(|(a, b)| self.band(*a, *b))
                .collect()
        };
        for (from, to) in bands(&self.faults) {
            panel.back.band(Ink::FaultBand, from, to);
        }
        for (from, to) in bands(&self.breaches) {
            panel.back.band(Ink::BreachBand, from, to);
            panel.bars.push(("limbar", from, to));
        }
        panel.gaps = bands(&self.gaps);
        let height = panel.h();
        for (_, from, _) in &self.phases {
            if *from > self.axis.from && self.axis.holds(*from) {
                panel
                    .rules
                    .push(Rule::Down("ph", self.axis.at(*from), 0.0, height));
            }
        }
    }

    /// A lane with the phases' names, if there is more than one phase.
    pub(crate) fn phase_lane(&self) -> Option<Panel> {
        if self.phases.len() < 2 {
            return None;
        }
        let mut panel = Panel::new(22, "");
        panel.left(11.0, "mut", "phase");
        for (_, from, _) in self.phases.iter().skip(1) {
            panel
                .rules
                .push(Rule::Down("ph", self.axis.at(*from), 4.0, 22.0));
        }
        let mut room = Room::new(ACROSS, 22.0);
        for (name, from, to) in &self.phases {
            let (left, right) = (self.axis.at(*from), self.axis.at(*to));
            let letters = name.chars().count() as f64 * 7.0;
            // A name that sticks out of its phase would be taken for its neighbour's.
            if letters > (right - left) * ACROSS.wide {
                continue;
            }
            let mut word = Word::new("mut", name.clone());
            if letters > (right - left) * ACROSS.narrow {
                word.shown = Shown::Wide;
            }
            let shown = word.shown;
            let middle = f64::midpoint(left, right);
            if let Some(mut word) = room.put(&word, &[(middle, 0.0, 15.0, Anchor::Middle)]) {
                if shown == Shown::Wide {
                    word.shown = Shown::Wide;
                }
                panel.words.push(word);
            }
        }
        Some(panel)
    }

    /// The axis below the charts; `speed` is said if it is not 1.
    pub(crate) fn axis_row(&self, widths: Widths, speed: f64) -> Panel {
        let mut panel = Panel::new(38, "");
        panel.rules.push(Rule::Across("ax", 0.0));
        let most = if widths.wide > 600.0 { 11 } else { 6 };
        for (i, t) in self.axis.ticks(most).into_iter().enumerate() {
            let x = self.axis.at(t);
            panel.rules.push(Rule::Down("ax", x, 0.0, 5.0));
            let class = if i % 2 == 1 { "odd mut" } else { "mut" };
            panel
                .words
                .push(Word::new(class, self.axis.word(t)).at(x, 0.0, 18.0, Anchor::Middle));
        }
        let mut unit = Word::new("mut", "scenario time").at(1.0, 0.0, 34.0, Anchor::End);
        if widths.wide > 600.0 {
            unit.tail = format!(", {}", self.axis.unit());
            if is_other_speed(speed) {
                unit.tail
                    .push_str(&format!(" ({}× the clock)", words::number(speed)));
            }
        }
        panel.words.push(unit);
        panel
    }

    /// A measured series through the middle of its windows, from the first one's beginning to the last one's end. Gaps are
    /// cut out, long series thinned.
    pub(crate) fn line(
        &self,
        series: impl IntoIterator<Item = Step>,
        height: impl Fn(f64) -> f64,
    ) -> Vec<Vec<Point>> {
        let mut lines: Vec<Vec<Point>> = Vec::new();
        let mut end = None;
        for (from, to, value) in series {
            let seen = to >= self.axis.from && from <= self.axis.to;
            let Some(y) = value.filter(|_| seen).map(&height) else {
                close(&mut lines, end.take());
                continue;
            };
            if end.is_none() {
                lines.push(vec![(self.axis.at(from), y)]);
            }
            if let Some(line) = lines.last_mut() {
                line.push((self.axis.at(f64::midpoint(from, to)), y));
            }
            end = Some((self.axis.at(to), y));
        }
        close(&mut lines, end);
        let all: usize = lines.iter().map(Vec::len).sum();
        if all <= sample::MOST_POINTS {
            return lines;
        }
        let most = |line: &Vec<Point>| sample::MOST_POINTS * line.len() / all;
        lines.iter().map(|l| sample::thin(l, most(l))).collect()
    }

    /// The outlines of a step series.
    pub(crate) fn steps(
        &self,
        series: impl IntoIterator<Item = Step>,
        height: impl Fn(f64) -> f64,
    ) -> Vec<Vec<Point>> {
        let seen: Vec<Step> = series
            .into_iter()
            .filter(|(from, to, _)| *to >= self.axis.from && *from <= self.axis.to)
            .map(|(from, to, v)| (self.axis.at(from), self.axis.at(to), v.map(&height)))
            .collect();
        sample::outlines(&seen)
    }
}

/// Ends the last line at the end of its last window.
fn close(lines: &mut [Vec<Point>], end: Option<Point>) {
    if let (Some(line), Some(end)) = (lines.last_mut(), end) {
        line.push(end);
    }
}

/// Whether a speed is worth a word.
pub(crate) fn is_other_speed(speed: f64) -> bool {
    speed.is_finite() && libm::fabs(speed - 1.0) > 1e-9
}

/// Spans without data: windows that nobody wrote, and what is missing up to `end`.
fn gaps(analysis: &Analysis, end: f64) -> Vec<(f64, f64)> {
    let mut all: Vec<(f64, f64)> = Vec::new();
    let missing = analysis.windows.iter().filter(|w| w.offered_rps.is_none());
    let mut spans: Vec<(f64, f64)> = missing.map(|w| (w.from_s, w.to_s)).collect();
    let last = analysis.windows.last().map_or(0.0, |w| w.to_s);
    if end - last > 1e-6 {
        spans.push((last, end));
    }
    for (from, to) in spans {
        match all.last_mut().filter(|l| from - l.1 < 1e-6) {
            Some(last) => last.1 = to,
            None => all.push((from, to)),
        }
    }
    all
}

/// Lines across at the ticks of a scale, with words for them at the left.
pub(crate) fn left_axis(panel: &mut Panel, scale: Scale, most: u32, word: impl Fn(f64) -> String) {
    let height = panel.h();
    for (i, tick) in scale.ticks(most).into_iter().enumerate() {
        let y = height_of(scale, height, tick);
        let base = i == 0 && matches!(scale, Scale::Linear { .. });
        panel
            .rules
            .push(Rule::Across(if base { "ax" } else { "g" }, y));
        panel.left(y, "mut", word(tick));
    }
    if matches!(scale, Scale::Log { .. }) {
        panel.rules.push(Rule::Across("ax", height));
    }
}

/// Pixels from the top at which a value lies, with room for the bar on the top edge.
pub(crate) fn height_of(scale: Scale, height: f64, v: f64) -> f64 {
    const TOP: f64 = 6.0;
    height - scale.at(v) * (height - TOP)
}

/// All areas between outlines and the height `base`.
pub(crate) fn fill(marks: &mut Marks, ink: Ink, lines: &[Vec<Point>], base: f64) {
    for line in lines {
        marks.area(ink, line, base);
    }
}

/// All outlines as lines.
pub(crate) fn trace(marks: &mut Marks, ink: Ink, lines: Vec<Vec<Point>>) {
    for line in lines {
        marks.line(ink, line);
    }
}
