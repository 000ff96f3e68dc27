//! The numbers of a policy that can be searched, and how a setting of them is written.

mod manifest;
mod written;

use scaler::{ManifestNumber, with_numbers};
use scenarios::{HpaTarget, Policy, Scaling, ScalingText, Scenario, Set};
use serde_json::Value;

use super::manifests::Texts;
use super::search::{Candidate, Space};
use crate::exit::Failure;

/// Shares that a target is tried at.
const SHARES: [f64; 16] = [
    0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95,
];
/// What is written is tried times these.
const TIMES: [f64; 11] = [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.1, 1.25, 1.4, 1.6, 2.0];
/// How long a lower number waits, in seconds.
const WAITS: [f64; 7] = [0.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0];
/// How much an HPA may go up in 15 s, and down in a minute, in per cent.
const UP: [f64; 5] = [25.0, 50.0, 100.0, 200.0, 400.0];
const DOWN: [f64; 5] = [5.0, 10.0, 20.0, 50.0, 100.0];
/// Upstream's own: all may go in 15 s.
const DOWN_AT_ONCE: f64 = 400.0;

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    /// `55%`
    Share,
    /// `12.5/s`
    Rate,
    /// `120s`
    Seconds,
    /// A whole number.
    Whole,
    /// A number with up to three digits after the point, or in thousandths with an `m`, as it was.
    Quantity,
    /// A list of scaling policies that go up by so many per cent in 15 s.
    Up,
    /// One that goes down by so many per cent in a minute.
    Down,
}

/// Where a number stands.
#[derive(Clone, Debug)]
enum Place {
    /// A path of the scenario.
    Path(String),
    /// A number of a manifest.
    Manifest {
        file: String,
        number: ManifestNumber,
    },
}

/// A number that is searched, wherever it stands.
#[derive(Clone, Debug)]
pub(crate) struct Knob {
    pub(crate) name: String,
    /// In order; at the written one nothing is changed.
    values: Vec<f64>,
    written: usize,
    /// What is written, if it differs from place to place.
    differs: bool,
    form: Form,
    places: Vec<(Place, Form)>,
}

/// All knobs of some services.
#[derive(Clone, Debug, Default)]
pub(crate) struct Knobs {
    pub(crate) list: Vec<Knob>,
    /// Manifests as they are, by file.
    texts: Texts,
}

/// A number that was found, before those alike are one knob.
struct Found {
    name: String,
    written: f64,
    tried: Vec<f64>,
    form: Form,
    place: Place,
}

impl Knobs {
    /// Those of `services` in `scenario`, whose scaling is written as `text`; `file` gives the text of a manifest.
    pub(crate) fn of(
        scenario: &Scenario,
        text: &ScalingText,
        services: &[String],
        file: impl Fn(&str) -> Result<String, Failure>,
    ) -> Result<Self, Failure> {
        let mut knobs = Self::default();
        let mut found = Vec::new();
        for name in services {
            let manifest = text.manifests.iter().find(|(service, _)| service == name);
            if let Some((_, manifest)) = manifest {
                let text = file(manifest)?;
                found.extend(manifest::in_manifest(manifest, &text, name));
                knobs.texts.insert(manifest.clone(), text);
            } else if let Some(scaling) = scenario.scaling.get(name) {
                found.extend(in_scaling(name, scaling));
                let left = (1.0 - scenario.slo.share.get()).max(1e-6);
                found.extend(written::in_entry(name, text, left));
            }
        }
        knobs.list = joined(found);
        Ok(knobs)
    }

    pub(crate) fn space(&self) -> Space {
        Space {
            sizes: self.list.iter().map(|k| k.values.len()).collect(),
            start: self.list.iter().map(|k| k.written).collect(),
        }
    }

