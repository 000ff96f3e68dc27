//! The first breach, enlarged: load against capacity, and where the time went.

use crate::analysis::{Analysis, Breach, BreachSplit, Service};

use super::capacity::{self, Detail};
use super::panel::{Panel, Part};
use super::place::{Anchor, HALF, Room, Word};
use super::timeline::Timeline;
use super::words;

/// The part of the run that is shown: the breach and its causes, and half as much again on both sides.
const AROUND: f64 = 0.6;
/// At least so many windows are shown.
const WINDOWS: f64 = 8.0;

/// The service that was short, the excerpt's panel, its axis and its lane of parts; nothing if the service that was short is not known.
pub(crate) fn parts<'a>(
    analysis: &'a Analysis,
    breach: &Breach,
) -> Option<(&'a Service, Vec<Part>)> {
    let name = breach.split.as_ref().map(|s| s.service.as_str());
    let service = match name {
        Some(name) => analysis.service(name)?,
        None => analysis.shown_service()?,
    };
    let timeline = excerpt(analysis, breach);
    let mut parts = vec![Part::Panel(Box::new(panel(service, &timeline)))];
    parts.push(Part::Lane(Box::new(timeline.axis_row(HALF, 1.0))));
    if let Some(split) = &breach.split {
        parts.push(Part::Lane(Box::new(lane(split, &timeline))));
    }
    Some((service, parts))
}

fn panel(service: &Service, timeline: &Timeline) -> Panel {
    capacity::panel(service, timeline, 190, Detail::Excerpt)
}

fn excerpt(analysis: &Analysis, breach: &Breach) -> Timeline {
    let split = breach.split.as_ref();
    let from = split.map_or(breach.from_s, |s| s.not_seen.from_s.min(breach.from_s));
    let to = split.map_or(breach.to_s, |s| s.clearing.to_s.max(breach.to_s));
    let around = ((to - from) * AROUND).max(analysis.about.window_s * WINDOWS / 2.0);
    let end = analysis.about.ran_s.max(to);
    Timeline::between(analysis, (from - around).max(0.0), (to + around).min(end))
}

/// The spans of the split, named: (class, what, from, to), those that took no time left out.
pub(crate) fn spans(split: &BreachSplit) -> Vec<(&'static str, &'static str, f64, f64)> {
    [
        ("s1", "not yet seen", &split.not_seen),
        ("s2", "starting", &split.starting),
        ("s3", "clearing", &split.clearing),
    ]
    .into_iter()
    .filter(|(_, _, span)| span.length_s() > 0.0)
    .map(|(class, what, span)| (class, what, span.from_s, span.to_s))
    .collect()
}

fn lane(split: &BreachSplit, timeline: &Timeline) -> Panel {
    let mut panel = Panel::new(44, "");
    let mut room = Room::new(HALF, 44.0);
    let bars: Vec<_> = spans(split)
        .into_iter()
        .filter_map(|(class, what, from, to)| {
            Some((class, what, timeline.band(from, to)?, to - from))
        })
        .collect();
    panel.extra = Some(maud::html! {
        @for (class, _, (from, to), _) in &bars {
            rect class=(class) x=(words::percent(*from)) width=(words::percent(to - from)) y="2" height="9" {}
        }
    });
    for (_, what, (from, to), length) in &bars {
        let word = Word::new("mut", format!("{what} {}", words::span(*length)));
        let mut places = Vec::new();
        for y in [25.0, 40.0] {
            places.push((f64::midpoint(*from, *to), 0.0, y, Anchor::Middle));
            places.push((*from, 0.0, y, Anchor::Start));
            places.push((*to, 0.0, y, Anchor::End));
        }
        panel.words.extend(room.put(&word, &places));
    }
    panel
}
