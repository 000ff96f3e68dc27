//! Capacity of one service: replicas on the left axis and, the same scale, requests per second on the right, so that the
//! gap between fill and load is the headroom, and load above the fill is the shortage.

use crate::analysis::{Analysis, SafeRate, Service};

use super::hero::{replica_steps, title};
use super::marks::{Ink, Point};
use super::panel::{Panel, Part, Spot};
use super::place::{ACROSS, Anchor, Room, Word};
use super::sample::Step;
use super::scale::Scale;
use super::timeline::{Timeline, fill, height_of, left_axis, trace};
use super::words;

/// The title, the lane of decisions and the panel.
pub(crate) fn parts(analysis: &Analysis, service: &Service, timeline: &Timeline) -> Vec<Part> {
    let name = words::shown(&service.name);
    let seen = analysis.about.world.seen();
    let right = match &service.safe {
        SafeRate::Unknown { .. } => "no capacity known".into(),
        SafeRate::Measured { rps } => format!(
            "req/s it takes ({seen} at its limit, 1 replica = {})",
            words::number(*rps)
        ),
        SafeRate::Throughput { rps, .. } => format!(
            "req/s it takes ({seen} with its slots held, 1 replica = {})",
            words::number(*rps)
        ),
        SafeRate::Model { rps } => format!(
            "req/s it takes (modelled, 1 replica = {})",
            words::number(*rps)
        ),
    };
    let mut parts = vec![title("Capacity", &format!("of {name}, replicas"), &right)];
    parts.extend(decision_lane(analysis, service, timeline).map(|p| Part::Lane(Box::new(p))));
    parts.push(Part::Panel(Box::new(panel(
        service,
        timeline,
        210,
        Detail::Run,
    ))));
    parts
}

/// How much is written into the panel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Detail {
    /// The whole run, across the page.
    Run,
    /// A part of it, on half of the page.
    Excerpt,
}

/// What the panel draws, in replicas.
struct Lines {
    ready: Vec<Vec<Point>>,
    all: Vec<Vec<Point>>,
    desired: Vec<Vec<Point>>,
    load: Vec<Vec<Point>>,
    short: Vec<Vec<Point>>,
}

/// Replicas desired, ready and starting, and the load in replicas' worth.
pub(crate) fn panel(service: &Service, timeline: &Timeline, height: u32, detail: Detail) -> Panel {
    let end = timeline.axis.to;
    let safe = service.safe.rps().filter(|r| *r > 0.0);
    let ready = replica_steps(service, end, |r| f64::from(r.ready));
    let all = replica_steps(service, end, |r| f64::from(r.ready + r.starting));
    let desired = replica_steps(service, end, |r| f64::from(r.desired));
    let load: Vec<Step> = service
        .windows
        .iter()
        .map(|w| (w.from_s, w.to_s, w.load_rps.zip(safe).map(|(l, s)| l / s)))
        .collect();
    let seen = |s: &&Step| s.1 >= timeline.axis.from && s.0 <= timeline.axis.to;
    let highest = [&all, &desired, &load]
        .into_iter()
        .flat_map(|s| s.iter().filter(seen).filter_map(|s| s.2))
        // At least 5, so that ticks are whole replicas.
        .fold(5.0, f64::max);
    let scale = Scale::from_zero(highest, 5);
    let mut panel = Panel::new(height, says(service));
    let y = |v: f64| height_of(scale, f64::from(height), v);
    panel.cursor = detail == Detail::Run;
    timeline.dress(&mut panel);
    let lines = Lines {
        short: shortage(timeline, &load, &ready, y),
        ready: timeline.steps(ready, y),
        all: timeline.steps(all, y),
        desired: timeline.steps(desired, y),
        load: timeline.line(load, y),
    };
    draw(&mut panel, scale, &lines);
    right_axis(&mut panel, scale, safe);
    let mut room = Room::new(
        match detail {
            Detail::Run => ACROSS,
            Detail::Excerpt => super::place::HALF,
        },
        panel.h(),
    );
    name_lines(service, &mut panel, &mut room, &lines, timeline);
    panel
}

