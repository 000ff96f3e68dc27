//! All requests by percentile: a nine more per step.

use crate::analysis::Analysis;

use super::hero::latency_axis;
use super::marks::{Ink, Point};
use super::panel::{Panel, Part, Rule};
use super::place::{Anchor, HALF, Room, Word};
use super::sample;
use super::scale::Scale;
use super::timeline::height_of;
use super::words;

const HEIGHT: u32 = 300;

/// The panel and its axis; nothing without a curve.
pub(crate) fn parts(analysis: &Analysis) -> Option<Vec<Part>> {
    let curve = &analysis.percentile_curve;
    let last = curve
        .last()
        .filter(|p| p.nines.is_finite() && p.nines > 0.0)?;
    let limit = analysis.about.limit_ms;
    let lowest = curve
        .iter()
        .map(|p| p.latency_ms)
        .fold(f64::INFINITY, f64::min);
    let highest = curve.iter().map(|p| p.latency_ms).fold(0.0, f64::max);
    let up = Scale::latency(limit, lowest, highest);
    let across = Scale::Linear {
        low: 0.0,
        high: last.nines.max(1.0),
    };
    let mut panel = Panel::new(HEIGHT, says(analysis));
    let height = panel.h();
    latency_axis(&mut panel, up, limit);
    let line: Vec<Point> = curve
        .iter()
        .filter(|p| p.nines.is_finite())
        .map(|p| (across.at(p.nines), height_of(up, height, p.latency_ms)))
        .collect();
    let line = sample::thin(&line, 600);
    let mut room = Room::new(HALF, height);
    room.avoid(&line);
    room.avoid(&[
        (0.0, height_of(up, height, limit)),
        (1.0, height_of(up, height, limit)),
    ]);
    mark_crossing(analysis, &mut panel, &mut room, across, up);
    panel.front.line(Ink::P99, line);
    panel.right(height_of(up, height, limit), "bad b", "limit");
    Some(vec![
        Part::Panel(Box::new(panel)),
        Part::Lane(Box::new(axis(across))),
    ])
}

/// Where the curve leaves the limit, and the SLO's own quantile.
fn mark_crossing(
    analysis: &Analysis,
    panel: &mut Panel,
    room: &mut Room,
    across: Scale,
    up: Scale,
) {
    let height = panel.h();
    let share = analysis.about.share;
    let nines = -libm::log10((1.0 - share).max(1e-12));
    if share < 1.0 && nines <= across.high() {
        let x = across.at(nines);
        panel.rules.push(Rule::Down("mutv", x, 0.0, height));
        let word = Word::new("mut", format!("{} must be below", words::share(share)));
        let places: Vec<_> = [0.94, 0.88, 0.8, 0.2, 0.1]
            .into_iter()
            .flat_map(|y| {
                [
                    (x, 6.0, y * height, Anchor::Start),
                    (x, -6.0, y * height, Anchor::End),
                ]
            })
            .collect();
        panel.words.extend(room.put(&word, &places));
    }
    let limit = analysis.about.limit_ms;
    let within = analysis
        .percentile_curve
        .iter()
        .rev()
        .find(|p| p.latency_ms <= limit);
    let leaves = analysis
        .percentile_curve
        .iter()
        .any(|p| p.latency_ms > limit);
    if let Some(point) = within.filter(|p| leaves && p.nines.is_finite()) {
        let (x, y) = (across.at(point.nines), height_of(up, height, limit));
        panel.spots.push(super::panel::Spot::Cross((x, y)));
        let word = Word::new(
            "bad b",
            format!("{} within it", words::percentile(point.quantile)),
        );
        let places = [
            (x, -8.0, y - 10.0, Anchor::End),
            (x, -8.0, y - 26.0, Anchor::End),
            (x, 8.0, y + 18.0, Anchor::Start),
        ];
        panel.words.extend(room.put(&word, &places));
    }
}

fn says(analysis: &Analysis) -> String {
    let total = &analysis.total;
    let said: Vec<String> = [
        ("p50", total.p50_ms),
        ("p95", total.p95_ms),
        ("p99", total.p99_ms),
        ("p99.9", total.p999_ms),
        ("the longest", total.max_ms),
    ]
    .into_iter()
    .filter_map(|(name, ms)| Some(format!("{name} {}", words::ms(ms?))))
    .collect();
    format!("Latency of all pages by percentile: {}.", said.join(", "))
}

fn axis(across: Scale) -> Panel {
    let mut panel = Panel::new(38, "");
    panel.rules.push(Rule::Across("ax", 0.0));
    let most = libm::floor(across.high() + 1e-9) as u32;
    for nines in 0..=most.min(8) {
        let x = across.at(f64::from(nines));
        panel.rules.push(Rule::Down("ax", x, 0.0, 5.0));
        let word = match nines {
            0 => "0 %".to_owned(),
            1 => "90 %".to_owned(),
            2 => "99 %".to_owned(),
            n => format!("99.{} %", "9".repeat(n as usize - 2)),
        };
        let word = word.replace(' ', "\u{a0}");
        panel
            .words
            .push(Word::new("mut", word).at(x, 0.0, 18.0, Anchor::Middle));
    }
    let unit = Word::new("mut", "share of pages that were at most so slow")
        .and(", one nine more per step");
    panel.words.push(unit.at(1.0, 0.0, 34.0, Anchor::End));
    panel
}
