//! Upstream's autoscalers in the words of the scenario language.

use std::time::Duration;

use scaler::{
    HpaSpec, KedaCron, KedaEvent, KedaMetric, KedaMetricType, KedaResourceTarget, KedaSource,
    KedaSpec, KedaTrigger, KpaMetric, KpaSpec, MetricSpec, PolicySpec,
};

use crate::pasted::flow;

/// What a policy says besides its name and its bounds; nothing if the language has no words for all of it.
pub(crate) fn words(policy: &PolicySpec) -> Option<Vec<String>> {
    match policy {
        PolicySpec::HpaManifest { spec, .. } => hpa(spec),
        PolicySpec::Kpa(spec) => Some(kpa(spec)),
        PolicySpec::Keda(spec) => keda(spec),
        _ => None,
    }
}

fn hpa(spec: &HpaSpec) -> Option<Vec<String>> {
    let behavior = spec.behavior.as_ref();
    let behavior = behavior.map(|b| serde_json::to_value(b).ok());
    let spec = spec.clone().defaulted();
    let targets: Option<Vec<String>> = spec.metrics.iter().map(target).collect();
    let mut words = vec![format!("target: {{{}}}", targets?.join(", "))];
    if let Some(behavior) = behavior {
        words.push(format!("behavior: {}", flow(&behavior?)));
    }
    Some(words)
}

/// A target that the language has.
fn target(metric: &MetricSpec) -> Option<String> {
    if let Some(resource) = metric.resource.as_ref().filter(|r| r.name == "cpu") {
        let percent = resource.target.average_utilization?;
        let none = resource.target.average_value.is_none();
        return none.then(|| format!("cpu: {percent}%"));
    }
    let pods = metric.pods.as_ref()?;
    let value = pods.target.average_value.as_ref()?.milli() as f64 / 1000.0;
    match pods.metric.name.as_str() {
        "busy" => Some(format!("busy: {value}")),
        "requests" => Some(format!("requests: {value}/s")),
        _ => None,
    }
}

/// A time in the language: whole seconds if it has them.
fn time(span: Duration) -> String {
    if span.subsec_nanos() == 0 {
        format!("{}s", span.as_secs())
    } else {
        format!("{}ms", span.as_secs_f64() * 1000.0)
    }
}

/// Without what binary fractions add.
fn percent(share: f64) -> String {
    format!("{}%", (share * 1e8).round() / 1e6)
}

fn kpa(spec: &KpaSpec) -> Vec<String> {
    let other = KpaSpec::default();
    let mut words = vec![match spec.metric {
        KpaMetric::Concurrency => format!("target: {{concurrency: {}}}", spec.total),
        KpaMetric::Rps => format!("target: {{requests: {}/s}}", spec.total),
    }];
    let mut differs = |name: &str, is: bool, value: String| {
        if is {
            words.push(format!("{name}: {value}"));
        }
    };
    let utilization = spec.target / spec.total;
    differs(
        "utilization",
        (utilization - 0.7).abs() > 1e-9,
        percent(utilization),
    );
    let window = spec.stable_window;
    differs("window", window != other.stable_window, time(window));
    let usual = other.clone().with_window(window, 10.0).panic_window;
    let share = spec.panic_window.as_secs_f64() / window.as_secs_f64();
    differs("panic_window", spec.panic_window != usual, percent(share));
    let threshold = spec.panic_threshold;
    differs(
        "panic_threshold",
        threshold != other.panic_threshold,
        percent(threshold),
    );
    let burst = spec.target_burst_capacity;
    let written = if burst < 0.0 {
        "unlimited".to_owned()
    } else {
        // Room for a fraction of a request is room for one.
        burst.ceil().to_string()
    };
    differs(
        "burst_capacity",
        burst != other.target_burst_capacity,
        written,
    );
    differs(
        "initial_scale",
        spec.initial_scale > 1,
        spec.initial_scale.to_string(),
    );
    let activation = spec.activation_scale;
    differs("activation_scale", activation > 1, activation.to_string());
    for (name, span, usual) in spans(spec) {
        differs(name, span != usual, time(span));
    }
    differs("aggregation", spec.weighted, "weighted".into());
    for (name, rate, usual) in [
        (
            "max_up_rate",
            spec.max_scale_up_rate,
            other.max_scale_up_rate,
        ),
        (
            "max_down_rate",
            spec.max_scale_down_rate,
            other.max_scale_down_rate,
        ),
    ] {
        differs(name, rate != usual, format!("{rate}x"));
    }
    words
}

