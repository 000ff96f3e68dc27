//! Knative's annotations, on a Service, a Configuration or a Revision.

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::Replicas;

use super::tree::{Node, Scalar};
use super::{ImportError, Imported, ObjectPlace, name, placed, typed};
use crate::field_error::Mistakes;
use crate::{KpaMetric, KpaSpec, PolicySpec};

const PREFIX: &str = "autoscaling.knative.dev/";
const KPA: &str = "kpa.autoscaling.knative.dev";

/// Annotations whose older names are in camel case.
const RENAMED: [(&str, &str); 10] = [
    ("min-scale", "minScale"),
    ("max-scale", "maxScale"),
    ("initial-scale", "initialScale"),
    ("scale-down-delay", "scaleDownDelay"),
    (
        "target-utilization-percentage",
        "targetUtilizationPercentage",
    ),
    ("panic-window-percentage", "panicWindowPercentage"),
    ("panic-threshold-percentage", "panicThresholdPercentage"),
    ("target-burst-capacity", "targetBurstCapacity"),
    (
        "scale-to-zero-pod-retention-period",
        "scaleToZeroPodRetentionPeriod",
    ),
    ("metric-aggregation-algorithm", "metricAggregationAlgorithm"),
];

pub(super) fn read(document: &Node, kind: &str) -> Result<Imported, Vec<ImportError>> {
    let mut found = Vec::new();
    let name = name(document)
        .map_err(|error| found.push(error))
        .unwrap_or_default();
    let template = if kind == "Revision" {
        ""
    } else {
        "spec.template."
    };
    let at = format!("{template}metadata.annotations");
    let annotations = read_annotations(document, &at, &mut found);
    let mut mistakes = Mistakes::default();
    if kind != "Revision" {
        misplaced(document, &mut found, &mut mistakes);
    }
    let mut reader = Reader {
        annotations: &annotations,
        at: &at,
        found: &mut mistakes,
    };
    let mut spec = reader.spec();
    let limit = concurrency(document, template, &mut mistakes);
    let mut reader = Reader {
        annotations: &annotations,
        at: &at,
        found: &mut mistakes,
    };
    let (target, utilization) = reader.target();
    spec = spec.with_target(target, limit, utilization);
    found.extend(placed(document, mistakes.sorted()));
    if !found.is_empty() {
        return Err(found);
    }
    Ok(Imported {
        object: ObjectPlace::default(),
        kind: kind.to_owned(),
        target: format!("{kind}/{name}"),
        name,
        policy: PolicySpec::Kpa(spec),
    })
}

fn read_annotations(
    document: &Node,
    at: &str,
    found: &mut Vec<ImportError>,
) -> BTreeMap<String, String> {
    let node = at.split('.').try_fold(document, |node, key| node.get(key));
    let Some(node) = node else {
        return BTreeMap::new();
    };
    typed::read(node, at)
        .map_err(|all| found.extend(all))
        .unwrap_or_default()
}

/// Annotations of scaling on the object itself do nothing.
fn misplaced(document: &Node, found: &mut Vec<ImportError>, mistakes: &mut Mistakes) {
    for key in read_annotations(document, "metadata.annotations", found).keys() {
        if key.starts_with(PREFIX) {
            let what = "autoscaling annotations must be put under \"spec.template.metadata.annotations\" to work";
            mistakes.invalid(format!("metadata.annotations.{key}"), what);
        }
    }
}

/// `containerConcurrency`; none if it is 0 or absent.
fn concurrency(document: &Node, template: &str, found: &mut Mistakes) -> Option<f64> {
    let path = format!("{template}spec.containerConcurrency");
    let node = path
        .split('.')
        .try_fold(document, |node, key| node.get(key))?;
    match node.scalar() {
        Some(Scalar::Whole(n @ 0..=1000)) => (n > 0).then_some(n as f64),
        _ => {
            found.invalid(path, "expected 0 <= containerConcurrency <= 1000");
            None
        }
    }
}

struct Reader<'a> {
    annotations: &'a BTreeMap<String, String>,
    at: &'a str,
    found: &'a mut Mistakes,
}

