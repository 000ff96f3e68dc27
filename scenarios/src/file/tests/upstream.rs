//! Upstream's autoscalers in a scenario: in the language's own words, and as their own manifests.

use metrics::{Quantity, Timestamp};
use scaler::{KedaMetric, KedaMetricType, KedaSource, KedaSpec, KpaMetric, KpaSpec, PolicySpec};

use super::simulated::{catalogue_with, checked, said};
use super::*;

const HPA: &str = "{policy: hpa, min: 2, max: 30, target: {cpu: 70%}}";

pub(super) fn manifest(name: &str) -> Option<&'static str> {
    Some(match name {
        "keda.yaml" => {
            "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: catalogue}\nspec:\n  scaleTargetRef: {name: catalogue}\n  minReplicaCount: 2\n  maxReplicaCount: 9\n  cooldownPeriod: 60\n  triggers:\n    - type: prometheus\n      name: hits\n      metadata: {serverAddress: http://p, query: q, threshold: \"50\"}\n    - type: cron\n      metadata: {timezone: UTC, start: 0 8 * * *, end: 0 20 * * *, desiredReplicas: \"6\"}\n"
        }
        "knative.yaml" => {
            "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: catalogue}\nspec:\n  template:\n    metadata:\n      annotations:\n        autoscaling.knative.dev/min-scale: \"2\"\n        autoscaling.knative.dev/target: \"20\"\n        autoscaling.knative.dev/window: 30s\n    spec: {containers: [{image: shop}]}\n"
        }
        "external.yaml" => {
            "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: catalogue}\nspec:\n  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: catalogue}\n  minReplicas: 2\n  maxReplicas: 9\n  metrics:\n    - type: External\n      external: {metric: {name: backlog}, target: {type: AverageValue, averageValue: 5}}\n    - type: Object\n      object: {describedObject: {apiVersion: v1, kind: Service, name: catalogue}, metric: {name: requests}, target: {type: Value, value: 100}}\n    - type: ContainerResource\n      containerResource: {name: cpu, container: app, target: {type: Utilization, averageUtilization: 60}}\n"
        }
        "two.yaml" => {
            "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: a}\nspec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: order}, maxReplicas: 5}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: catalogue}\n---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: b}\nspec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: catalogue}, maxReplicas: 7}\n"
        }
        "wrong.yaml" => {
            "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: catalogue}\nspec:\n  scaleTargetRef: {name: catalogue}\n  idleReplicaCount: 3\n  minReplicaCount: 2\n  triggers:\n    - type: kafka\n      metadata: {lagThreshold: many}\n"
        }
        _ => return None,
    })
}

fn scaled(entry: &str) -> String {
    design_with(HPA, entry)
}

fn spec(entry: &str) -> PolicySpec {
    match &good(&scaled(entry)).scaling["catalogue"].policy {
        Policy::Upstream(spec) => spec.as_ref().clone(),
        other => panic!("{other:?}"),
    }
}

fn kpa(entry: &str) -> KpaSpec {
    match spec(entry) {
        PolicySpec::Kpa(spec) => spec,
        other => panic!("{other:?}"),
    }
}

fn keda(entry: &str) -> KedaSpec {
    match spec(entry) {
        PolicySpec::Keda(spec) => *spec,
        other => panic!("{other:?}"),
    }
}

fn mistakes(entry: &str) -> Vec<String> {
    let mistakes = read(&scaled(entry)).expect_err("there are mistakes in it");
    mistakes.list().iter().map(|m| m.what.clone()).collect()
}

#[test]
fn a_kpa_has_knatives_defaults_and_its_replicas_slots_for_a_target() {
    let plain = kpa("{policy: kpa, min: 2, max: 30}");
    let other = KpaSpec {
        min: Replicas(2),
        max: Replicas(30),
        ..KpaSpec::default()
    };
    assert_eq!(plain, other.clone().with_target(Some(2.0), None, 0.7));
    let short = kpa("{policy: kpa, min: 2, max: 30, target: 70}");
    assert_eq!(short, other.with_target(Some(70.0), None, 0.7));
    let rps = kpa("{policy: kpa, max: 30, target: {requests: 150/s}}");
    assert_eq!((rps.metric, rps.total), (KpaMetric::Rps, 150.0));
    assert_eq!(rps.min, Replicas(2), "those of the start");
}