/// Spans that are rarely changed, with what they are by default.
fn spans(spec: &KpaSpec) -> [(&'static str, Duration, Duration); 4] {
    let other = KpaSpec::default();
    [
        ("scale_down_delay", spec.scale_down_delay, Duration::ZERO),
        ("pod_retention", spec.pod_retention, Duration::ZERO),
        (
            "grace_period",
            spec.scale_to_zero_grace_period,
            other.scale_to_zero_grace_period,
        ),
        (
            "progress_deadline",
            spec.progress_deadline,
            other.progress_deadline,
        ),
    ]
}

fn keda(spec: &KedaSpec) -> Option<Vec<String>> {
    let other = KedaSpec::default();
    let triggers: Option<Vec<String>> = spec.triggers.iter().map(trigger).collect();
    let mut words = vec![format!("triggers: [{}]", triggers?.join(", "))];
    for (name, span, usual) in [
        ("polling", spec.polling_interval, other.polling_interval),
        ("cooldown", spec.cooldown_period, other.cooldown_period),
        (
            "initial_cooldown",
            spec.initial_cooldown_period,
            Duration::ZERO,
        ),
    ] {
        if span != usual {
            words.push(format!("{name}: {}", time(span)));
        }
    }
    words.extend(spec.idle.map(|idle| format!("idle: {idle}")));
    if let Some(modifiers) = &spec.modifiers {
        words.push(format!(
            "modifiers: {{formula: {}, target: {}, activation: {}, per: {}}}",
            word(&modifiers.formula),
            modifiers.target,
            modifiers.activation_target,
            per(modifiers.metric_type)
        ));
    }
    if let Some(fallback) = &spec.fallback {
        let behavior = serde_json::to_value(fallback.behavior).ok()?;
        words.push(format!(
            "fallback: {{failures: {}, replicas: {}, behavior: {}}}",
            fallback.failure_threshold,
            fallback.replicas,
            snake(behavior.as_str()?)
        ));
    }
    let annotations = &spec.annotations;
    let flags = [
        ("paused", annotations.paused),
        ("paused_scale_in", annotations.paused_scale_in),
        ("paused_scale_out", annotations.paused_scale_out),
        ("force_activation", annotations.force_activation),
    ];
    let flags = flags.iter().filter(|(_, set)| *set);
    let mut set: Vec<String> = flags.map(|(name, _)| format!("{name}: true")).collect();
    set.extend(
        annotations
            .paused_replicas
            .map(|n| format!("paused_replicas: {n}")),
    );
    if !set.is_empty() {
        words.push(format!("annotations: {{{}}}", set.join(", ")));
    }
    words.extend(
        spec.behavior
            .as_ref()
            .map(|b| format!("behavior: {}", flow(b))),
    );
    Some(words)
}

fn trigger(trigger: &KedaTrigger) -> Option<String> {
    let mut words = Vec::new();
    if !trigger.name.is_empty() {
        words.push(format!("name: {}", word(&trigger.name)));
    }
    match &trigger.source {
        KedaSource::Cpu(cpu) => match cpu.target {
            KedaResourceTarget::Utilization(percent) if cpu.container.is_none() => {
                words.push(format!("cpu: {percent}%"));
            }
            _ => return None,
        },
        KedaSource::Memory(_) => return None,
        KedaSource::Event(event) => words.extend(of_event(event)?),
    }
    Some(format!("{{{}}}", words.join(", ")))
}

fn of_event(event: &KedaEvent) -> Option<Vec<String>> {
    let threshold = event.threshold.milli() as f64 / 1000.0;
    let mut words = vec![match &event.metric {
        KedaMetric::Requests => format!("requests: {threshold}/s"),
        KedaMetric::InFlight => format!("concurrency: {threshold}"),
        KedaMetric::Queued => format!("queue: {threshold}"),
        KedaMetric::Cron(KedaCron {
            start,
            end,
            timezone,
            replicas,
            ..
        }) => {
            let [start, end, timezone] = [start, end, timezone].map(|text| word(text));
            return Some(vec![format!(
                "cron: {{start: {start}, end: {end}, replicas: {replicas}, timezone: {timezone}}}"
            )]);
        }
        KedaMetric::External(_) => return None,
    }];
    if event.activation.milli() != 0 {
        let activation = event.activation.milli() as f64 / 1000.0;
        words.push(format!("activation: {activation}"));
    }
    if event.metric_type == KedaMetricType::Value {
        words.push("per: service".into());
    }
    if event.cached {
        words.push("cached: true".into());
    }
    Some(words)
}

const fn per(kind: KedaMetricType) -> &'static str {
    match kind {
        KedaMetricType::AverageValue => "replica",
        KedaMetricType::Value => "service",
    }
}