fn says(service: &Service) -> String {
    let name = words::shown(&service.name);
    let peak = service.peak_ready.map_or_else(
        || "there is no replica data".into(),
        |n| {
            format!(
                "at most {} were ready",
                words::counted(u64::from(n), "replica")
            )
        },
    );
    let room = match service.least_headroom {
        Some(h) if h.share < 0.0 => format!(
            "; load was {} above what they take at {}",
            words::share(over_capacity(h.share)),
            words::clock(h.at_s)
        ),
        Some(h) => format!(
            "; the least headroom was {}, at {}",
            words::share(h.share),
            words::clock(h.at_s)
        ),
        None => "; what one takes is not known".into(),
    };
    format!("Replicas of {name}: {peak}{room}.")
}

/// (load − capacity) ÷ capacity, from the headroom (capacity − load) ÷ load.
fn over_capacity(headroom: f64) -> f64 {
    let capacity = 1.0 + headroom;
    if capacity > 1e-9 {
        -headroom / capacity
    } else {
        f64::INFINITY
    }
}

fn draw(panel: &mut Panel, scale: Scale, lines: &Lines) {
    let base = panel.h();
    fill(&mut panel.back, Ink::StartingFill, &lines.all, base);
    fill(&mut panel.back, Ink::Background, &lines.ready, base);
    fill(&mut panel.back, Ink::ReadyFill, &lines.ready, base);
    for outline in &lines.short {
        panel.back.polygon(Ink::ShortFill, outline.clone());
    }
    left_axis(panel, scale, 6, words::number);
    trace(&mut panel.front, Ink::Ready, lines.ready.clone());
    trace(&mut panel.front, Ink::Desired, lines.desired.clone());
    trace(&mut panel.front, Ink::Load, lines.load.clone());
}

/// The same scale in requests per second: its own round ticks.
fn right_axis(panel: &mut Panel, scale: Scale, safe: Option<f64>) {
    let Some(safe) = safe else { return };
    let height = panel.h();
    let rates = Scale::Linear {
        low: 0.0,
        high: scale.high() * safe,
    };
    for tick in rates.ticks(4) {
        let y = height_of(rates, height, tick);
        panel.right(y, "load", words::number(tick));
    }
}

/// Where load is above the ready replicas: the outlines between them.
fn shortage(
    timeline: &Timeline,
    load: &[Step],
    ready: &[Step],
    y: impl Fn(f64) -> f64,
) -> Vec<Vec<Point>> {
    let middle: Vec<(f64, Option<f64>)> = load
        .iter()
        .map(|s| (f64::midpoint(s.0, s.1), s.2))
        .collect();
    let mut outlines = Vec::new();
    for (from, to, n) in ready {
        let Some(n) = *n else { continue };
        let mut upper: Vec<Point> = Vec::new();
        let mut flush = |upper: &mut Vec<Point>| {
            if let (Some(first), Some(last)) = (upper.first().copied(), upper.last().copied()) {
                upper.push((last.0, y(n)));
                upper.push((first.0, y(n)));
                outlines.push(std::mem::take(upper));
            }
        };
        for pair in middle.windows(2) {
            let Some((a, b)) = piece_above(pair, *from, *to, n) else {
                flush(&mut upper);
                continue;
            };
            if upper.is_empty() {
                upper.push((timeline.axis.at(a.0), y(a.1)));
            }
            upper.push((timeline.axis.at(b.0), y(b.1)));
        }
        flush(&mut upper);
    }
    outlines.retain(|o| o.first().is_some_and(|f| o.iter().any(|p| p.0 > f.0)));
    outlines
}