#[test]
fn all_annotations_of_knative_are_fields() {
    let spec = kpa(
        "{policy: kpa, min: 1, max: 30, target: {concurrency: 10}, utilization: 50%, window: 2m, panic_window: 25%, \
         panic_threshold: 150%, burst_capacity: unlimited, initial_scale: 3, activation_scale: 4, scale_down_delay: 30s, \
         pod_retention: 20s, grace_period: 10s, aggregation: weighted, max_up_rate: 10x, max_down_rate: 1.5x, progress_deadline: 2m}",
    );
    assert_eq!((spec.target, spec.total), (5.0, 10.0));
    assert_eq!(
        (spec.stable_window, spec.panic_window),
        (secs(120), secs(30))
    );
    assert_eq!(
        (spec.panic_threshold, spec.target_burst_capacity),
        (1.5, -1.0)
    );
    assert_eq!((spec.initial_scale, spec.activation_scale), (3, 4));
    assert_eq!(
        (spec.scale_down_delay, spec.pod_retention),
        (secs(30), secs(20))
    );
    assert_eq!(
        (spec.scale_to_zero_grace_period, spec.weighted),
        (secs(10), true)
    );
    assert_eq!(
        (spec.max_scale_up_rate, spec.max_scale_down_rate),
        (10.0, 1.5)
    );
    assert_eq!(spec.progress_deadline, secs(120));
}

#[test]
fn what_a_kpa_cannot_be_is_said_all_at_once() {
    let found = mistakes(
        "{policy: kpa, min: 0, max: 30, target: {cpu: 70%}, utilization: 0.5%, window: 5s, panic_window: 0%, \
         panic_threshold: 100%, activation_scale: 31, scale_down_delay: 500ms, grace_period: 0s, max_up_rate: 1x, stabilization: 1m}",
    );
    assert_eq!(
        found,
        [
            "`cpu` means nothing for a kpa",
            "utilization = 0.5%",
            "window = 5s",
            "panic_window = 0%",
            "panic_threshold = 100%",
            "activation_scale = 31, which is not from min 0 to max 30",
            "scale_down_delay = 500ms",
            "a span of zero",
            "a rate of 1x",
            "`stabilization` means nothing for a kpa",
        ]
    );
}

#[test]
fn keda_has_triggers_a_formula_a_fallback_and_annotations() {
    let spec = keda(
        "{policy: keda, min: 0, max: 30, polling: 10s, cooldown: 1m, initial_cooldown: 20s, \
         triggers: [{name: hits, requests: 50/s, activation: 2}, {name: there, concurrency: 20, per: service, cached: true}, {cpu: 70%}], \
         modifiers: {formula: 'max(hits / 50, there / 20)', target: 1, activation: 0.5}, \
         fallback: {failures: 3, replicas: 6, behavior: current_replicas_if_higher}, annotations: {paused_scale_in: true}, \
         behavior: {scaleDown: {stabilizationWindowSeconds: 60}}, stabilization: 2m}"
            .replace("{cpu: 70%}", "{name: c, queue: 4}")
            .as_str(),
    );
    assert_eq!((spec.min, spec.max), (Some(Replicas(0)), Replicas(30)));
    assert_eq!(
        (spec.polling_interval, spec.cooldown_period),
        (secs(10), secs(60))
    );
    let KedaSource::Event(there) = &spec.triggers[1].source else {
        panic!("no event")
    };
    assert_eq!(there.metric, KedaMetric::InFlight);
    assert_eq!(
        (there.metric_type, there.cached),
        (KedaMetricType::Value, true)
    );
    assert_eq!(there.threshold, Quantity::from_milli(20_000));
    assert_eq!(spec.modifiers.as_ref().unwrap().activation_target, 0.5);
    assert_eq!(spec.fallback.as_ref().unwrap().replicas, Replicas(6));
    assert!(spec.annotations.paused_scale_in);
    assert_eq!(spec.controller.downscale_stabilization, secs(120));
    assert_eq!(spec.controller.sync_period, secs(15));
    spec.build().unwrap();
}

#[test]
fn what_keda_refuses_stands_at_its_field() {
    let text = scaled(
        "{policy: keda, min: 2, max: 30, idle: 3, triggers: [{name: a, requests: 5/s}], modifiers: {formula: b + 1, target: 0}}",
    );
    let found = read(&text).expect_err("there are mistakes in it");
    let columns: Vec<String> = found
        .list()
        .iter()
        .map(|m| m.text.chars().skip(m.from).take(m.length).collect())
        .collect();
    assert_eq!(columns, ["3", "b + 1", "0"], "{found}");
    let what = mistakes(
        "{policy: keda, max: 5, triggers: [{requests: 5/s, queue: 2}, {cpu: 50%, per: service}]}",
    );
    assert_eq!(
        what,
        [
            "a trigger has exactly one metric",
            "`per` means nothing for a cpu trigger"
        ]
    );
}

