//! The numbers of a manifest that say how it follows the load. Its bounds are the user's.

use scaler::{
    HpaSpec, Imported, KedaMetric, KedaResourceTarget, KedaSource, KedaSpec, ManifestNumber,
    PolicySpec, QuantityText, keda_thresholds, manifest_numbers,
};

use super::written::{COOLDOWNS, PANICS, POLLS, WINDOWS};
use super::{Form, Found, Place, SHARES, WAITS, times, whole};

/// What a number of a manifest is to the search.
struct Meaning {
    name: String,
    written: f64,
    tried: Vec<f64>,
    form: Form,
}

/// Those of the object in `text` that scales `service`.
pub(super) fn in_manifest(file: &str, text: &str, service: &str) -> Vec<Found> {
    let Ok(all) = scaler::import(text) else {
        return Vec::new();
    };
    let Some(chosen) = Imported::choose(&all, service) else {
        return Vec::new();
    };
    let numbers = manifest_numbers(text).into_iter();
    let own = numbers.filter(|number| number.object == chosen.object);
    own.filter_map(|number| {
        let found = match &chosen.policy {
            PolicySpec::HpaManifest { spec, .. } => hpa(spec, &number),
            PolicySpec::Keda(spec) => keda(spec, &number),
            PolicySpec::Kpa(_) => knative(&number),
            _ => None,
        }?;
        Some(Found {
            name: found.name,
            written: found.written,
            tried: found.tried,
            form: found.form,
            place: Place::Manifest {
                file: file.to_owned(),
                number,
            },
        })
    })
    .collect()
}

fn hpa(spec: &HpaSpec, number: &ManifestNumber) -> Option<Meaning> {
    let field = number.field.as_str();
    let metric = index(field, "spec.metrics[").and_then(|i| spec.metrics.get(i));
    let is_cpu = || {
        let resource = metric.and_then(|m| m.resource.as_ref()).map(|r| &r.name);
        let container = metric.and_then(|m| m.container_resource.as_ref());
        resource
            .or(container.map(|c| &c.name))
            .is_some_and(|name| name == "cpu")
    };
    let last = field.rsplit('.').next().unwrap_or_default();
    match last {
        "targetCPUUtilizationPercentage" => per_cent("cpu per cent", number),
        "averageUtilization" if is_cpu() => per_cent("cpu per cent", number),
        "averageValue" | "value" if metric.is_some() => {
            let of = field.split(".target.").next().unwrap_or_default();
            quantity(format!("value of {of}"), number)
        }
        _ => behavior(field.strip_prefix("spec.behavior.")?, number),
    }
}

fn keda(spec: &KedaSpec, number: &ManifestNumber) -> Option<Meaning> {
    let field = number.field.as_str();
    match field {
        "spec.pollingInterval" => seconds("polling", number, &POLLS, Form::Whole),
        "spec.cooldownPeriod" => seconds("cooldown", number, &COOLDOWNS, Form::Whole),
        "spec.advanced.scalingModifiers.target" => {
            quantity("target of the formula".to_owned(), number)
        }
        _ => {
            let at = "spec.advanced.horizontalPodAutoscalerConfig.behavior.";
            if let Some(rest) = field.strip_prefix(at) {
                return behavior(rest, number);
            }
            let place = index(field, "spec.triggers[")?;
            let (_, key) = field.split_once(".metadata.")?;
            match &spec.triggers.get(place)?.source {
                KedaSource::Cpu(cpu) if key == "value" => match cpu.target {
                    KedaResourceTarget::Utilization(_) => per_cent("cpu per cent", number),
                    KedaResourceTarget::AverageValue(_) => None,
                },
                // With a formula their own thresholds are not looked at.
                KedaSource::Event(event) if spec.modifiers.is_none() => {
                    let KedaMetric::External(kind) = &event.metric else {
                        return None;
                    };
                    let is_threshold = keda_thresholds(kind).any(|name| name == key);
                    is_threshold.then_some(())?;
                    let mut found = quantity(format!("target of spec.triggers[{place}]"), number)?;
                    // Many types take only whole numbers.
                    if found.written.fract() == 0.0 {
                        found.tried.iter_mut().for_each(|v| *v = v.round().max(1.0));
                        found.tried.dedup();
                    }
                    Some(found)
                }
                _ => None,
            }
        }
    }
}

