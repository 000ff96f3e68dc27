use metrics::Replicas;

use super::{Imported, import};
use crate::{KedaAnnotations, KpaMetric, PolicySpec};

/// Its mistakes, one a line.
fn mistakes(text: &str) -> Vec<String> {
    import(text)
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn policy(text: &str) -> PolicySpec {
    let mut all = import(text).unwrap();
    assert_eq!(all.len(), 1);
    let policy = all.remove(0).policy;
    // Whatever is read can be built and survives the trip through JSON.
    policy.build().unwrap();
    let json = serde_json::to_value(&policy).unwrap();
    assert_eq!(serde_json::from_value::<PolicySpec>(json).unwrap(), policy);
    policy
}

const HPA: &str = r#"# The one we run.
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {maxReplicas: "9"}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: catalogue
  labels: {app: catalogue}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: catalogue}
  minReplicas: 2
  maxReplicas: 30
  metrics:
    - type: Resource
      resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}
    - type: External
      external:
        metric: {name: queue, selector: {matchLabels: {queue: orders}}}
        target: {type: AverageValue, averageValue: 30}
  behavior:
    scaleDown:
      policies: [{type: Percent, value: 10, periodSeconds: 60}]
status: {currentReplicas: 3}
"#;

#[test]
fn an_hpa_among_other_things() {
    let found = import(HPA).unwrap();
    assert_eq!(
        (found[0].name.as_str(), found[0].target.as_str()),
        ("catalogue", "Deployment/catalogue")
    );
    let PolicySpec::HpaManifest { spec, .. } = policy(HPA) else {
        panic!("an HPA")
    };
    assert_eq!((spec.min_replicas, spec.max_replicas), (Some(2), 30));
    let external = spec.metrics[1].external.as_ref().unwrap();
    assert_eq!(
        external.target.average_value.as_ref().unwrap().milli(),
        30_000
    );
}

#[test]
fn what_is_wrong_with_an_hpa_stands_where_it_is() {
    let bad = HPA
        .replace("minReplicas: 2", "minReplicas: 40")
        .replace("averageUtilization: 70", "averageUtilization: 0")
        .replace("periodSeconds: 60", "periodSeconds: 6000")
        .replace("type: External", "type: Externals");
    assert_eq!(
        mistakes(&bad),
        [
            "line 15, column 3: spec.maxReplicas: must be greater than or equal to `minReplicas`",
            "line 18, column 57: spec.metrics[0].resource.target.averageUtilization: must be greater than 0",
            "line 19, column 7: spec.metrics[1].type: supported values: \"ContainerResource\", \"External\", \"Object\", \"Pods\", \"Resource\"",
            "line 25, column 45: spec.behavior.scaleDown.policies[0].periodSeconds: must be less than or equal to 1800",
        ]
    );
    assert_eq!(
        mistakes(&HPA.replace("maxReplicas: 30", "maxReplicas: many")),
        ["line 15, column 16: spec.maxReplicas: invalid type: string \"many\", expected i32"]
    );
    assert_eq!(
        mistakes(&HPA.replace("maxReplicas: 30", "maxReplica: 30")),
        ["line 15, column 3: spec.maxReplica: unknown field"]
    );
    assert_eq!(
        mistakes(&HPA.replace("averageValue: 30", "averageValue: lots")),
        [
            "line 22, column 52: spec.metrics[1].external.target.averageValue: `lots` is not a quantity: a number with one of the suffixes n u m k M G T P E Ki Mi Gi Ti Pi Ei, or an exponent"
        ]
    );
}