    /// What a setting changes in the scenario, and the manifests with it.
    pub(crate) fn edits(&self, candidate: &Candidate) -> Result<(Vec<Set>, Texts), Failure> {
        let mut sets = Vec::new();
        let mut texts = self.texts.clone();
        let changed = || {
            self.list
                .iter()
                .zip(candidate)
                .filter(|(k, v)| **v != k.written)
        };
        for (knob, value) in changed() {
            for (place, form) in &knob.places {
                if let Place::Path(path) = place {
                    sets.push(format!("{path}={}", form.written(knob.values[*value], "")));
                }
            }
        }
        for (name, text) in &mut texts {
            let mut numbers = Vec::new();
            for (knob, value) in changed() {
                for (place, form) in &knob.places {
                    if let Place::Manifest { file, number } = place
                        && file == name
                    {
                        let new = form.written(knob.values[*value], &number.text);
                        numbers.push((number, new));
                    }
                }
            }
            *text = with_numbers(text, &numbers);
        }
        Ok((Set::parse_all(&sets).map_err(Failure::usage)?, texts))
    }

    /// A setting's values, as people read them.
    pub(crate) fn words(&self, candidate: &Candidate) -> Vec<String> {
        let word = |(knob, value): (&Knob, &usize)| knob.word(*value);
        self.list.iter().zip(candidate).map(word).collect()
    }
}

impl Knob {
    pub(crate) fn all_words(&self) -> Vec<String> {
        (0..self.values.len()).map(|v| self.word(v)).collect()
    }

    pub(crate) fn written_word(&self) -> String {
        self.word(self.written)
    }

    fn word(&self, value: usize) -> String {
        if value == self.written && self.differs {
            return "as written".to_owned();
        }
        let v = self.values[value];
        match self.form {
            Form::Up => format!("{v}%/15s"),
            Form::Down if v >= DOWN_AT_ONCE => "100%/15s".to_owned(),
            Form::Down => format!("{v}%/min"),
            form => form.written(v, ""),
        }
    }

    pub(crate) fn places(&self) -> Vec<String> {
        let place = |(place, _): &(Place, Form)| match place {
            Place::Path(path) => path.clone(),
            Place::Manifest { file, number } => format!("{file}: {}", number.field),
        };
        self.places.iter().map(place).collect()
    }
}

impl Form {
    /// The value as it stands there; `before` is what stood there.
    fn written(self, value: f64, before: &str) -> String {
        match self {
            Self::Share => format!("{}%", rounded(value * 100.0)),
            Self::Rate => format!("{}/s", rounded(value)),
            Self::Seconds => format!("{}s", rounded(value)),
            Self::Whole => format!("{}", value.round()),
            Self::Quantity if before.ends_with('m') => format!("{}m", (value * 1e3).round()),
            Self::Quantity => rounded(value).to_string(),
            Self::Up => format!(
                "[{{type: Percent, value: {value}, periodSeconds: 15}}, {{type: Pods, value: 4, periodSeconds: 15}}]"
            ),
            Self::Down => format!("[{{type: Percent, value: {value}, periodSeconds: 60}}]"),
        }
    }
}

/// Without what binary fractions add.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// Numbers of the same name and form are one knob: all services get the same.
fn joined(found: Vec<Found>) -> Vec<Knob> {
    let mut groups: Vec<(String, Vec<Found>)> = Vec::new();
    for one in found {
        match groups.iter_mut().find(|(name, _)| *name == one.name) {
            Some((_, group)) => group.push(one),
            None => groups.push((one.name.clone(), vec![one])),
        }
    }
    groups
        .into_iter()
        .filter_map(|(name, group)| knob(name, group))
        .collect()
}

fn knob(name: String, group: Vec<Found>) -> Option<Knob> {
    let mean = group.iter().map(|f| f.written).sum::<f64>() / group.len() as f64;
    let first = group.first()?;
    let (form, differs) = (
        first.form,
        group.iter().any(|f| !same(f.written, first.written)),
    );
    let written = if differs { mean } else { first.written };
    let mut values: Vec<f64> = first
        .tried
        .iter()
        .copied()
        .filter(|v| !same(*v, written))
        .collect();
    let place = values.partition_point(|v| *v < written);
    values.insert(place, written);
    Some(Knob {
        name,
        values,
        written: place,
        differs,
        form,
        places: group.into_iter().map(|f| (f.place, f.form)).collect(),
    })
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}