/// Annotations by their names of today and their older ones.
fn knative(number: &ManifestNumber) -> Option<Meaning> {
    let (_, name) = number
        .field
        .split_once("annotations.autoscaling.knative.dev/")?;
    match name {
        "target" => quantity("target".to_owned(), number),
        "target-utilization-percentage" | "targetUtilizationPercentage" => {
            per_cent("utilization per cent", number)
        }
        "panic-threshold-percentage" | "panicThresholdPercentage" => {
            let tried: Vec<f64> = PANICS.iter().map(|share| (share * 100.0).round()).collect();
            seconds("panic threshold per cent", number, &tried, Form::Whole)
        }
        "window" => seconds("window", number, &WINDOWS, Form::Seconds),
        "scale-down-delay" | "scaleDownDelay" => {
            seconds("scale-down delay", number, &WAITS, Form::Seconds)
        }
        _ => None,
    }
}

/// How long lower numbers wait, and how much may go up and down.
fn behavior(field: &str, number: &ManifestNumber) -> Option<Meaning> {
    if field == "scaleDown.stabilizationWindowSeconds" {
        return seconds("stabilization", number, &WAITS, Form::Whole);
    }
    let direction = match field.split_once(".policies[")? {
        ("scaleUp", rest) if rest.ends_with(".value") => "up",
        ("scaleDown", rest) if rest.ends_with(".value") => "down",
        _ => return None,
    };
    let of = number.field.trim_end_matches(".value");
    let place = Place::Path(String::new());
    let found = whole(
        format!("{direction} of {of}"),
        number.text.parse().ok()?,
        place,
    );
    Some(Meaning {
        name: found.name,
        written: found.written,
        tried: found.tried,
        form: found.form,
    })
}

/// Manifests have whole per cents.
fn per_cent(name: &str, number: &ManifestNumber) -> Option<Meaning> {
    Some(Meaning {
        name: name.to_owned(),
        written: number.text.parse().ok()?,
        tried: SHARES.iter().map(|share| (share * 100.0).round()).collect(),
        form: Form::Whole,
    })
}

fn quantity(name: String, number: &ManifestNumber) -> Option<Meaning> {
    let written = QuantityText::new(number.text.as_str()).ok()?;
    let written = written.milli() as f64 / 1000.0;
    Some(Meaning {
        name,
        written,
        tried: times(written),
        form: Form::Quantity,
    })
}

/// A number of seconds, with the unit if that is the form.
fn seconds(name: &str, number: &ManifestNumber, tried: &[f64], form: Form) -> Option<Meaning> {
    let digits = match form {
        Form::Seconds => number.text.strip_suffix('s')?,
        _ => &number.text,
    };
    Some(Meaning {
        name: name.to_owned(),
        written: digits.parse().ok()?,
        tried: tried.to_vec(),
        form,
    })
}