#[test]
fn all_that_is_of_another_type_is_told_at_once() {
    let bad = HPA
        .replace("minReplicas: 2", "minReplicas: two")
        .replace("maxReplicas: 30", "maxReplica: 30")
        .replace("averageUtilization: 70", "averageUtilization: [70]")
        .replace("averageValue: 30", "averageValue: lots")
        .replace("periodSeconds: 60", "periodSecs: 60");
    let found = mistakes(&bad);
    let fields: Vec<&str> = found.iter().filter_map(|m| m.split(": ").nth(1)).collect();
    assert_eq!(
        fields,
        [
            "spec.minReplicas",
            "spec.maxReplica",
            "spec.metrics[0].resource.target.averageUtilization",
            "spec.metrics[1].external.target.averageValue",
            "spec.behavior.scaleDown.policies[0].periodSecs",
        ],
        "{found:#?}"
    );
    let bad = SCALED
        .replace("pollingInterval: 10", "pollingInterval: soon")
        .replace("maxReplicaCount: 50", "maxReplicas: 50");
    assert_eq!(mistakes(&bad).len(), 2, "{:#?}", mistakes(&bad));
    let endless = HPA.replace(
        "  minReplicas: 2\n",
        &(0..50).map(|i| format!("  no{i}: 1\n")).collect::<String>(),
    );
    assert_eq!(mistakes(&endless).len(), 20);
}

const SCALED: &str = r#"apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: orders
  annotations:
    autoscaling.keda.sh/paused-scale-in: "yes"
spec:
  scaleTargetRef:
    name: orders
  pollingInterval: 10
  cooldownPeriod: 60
  maxReplicaCount: 50
  fallback: {failureThreshold: 3, replicas: 6}
  advanced:
    restoreToOriginalReplicaCount: true
    horizontalPodAutoscalerConfig:
      behavior: {scaleDown: {stabilizationWindowSeconds: 120}}
    scalingModifiers:
      formula: max(lag, rate * 2)
      target: "10"
  triggers:
    - type: kafka
      name: lag
      metadata: {bootstrapServers: "kafka:9092", topic: orders, lagThreshold: "50"}
      authenticationRef: {name: kafka}
    - type: prometheus
      name: rate
      useCachedMetrics: true
      metadata:
        serverAddress: http://prometheus:9090
        query: sum(rate(orders[1m]))
        threshold: "2.5"
        activationThreshold: "0.5"
"#;

#[test]
fn a_scaled_object() {
    let PolicySpec::Keda(spec) = policy(SCALED) else {
        panic!("KEDA")
    };
    assert_eq!(spec.polling_interval.as_secs(), 10);
    assert_eq!((spec.min, spec.max), (None, Replicas(50)));
    assert_eq!(spec.fallback.as_ref().unwrap().replicas, Replicas(6));
    let paused = KedaAnnotations {
        paused_scale_in: true,
        ..KedaAnnotations::default()
    };
    assert_eq!(spec.annotations, paused);
    let (_, _, rate) = spec.events().nth(1).unwrap();
    assert_eq!(
        (rate.threshold.milli(), rate.activation.milli(), rate.cached),
        (2_500, 500, true)
    );
    assert_eq!(
        spec.behavior.as_ref().unwrap()["scaleDown"]["stabilizationWindowSeconds"],
        120
    );
}