/// A text as YAML reads it back: as it is if it is a plain word, or else in quotes as JSON has them.
pub(crate) fn word(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let reserved = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    if begins && text.chars().all(safe) && !reserved.contains(&text.to_lowercase().as_str()) {
        text.to_owned()
    } else {
        serde_json::Value::from(text).to_string()
    }
}

/// `currentReplicas` as `current_replicas`.
fn snake(text: &str) -> String {
    let mut snake = String::new();
    for c in text.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use scenarios::{Policy, Scenario, Set};

    use super::*;
    use crate::scenario_file;

    fn read(entry: &str) -> Scenario {
        let set = format!("scaling={{order: {entry}}}");
        let checked = scenario_file::read_with("flash-sale", &[Set::parse(&set).unwrap()]);
        checked
            .unwrap_or_else(|f| panic!("{entry}: {:#}", f.error))
            .scenario
    }

    #[test]
    fn only_what_needs_quotes_has_them() {
        for (text, yaml) in [
            ("order", "order"),
            ("s0-prometheus", "s0-prometheus"),
            ("Europe/Paris", "Europe/Paris"),
            ("hpa.yaml", "hpa.yaml"),
            ("No", "\"No\""),
            ("9lives", "\"9lives\""),
            ("0 8 * * *", "\"0 8 * * *\""),
            ("max(a, b)", "\"max(a, b)\""),
            ("a: b", "\"a: b\""),
            ("", "\"\""),
        ] {
            assert_eq!(word(text), yaml);
            let read: serde_json::Value = serde_saphyr::from_str(&format!("[{yaml}]")).unwrap();
            assert_eq!(read[0], text);
        }
    }

    #[test]
    fn what_is_said_means_the_same_when_it_is_read_again() {
        for entry in [
            "{policy: kpa, min: 2, max: 32}",
            "{policy: kpa, min: 2, max: 32, target: {requests: 30/s}, utilization: 55%, window: 2m, panic_window: 25%, panic_threshold: 150%, burst_capacity: unlimited, activation_scale: 3, scale_down_delay: 30s, aggregation: weighted, max_down_rate: 1.5x, grace_period: 10s}",
            "{policy: keda, min: 2, max: 32, triggers: [{name: a, requests: 40/s, activation: 2}, {name: b, queue: 4, per: service, cached: true}], polling: 10s, cooldown: 1m, idle: 1, modifiers: {formula: 'max(a, b)', target: 2}, fallback: {failures: 3, replicas: 4, behavior: current_replicas_if_lower}, annotations: {paused_scale_in: true}, behavior: {scaleDown: {stabilizationWindowSeconds: 60}}}",
            "{policy: keda, min: 2, max: 32, triggers: [{cpu: 70%}, {cron: {start: 0 8 * * *, end: 0 20 * * *, replicas: 9, timezone: UTC}}]}",
        ] {
            let scaling = &read(entry).scaling["order"];
            let Policy::Upstream(spec) = &scaling.policy else {
                panic!("{entry}")
            };
            let said = words(spec).unwrap_or_else(|| panic!("{entry}"));
            let (name, min, max) = (spec.name(), scaling.min, scaling.max);
            let again = format!(
                "{{policy: {name}, min: {min}, max: {max}, {}}}",
                said.join(", ")
            );
            assert_eq!(&read(&again).scaling["order"], scaling, "{again}");
        }
    }
}