/// The number behind `before` in brackets.
fn index(field: &str, before: &str) -> Option<usize> {
    field.strip_prefix(before)?.split_once(']')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::{Knobs, joined};
    use super::*;
    use crate::tuning::manifests::Texts;

    const HPA: &str = "apiVersion: autoscaling/v2   # ours\nkind: HorizontalPodAutoscaler\nmetadata: {name: order}\nspec:\n  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: order}\n  minReplicas: 2\n  maxReplicas: 30\n  metrics:\n  - {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}\n  - {type: Resource, resource: {name: memory, target: {type: Utilization, averageUtilization: 80}}}\n  behavior:\n    scaleDown: {stabilizationWindowSeconds: 300, policies: [{type: Percent, value: 10, periodSeconds: 60}]}\n";

    const KEDA: &str = "apiVersion: keda.sh/v1alpha1\r\nkind: ScaledObject\r\nmetadata: {name: order}\r\nspec:\r\n  scaleTargetRef: {name: order}\r\n  pollingInterval: 10\r\n  cooldownPeriod:  120 # two minutes\r\n  triggers:\r\n  - type: kafka\r\n    metadata: {topic: orders-2, lagThreshold: '7'}\r\n  - type: cpu\r\n    metricType: Utilization\r\n    metadata: {value: \"65\"}\r\n";

    const KNATIVE: &str = "kind: Service\napiVersion: serving.knative.dev/v1\nmetadata: {name: order}\nspec:\n  template:\n    metadata:\n      annotations:\n        autoscaling.knative.dev/target: \"80\"\n        autoscaling.knative.dev/maxScale: \"9\"\n        autoscaling.knative.dev/window: \"90s\"\n        autoscaling.knative.dev/scale-down-delay: 1m30s\n    spec: {containerConcurrency: 50}\n";

    fn knobs(text: &str) -> Knobs {
        Knobs {
            list: joined(in_manifest("it.yaml", text, "order")),
            texts: Texts::from([("it.yaml".into(), text.into())]),
        }
    }

    fn names(knobs: &Knobs) -> Vec<&str> {
        knobs.list.iter().map(|k| k.name.as_str()).collect()
    }

    fn edited(knobs: &Knobs, candidate: &[usize]) -> String {
        let edits = knobs.edits(&candidate.to_vec());
        let (_, texts) = edits.unwrap_or_else(|f| panic!("{:#}", f.error));
        texts["it.yaml"].clone()
    }

    #[test]
    fn an_hpa_keeps_all_but_its_numbers() {
        let knobs = knobs(HPA);
        let down = "down of spec.behavior.scaleDown.policies[0]";
        assert_eq!(names(&knobs), ["cpu per cent", "stabilization", down]);
        let mut candidate = knobs.space().start;
        assert_eq!(edited(&knobs, &candidate), HPA);
        (candidate[0], candidate[2]) = (7, 0);
        let expected = HPA.replace("averageUtilization: 70", "averageUtilization: 55");
        assert_eq!(
            edited(&knobs, &candidate),
            expected.replace("value: 10,", "value: 3,")
        );
    }

    #[test]
    fn a_scaled_object_keeps_all_but_its_numbers() {
        let knobs = knobs(KEDA);
        let all = [
            "polling",
            "cooldown",
            "target of spec.triggers[0]",
            "cpu per cent",
        ];
        assert_eq!(names(&knobs), all);
        let mut candidate = knobs.space().start;
        assert_eq!(edited(&knobs, &candidate), KEDA);
        (candidate[0], candidate[1], candidate[2], candidate[3]) = (0, 0, 0, 7);
        let expected = KEDA.replace("pollingInterval: 10", "pollingInterval: 5");
        let expected = expected.replace("cooldownPeriod:  120", "cooldownPeriod:  60");
        let expected = expected.replace("'7'", "'3'").replace("\"65\"", "\"55\"");
        assert_eq!(edited(&knobs, &candidate), expected);
    }

    #[test]
    fn annotations_keep_their_units_and_what_has_several_is_left_alone() {
        let knobs = knobs(KNATIVE);
        assert_eq!(names(&knobs), ["target", "window"]);
        let (target, window) = (knobs.list[0].written, knobs.list[1].written);
        let expected = KNATIVE.replace("\"80\"", "\"32\"");
        assert_eq!(edited(&knobs, &[0, window]), expected);
        let expected = KNATIVE.replace("\"90s\"", "\"30s\"");
        assert_eq!(edited(&knobs, &[target, 0]), expected);
    }

    #[test]
    fn another_autoscaler_of_the_same_file_is_left_alone() {
        let other = HPA.replace("order", "auth");
        let both = format!("{HPA}---\n{other}");
        let knobs = knobs(&both);
        let mut candidate = knobs.space().start;
        candidate[0] = 7;
        let expected = HPA.replace("averageUtilization: 70", "averageUtilization: 55");
        assert_eq!(
            edited(&knobs, &candidate),
            format!("{expected}---\n{other}")
        );
    }
}
