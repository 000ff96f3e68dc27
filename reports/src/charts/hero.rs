//! The hero: load, latency and capacity on one time axis.

use crate::analysis::{Analysis, Interval, PercentileStep, Service};

use super::capacity;
use super::marks::Ink;
use super::panel::{Panel, Part, Rule, SideWord, push_apart};
use super::place::{ACROSS, Anchor, Room, Word};
use super::sample::Step;
use super::scale::Scale;
use super::timeline::{Timeline, fill, height_of, left_axis, trace};
use super::words;

/// All parts of the hero, from top to bottom.
pub(crate) fn parts(analysis: &Analysis) -> Vec<Part> {
    let Hero { main, also, axis } = Hero::of(analysis);
    main.into_iter().chain(also).chain([axis]).collect()
}

/// The hero's parts, by what a printed sheet has room for.
pub(crate) struct Hero {
    /// Phases, load, latency, and the capacity of the service that ran out.
    pub(crate) main: Vec<Part>,
    /// The capacity of the others that ran out, too.
    pub(crate) also: Vec<Part>,
    /// The axis below all.
    pub(crate) axis: Part,
}

impl Hero {
    pub(crate) fn of(analysis: &Analysis) -> Self {
        let timeline = Timeline::of(analysis);
        let mut main = Vec::new();
        let mut also = Vec::new();
        if let Some(lane) = timeline.phase_lane() {
            main.push(Part::Lane(Box::new(lane)));
        }
        main.push(title("Load", "offered and served, pages/s", ""));
        main.push(Part::Panel(Box::new(load(analysis, &timeline))));
        main.push(title("Latency", "p50, p95, p99, log scale", ""));
        main.push(Part::Panel(Box::new(latency(analysis, &timeline))));
        if let Some(service) = analysis.shown_service() {
            main.extend(capacity::parts(analysis, service, &timeline));
            for other in also_short(analysis, service) {
                also.extend(capacity::parts(analysis, other, &timeline));
            }
        }
        let axis = timeline.axis_row(ACROSS, analysis.about.speed);
        Self {
            main,
            also,
            axis: Part::Lane(Box::new(axis)),
        }
    }
}

/// Other services that ran out, the one that was short for longest first; at most two.
fn also_short<'a>(analysis: &'a Analysis, shown: &Service) -> Vec<&'a Service> {
    let short = |s: &Service| s.shortages.iter().map(|x| x.length_s()).sum::<f64>();
    let mut others: Vec<&Service> = analysis
        .services
        .iter()
        .filter(|s| s.name != shown.name && short(s) > 0.0)
        .collect();
    others.sort_by(|a, b| short(b).total_cmp(&short(a)));
    others.truncate(2);
    others
}

pub(crate) fn title(bold: &str, rest: &str, right: &str) -> Part {
    Part::Title {
        bold: bold.into(),
        rest: rest.into(),
        right: right.into(),
    }
}

fn load(analysis: &Analysis, timeline: &Timeline) -> Panel {
    let offered = || {
        analysis
            .windows
            .iter()
            .map(|w| (w.from_s, w.to_s, w.offered_rps))
    };
    let served = analysis
        .windows
        .iter()
        .map(|w| (w.from_s, w.to_s, w.served_rps));
    let peak = peak(offered());
    let scale = Scale::from_zero(peak.map_or(1.0, |p| p.1), 3);
    let mut panel = Panel::new(150, load_says(analysis, peak));
    let height = panel.h();
    let y = |v: f64| height_of(scale, height, v);
    panel.cursor = true;
    timeline.dress(&mut panel);
    fill(
        &mut panel.back,
        Ink::LoadFill,
        &timeline.line(served, y),
        height,
    );
    left_axis(&mut panel, scale, 4, words::number);
    let lines = timeline.line(offered(), y);
    let mut room = Room::new(ACROSS, height);
    lines.iter().for_each(|l| room.avoid(l));
    failures(analysis, timeline, scale, &mut panel, &mut room);
    if let Some((_, end)) = lines.last().and_then(|l| l.last()) {
        let last = analysis.windows.iter().rev().find_map(|w| w.offered_rps);
        panel.right(*end, "load b", last.map_or(String::new(), words::number));
    }
    trace(&mut panel.front, Ink::Load, lines);
    name_peak(&mut panel, &mut room, timeline, peak, y);
    name_failures(analysis, &mut panel, &mut room, timeline);
    name_faults(analysis, &mut panel, &mut room, timeline);
    name_gaps(&mut panel, &mut room, timeline);
    if peak.is_none() && timeline.gaps.is_empty() {
        let word = Word::new("mut", "no data");
        let middle = (0.5, 0.0, height / 2.0, Anchor::Middle);
        panel.words.extend(room.put(&word, &[middle]));
    }
    panel
}

/// The highest value of a series and the middle of its window.
fn peak(series: impl Iterator<Item = (f64, f64, Option<f64>)>) -> Option<(f64, f64)> {
    series
        .filter_map(|(from, to, v)| Some((f64::midpoint(from, to), v?)))
        .max_by(|a, b| a.1.total_cmp(&b.1))
}