#[test]
fn cron_is_on_between_its_times_in_its_zone_and_goes_faster_with_the_run() {
    // The design begins at 11:50 in Paris and lasts 20 minutes.
    let windows = |entry: &str| {
        let spec = keda(&format!(
            "{{policy: keda, max: 30, triggers: [{{cron: {entry}}}]}}"
        ));
        let KedaSource::Event(event) = &spec.triggers[0].source else {
            panic!("no event")
        };
        let KedaMetric::Cron(cron) = event.metric.clone() else {
            panic!("no cron")
        };
        let start = good(DESIGN).starts;
        let since = |at: Timestamp| at.since(start).as_secs();
        cron.windows
            .iter()
            .map(|(from, to)| (since(*from), since(*to)))
            .collect::<Vec<_>>()
    };
    let noon = "{start: 55 11 * * *, end: 5 12 * * *, replicas: 9}";
    assert_eq!(windows(noon), [(300, 900)]);
    let utc = "{start: 55 10 * * *, end: 5 11 * * *, replicas: 9, timezone: UTC}";
    assert_eq!(windows(utc), [(300, 900)]);
    let from_before = "{start: 0 6 * * *, end: 0 12 * * *, replicas: 9}";
    assert_eq!(windows(from_before), [(0, 600)]);
    let other_day = "{start: 0 6 * * sun, end: 0 18 * * sun, replicas: 9}";
    assert_eq!(windows(other_day), []);
    let what = mistakes(
        "{policy: keda, max: 30, triggers: [{cron: {start: 0 25 * * *, end: 0 12 * * *, replicas: 9}}]}",
    );
    assert_eq!(
        what,
        ["`0 25 * * *` is no time of cron: `25` is not from 0 to 23"]
    );
}

#[test]
fn a_faster_run_shortens_all_that_they_count_in_and_no_further_than_can_be_kept() {
    let text = scaled("{policy: kpa, min: 2, max: 30}");
    let fast = good(&text).at_speed(10.0).unwrap();
    let Policy::Upstream(spec) = &fast.scaling["catalogue"].policy else {
        panic!("no kpa")
    };
    let PolicySpec::Kpa(spec) = spec.as_ref() else {
        panic!("no kpa")
    };
    assert_eq!(
        (spec.tick, spec.bucket),
        (Duration::from_millis(200), fast.second())
    );
    assert_eq!(spec.stable_window, secs(6));
    let error = good(&text).at_speed(20.0).unwrap_err().to_string();
    assert_eq!(
        error,
        "speed = 20 makes the period of `kpa` (scaling.catalogue) of 2s shorter than 200ms of wall time: at most 10"
    );
    let cron = "{policy: keda, max: 30, triggers: [{cron: {start: 55 11 * * *, end: 5 12 * * *, replicas: 9}}]}";
    let slow = good(&scaled(cron));
    let start = slow.starts;
    let fast = slow.at_speed(20.0).unwrap();
    let Policy::Upstream(spec) = &fast.scaling["catalogue"].policy else {
        panic!("no keda")
    };
    let PolicySpec::Keda(spec) = spec.as_ref() else {
        panic!("no keda")
    };
    let KedaSource::Event(event) = &spec.triggers[0].source else {
        panic!("no event")
    };
    let KedaMetric::Cron(cron) = &event.metric else {
        panic!("no cron")
    };
    assert_eq!(cron.windows, [(start + secs(15), start + secs(45))]);
}

#[test]
fn a_service_that_may_sleep_says_what_becomes_of_its_requests() {
    let what = "requests that come while there are no replicas are answered 503";
    let sleeps = checked(&scaled("{policy: kpa, min: 0, max: 30}"));
    assert!(said(&sleeps.warnings).iter().any(|(_, said)| *said == what));
    let held = catalogue_with("waiting: gateway").replace(HPA, "{policy: kpa, min: 0, max: 30}");
    assert!(
        !said(&checked(&held).warnings)
            .iter()
            .any(|(_, said)| *said == what)
    );
    let awake = checked(&scaled("{policy: kpa, min: 1, max: 30}"));
    assert!(!said(&awake.warnings).iter().any(|(_, said)| *said == what));
}

