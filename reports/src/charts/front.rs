//! Cost against misses: what was tried, the settings that were simulated in full, and the front of the best.

use super::marks::{Ink, Point};
use super::panel::{Panel, Part, Rule, Spot};
use super::place::{ACROSS, Anchor, Room, Word};
use super::scale::Scale;
use super::timeline::height_of;
use super::words;
use crate::tuning::{Setting, Tuning, front};

const HEIGHT: u32 = 340;
/// The lowest share of misses that has a place of its own on the axis: what is below is drawn there.
const LEAST: f64 = 1e-5;
/// The most settings in rough strokes that are drawn.
const MOST: usize = 600;

/// The panel and its axis; nothing without a single point.
pub(crate) fn parts(tuning: &Tuning) -> Option<Vec<Part>> {
    let rough = rough(tuning);
    let full: Vec<(&Setting, (f64, f64))> = tuning
        .settings()
        .filter_map(|(_, s)| Some((s, (s.missed?.mean, s.cost?.mean))))
        .collect();
    let all = || rough.iter().copied().chain(full.iter().map(|(_, p)| *p));
    all().next()?;
    let axes = Axes::of(all(), tuning.budget);
    let mut panel = Panel::new(HEIGHT, says(tuning, full.len()));
    let mut room = Room::new(ACROSS, panel.h());
    costs(&mut panel, axes.up);
    budget(&mut panel, &mut room, tuning, &axes);
    // Small crosses behind, so that what was simulated in full stands out.
    for point in thinned(&rough) {
        panel.spots.push(Spot::Cross(axes.at(*point)));
    }
    let points: Vec<(f64, f64)> = full.iter().map(|(_, p)| *p).collect();
    let line: Vec<Point> = front::of(&points)
        .into_iter()
        .map(|i| axes.at(points[i]))
        .collect();
    room.avoid(&line);
    panel.front.line(Ink::Ready, line);
    let taken = tuning.taken().map(|(_, setting)| setting);
    for (setting, point) in &full {
        let says = setting.values.join(", ");
        let is_taken = taken.is_some_and(|t| std::ptr::eq(t, *setting));
        spot(
            &mut panel,
            &mut room,
            axes.at(*point),
            says,
            (is_taken, setting.as_written),
        );
    }
    Some(vec![
        Part::Panel(Box::new(panel)),
        Part::Lane(Box::new(misses(axes.across))),
    ])
}

/// What was tried in rough strokes, without what is far off the chart's point.
fn rough(tuning: &Tuning) -> Vec<(f64, f64)> {
    let tried = tuning.policies.iter().flat_map(|p| &p.tried);
    tried
        .map(|t| (t.outcome.missed, t.outcome.replica_hours))
        .collect()
}

fn thinned(points: &[(f64, f64)]) -> impl Iterator<Item = &(f64, f64)> {
    points.iter().step_by(points.len().div_ceil(MOST).max(1))
}

/// Misses across, on a log scale; cost up.
struct Axes {
    across: Scale,
    up: Scale,
}

impl Axes {
    fn of(points: impl Iterator<Item = (f64, f64)>, budget: f64) -> Self {
        let (mut low, mut high, mut most) = (budget, budget, 0.0_f64);
        for (missed, cost) in points {
            low = low.min(missed.max(LEAST));
            high = high.max(missed);
            most = most.max(cost);
        }
        let decade = |v: f64| libm::exp10(libm::floor(libm::log10(v) + 1e-9));
        let low = decade(low.clamp(LEAST, 0.1));
        let high = (10.0 * decade((high * 0.999).clamp(low, 0.5))).min(1.0);
        Self {
            across: Scale::Log {
                low,
                high: high.max(low * 10.0),
            },
            up: Scale::from_zero(most * 1.02, 5),
        }
    }

    fn at(&self, (missed, cost): (f64, f64)) -> Point {
        let height = f64::from(HEIGHT);
        (
            self.across.at(missed.max(LEAST)),
            height_of(self.up, height, cost),
        )
    }
}

fn spot(
    panel: &mut Panel,
    room: &mut Room,
    at: Point,
    says: String,
    (taken, written): (bool, bool),
) {
    room.avoid(&[(at.0, at.1 - 5.0), (at.0, at.1 + 5.0)]);
    let word = match (taken, written) {
        (true, _) => Some(Word::new("cap b", "take this")),
        (_, true) => Some(Word::new("mut b", "as written")),
        _ => None,
    };
    let says = words::clean(&says, 120);
    panel.spots.push(match (taken, written) {
        (true, _) => Spot::Up(at, says),
        (_, true) => Spot::Down(at, says),
        _ => Spot::Dot(at),
    });
    if let Some(word) = word {
        let places: Vec<_> = [-9.0, 18.0, -24.0, 32.0]
            .into_iter()
            .flat_map(|dy| {
                [
                    (at.0, 8.0, at.1 + dy, Anchor::Start),
                    (at.0, -8.0, at.1 + dy, Anchor::End),
                ]
            })
            .collect();
        panel.words.extend(room.put(&word, &places));
    }
}

fn budget(panel: &mut Panel, room: &mut Room, tuning: &Tuning, axes: &Axes) {
    let x = axes.across.at(tuning.budget);
    let height = panel.h();
    panel.rules.push(Rule::Down("lim", x, 0.0, height));
    room.avoid(&[(x, 0.0), (x, height)]);
    let word = Word::new("bad b", "budget").and(format!(": {}", words::share(tuning.budget)));
    let places: Vec<_> = [16.0, 32.0, 48.0]
        .into_iter()
        .flat_map(|y| [(x, 6.0, y, Anchor::Start), (x, -6.0, y, Anchor::End)])
        .collect();
    panel.words.extend(room.put(&word, &places));
}

/// Replica-hours at the left.
fn costs(panel: &mut Panel, up: Scale) {
    let height = panel.h();
    for tick in up.ticks(6) {
        let y = height_of(up, height, tick);
        panel.left(y, "mut", words::number(tick));
        panel.rules.push(Rule::Across("g", y));
    }
}

/// The share of misses below.
fn misses(across: Scale) -> Panel {
    let mut panel = Panel::new(38, "");
    panel.rules.push(Rule::Across("ax", 0.0));
    for (i, tick) in across.ticks(9).into_iter().enumerate() {
        let x = across.at(tick);
        panel.rules.push(Rule::Down("ax", x, 0.0, 5.0));
        let class = if i % 2 == 1 { "odd mut" } else { "mut" };
        let word = if tick <= LEAST * 1.001 {
            format!("≤ {}", words::share(tick))
        } else {
            words::share(tick)
        };
        panel
            .words
            .push(Word::new(class, word).at(x, 0.0, 18.0, Anchor::Middle));
    }
    let unit = Word::new("mut", "missed").and(": pages too slow or not served");
    panel.words.push(unit.at(1.0, 0.0, 34.0, Anchor::End));
    panel
}

fn says(tuning: &Tuning, settings: usize) -> String {
    let taken = tuning.taken().and_then(|(_, s)| Some((s.missed?, s.cost?)));
    let taken = taken.map_or_else(
        || "none of them kept the budget".to_owned(),
        |(missed, cost)| {
            format!(
                "the cheapest that kept the budget missed {} at {} replica-hours",
                words::share(missed.mean),
                words::number(cost.mean)
            )
        },
    );
    format!(
        "Replica-hours against misses of {} simulated in full: {taken}.",
        words::counted(settings as u64, "setting")
    )
}