#[test]
fn what_is_wrong_with_a_scaled_object_stands_where_it_is() {
    let bad = SCALED
        .replace(
            "pollingInterval: 10",
            "pollingInterval: 0\n  minReplicaCount: 60",
        )
        .replace("rate * 2", "rates * 2")
        .replace(
            "stabilizationWindowSeconds: 120",
            "stabilizationWindowSeconds: 12000",
        )
        .replace("type: kafka\n", "type: kafko\n")
        .replace("threshold: \"2.5\"", "threshold: \"a lot\"");
    assert_eq!(
        mistakes(&bad),
        [
            "line 10, column 3: spec.pollingInterval: should be greater than or equal to 1",
            "line 11, column 3: spec.minReplicaCount: minReplicaCount must be less than or equal to maxReplicaCount",
            "line 18, column 30: spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.stabilizationWindowSeconds: must be less than or equal to 3600",
            "line 23, column 7: spec.triggers[0].type: a trigger of type `kafko` is not read: what its target is does not stand in the manifest or is not known; take it out, or say the same with a trigger of another type, such as prometheus",
            "line 33, column 9: spec.triggers[1].metadata.threshold: `a lot` is no number",
        ]
    );
    assert_eq!(
        mistakes(&SCALED.replace("rate * 2", "rates * 2")),
        [
            "line 19, column 7: spec.advanced.scalingModifiers.formula: unknown name `rates`: the triggers are lag, rate (at character 10)"
        ]
    );
    assert_eq!(
        mistakes(&SCALED.replace("lagThreshold: \"50\"", "lagThreshold: 50")),
        [
            "line 24, column 79: spec.triggers[0].metadata.lagThreshold: invalid type: integer `50`, expected a string: write \"50\""
        ]
    );
    assert_eq!(
        mistakes(&SCALED.replace("  triggers:", "  trigger:")),
        ["line 21, column 3: spec.trigger: unknown field"]
    );
}

const KNATIVE: &str = r#"apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: shop}
spec:
  template:
    metadata:
      annotations:
        autoscaling.knative.dev/metric: concurrency
        autoscaling.knative.dev/target: "80"
        autoscaling.knative.dev/target-utilization-percentage: "50"
        autoscaling.knative.dev/window: 1m30s
        autoscaling.knative.dev/panic-window-percentage: "20"
        autoscaling.knative.dev/minScale: "2"
        autoscaling.knative.dev/max-scale: "40"
        autoscaling.knative.dev/scale-to-zero-pod-retention-period: 1m5.5s
    spec:
      containerConcurrency: 50
      containers: [{image: shop}]
"#;

#[test]
fn knative_annotations() {
    let PolicySpec::Kpa(spec) = policy(KNATIVE) else {
        panic!("a KPA")
    };
    assert_eq!(
        (spec.metric, spec.total, spec.target),
        (KpaMetric::Concurrency, 50.0, 25.0)
    );
    assert_eq!(
        (spec.stable_window.as_secs(), spec.panic_window.as_secs()),
        (90, 18)
    );
    assert_eq!((spec.min, spec.max), (Replicas(2), Replicas(40)));
    assert_eq!(spec.pod_retention.as_millis(), 65_500);
    let plain =
        "{apiVersion: serving.knative.dev/v1, kind: Revision, metadata: {name: r}, spec: {}}";
    assert_eq!(policy(plain), PolicySpec::Kpa(crate::KpaSpec::default()));
}

#[test]
fn what_is_wrong_with_knative_annotations_stands_where_it_is() {
    let bad = KNATIVE
        .replace("max-scale: \"40\"", "max-scale: \"1\"")
        .replace("window: 1m30s", "window: 2s")
        .replace("target: \"80\"", "target: \"0\"")
        .replace("metric: concurrency", "metric: cpu")
        .replace("containerConcurrency: 50", "containerConcurrency: -1")
        .replace(
            "{name: shop}",
            "{name: shop, annotations: {autoscaling.knative.dev/min-scale: \"1\"}}",
        );
    let at = "spec.template.metadata.annotations.autoscaling.knative.dev";
    assert_eq!(
        mistakes(&bad),
        [
            "line 3, column 38: metadata.annotations.autoscaling.knative.dev/min-scale: autoscaling annotations must be put under \"spec.template.metadata.annotations\" to work".to_owned(),
            format!("line 8, column 9: {at}/metric: invalid value: cpu"),
            format!("line 9, column 9: {at}/target: target 0 should be at least 0.01"),
            format!("line 11, column 9: {at}/window: expected 6s <= 2s <= 1h0m0s"),
            format!("line 13, column 9: {at}/minScale: max-scale=1 is less than min-scale=2"),
            format!("line 14, column 9: {at}/max-scale: max-scale=1 is less than min-scale=2"),
            "line 17, column 7: spec.template.spec.containerConcurrency: expected 0 <= containerConcurrency <= 1000".to_owned(),
        ]
    );
    assert_eq!(
        mistakes(&KNATIVE.replace("target: \"80\"", "target: 80")),
        [format!(
            "line 9, column 41: {at}/target: invalid type: integer `80`, expected a string: write \"80\""
        )]
    );
}