fn load_says(analysis: &Analysis, peak: Option<(f64, f64)>) -> String {
    let Some((at, highest)) = peak else {
        return "Load: no data.".into();
    };
    let counts = analysis.counts();
    format!(
        "Offered load has its peak, {} pages per second, at {}. {} of {} pages were not served.",
        words::number(highest),
        words::clock(at),
        words::count(counts.errors()),
        words::count(counts.offered),
    )
}

/// What was not served, as bars from the bottom: to scale, but never so low that it cannot be seen.
fn failures(
    analysis: &Analysis,
    timeline: &Timeline,
    scale: Scale,
    panel: &mut Panel,
    room: &mut Room,
) {
    let height = panel.h();
    for w in &analysis.windows {
        let rate = not_served(w);
        let Some((from, to)) = timeline.band(w.from_s, w.to_s).filter(|_| rate > 0.0) else {
            continue;
        };
        let top = height_of(scale, height, rate).min(height - 5.0);
        room.avoid(&[(from, top + 2.0), (to, top + 2.0)]);
        panel
            .front
            .area(Ink::Failed, &[(from, top), (to, top)], height);
    }
}

fn name_peak(
    panel: &mut Panel,
    room: &mut Room,
    timeline: &Timeline,
    peak: Option<(f64, f64)>,
    y: impl Fn(f64) -> f64,
) {
    let Some((at, highest)) = peak.filter(|p| p.1 > 0.0) else {
        return;
    };
    let (x, y) = (timeline.axis.at(at), y(highest));
    let word = Word::new("load b", "offered").and(format!(", peak {}", words::number(highest)));
    let places = [
        (x, 8.0, y + 4.0, Anchor::Start),
        (x, -8.0, y + 4.0, Anchor::End),
        (x, 14.0, y + 18.0, Anchor::Start),
        (x, 40.0, y + 18.0, Anchor::Start),
        (x, -14.0, y + 18.0, Anchor::End),
        (x, 0.0, y - 6.0, Anchor::Middle),
        (0.02, 0.0, y - 6.0, Anchor::Start),
        (0.02, 0.0, y + 20.0, Anchor::Start),
    ];
    panel.words.extend(room.put(&word, &places));
}

fn name_failures(analysis: &Analysis, panel: &mut Panel, room: &mut Room, timeline: &Timeline) {
    let errors = analysis.counts().errors();
    let word = format!("{} not served", words::count(errors));
    let word = Word::new("bad", word).and(" in all");
    let y = panel.h() - 6.0;
    let failing = analysis.windows.iter().filter(|w| not_served(w) > 0.0);
    let places: Vec<_> = failing
        .flat_map(|w| {
            let (from, to) = (timeline.axis.at(w.from_s), timeline.axis.at(w.to_s));
            [(to, 6.0, y, Anchor::Start), (from, -6.0, y, Anchor::End)]
        })
        .collect();
    if errors > 0 {
        panel.words.extend(room.put(&word, &places));
    }
}

/// Pages per second that were not served in a window.
pub(crate) fn not_served(w: &Interval) -> f64 {
    let parts = [w.failed_rps, w.shed_rps, w.timed_out_rps];
    parts.into_iter().flatten().sum()
}

fn name_faults(analysis: &Analysis, panel: &mut Panel, room: &mut Room, timeline: &Timeline) {
    for fault in &analysis.faults {
        let Some((from, to)) = timeline.band(fault.from_s, fault.to_s) else {
            continue;
        };
        let word = Word::new("mut", format!("fault {}", words::clock(fault.from_s)))
            .and(format!(": {}", words::clean(&fault.what, 60)));
        let mut places = Vec::new();
        for y in [13.0, 28.0, 43.0] {
            places.push((to, 5.0, y, Anchor::Start));
            places.push((from, -5.0, y, Anchor::End));
        }
        panel.words.extend(room.put(&word, &places));
    }
}

fn name_gaps(panel: &mut Panel, room: &mut Room, timeline: &Timeline) {
    for span in &timeline.gaps {
        let Some((from, to)) = timeline.band(span.0, span.1) else {
            continue;
        };
        let never_run = span.0 >= timeline.ran - 1e-6;
        let word = Word::new("mut", if never_run { "not run" } else { "no data" });
        let middle = panel.h() / 2.0;
        let places = [
            (f64::midpoint(from, to), 0.0, middle, Anchor::Middle),
            (to, 5.0, middle, Anchor::Start),
            (from, -5.0, middle, Anchor::End),
        ];
        panel.words.extend(room.put(&word, &places));
    }
}

/// One percentile of the steps.
type Pick = fn(&PercentileStep) -> Option<f64>;