#[test]
fn manifests_of_all_three_say_how_a_service_scales() {
    let spec = kpa("{file: knative.yaml}");
    assert_eq!((spec.target, spec.stable_window), (14.0, secs(30)));
    let scaling = &good(&scaled("{file: knative.yaml}")).scaling["catalogue"];
    assert_eq!((scaling.min, scaling.max), (Replicas(2), Replicas(10_000)));

    let spec = keda("{file: keda.yaml, metrics: {hits: requests}, stabilization: 1m}");
    let metrics: Vec<&KedaMetric> = spec
        .triggers
        .iter()
        .filter_map(|trigger| match &trigger.source {
            KedaSource::Event(event) => Some(&event.metric),
            _ => None,
        })
        .collect();
    assert_eq!(metrics[0], &KedaMetric::Requests);
    assert!(matches!(metrics[1], KedaMetric::Cron(cron) if cron.windows.len() == 1));
    assert_eq!(spec.cooldown_period, secs(60));
    assert_eq!(spec.controller.downscale_stabilization, secs(60));

    let second = &good(&scaled("{file: two.yaml}")).scaling["catalogue"];
    assert_eq!(second.max, Replicas(7), "the one that scales this service");
}

#[test]
fn all_kinds_of_metrics_of_an_hpa_are_those_of_the_scenario() {
    let PolicySpec::HpaManifest { spec, .. } =
        spec("{file: external.yaml, metrics: {backlog: queue}}")
    else {
        panic!("no manifest")
    };
    let names: Vec<String> = spec
        .metrics
        .iter()
        .map(
            |metric| match (&metric.external, &metric.object, &metric.container_resource) {
                (Some(external), ..) => external.metric.name.clone(),
                (_, Some(object), _) => object.metric.name.clone(),
                (.., Some(resource)) => resource.container.clone(),
                _ => String::new(),
            },
        )
        .collect();
    assert_eq!(names, ["queue", "requests", "catalogue"]);
}

#[test]
fn what_is_left_out_is_not_scaled_on_and_something_stays() {
    let names = "{file: external.yaml, metrics: {backlog: none, requests: none}}";
    let scaling = &good(&scaled(names)).scaling["catalogue"];
    let Policy::Upstream(spec) = &scaling.policy else {
        panic!("{scaling:?}")
    };
    let PolicySpec::HpaManifest { spec, .. } = spec.as_ref() else {
        panic!("no manifest")
    };
    assert_eq!(spec.metrics.len(), 1);
    assert!(spec.metrics[0].container_resource.is_some());
    assert_eq!(
        keda("{file: keda.yaml, metrics: {hits: none}}")
            .triggers
            .len(),
        1
    );
    assert_eq!(
        mistakes("{file: external.yaml, metrics: {backlog: none, requests: none, cpu: none}}"),
        ["spec.metrics: all of them are left out: nothing scales it"]
    );
}

#[test]
fn a_manifest_s_mistakes_stand_in_its_file() {
    let found = read(&scaled("{file: wrong.yaml}")).expect_err("there are mistakes in it");
    let told: Vec<(String, usize, usize)> = found
        .list()
        .iter()
        .map(|m| (format!("{}: {}", m.file, m.what), m.line, m.column))
        .collect();
    assert_eq!(told.len(), 2, "{found}");
    assert!(
        told[0]
            .0
            .starts_with("wrong.yaml: spec.idleReplicaCount: IdleReplicaCount=3"),
        "{found}"
    );
    assert_eq!((told[0].1, told[0].2), (6, 3));
    assert!(
        told[1]
            .0
            .contains("spec.triggers[0].metadata.lagThreshold: `many` is no number")
    );
    assert_eq!((told[1].1, told[1].2), (10, 18));

    let unknown = mistakes("{file: external.yaml}");
    assert_eq!(
        unknown,
        [
            "spec.metrics[0].external.metric.name: a scenario has no metric `backlog`, it has: busy, concurrency, queue, requests; say `metrics: {backlog: requests}` beside `file`, or none to leave it out"
        ]
    );
    assert_eq!(
        mistakes("{file: external.yaml, metrics: {backlog: queue, other: busy}}"),
        ["the manifest has no metric `other`"]
    );
    let trigger = mistakes("{file: keda.yaml}");
    assert!(trigger[0].starts_with("spec.triggers[0]: which of a scenario's metrics is this?"));
    assert_eq!(
        mistakes("{file: knative.yaml, tolerance: 5%}"),
        ["`tolerance` means nothing for what Knative scales"]
    );
}

