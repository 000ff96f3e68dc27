//! Tests of the language as a whole.

mod engine;
mod hostile;
mod mistakes;
mod own;
mod recurring;
mod sets;
mod simulated;
mod upstream;
mod waiting;

use std::io::Write as _;
use std::time::Duration;

use metrics::{Quantile, Replicas};

use super::*;
use crate::{
    Call, Curve, Distribution, FaultKind, History, HpaTarget, OperationId, Policy, Source as From,
    Step, Variable,
};

pub(super) const DESIGN: &str = include_str!("tests/design.yaml");

/// A folder with a day of traffic, measured times and an autoscaler.
pub(super) struct Folder;

impl Files for Folder {
    fn open(&self, name: &str) -> std::io::Result<Box<dyn Read>> {
        let text = match name {
            "day.csv.gz" => {
                let mut text = "timestamp_s,requests\n".to_owned();
                for minute in 0..1440 {
                    text.push_str(&format!("{},{}\n", minute * 60, 100 + minute % 60));
                }
                let mut gzip =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                gzip.write_all(text.as_bytes())?;
                return Ok(Box::new(std::io::Cursor::new(gzip.finish()?)));
            }
            "instants.csv" => "0.0\n0.25\n7.5\n",
            "bad.csv" => "timestamp_s,requests\n0,5\n60,many\n",
            "times.csv" => "latency\n12ms\n0.5\n2s\n",
            "bad-times.csv" => "12ms\nsoon\n",
            "hpa.yaml" => HPA,
            "memory.yaml" => MEMORY,
            other if upstream::manifest(other).is_some() => {
                upstream::manifest(other).unwrap_or_default()
            }
            _ => {
                return Err(std::io::Error::new(
                    std::io::ErrorKind::NotFound,
                    "no such file",
                ));
            }
        };
        Ok(Box::new(text.as_bytes()))
    }
}

const HPA: &str = "\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: catalogue, labels: {app: shop}}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: catalogue}
  minReplicas: 2
  maxReplicas: 12
  metrics:
    - type: Resource
      resource: {name: cpu, target: {type: Utilization, averageUtilization: 65}}
    - type: Pods
      pods: {metric: {name: busy}, target: {type: AverageValue, averageValue: 700m}}
  behavior:
    scaleDown: {stabilizationWindowSeconds: 60, policies: [{type: Percent, value: 50, periodSeconds: 15}]}
";

const MEMORY: &str = "\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: catalogue}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: catalogue}
  maxReplicas: 12
  metrics:
    - type: Resource
      resource: {name: memory, target: {type: Utilization, averageUtilization: 65}}
";

pub(super) fn read(text: &str) -> Result<Scenario, Mistakes> {
    Scenario::read("my-sale.yaml", text.as_bytes(), &Folder, &[])
}