fn latency(analysis: &Analysis, timeline: &Timeline) -> Panel {
    let limit = analysis.about.limit_ms;
    let picks: [(Ink, &str, Pick); 3] = [
        (Ink::P50, "p50", |s| s.p50_ms),
        (Ink::P95, "p95", |s| s.p95_ms),
        (Ink::P99, "p99", |s| s.p99_ms),
    ];
    let all: Vec<f64> = analysis
        .percentiles
        .iter()
        .flat_map(|s| picks.iter().filter_map(|(_, _, pick)| pick(s)))
        .collect();
    let lowest = all.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = all.iter().copied().fold(0.0, f64::max);
    let scale = Scale::latency(limit, lowest, highest);
    let mut panel = Panel::new(190, latency_says(analysis));
    let height = panel.h();
    let y = |v: f64| height_of(scale, height, v);
    panel.cursor = true;
    timeline.dress(&mut panel);
    latency_axis(&mut panel, scale, limit);
    let mut room = Room::new(ACROSS, height);
    room.avoid(&[(0.0, y(limit)), (1.0, y(limit))]);
    let mut ends = vec![SideWord {
        y: y(limit),
        class: "bad b",
        text: "limit".into(),
    }];
    for (ink, name, pick) in picks {
        let steps = analysis
            .percentiles
            .iter()
            .map(|s| (s.from_s, s.to_s, pick(s)));
        let lines = timeline.steps(steps, y);
        lines.iter().for_each(|l| room.avoid(l));
        if let Some((_, end)) = lines.last().and_then(|l| l.last()) {
            ends.push(SideWord {
                y: *end,
                class: end_class(ink),
                text: name.into(),
            });
        }
        trace(&mut panel.front, ink, lines);
    }
    push_apart(&mut ends, height);
    panel.right = ends;
    name_breaches(analysis, &mut panel, &mut room, timeline);
    if all.is_empty() && timeline.gaps.is_empty() {
        let word = Word::new("mut", "too few requests to say percentiles");
        panel
            .words
            .extend(room.put(&word, &[(0.5, 0.0, height - 20.0, Anchor::Middle)]));
    }
    panel
}

fn end_class(ink: Ink) -> &'static str {
    match ink {
        Ink::P50 => "p50 b",
        Ink::P95 => "p95 b",
        _ => "p99 b",
    }
}

/// The left axis of latencies in ms, the limit in its own colour among the ticks.
pub(crate) fn latency_axis(panel: &mut Panel, scale: Scale, limit: f64) {
    let height = panel.h();
    let at_limit = height_of(scale, height, limit);
    left_axis(panel, scale, 8, words::round_ms);
    panel.left.retain(|w| libm::fabs(w.y - at_limit) > 12.0);
    panel.left(at_limit, "bad", words::round_ms(limit));
    panel.rules.push(Rule::Across("lim", at_limit));
}

fn latency_says(analysis: &Analysis) -> String {
    let limit = words::ms(analysis.about.limit_ms);
    let worst = analysis
        .percentiles
        .iter()
        .filter_map(|s| Some((s.from_s, s.p99_ms?)))
        .max_by(|a, b| a.1.total_cmp(&b.1));
    let Some((at, worst)) = worst else {
        return "Latency over time: too few requests to say p99.".into();
    };
    let over: f64 = analysis.breaches.iter().map(|b| b.to_s - b.from_s).sum();
    let over = if over > 0.0 {
        format!("was over its limit of {limit} for {}", words::span(over))
    } else {
        format!("stayed within its limit of {limit}")
    };
    let quantile = words::number(analysis.about.share * 100.0);
    format!(
        "Latency p{quantile} {over}; the worst p99 was {}, at {}.",
        words::ms(worst),
        words::clock(at)
    )
}

fn name_breaches(analysis: &Analysis, panel: &mut Panel, room: &mut Room, timeline: &Timeline) {
    let mut by_length: Vec<_> = analysis.breaches.iter().collect();
    by_length.sort_by(|a, b| (b.to_s - b.from_s).total_cmp(&(a.to_s - a.from_s)));
    for breach in by_length {
        let Some((from, to)) = timeline.band(breach.from_s, breach.to_s) else {
            continue;
        };
        let length = words::span(breach.to_s - breach.from_s);
        let worst = words::ms(breach.worst_ms);
        let word = Word::new("bad", format!("{length} over")).and(format!(", worst {worst}"));
        let mut places = Vec::new();
        for y in [14.0, 29.0] {
            places.push((to, 6.0, y, Anchor::Start));
            places.push((from, -6.0, y, Anchor::End));
        }
        panel.words.extend(room.put(&word, &places));
    }
}

/// A service's replica steps as spans, each until the next one or the end.
pub(crate) fn replica_steps(
    service: &Service,
    end: f64,
    pick: impl Fn(&crate::analysis::ReplicaCount) -> f64,
) -> Vec<Step> {
    let ends = service.replicas.iter().skip(1).map(|r| r.at_s);
    let ends = ends.chain(std::iter::once(end));
    let steps = service.replicas.iter().zip(ends);
    steps
        .map(|(r, to)| (r.at_s, to.max(r.at_s), r.count.as_ref().map(&pick)))
        .collect()
}