/// Multiples of what is written, whole if it is.
fn times(written: f64) -> Vec<f64> {
    let is_whole = same(written, written.round()) && written >= 10.0;
    let near = |v: f64| {
        if is_whole {
            v.round()
        } else {
            (v * 1e3).round() / 1e3
        }
    };
    let mut all: Vec<f64> = TIMES
        .iter()
        .map(|t| near(written * t))
        .filter(|v| *v > 0.0)
        .collect();
    all.dedup_by(|a, b| same(*a, *b));
    all
}

fn in_scaling(service: &str, scaling: &Scaling) -> Vec<Found> {
    let path = |rest: &str| Place::Path(format!("scaling.{service}.{rest}"));
    match &scaling.policy {
        Policy::Hpa {
            targets,
            behavior,
            stabilization,
            ..
        } => {
            let mut found: Vec<Found> = targets.iter().map(|t| target(t, &path)).collect();
            found.extend(in_behavior(
                behavior.as_ref(),
                stabilization.as_secs_f64(),
                &path,
            ));
            found
        }
        // The others are told by how they are written.
        _ => Vec::new(),
    }
}

fn target(target: &HpaTarget, path: &dyn Fn(&str) -> Place) -> Found {
    let (name, written, form) = match target {
        HpaTarget::Cpu(share) => ("cpu", share.get(), Form::Share),
        HpaTarget::Busy(share) => ("busy", share.get(), Form::Share),
        HpaTarget::Requests(rate) => ("requests", *rate, Form::Rate),
    };
    Found {
        name: name.into(),
        written,
        tried: if form == Form::Share {
            SHARES.to_vec()
        } else {
            times(written)
        },
        form,
        place: path(&format!("target.{name}")),
    }
}

/// How long a lower number waits, and how fast it goes; the numbers of a `behavior` that is there already.
fn in_behavior(behavior: Option<&Value>, waits: f64, path: &dyn Fn(&str) -> Place) -> Vec<Found> {
    let get = |pointer: &str| behavior.and_then(|b| b.pointer(pointer));
    let own = get("/scaleDown/stabilizationWindowSeconds").and_then(Value::as_f64);
    let mut found = vec![match own {
        Some(seconds) => Found {
            name: "stabilization".into(),
            written: seconds,
            tried: WAITS.to_vec(),
            form: Form::Whole,
            place: path("behavior.scaleDown.stabilizationWindowSeconds"),
        },
        None => Found {
            name: "stabilization".into(),
            written: waits,
            tried: WAITS.to_vec(),
            form: Form::Seconds,
            place: path("stabilization"),
        },
    }];
    for (name, direction, default, tried, form) in [
        ("up", "scaleUp", 100.0, UP.to_vec(), Form::Up),
        ("down", "scaleDown", DOWN_AT_ONCE, DOWN.to_vec(), Form::Down),
    ] {
        let Some(rules) = get(&format!("/{direction}/policies")).and_then(Value::as_array) else {
            found.push(Found {
                name: name.into(),
                written: default,
                tried,
                form,
                place: path(&format!("behavior.{direction}.policies")),
            });
            continue;
        };
        for (i, rule) in rules.iter().enumerate() {
            let value = rule["value"].as_f64().unwrap_or(1.0);
            let kind = rule["type"].as_str().unwrap_or_default();
            found.push(whole(
                format!("{name} {kind}"),
                value,
                path(&format!("behavior.{direction}.policies.{i}.value")),
            ));
        }
    }
    found
}