#[test]
fn files_that_say_nothing_or_too_much_are_refused() {
    assert!(mistakes("a: 1")[0].starts_with("nothing in it says how something scales"));
    assert!(mistakes("")[0].starts_with("nothing in it"));
    assert!(mistakes("a: [1")[0].starts_with("line "));
    assert!(mistakes("a: 1\na: 2")[0].starts_with("line 2, column 1: the key `a` is there twice"));
    let old = HPA.replace("autoscaling/v2", "autoscaling/v1");
    assert_eq!(
        mistakes(&old),
        [
            "line 16, column 3: spec.metrics: unknown field in autoscaling/v1: use autoscaling/v2",
            "line 23, column 3: spec.behavior: unknown field in autoscaling/v1: use autoscaling/v2"
        ]
    );
    let deep = format!("a: {}{}", "[".repeat(500), "]".repeat(500));
    assert!(import(&deep).is_err());
    let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for i in 1..9 {
        let before = format!("*a{}", i - 1);
        bomb += &format!("a{i}: &a{i} [{}]\n", [before.as_str(); 9].join(","));
    }
    assert!(mistakes(&bomb)[0].contains("more than 50000 values"));
}

const V1: &str = r#"kind: HorizontalPodAutoscaler
apiVersion: autoscaling/v1
metadata:
  name: shop
  annotations: {autoscaling.alpha.kubernetes.io/conditions: "[]"}
spec:
  maxReplicas: 9
  minReplicas: 3
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: shop}
  targetCPUUtilizationPercentage: 65
"#;

#[test]
fn the_one_target_of_v1_is_a_metric() {
    let same = V1.replace("autoscaling/v1", "autoscaling/v2").replace(
        "targetCPUUtilizationPercentage: 65",
        "metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 65}}}]",
    );
    assert_eq!(policy(V1), policy(&same));
    let beta = same.replace("autoscaling/v2", "autoscaling/v2beta2");
    assert_eq!(policy(&beta), policy(&same));
    let at = "line 10, column 3: spec.metrics[0].resource.target.averageUtilization";
    assert_eq!(
        mistakes(&V1.replace("65", "0")),
        [format!("{at}: must be greater than 0")]
    );
    // Without a target it is the 80 % that upstream takes.
    let none = V1.replace("  targetCPUUtilizationPercentage: 65\n", "");
    let PolicySpec::HpaManifest { spec, .. } = policy(&none) else {
        panic!("an HPA")
    };
    assert!(spec.metrics.is_empty());
}

#[test]
fn annotations_without_a_value_are_none() {
    let hpa = V1.replace("{autoscaling.alpha.kubernetes.io/conditions: \"[]\"}", "");
    assert!(hpa.contains("  annotations: \n"), "{hpa}");
    assert_eq!(policy(&hpa), policy(V1));
    let pause = "    autoscaling.keda.sh/paused-scale-in: \"yes\"\n";
    let PolicySpec::Keda(keda) = policy(&SCALED.replace(pause, "")) else {
        panic!("KEDA")
    };
    assert_eq!(keda.annotations, KedaAnnotations::default());
    let revision = "{apiVersion: serving.knative.dev/v1, kind: Revision, metadata: {name: r, annotations: null}, spec: {}}";
    assert_eq!(policy(revision), PolicySpec::Kpa(crate::KpaSpec::default()));
}

