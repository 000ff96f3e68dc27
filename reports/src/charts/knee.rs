//! Latency against load per ready replica: a mark per window, the fitted curve, the safe rate and the knee.

use crate::analysis::{KneeFit, Service};

use super::hero::latency_axis;
use super::marks::{Ink, Point};
use super::panel::{Panel, Part, Rule, Spot};
use super::place::{Anchor, HALF, Room, Word};
use super::scale::Scale;
use super::timeline::height_of;
use super::words;

const HEIGHT: u32 = 300;
/// The most marks that are drawn; more lie on each other anyway.
const MOST: usize = 600;

/// The panel and its axis; nothing without a single mark.
pub(crate) fn parts(service: &Service) -> Option<Vec<Part>> {
    let most_load = service.knee.iter().map(|p| p.load_rps).fold(0.0, f64::max);
    if service.knee.is_empty() || most_load <= 0.0 {
        return None;
    }
    let safe = service.safe.rps();
    let full = service
        .fit
        .map(|f| f.full_rps)
        .filter(|f| *f < most_load * 2.0);
    let widest = most_load
        .max(safe.unwrap_or(0.0) * 1.1)
        .max(full.unwrap_or(0.0) * 1.1);
    let across = Scale::from_zero(widest, 7);
    let highest = service.knee.iter().map(|p| p.p99_ms).fold(0.0, f64::max);
    let lowest = service
        .knee
        .iter()
        .map(|p| p.p99_ms)
        .fold(f64::INFINITY, f64::min);
    let up = Scale::latency(service.limit_ms, lowest, highest);
    let mut panel = Panel::new(HEIGHT, says(service));
    let height = panel.h();
    latency_axis(&mut panel, up, service.limit_ms);
    panel.right(height_of(up, height, service.limit_ms), "bad b", "limit");
    let mut room = Room::new(HALF, height);
    let dots = dots(service, across, up, height);
    for (spot, (x, y)) in &dots {
        room.avoid(&[(*x, y - 4.0), (*x, y + 4.0)]);
        panel.spots.push(spot.clone());
    }
    if let Some(fit) = service.fit {
        draw_fit(&mut panel, &mut room, fit, across, up);
    }
    mark_rates(&mut panel, &mut room, service, across, full);
    Some(vec![
        Part::Panel(Box::new(panel)),
        Part::Lane(Box::new(axis(across, &service.name))),
    ])
}

fn says(service: &Service) -> String {
    let name = words::shown(&service.name);
    let over = service.knee.iter().filter(|p| p.over).count();
    let most = service.knee.iter().map(|p| p.load_rps).fold(0.0, f64::max);
    let safe = service.safe.rps().map_or_else(
        || "what one replica takes is not known".into(),
        |s| format!("one replica takes {} within the limit", words::rate(s)),
    );
    format!(
        "p99 of {name} against load per ready replica: {} of {} points are over {}; {safe}; the most that one was offered was {}.",
        words::count(over as u64),
        words::count(service.knee.len() as u64),
        words::ms(service.limit_ms),
        words::rate(most),
    )
}

fn dots(service: &Service, across: Scale, up: Scale, height: f64) -> Vec<(Spot, Point)> {
    // Of too many, all that were over the limit stay.
    let keep = service.knee.len().div_ceil(MOST);
    service
        .knee
        .iter()
        .enumerate()
        .filter(|(i, p)| p.over || i % keep == 0)
        .map(|(_, p)| {
            let at = (across.at(p.load_rps), height_of(up, height, p.p99_ms));
            (
                if p.over {
                    Spot::Cross(at)
                } else {
                    Spot::Dot(at)
                },
                at,
            )
        })
        .collect()
}

fn draw_fit(panel: &mut Panel, room: &mut Room, fit: KneeFit, across: Scale, up: Scale) {
    let height = panel.h();
    let top = up.high();
    let line: Vec<Point> = (0..=200)
        .map(|i| f64::from(i) / 200.0 * across.high())
        .map(|load| (load, fit.at(load)))
        .take_while(|(_, ms)| *ms < top)
        .map(|(load, ms)| (across.at(load), height_of(up, height, ms)))
        .collect();
    room.avoid(&line);
    let places: Vec<_> = line
        .iter()
        .step_by(10)
        .flat_map(|p| {
            [
                (p.0, 4.0, p.1 - 8.0, Anchor::Start),
                (p.0, 4.0, p.1 + 16.0, Anchor::Start),
            ]
        })
        .collect();
    panel.front.line(Ink::Fitted, line);
    panel
        .words
        .extend(room.put(&Word::new("p99", "fitted"), &places));
}

/// The safe rate and the knee as lines down, and the safe range as a bar at the bottom.
fn mark_rates(
    panel: &mut Panel,
    room: &mut Room,
    service: &Service,
    across: Scale,
    full: Option<f64>,
) {
    let height = panel.h();
    if let Some(safe) = service.safe.rps() {
        let x = across.at(safe);
        panel.rules.push(Rule::Down("capv", x, 0.0, height));
        panel.back.polygon(
            Ink::Ready,
            vec![
                (0.0, height - 5.0),
                (x, height - 5.0),
                (x, height),
                (0.0, height),
            ],
        );
        let word = Word::new("cap b", format!("safe: {}", words::rate(safe)));
        let places = side_places(x);
        panel.words.extend(room.put(&word, &places));
    }
    if let Some(full) = full {
        let x = across.at(full);
        panel.rules.push(Rule::Down("mutv", x, 0.0, height));
        let slots = service.slots.map_or_else(String::new, |slots| {
            format!(", {} busy", words::counted(u64::from(slots), "slot"))
        });
        let word = Word::new("mut", format!("knee: {}", words::rate(full))).and(slots);
        let mut places = vec![(x, 6.0, 16.0, Anchor::Start), (x, 6.0, 32.0, Anchor::Start)];
        places.extend(side_places(x));
        panel.words.extend(room.put(&word, &places));
    }
}

fn side_places(x: f64) -> Vec<(f64, f64, f64, Anchor)> {
    [16.0, 32.0, 48.0, 64.0, 80.0]
        .into_iter()
        .flat_map(|y| [(x, -6.0, y, Anchor::End), (x, 6.0, y, Anchor::Start)])
        .collect()
}

fn axis(across: Scale, name: &str) -> Panel {
    let mut panel = Panel::new(38, "");
    panel.rules.push(Rule::Across("ax", 0.0));
    for (i, tick) in across.ticks(7).into_iter().enumerate() {
        let x = across.at(tick);
        panel.rules.push(Rule::Down("ax", x, 0.0, 5.0));
        let class = if i % 2 == 1 { "odd mut" } else { "mut" };
        panel
            .words
            .push(Word::new(class, words::number(tick)).at(x, 0.0, 18.0, Anchor::Middle));
    }
    let unit = format!("{} load per ready replica, req/s", words::clean(name, 20));
    panel
        .words
        .push(Word::new("mut", unit).at(1.0, 0.0, 34.0, Anchor::End));
    panel
}