fn whole(name: String, written: f64, place: Place) -> Found {
    let mut tried: Vec<f64> = [0.25, 0.5, 1.0, 2.0, 4.0]
        .iter()
        .map(|t| (written * t).round().max(1.0))
        .collect();
    tried.dedup_by(|a, b| same(*a, *b));
    Found {
        name,
        written,
        tried,
        form: Form::Whole,
        place,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::tuning::days;

    const HPA: &str = "apiVersion: autoscaling/v2   # ours\nkind: HorizontalPodAutoscaler\nmetadata: {name: order}\nspec:\n  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: order}\n  minReplicas: 2\n  maxReplicas: 30\n  metrics:\n  - {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}\n  behavior:\n    scaleDown: {stabilizationWindowSeconds: 300, policies: [{type: Percent, value: 10, periodSeconds: 60}]}\n";

    fn knobs(sets: &[&str], services: &[&str]) -> (Knobs, days::Day) {
        let days = days::all(&["flash-sale".to_owned()], &[]);
        let day = days
            .unwrap_or_else(|f| panic!("{:#}", f.error))
            .searched
            .remove(0);
        let sets = Set::parse_all(sets).unwrap();
        let scenario = day.scenario(&sets, &BTreeMap::new());
        let scenario = scenario.unwrap_or_else(|f| panic!("{:#}", f.error));
        let text = day
            .scaling(&sets)
            .unwrap_or_else(|f| panic!("{:#}", f.error));
        let services: Vec<String> = services.iter().map(|s| (*s).to_owned()).collect();
        let knobs = Knobs::of(&scenario, &text, &services, |_| Ok(HPA.to_owned()));
        (knobs.unwrap_or_else(|f| panic!("{:#}", f.error)), day)
    }

    fn texts(knobs: &Knobs, candidate: &Candidate) -> Vec<String> {
        let (sets, _) = knobs
            .edits(candidate)
            .unwrap_or_else(|f| panic!("{:#}", f.error));
        sets.iter().map(|s| s.text().to_owned()).collect()
    }

    #[test]
    fn services_with_the_same_number_share_a_knob() {
        let hpa = "{policy: hpa, min: 1, max: 32, target: {cpu: 70%}}";
        let sets = [
            format!("scaling.order={hpa}"),
            format!("scaling.auth={hpa}"),
        ];
        let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
        let (knobs, day) = knobs(&sets, &["auth", "order"]);
        let names: Vec<&str> = knobs.list.iter().map(|k| k.name.as_str()).collect();
        assert_eq!(names, ["cpu", "stabilization", "up", "down"]);
        let space = knobs.space();
        assert!(
            texts(&knobs, &space.start).is_empty(),
            "as written nothing is changed"
        );
        let mut candidate = space.start.clone();
        (candidate[0], candidate[1], candidate[3]) = (7, 3, 1);
        assert_eq!(
            knobs.words(&candidate),
            ["55%", "120s", "100%/15s", "10%/min"]
        );
        let texts = texts(&knobs, &candidate);
        assert_eq!(texts[0], "scaling.auth.target.cpu=55%");
        assert_eq!(texts[2], "scaling.auth.stabilization=120s");
        // Every value of every knob is one that the language takes.
        for knob in 0..space.sizes.len() {
            for value in 0..space.sizes[knob] {
                let mut one = space.start.clone();
                one[knob] = value;
                let (edits, texts) = knobs
                    .edits(&one)
                    .unwrap_or_else(|f| panic!("{:#}", f.error));
                let all: Vec<Set> = Set::parse_all(&sets)
                    .unwrap()
                    .into_iter()
                    .chain(edits)
                    .collect();
                let read = day.scenario(&all, &texts);
                assert!(
                    read.is_ok(),
                    "{:?}: {:#}",
                    knobs.words(&one),
                    read.unwrap_err().error
                );
            }
        }
    }

    #[test]
    fn reactive_has_a_budget_and_a_hold_and_what_stands_still_nothing() {
        let (reactive, _) = knobs(&["scaling.order={policy: reactive, max: 32}"], &["order"]);
        let names: Vec<&str> = reactive.list.iter().map(|k| k.name.as_str()).collect();
        assert_eq!(names, ["budget", "hold"]);
        assert_eq!(
            texts(&reactive, &vec![0, 5]),
            ["scaling.order.budget=0.002%", "scaling.order.hold=600s"]
        );
        let (still, _) = knobs(&["scaling.order={policy: static}"], &["order"]);
        assert!(still.list.is_empty());
    }

    #[test]
    fn quantities_keep_their_unit() {
        assert_eq!(Form::Quantity.written(12.5, "10000m"), "12500m");
        assert_eq!(Form::Quantity.written(12.5, "10"), "12.5");
        assert_eq!(times(100.0)[0].to_string(), "40");
    }
}