pub(super) fn good(text: &str) -> Scenario {
    read(text).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// The design's example with a part replaced.
pub(super) fn design_with(from: &str, to: &str) -> String {
    assert!(DESIGN.contains(from), "`{from}` is not in the example");
    DESIGN.replacen(from, to, 1)
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn the_template_passes_unchanged() {
    let scenario = Scenario::read("t.yaml", template().as_bytes(), &NoFiles, &[]);
    assert_eq!(scenario.unwrap_or_else(|m| panic!("{m}")).name, "my-sale");
    assert!(template().starts_with("# yaml-language-server: $schema=./rushhour.schema.json\n"));
}

#[test]
fn every_scenario_of_the_library_passes() {
    for (name, text) in library() {
        let scenario = Scenario::read(name, text.as_bytes(), &NoFiles, &[]);
        let scenario = scenario.unwrap_or_else(|mistakes| panic!("{mistakes}"));
        assert_eq!(scenario.name, *name, "a scenario is called like its file");
        assert_eq!(library_scenario(name), Some(*text));
    }
    assert!(library().is_sorted());
    assert_eq!(library_scenario("nothing"), None);
}

#[test]
fn the_designs_example_means_what_it_says() {
    let scenario = good(DESIGN);
    assert_eq!(scenario.name, "flash-sale");
    assert_eq!(scenario.zone, "Europe/Paris");
    assert_eq!(
        scenario.starts.as_secs(),
        1_795_776_600,
        "11:50 in Paris is 10:50 UTC in November"
    );
    assert_eq!(
        (scenario.duration, scenario.seed, scenario.speed),
        (secs(1200), 42, 1.0)
    );
    assert_eq!(
        scenario
            .journeys
            .iter()
            .map(|j| j.name.as_str())
            .collect::<Vec<_>>(),
        ["buyer", "shopper"]
    );

    let Curve::Flash(flash) = &scenario.traffic.rate[1].curve else {
        panic!("no flash")
    };
    assert_eq!(
        (flash.at, flash.peak.get(), flash.decay),
        (secs(600), 60.0, secs(240))
    );
    assert_eq!(scenario.traffic.rate[1].journey.map(|j| j.0), Some(0));
    let mean = scenario.traffic.rate[2].curve.count_until(secs(1200)) / 1200.0;
    assert!((mean - 5.0).abs() < 1e-9, "{mean}");

    let home = &scenario.journeys[1].pages[0];
    assert_eq!(
        home.operation,
        Some(OperationId {
            service: "catalogue".into(),
            operation: "home".into()
        })
    );
    assert_eq!(
        home.next
            .iter()
            .map(|(page, chance)| (page.0, *chance))
            .collect::<Vec<_>>(),
        [(1, 0.4), (2, 0.3)]
    );
}

#[test]
fn the_designs_example_has_the_plant_it_describes() {
    let scenario = good(DESIGN);
    let steps = &scenario.services["order"].operations["checkout"].steps;
    let [
        Step::Work(_),
        Step::Call(verify),
        Step::All(both),
        Step::Call(charge),
    ] = steps.as_slice()
    else {
        panic!("{steps:?}")
    };
    assert_eq!(
        [verify.index, both[0].index, both[1].index, charge.index],
        [0, 1, 2, 3]
    );
    assert_eq!((charge.timeout, charge.retries), (Some(secs(2)), 1));
    assert_eq!(scenario.services["payment"].slots, Some(2), "the default");

    let catalogue = &scenario.scaling["catalogue"];
    assert_eq!((catalogue.min, catalogue.max), (Replicas(2), Replicas(30)));
    let Policy::Hpa { targets, .. } = &catalogue.policy else {
        panic!("no hpa")
    };
    assert!(matches!(targets.as_slice(), [HpaTarget::Cpu(share)] if share.get() == 0.7));
    assert_eq!(
        scenario.faults[0].kind,
        FaultKind::Kill {
            service: "payment".into(),
            replicas: 1
        }
    );
    assert_eq!(scenario.slo.share, Quantile::P999);
    assert_eq!(scenario.gates[1].text, "p99 below 300ms in each phase");
    let names: Vec<_> = scenario
        .phases
        .iter()
        .map(|p| (p.name.as_str(), p.from.as_secs()))
        .collect();
    assert_eq!(
        names,
        [
            ("before", 0),
            ("rise", 600),
            ("peak", 630),
            ("decay", 750),
            ("after", 990)
        ]
    );
}

#[test]
fn steps_may_share_a_mapping_and_keep_their_order() {
    let text = design_with(
        "verify: {do: [work: 2ms]}",
        "verify: {do: {wait: 1ms, call: catalogue.price, work: 3ms}}",
    );
    let steps = &good(&text).services["auth"].operations["verify"].steps;
    assert!(
        matches!(
            steps.as_slice(),
            [Step::Wait(_), Step::Call(_), Step::Work(_)]
        ),
        "{steps:?}"
    );
}

#[test]
fn a_manifest_says_how_a_service_scales() {
    let text = design_with(
        "{policy: hpa, min: 2, max: 30, target: {cpu: 70%}}",
        "{file: hpa.yaml, stabilization: 1m}",
    );
    let scaling = &good(&text).scaling["catalogue"];
    assert_eq!((scaling.min, scaling.max), (Replicas(2), Replicas(12)));
    let Policy::Hpa {
        targets,
        behavior,
        stabilization,
        ..
    } = &scaling.policy
    else {
        panic!("no hpa")
    };
    assert!(
        matches!(targets.as_slice(), [HpaTarget::Cpu(_), HpaTarget::Busy(_)]),
        "{targets:?}"
    );
    assert_eq!(*stabilization, secs(60));
    assert_eq!(
        behavior.as_ref().unwrap()["scaleDown"]["stabilizationWindowSeconds"],
        60
    );
}

#[test]
fn distributions_come_in_their_forms() {
    for (written, mean) in [
        ("45ms", 0.045),
        ("{mean: 45ms}", 0.045),
        ("{mean: 45ms, cv: 0}", 0.045),
        ("{mean: 45ms, cv: 0.8}", 0.045),
        ("{exponential: 5ms}", 0.005),
        ("{from: times.csv}", (0.012 + 0.5 + 2.0) / 3.0),
    ] {
        let text = design_with("work: 2ms", &format!("work: {written}"));
        let steps = good(&text).services["auth"].operations["verify"]
            .steps
            .clone();
        let [Step::Work(work)] = steps.as_slice() else {
            panic!("{steps:?}")
        };
        assert!(
            (work.mean().as_secs_f64() - mean).abs() < 1e-6,
            "{written}: {work:?}"
        );
    }
}

#[test]
fn a_recorded_trace_gives_its_instants() {
    let text = design_with("arrivals: poisson", "arrivals: recorded").replace(
        "{file: day.csv.gz, from: 12h, mean: 5/s}",
        "{file: instants.csv}",
    );
    let Curve::Recorded(recorded) = good(&text).traffic.rate[2].curve.clone() else {
        panic!("not recorded")
    };
    assert_eq!(recorded.instants(), [0, 250_000_000, 7_500_000_000]);
}

#[test]
fn a_scenario_without_services_is_for_another_target() {
    let from = DESIGN.find("services:").unwrap();
    let to = DESIGN.find("slo:").unwrap();
    let text = format!("{}{}", &DESIGN[..from], &DESIGN[to..]);
    let scenario = good(&text);
    assert!(scenario.services.is_empty());
    assert_eq!(scenario.journeys[0].pages[0].operation, None);
}

#[test]
fn variables_bodies_and_extracts_are_kept() {
    let text = template().replace("        body: {product: \"{product}\", quantity: 1}\n        think: {median: 5s", "        body: {product: \"{product}\", quantity: 1}\n        headers: {X-Cart: \"{cart}\"}\n        extract: {cart: /cart/id, token: {header: X-Token}}\n        think: {median: 5s");
    let scenario = good(&text);
    let shopper = &scenario.journeys[1];
    assert_eq!(
        shopper.variables["product"],
        Variable::Number {
            count: 500,
            skew: 1.1
        }
    );
    let add = shopper
        .pages
        .iter()
        .find(|page| page.name == "add")
        .unwrap();
    assert_eq!(
        add.body.as_deref(),
        Some(r#"{"product":"{product}","quantity":1}"#)
    );
    assert_eq!(add.extract[0].from, From::Json("/cart/id".into()));
    assert_eq!(add.extract[1].from, From::Header("X-Token".into()));
    assert_eq!(add.headers["X-Cart"], "{cart}");
}

#[test]
fn anchors_and_aliases_are_read() {
    let text = DESIGN
        .replacen("{mean: 20ms, cv: 0.8}", "&work {mean: 20ms, cv: 0.8}", 1)
        .replacen("{mean: 25ms, cv: 0.8}", "*work", 1);
    let operations = &good(&text).services["catalogue"].operations;
    assert_eq!(operations["home"].steps, operations["product"].steps);
}

#[test]
fn a_record_can_carry_it() {
    let scenario = good(DESIGN);
    let text = serde_json::to_string(&scenario).unwrap();
    assert_eq!(serde_json::from_str::<Scenario>(&text).unwrap(), scenario);
}

#[test]
fn a_diurnal_knows_its_day_of_the_week() {
    // 2026-11-27 is a Friday; the peak is on it at 20:00 in Paris, eight hours and ten minutes after the start.
    let text = design_with(
        "- constant: {rate: 12/s}",
        "- diurnal: {peak: 10/s, trough: 2/s, week: [0, 0, 0, 0, 1, 0, 0]}",
    )
    .replace("duration: 20m", "duration: 2d")
    .replace(
        "week: [0, 0, 0, 0, 1, 0, 0]",
        "week: [0.1, 0.1, 0.1, 0.1, 1, 0.1, 0.1]",
    );
    let curve = good(&text).traffic.rate[0].curve.clone();
    let rate = |hours: f64| curve.rate_at(Duration::from_secs_f64(hours * 3600.0)).get();
    assert!((rate(8.0 + 1.0 / 6.0) - 10.0).abs() < 1e-9);
    assert!(
        (rate(32.0 + 1.0 / 6.0) - 1.0).abs() < 1e-9,
        "Saturday has a tenth of it"
    );
}

#[test]
fn the_schema_knows_every_field_that_the_reader_knows() {
    let schema = schema();
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    for (field, node) in schema["properties"].as_object().unwrap() {
        let described = node["description"].is_string() || node["$ref"].is_string();
        assert!(described, "{field} has no description: {node}");
    }
    let needed = schema["required"].as_array().unwrap();
    assert!(
        needed.iter().any(|name| name == "version") && !needed.iter().any(|name| name == "seed")
    );
    let defs = schema["$defs"].as_object().unwrap();
    for part in [
        "FlashFile",
        "ServiceFile",
        "PageFile",
        "FaultFile",
        "SpreadMap",
    ] {
        assert_eq!(defs[part]["additionalProperties"], false, "{part}");
    }
    assert!(
        defs["OperationFile"]["properties"]["do"].is_object(),
        "keywords lose their mark"
    );
    insta::assert_snapshot!(serde_json::to_string_pretty(&schema["$defs"]["FlashFile"]).unwrap());
}

#[test]
fn a_call_keeps_its_defaults() {
    let scenario = good(DESIGN);
    let Step::Call(Call {
        timeout, retries, ..
    }) = &scenario.services["order"].operations["checkout"].steps[1]
    else {
        panic!("no call")
    };
    assert_eq!((*timeout, *retries), (None, 0));
    let _: &Distribution = &scenario.services["auth"].start_up;
}