fn step(entry: &str) -> scaler::StepScalingSpec {
    match spec(entry) {
        PolicySpec::Step(spec) => *spec,
        other => panic!("{other:?}"),
    }
}

#[test]
fn steps_are_counted_from_the_target_in_shares_of_it() {
    use scaler::AwsAdjustment::{ChangeInCapacity, ExactCapacity, PercentChangeInCapacity};
    let plain = step("{policy: step, min: 2, max: 30, target: {requests: 50/s}}");
    let at = |steps: &[scaler::AwsStep]| -> Vec<f64> { steps.iter().map(|step| step.at).collect() };
    assert_eq!(at(&plain.scale_out), [50.0, 60.0]);
    assert_eq!(at(&plain.scale_in), [40.0, 30.0]);
    assert_eq!(
        (plain.target.min, plain.target.max),
        (Replicas(2), Replicas(30))
    );
    let own = step(
        "{policy: step, max: 30, target: {requests: 50/s}, steps: [{above: 40%, set: 12}, {above: 20%, add: 3}, \
         {below: 20%, remove: 10%}], alarm: {period: 2m, periods: 5, datapoints: 4, missing: breaching}, \
         min_adjustment: 2, scale_out_cooldown: 1m, scale_in_cooldown: 10m}",
    );
    let all = own.scale_out.iter().chain(&own.scale_in);
    let all: Vec<_> = all.map(|step| (step.at, step.adjustment)).collect();
    assert_eq!(
        all,
        [
            (60.0, ChangeInCapacity(3)),
            (70.0, ExactCapacity(12)),
            (40.0, PercentChangeInCapacity(-10.0)),
        ]
    );
    assert_eq!((own.alarm.periods, own.alarm.datapoints), (5, 4));
    assert_eq!(own.alarm.missing, scaler::AwsMissing::Breaching);
    let target = own.target;
    assert_eq!((target.period, target.tick), (secs(120), secs(15)));
    assert_eq!(
        (target.scale_out_cooldown, target.scale_in_cooldown),
        (secs(60), secs(600))
    );
    assert!(own.validate().is_empty());
}

#[test]
fn target_tracking_has_one_target_or_several() {
    let entry = "{policy: target_tracking, max: 30, target: {cpu: 70%, concurrency: 2}, disable_scale_in: true}";
    let PolicySpec::TargetTracking(tracking) = spec(entry) else {
        panic!("{entry}")
    };
    assert_eq!(
        tracking.targets,
        [
            (scaler::AwsMetric::Cpu, 0.7),
            (scaler::AwsMetric::Concurrency, 2.0)
        ]
    );
    assert!(tracking.disable_scale_in);
    let faster = good(&scaled(entry)).at_speed(10.0).unwrap();
    let Policy::Upstream(spec) = &faster.scaling["catalogue"].policy else {
        panic!("{entry}")
    };
    let PolicySpec::TargetTracking(faster) = spec.as_ref() else {
        panic!("{entry}")
    };
    assert_eq!(faster.target.period, secs(6));
    assert_eq!(faster.target.scale_in_cooldown, secs(30));
}

#[test]
fn what_steps_cannot_be_is_said_all_at_once() {
    let found = mistakes(
        "{policy: step, max: 30, target: {cpu: 70%, busy: 60%}, min_adjustment: 0, hold: 1m, \
         steps: [{above: 0%, remove: 1}, {above: 10%, below: 10%, add: 1}, {below: 20%, remove: 101%}, {below: 20%, remove: 1}], \
         alarm: {period: 10s, periods: 0, datapoints: 2}}",
    );
    assert_eq!(
        found,
        [
            "step scaling on several metrics",
            "min_adjustment = 0",
            "`hold` means nothing for step scaling",
            "a step above the target does one thing",
            "a step is either above or below the target",
            "more than all",
            "two steps in one place",
            "a datapoint of 10s",
            "periods = 0",
            "datapoints = 2",
        ]
    );
    let both = mistakes(
        "{policy: step, max: 30, target: {cpu: 70%}, steps: [{above: 0%, add: 1}, {below: 0%, remove: 1}]}",
    );
    assert_eq!(
        both,
        ["steps that cannot be: must begin below where `scale_out` begins"]
    );
    assert_eq!(
        mistakes("{policy: target_tracking, max: 30, target: 70}"),
        ["target_tracking without a target"]
    );
    assert_eq!(
        mistakes("{policy: step, max: 30}"),
        ["step without a target"]
    );
}