impl Reader<'_> {
    /// An annotation by its name, or by its older one; with the key that it has.
    fn get(&self, name: &str) -> Option<(String, String)> {
        let older = RENAMED
            .iter()
            .find(|(new, _)| *new == name)
            .map(|(_, older)| *older);
        [Some(name), older].into_iter().flatten().find_map(|name| {
            let key = format!("{PREFIX}{name}");
            let value = self.annotations.get(&key)?.clone();
            Some((key, value))
        })
    }

    fn wrong(&mut self, key: &str, what: impl Into<String>) {
        self.found.invalid(format!("{}.{key}", self.at), what);
    }

    /// A number within a range.
    fn number(&mut self, name: &str, range: (f64, f64)) -> Option<f64> {
        let (key, text) = self.get(name)?;
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => {
                if value < range.0 || value > range.1 {
                    let what = format!("expected {} <= {text} <= {}", range.0, range.1);
                    self.wrong(&key, what);
                }
                Some(value)
            }
            _ => {
                self.wrong(&key, format!("invalid value: {}", text.escape_debug()));
                None
            }
        }
    }

    fn count(&mut self, name: &str) -> Option<u32> {
        let (key, text) = self.get(name)?;
        let digits = text.strip_prefix(['+', '-']).unwrap_or(&text);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            self.wrong(&key, format!("invalid value: {}", text.escape_debug()));
            return None;
        }
        match text.parse::<i32>().ok().and_then(|n| u32::try_from(n).ok()) {
            Some(count) => Some(count),
            None => {
                self.wrong(&key, format!("expected 0 <= {text} <= {}", i32::MAX));
                None
            }
        }
    }

    /// A span within a range, in whole seconds if that is wanted.
    fn span(&mut self, name: &str, least: u64, whole: bool) -> Option<Duration> {
        let (key, text) = self.get(name)?;
        let most = 3600;
        let Some(seconds) = go_seconds(&text) else {
            self.wrong(&key, format!("invalid value: {}", text.escape_debug()));
            return None;
        };
        if seconds < least as f64 || seconds > f64::from(most) {
            self.wrong(&key, format!("expected {least}s <= {text} <= 1h0m0s"));
        } else if whole && seconds.trunc() != seconds {
            self.wrong(&key, "must be specified with at most second precision");
        }
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// All but the target.
    fn spec(&mut self) -> KpaSpec {
        let other = KpaSpec::default();
        let metric = self.class_and_metric();
        let panic = self
            .number("panic-window-percentage", (1.0, 100.0))
            .unwrap_or(10.0);
        let threshold = self
            .number("panic-threshold-percentage", (110.0, 1000.0))
            .unwrap_or(200.0);
        let window = self.span("window", 6, true).unwrap_or(other.stable_window);
        let (min, max) = self.bounds();
        let activation_scale = self.activation(min, max);
        KpaSpec {
            metric,
            target_burst_capacity: self.burst().unwrap_or(other.target_burst_capacity),
            panic_threshold: threshold / 100.0,
            scale_down_delay: self.span("scale-down-delay", 0, true).unwrap_or_default(),
            activation_scale,
            initial_scale: self.initial(),
            min: Replicas(min),
            max: Replicas(max),
            weighted: self.weighted(),
            pod_retention: self
                .span("scale-to-zero-pod-retention-period", 0, false)
                .unwrap_or_default(),
            ..other
        }
        .with_window(window, panic)
    }

    fn class_and_metric(&mut self) -> KpaMetric {
        if let Some((key, class)) = self.get("class").filter(|(_, class)| class != KPA) {
            let what = if class == "hpa.autoscaling.knative.dev" {
                "this class makes an HPA: read that instead".into()
            } else {
                format!("invalid value: {}", class.escape_debug())
            };
            self.wrong(&key, what);
        }
        match self.get("metric") {
            None => KpaMetric::Concurrency,
            Some((_, metric)) if metric == "concurrency" => KpaMetric::Concurrency,
            Some((_, metric)) if metric == "rps" => KpaMetric::Rps,
            // Another class has metrics of its own.
            Some(_) if self.get("class").is_some_and(|(_, class)| class != KPA) => {
                KpaMetric::Concurrency
            }
            Some((key, metric)) => {
                self.wrong(&key, format!("invalid value: {}", metric.escape_debug()));
                KpaMetric::Concurrency
            }
        }
    }

    fn bounds(&mut self) -> (u32, u32) {
        let min = self.count("min-scale").unwrap_or(0);
        let max = self.count("max-scale").unwrap_or(0);
        if max != 0 && max < min {
            let what = format!("max-scale={max} is less than min-scale={min}");
            for name in ["max-scale", "min-scale"] {
                if let Some((key, _)) = self.get(name) {
                    self.wrong(&key, what.clone());
                }
            }
        }
        (min, max)
    }

    fn activation(&mut self, min: u32, max: u32) -> u32 {
        let Some((key, text)) = self.get("activation-scale") else {
            return 0;
        };
        let Ok(n) = text.parse::<i32>() else {
            self.wrong(&key, format!("invalid value: {}", text.escape_debug()));
            return 0;
        };
        let scale = i64::from(n);
        if i64::from(min) > scale {
            self.wrong(
                &key,
                format!("min-scale={min} is greater than activation-scale={n}"),
            );
        } else if max != 0 && i64::from(max) < scale {
            self.wrong(
                &key,
                format!("max-scale={max} is less than activation-scale={n}"),
            );
        } else if scale < 2 {
            self.wrong(&key, format!("activation-scale={n} must be greater than 1"));
        }
        u32::try_from(n).unwrap_or(0)
    }

    fn initial(&mut self) -> u32 {
        let Some((key, text)) = self.get("initial-scale") else {
            return 1;
        };
        match text.parse::<i32>() {
            Err(_) => self.wrong(&key, format!("invalid value: {}", text.escape_debug())),
            Ok(n) if n < 0 => {
                self.wrong(&key, format!("invalid value: {n}: must be greater than 0"));
            }
            Ok(0) => self.wrong(&key, "invalid value: 0: not allowed by cluster"),
            Ok(n) => return n.unsigned_abs(),
        }
        1
    }

    fn burst(&mut self) -> Option<f64> {
        let (key, text) = self.get("target-burst-capacity")?;
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() && (value >= 0.0 || value == -1.0) => Some(value),
            _ => {
                self.wrong(&key, format!("invalid value: {}", text.escape_debug()));
                None
            }
        }
    }

    fn weighted(&mut self) -> bool {
        match self.get("metric-aggregation-algorithm") {
            None => false,
            Some((_, how)) if how.is_empty() || how == "linear" => false,
            Some((_, how)) if how == "weighted-exponential" || how == "weightedExponential" => true,
            Some((key, how)) => {
                self.wrong(&key, format!("invalid value: {}", how.escape_debug()));
                false
            }
        }
    }

    /// The annotated target, and the utilisation.
    fn target(&mut self) -> (Option<f64>, f64) {
        let target = self
            .get("target")
            .and_then(|(key, text)| match text.parse::<f64>() {
                Ok(value) if value.is_finite() => {
                    if value < 0.01 {
                        self.wrong(&key, format!("target {text} should be at least 0.01"));
                    }
                    Some(value)
                }
                _ => {
                    self.wrong(&key, format!("invalid value: {}", text.escape_debug()));
                    None
                }
            });
        let utilization = self.number("target-utilization-percentage", (1.0, 100.0));
        (target, utilization.unwrap_or(70.0) / 100.0)
    }
}

/// A span as Go writes them (`1m30s`), in seconds.
fn go_seconds(text: &str) -> Option<f64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0.0);
    }
    let mut seconds = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let units = [
            ("ns", 1e-9),
            ("us", 1e-6),
            ("µs", 1e-6),
            ("ms", 1e-3),
            ("s", 1.0),
            ("m", 60.0),
            ("h", 3600.0),
        ];
        let (unit, factor) = units.iter().find(|(unit, _)| rest.starts_with(unit))?;
        rest = &rest[unit.len()..];
        seconds += number * factor;
    }
    Some(sign * seconds)
}
