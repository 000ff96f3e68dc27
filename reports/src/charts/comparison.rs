//! The prediction over the measurement, on the hero's axes: dashed what was predicted, solid what was measured.

use crate::analysis::{Analysis, PercentileStep};

use super::hero::{latency_axis, replica_steps, title};
use super::marks::Ink;
use super::panel::{Panel, Part, SideWord, push_apart};
use super::place::ACROSS;
use super::sample::Step;
use super::scale::Scale;
use super::timeline::{Timeline, height_of, left_axis, trace};
use super::words;

/// A series of both runs.
struct Both {
    predicted: Vec<Step>,
    measured: Vec<Step>,
}

impl Both {
    fn of(
        predicted: &Analysis,
        measured: &Analysis,
        series: impl Fn(&Analysis) -> Vec<Step>,
    ) -> Self {
        Self {
            predicted: series(predicted),
            measured: series(measured),
        }
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        self.predicted
            .iter()
            .chain(&self.measured)
            .filter_map(|s| s.2)
    }

    fn highest(&self) -> f64 {
        self.values().fold(0.0, f64::max)
    }
}

/// How a series is drawn.
#[derive(Clone, Copy)]
enum Drawn {
    /// Through the middles of its windows.
    Line,
    /// As steps.
    Steps,
}

/// All parts, from top to bottom: load, latency, replicas of the service that the hero shows.
pub(crate) fn parts(predicted: &Analysis, measured: &Analysis) -> Vec<Part> {
    let timeline = Timeline::of(measured);
    let mut parts = vec![
        title("Load", "served, pages/s", ""),
        Part::Panel(Box::new(load(predicted, measured, &timeline))),
        title("Latency", "p50 and p99, log scale", ""),
        Part::Panel(Box::new(latency(predicted, measured, &timeline))),
    ];
    if let Some(panel) = replicas(predicted, measured, &timeline) {
        let name = measured.shown_service().map(|s| words::shown(&s.name));
        let of = format!("ready, of {}", name.unwrap_or_default());
        parts.push(title("Replicas", &of, ""));
        parts.push(Part::Panel(Box::new(panel)));
    }
    let axis = timeline.axis_row(ACROSS, measured.about.speed);
    parts.push(Part::Lane(Box::new(axis)));
    parts
}

/// Draws both series, the prediction behind.
fn draw(
    panel: &mut Panel,
    timeline: &Timeline,
    both: &Both,
    (ink, drawn): (Ink, Drawn),
    y: impl Fn(f64) -> f64 + Copy,
) -> Option<f64> {
    let lines = |steps: &[Step]| match drawn {
        Drawn::Line => timeline.line(steps.iter().copied(), y),
        Drawn::Steps => timeline.steps(steps.iter().copied(), y),
    };
    let measured = lines(&both.measured);
    trace(&mut panel.front, Ink::Predicted, lines(&both.predicted));
    let end = measured.last().and_then(|l| l.last()).map(|p| p.1);
    trace(&mut panel.front, ink, measured);
    end
}

fn load(predicted: &Analysis, measured: &Analysis, timeline: &Timeline) -> Panel {
    let both = Both::of(predicted, measured, |run| {
        let windows = run.windows.iter();
        windows.map(|w| (w.from_s, w.to_s, w.served_rps)).collect()
    });
    let scale = Scale::from_zero(both.highest(), 3);
    let mut panel = Panel::new(120, says("pages served per second", &both));
    let height = panel.h();
    timeline.dress(&mut panel);
    left_axis(&mut panel, scale, 4, words::number);
    let y = |v: f64| height_of(scale, height, v);
    if let Some(end) = draw(&mut panel, timeline, &both, (Ink::Load, Drawn::Line), y) {
        panel.right(end, "load b", "load");
    }
    panel
}

fn latency(predicted: &Analysis, measured: &Analysis, timeline: &Timeline) -> Panel {
    let of = |pick: fn(&PercentileStep) -> Option<f64>| {
        Both::of(predicted, measured, |run| {
            let steps = run.percentiles.iter();
            steps.map(|s| (s.from_s, s.to_s, pick(s))).collect()
        })
    };
    let (p50, p99) = (of(|s| s.p50_ms), of(|s| s.p99_ms));
    let limit = measured.about.limit_ms;
    let lowest = p50.values().fold(f64::INFINITY, f64::min);
    let scale = Scale::latency(limit, lowest, p99.highest().max(p50.highest()));
    let mut panel = Panel::new(170, says("p99 in ms", &p99));
    let height = panel.h();
    timeline.dress(&mut panel);
    latency_axis(&mut panel, scale, limit);
    let y = |v: f64| height_of(scale, height, v);
    let mut ends = vec![SideWord {
        y: y(limit),
        class: "bad b",
        text: "limit".into(),
    }];
    for (both, ink, class, text) in [
        (&p50, Ink::P50, "p50 b", "p50"),
        (&p99, Ink::P99, "p99 b", "p99"),
    ] {
        if let Some(y) = draw(&mut panel, timeline, both, (ink, Drawn::Steps), y) {
            ends.push(SideWord {
                y,
                class,
                text: text.into(),
            });
        }
    }
    push_apart(&mut ends, height);
    panel.right = ends;
    panel
}

fn replicas(predicted: &Analysis, measured: &Analysis, timeline: &Timeline) -> Option<Panel> {
    let name = &measured.shown_service()?.name;
    let both = Both::of(predicted, measured, |run| {
        let service = run.service(name);
        service.map_or_else(Vec::new, |s| {
            replica_steps(s, run.about.ran_s, |r| f64::from(r.ready))
        })
    });
    let scale = Scale::from_zero(both.highest().max(5.0), 4);
    let mut panel = Panel::new(120, says("ready replicas", &both));
    let height = panel.h();
    timeline.dress(&mut panel);
    left_axis(&mut panel, scale, 5, words::number);
    let y = |v: f64| height_of(scale, height, v);
    if let Some(end) = draw(&mut panel, timeline, &both, (Ink::Ready, Drawn::Steps), y) {
        panel.right(end, "cap b", "ready");
    }
    Some(panel)
}

fn says(what: &str, both: &Both) -> String {
    let highest = |steps: &[Step]| {
        let highest = steps.iter().filter_map(|s| s.2).reduce(f64::max);
        highest.map_or_else(|| "no data".into(), words::number)
    };
    format!(
        "Most {what}: predicted {}, measured {}.",
        highest(&both.predicted),
        highest(&both.measured)
    )
}