/// The part of a piece of the load line that lies between two instants and above `n`.
fn piece_above(pair: &[(f64, Option<f64>)], from: f64, to: f64, n: f64) -> Option<(Point, Point)> {
    let ((x1, Some(y1)), (x2, Some(y2))) = (pair[0], pair[1]) else {
        return None;
    };
    let at = |x: f64| y1 + (y2 - y1) * (x - x1) / (x2 - x1);
    let (mut a, mut b) = (x1.max(from), x2.min(to));
    if a >= b {
        return None;
    }
    let crossing = x1 + (n - y1) * (x2 - x1) / (y2 - y1);
    match (at(a) > n, at(b) > n) {
        (false, false) => return None,
        (false, true) => a = crossing.clamp(a, b),
        (true, false) => b = crossing.clamp(a, b),
        (true, true) => {}
    }
    Some(((a, at(a).max(n)), (b, at(b).max(n))))
}

fn name_lines(
    service: &Service,
    panel: &mut Panel,
    room: &mut Room,
    lines: &Lines,
    timeline: &Timeline,
) {
    for line in [&lines.ready, &lines.desired, &lines.load]
        .into_iter()
        .flatten()
    {
        room.avoid(line);
    }
    let short: f64 = service.shortages.iter().map(|s| s.length_s()).sum();
    if let Some(first) = service
        .shortages
        .first()
        .filter(|s| timeline.axis.holds(s.from_s))
    {
        let word = Word::new("bad b", "short").and(format!(" for {}", words::span(short)));
        let x = timeline.axis.at(first.from_s);
        let heights = outline_heights(&lines.short, panel.h());
        let places: Vec<_> = heights.map(|y| (x, -8.0, y, Anchor::End)).collect();
        panel.words.extend(room.put(&word, &places));
    }
    for (class, text, line) in [
        ("ink", "desired", &lines.desired),
        ("cap b", "ready", &lines.ready),
        ("load b", "load", &lines.load),
    ] {
        let Some(highest) = line
            .iter()
            .flatten()
            .copied()
            .min_by(|a, b| a.1.total_cmp(&b.1))
        else {
            continue;
        };
        let last = line
            .iter()
            .flatten()
            .rev()
            .find(|p| (p.1 - highest.1).abs() < 0.5);
        let right_end = last.map_or(highest.0, |p| p.0);
        let mut places = vec![
            (highest.0, -8.0, highest.1 + 4.0, Anchor::End),
            (right_end, 8.0, highest.1 + 4.0, Anchor::Start),
            (right_end, 8.0, highest.1 + 18.0, Anchor::Start),
            (highest.0, 0.0, highest.1 - 6.0, Anchor::Middle),
        ];
        // Anywhere right above the line, or right below it.
        for point in line.iter().flatten().step_by(3) {
            places.push((point.0, 6.0, point.1 - 7.0, Anchor::Start));
            places.push((point.0, 6.0, point.1 + 15.0, Anchor::Start));
        }
        panel
            .words
            .extend(room.put(&Word::new(class, text), &places));
    }
    name_headroom(panel, room, lines);
}

/// Heights around the first shortage at which its word may stand.
fn outline_heights(short: &[Vec<Point>], height: f64) -> impl Iterator<Item = f64> {
    let middle = short.first().map_or(height / 2.0, |o| {
        let low = o.iter().map(|p| p.1).fold(0.0, f64::max);
        let high = o.iter().map(|p| p.1).fold(height, f64::min);
        f64::midpoint(low, high) + 4.0
    });
    (0..8).map(move |i| (middle - 14.0 * f64::from(i)).max(14.0))
}

/// "headroom" where the gap between the ready replicas and the load is widest.
fn name_headroom(panel: &mut Panel, room: &mut Room, lines: &Lines) {
    let load: Vec<&Point> = lines.load.iter().flatten().collect();
    let mut best: Option<(f64, Point)> = None;
    for pair in lines.ready.iter().flat_map(|l| l.windows(2)) {
        let middle = f64::midpoint(pair[0].0, pair[1].0);
        if pair[1].0 - pair[0].0 < 0.05 {
            continue;
        }
        let lowest = load
            .iter()
            .filter(|p| (p.0 - middle).abs() < 0.04)
            .map(|p| p.1)
            .fold(f64::INFINITY, f64::min);
        let gap = lowest - pair[0].1;
        if lowest.is_finite() && gap > 24.0 && best.is_none_or(|b| gap > b.0) {
            best = Some((gap, (middle, f64::midpoint(lowest, pair[0].1) + 4.0)));
        }
    }
    if let Some((_, (x, y))) = best {
        let word = Word::new("cap nh", "headroom");
        panel
            .words
            .extend(room.put(&word, &[(x, 0.0, y, Anchor::Middle)]));
    }
}

