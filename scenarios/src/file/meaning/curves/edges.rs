//! Where curves bend, and what begins there.

use std::time::Duration;

use crate::Curve;

/// Where something begins, and its name.
pub(in super::super) type Edges = Vec<(Duration, String)>;

/// Notes where `curve`, `by` later, bends, and what begins there.
pub(super) fn name_edges(curve: &Curve, by: Duration, until: Duration, edges: &mut Edges) {
    let mut note = |at: Duration, name: String| edges.push((at.saturating_add(by), name));
    match curve {
        Curve::Flash(flash) => {
            let peak = flash.at.saturating_add(flash.rise);
            let decay = peak.saturating_add(flash.hold);
            note(flash.at, "rise".to_owned());
            note(peak, "peak".to_owned());
            note(decay, "decay".to_owned());
            note(decay.saturating_add(flash.decay), "after".to_owned());
        }
        Curve::Ramp(ramp) => {
            note(ramp.at, "ramp".to_owned());
            note(ramp.at.saturating_add(ramp.over), "after".to_owned());
        }
        Curve::Steps(_) => {
            for (place, at) in (1..).zip(curve.edges(until)) {
                note(at, format!("step-{place}"));
            }
        }
        Curve::Pulse(_) => {
            for (place, at) in curve.edges(until).into_iter().enumerate() {
                note(
                    at,
                    if place % 2 == 0 { "pulse" } else { "pause" }.to_owned(),
                );
            }
        }
        Curve::Sum(parts) => {
            for part in parts {
                name_edges(part, by, until, edges);
            }
        }
        Curve::Scaled { curve, .. } => name_edges(curve, by, until, edges),
        Curve::Shifted { by: more, curve } => {
            name_edges(curve, by.saturating_add(*more), until, edges);
        }
        Curve::Constant { .. }
        | Curve::Diurnal(_)
        | Curve::Sine(_)
        | Curve::Trace(_)
        // No file has one that began before: it comes of a scenario whose phases have their names.
        | Curve::Recorded(_)
        | Curve::Begun { .. } => {}
    }
}