#[test]
fn what_v1_keeps_in_annotations_is_not_passed_over() {
    let hidden = V1.replace("io/conditions", "io/metrics");
    let found = mistakes(&hidden);
    assert!(
        found[0].starts_with("line 5, column 17: metadata.annotations.autoscaling.alpha.kubernetes.io/metrics: not read"),
        "{found:?}"
    );
    let older = V1.replace("autoscaling/v1", "autoscaling/v2beta1");
    assert!(mistakes(&older)[0].contains("`autoscaling/v2beta1` is not read"));
}

#[test]
fn a_list_has_many_as_kubectl_prints_them() {
    let indented = |text: &str| text.replace('\n', "\n  ").trim_end().to_owned();
    let other = V1.replace("shop", "bank");
    let list = format!(
        "apiVersion: v1\nitems:\n- {}\n- {}\nkind: List\n",
        indented(V1),
        indented(&other)
    );
    let all = import(&list).unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(all[1].object.item, Some(1));
    assert_eq!(Imported::choose(&all, "bank").unwrap().name, "bank");
    assert!(Imported::choose(&all, "auth").is_none());
    let wrong = list.replacen("maxReplicas: 9", "maxReplicas: 0", 1);
    assert!(
        mistakes(&wrong)[0].starts_with("line 9, column 5: spec.maxReplicas"),
        "{:?}",
        mistakes(&wrong)
    );
}

#[test]
fn what_scales_in_another_way_is_called_by_its_name() {
    let job = "apiVersion: keda.sh/v1alpha1\nkind: ScaledJob\n---\nkind: Deployment\n";
    assert!(
        mistakes(job)[0].contains("how something scales (it has: Deployment, ScaledJob)"),
        "{:?}",
        mistakes(job)
    );
    for (kind, version) in [
        ("ScaledObject", "keda.k8s.io/v1alpha1"),
        ("Service", "serving.knative.dev/v1alpha1"),
    ] {
        let text = format!("kind: {kind}\napiVersion: {version}\n");
        let told = mistakes(&text).remove(0);
        assert!(
            told.starts_with(&format!(
                "line 2, column 1: apiVersion: `{version}` is not read: use "
            )),
            "{told}"
        );
    }
    // A service of Kubernetes itself scales nothing.
    assert!(mistakes("kind: Service\napiVersion: v1\n")[0].contains("it has: Service"));
}

#[test]
fn streams_and_empty_modifiers_are_read() {
    let streams = SCALED
        .replace(
            "      formula: max(lag, rate * 2)\n      target: \"10\"\n",
            "      {}\n",
        )
        .replace("type: kafka\n", "type: redis-streams\n")
        .replace("lagThreshold", "streamLength");
    let PolicySpec::Keda(spec) = policy(&streams) else {
        panic!("KEDA")
    };
    assert!(spec.modifiers.is_none());
    assert_eq!(spec.events().next().unwrap().2.threshold.milli(), 50_000);
}

#[test]
fn a_chart_is_to_be_rendered_first() {
    let chart = "{{- if .Values.hpa.enabled -}}\napiVersion: autoscaling/v2\n{{- end }}\n";
    let told = mistakes(chart);
    assert!(
        told.len() == 1 && told[0].contains("`helm template`"),
        "{told:?}"
    );
    assert!(!mistakes("a: [1\n")[0].contains("helm"));
}

#[test]
fn the_metric_of_another_class_is_not_knatives() {
    let of = |class: &str| {
        mistakes(&format!(
            "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {{name: web}}\nspec:\n  template:\n    metadata:\n      annotations:\n        \
             autoscaling.knative.dev/class: {class}\n        autoscaling.knative.dev/metric: cpu\n"
        ))
    };
    let told = of("hpa.autoscaling.knative.dev");
    assert!(
        told.len() == 1 && told[0].contains("this class makes an HPA"),
        "{told:?}"
    );
    let told = of("kpa.autoscaling.knative.dev");
    assert!(
        told.len() == 1 && told[0].contains("invalid value: cpu"),
        "{told:?}"
    );
}