/// Triangles where decisions changed the number, with what they did.
fn decision_lane(analysis: &Analysis, service: &Service, timeline: &Timeline) -> Option<Panel> {
    let groups: Vec<_> = analysis
        .decisions
        .groups
        .iter()
        .filter(|g| g.workload == service.name)
        .collect();
    if groups.is_empty() {
        return None;
    }
    let mut panel = Panel::new(24, "");
    panel.left(12.0, "mut", "decisions");
    panel.cursor = true;
    let mut room = Room::new(ACROSS, 24.0);
    let mut last_x = f64::NEG_INFINITY;
    for step in groups.iter().flat_map(|g| &g.steps) {
        let x = timeline.axis.at(step.at_s);
        let at = (x, 12.0);
        let because = words::clean(&step.because, 40);
        let says = format!(
            "{} {} → {}: {because}",
            words::clock(step.at_s),
            step.from,
            step.to
        );
        room.take(&Word::new("", "x").at(x, 0.0, 15.0, Anchor::Middle));
        // A day of decisions has more triangles than pixels: those that would lie on the last one are left out.
        if x - last_x < 0.003 {
            continue;
        }
        last_x = x;
        let up = step.to > step.from;
        panel.spots.push(if up {
            Spot::Up(at, says)
        } else {
            Spot::Down(at, says)
        });
    }
    name_groups(&groups, &mut panel, &mut room, timeline);
    Some(panel)
}

fn name_groups(
    groups: &[&crate::analysis::DecisionGroup],
    panel: &mut Panel,
    room: &mut Room,
    timeline: &Timeline,
) {
    let mut by_size: Vec<_> = groups.iter().filter(|g| !g.steps.is_empty()).collect();
    by_size.sort_by_key(|g| std::cmp::Reverse(g.from.abs_diff(g.to)));
    for group in by_size {
        let (Some(first), Some(last)) = (group.steps.first(), group.steps.last()) else {
            continue;
        };
        let class = if group.to > group.from {
            "cap b"
        } else {
            "mut"
        };
        let mut word = Word::new(class, format!("{} → {}", group.from, group.to));
        if group.steps.len() > 1 {
            word.tail = format!(" in {} steps", group.steps.len());
        }
        let places = [
            (timeline.axis.at(first.at_s), -9.0, 16.0, Anchor::End),
            (timeline.axis.at(last.at_s), 9.0, 16.0, Anchor::Start),
        ];
        panel.words.extend(room.put(&word, &places));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortage_lies_between_load_and_ready_replicas() {
        let pair = [(0.0, Some(2.0)), (10.0, Some(6.0))];
        let (a, b) = piece_above(&pair, 0.0, 10.0, 4.0).expect("it crosses 4 at 5");
        assert!(
            (a.0 - 5.0).abs() < 1e-9 && (a.1 - 4.0).abs() < 1e-9,
            "{a:?}"
        );
        assert!(
            (b.0 - 10.0).abs() < 1e-9 && (b.1 - 6.0).abs() < 1e-9,
            "{b:?}"
        );
        assert_eq!(piece_above(&pair, 0.0, 5.0, 6.0), None, "below all the way");
        assert_eq!(
            piece_above(&[(0.0, None), (1.0, Some(9.0))], 0.0, 1.0, 1.0),
            None,
            "no data"
        );
    }

    #[test]
    fn over_capacity_is_told_from_capacity() {
        assert!(
            (over_capacity(-0.5) - 1.0).abs() < 1e-9,
            "half the capacity needed is 100 % above it"
        );
    }
}
