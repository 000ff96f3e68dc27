//! Replays decisions of the real controllers and compares.
//!
//! The vectors come from the folder that `RUSHHOUR_VECTORS` names, by default the project's own copy. Everything goes
//! through the public [`Policy`]: observation in, decision out, outcome settled; only where a vector gives Knative's two
//! averages themselves, they go to the public [`scaler::KpaDecider`], for no reading would give them. Vectors tagged `overflow` only must
//! not panic: there upstream wraps around, and differs from one processor to the next.

#![allow(
    clippy::unwrap_used,
    reason = "a vector that is not as README.md says must end the test"
)]
#![allow(
    clippy::print_stdout,
    reason = "how many agree is what the test is asked for"
)]

#[path = "conformance/convert.rs"]
mod convert;
#[path = "conformance/kpa.rs"]
mod kpa;
#[path = "conformance/tally.rs"]
mod tally;

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use metrics::{Reading, Replicas};
use scaler::{Decision, Hpa, HpaSpec, Policy, Status, Verdict, WriteOutcome};
use serde_json::{Value, json};
use tally::Tally;

/// The folder, which must exist if it was asked for.
fn folder() -> PathBuf {
    match std::env::var_os("RUSHHOUR_VECTORS") {
        Some(named) => {
            let folder = PathBuf::from(named);
            assert!(
                folder.is_dir(),
                "RUSHHOUR_VECTORS names {}, which is no folder",
                folder.display()
            );
            folder
        }
        None => own(),
    }
}

/// The project's own folder.
fn own() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

/// Inputs with what is expected of them.
fn load(folder: &Path, set: &str) -> Vec<(Value, Value)> {
    let inputs = lines(folder, &format!("{set}.jsonl.gz"));
    let expected = lines(folder, &format!("{set}.expected.jsonl.gz"));
    assert_eq!(
        inputs.len(),
        expected.len(),
        "{set}: as many answers as questions"
    );
    inputs.into_iter().zip(expected).collect()
}

fn lines(folder: &Path, name: &str) -> Vec<Value> {
    let path = folder.join(name);
    let file = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(&file[..])
        .read_to_string(&mut text)
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn tagged(vector: &Value, tag: &str) -> bool {
    let tags = vector["tags"].as_array();
    tags.is_some_and(|tags| tags.iter().any(|t| t == tag))
}

/// What a step came to, in the form of an expected line.
fn outcome(decision: &Decision, status: &Status, spec: Option<u32>, written: bool) -> Value {
    let desired = match decision.verdict {
        Verdict::Scale(n) if written => n.get(),
        _ => spec.unwrap_or(0),
    };
    let mut terms = decision.reason.terms().into_iter();
    let term = terms.find(|t| t.name == "proposal");
    let proposal = term.map(|t| t.value.parse::<i64>().unwrap());
    let conditions: Vec<Value> = status
        .conditions
        .iter()
        .map(|(kind, c)| json!({"type": kind, "status": c.status, "reason": c.reason}))
        .collect();
    let messages = status.conditions.values().map(|c| c.message.clone());
    json!({
        "messages": messages.collect::<Vec<_>>(),
        "desired": desired,
        "rescaled": written,
        "metric_desired": proposal,
        "conditions": conditions,
        "error": status.error.is_some(),
        "events": status.events.iter().map(|e| e.reason.clone()).collect::<Vec<_>>(),
        "status_current": status.current,
        "status_desired": status.desired,
        "last_scale_ms": status.last_scale.map(convert::millis),
    })
}

fn compare(tally: &mut Tally, id: &str, expected: &Value, got: &Value, policy: &Hpa) -> bool {
    let conditions: Value = match &expected["conditions"] {
        Value::Array(all) => all
            .iter()
            .map(|c| json!({"type": c["type"], "status": c["status"], "reason": c["reason"]}))
            .collect(),
        other => other.clone(),
    };
    let error = match &expected["error"] {
        Value::String(any) if any == "*" => expected["error"].clone(),
        other => json!(!other.is_null()),
    };
    let mut same = true;
    for field in ["desired", "rescaled", "metric_desired"] {
        same &= tally.must(field, id, &expected[field], &got[field]);
    }
    same &= tally.must("conditions", id, &conditions, &got["conditions"]);
    let messages = |all: &Value| -> Value {
        let all = convert::list(all).iter();
        all.map(|c| c["message"].clone()).collect()
    };
    if expected["conditions"].is_array() {
        let expected = messages(&expected["conditions"]);
        tally.should("messages", id, &expected, &got["messages"]);
    }
    same &= tally.must("error", id, &error, &got["error"]);
    let events: Value = match &expected["events"] {
        Value::Array(all) => all
            .iter()
            .map(|e| {
                e.as_str()
                    .unwrap_or_default()
                    .split(' ')
                    .nth(1)
                    .unwrap_or_default()
            })
            .collect(),
        Value::Null => json!([]),
        other => other.clone(),
    };
    tally.should("events", id, &events, &got["events"]);
    for field in ["status_desired", "last_scale_ms", "status_current"] {
        let expected = match (&expected[field], &got[field]) {
            // Upstream's zero value stands for "never said".
            (Value::Number(n), Value::Null) if n.as_i64() == Some(0) => Value::Null,
            (other, _) => other.clone(),
        };
        tally.should(field, id, &expected, &got[field]);
    }
    tally.should(
        "state",
        id,
        &convert::expected_state(&expected["state"]),
        &convert::state(&policy.save()),
    );
    same
}

fn replay(tally: &mut Tally, input: &Value, expected: &Value) {
    let id = input["id"].as_str().unwrap();
    let controller = convert::controller(&input["controller"]);
    let read = |spec: &Value| serde_json::from_value::<HpaSpec>(spec.clone()).unwrap();
    let mut policy = Hpa::new(read(&input["hpa"]["spec"]), controller.clone());
    if let Some(initial) = input.get("initial") {
        policy.restore(&convert::initial(initial)).unwrap();
    }
    let gate = !tagged(input, "overflow");
    let mut all = true;
    for (step, answer) in input["steps"]
        .as_array()
        .unwrap()
        .iter()
        .zip(expected["steps"].as_array().unwrap())
    {
        if let Some(spec) = step.get("hpa_spec") {
            let state = policy.save();
            policy = Hpa::new(read(spec), controller.clone());
            policy.restore(&state).unwrap();
        }
        let seen = convert::observation(step, &input["pod_defaults"]);
        let decision = policy.decide(&seen);
        let spec = seen.scale.value().map(|scale| scale.spec.get());
        let outcome_of = match (decision.verdict, spec) {
            (Verdict::Scale(Replicas(n)), Some(spec)) if n != spec => {
                match step.get("scale_update_error") {
                    Some(why) => WriteOutcome::Failed(why.as_str().unwrap().to_owned()),
                    None => WriteOutcome::Written,
                }
            }
            _ => WriteOutcome::Unchanged,
        };
        let status = policy.settle(&outcome_of);
        let got = outcome(
            &decision,
            &status,
            spec,
            outcome_of == WriteOutcome::Written,
        );
        if gate {
            let at = format!("{id} at {}", step["t_ms"]);
            all &= compare(tally, &at, answer, &got, &policy);
        }
        if let Reading::Value { value, .. } = &seen.scale
            && outcome_of == WriteOutcome::Written
        {
            assert_ne!(Verdict::Scale(value.spec), decision.verdict);
        }
    }
    if gate {
        tally.vector(all);
    }
}

fn check(folder: &Path, set: &str) {
    let mut tally = Tally::new(set);
    for (input, expected) in load(folder, set) {
        replay(&mut tally, &input, &expected);
    }
    tally.finish();
}

#[test]
fn hpa_single() {
    check(&folder(), "hpa_single");
}

#[test]
fn hpa_seq() {
    check(&folder(), "hpa_seq");
}

/// What upstream decides where earlier versions of this project did not agree, and more of that kind.
#[test]
fn edges() {
    check(&own(), "edges_single");
    check(&own(), "edges_seq");
    check_admission(&own(), "edges_validate");
    check_kpa(&own(), "edges_kpa");
}

/// Formulas of scaling modifiers: what expr-lang gives for them is what they give here, if they are taken at all.
#[test]
fn formulas() {
    let mut tally = Tally::new("formulas");
    for row in lines(&own(), "formulas.jsonl.gz") {
        let text = row["formula"].as_str().unwrap();
        let values: Vec<Option<f64>> = convert::list(&row["values"])
            .iter()
            .map(Value::as_f64)
            .collect();
        let id = format!("{text} of {values:?}");
        let got = match scaler::Formula::parse(text, &["a", "b", "c"]) {
            Err(_) => json!("refused"),
            Ok(formula) => match formula.evaluate(&values) {
                Err(_) => json!("error"),
                Ok(number) => shown(number),
            },
        };
        let expected = match &row["result"] {
            _ if row.get("refused").is_some() => json!("refused"),
            _ if row.get("error").is_some() => json!("error"),
            // KEDA wants a float.
            _ if row.get("other").is_some() || row.get("int").is_some() => json!("error"),
            Value::Number(number) => shown(number.as_f64()),
            other => other.clone(),
        };
        tally.should("the same", &id, &expected, &got);
        // What is refused here, or fails, does no harm; a number that upstream does not give would.
        // Where expr-lang trips over its own types (`count(…) == max(10, a)`), it means to give what is given here.
        let trips = row["error"]
            .as_str()
            .is_some_and(|why| why.starts_with("interface conversion"));
        let harmless = got == "refused" || got == "error" || got == expected || trips;
        let same = tally.must("no other", &id, &json!(true), &json!(harmless));
        tally.vector(same);
    }
    tally.finish();
}

fn shown(number: Option<f64>) -> Value {
    match number {
        Some(number) if number.is_nan() => json!("NaN"),
        Some(f64::INFINITY) => json!("+Inf"),
        Some(f64::NEG_INFINITY) => json!("-Inf"),
        // Powers differ in the last digit from one library to the next.
        // Whole numbers have no −0.
        Some(number) => json!(format!("{:.10e}", number + 0.0)),
        None => Value::Null,
    }
}

#[test]
fn hpa_validate() {
    check_admission(&folder(), "hpa_validate");
}

fn check_admission(folder: &Path, set: &str) {
    let mut tally = Tally::new(set);
    for (input, expected) in load(folder, set) {
        let id = input["id"].as_str().unwrap();
        let spec = serde_json::from_value::<HpaSpec>(input["spec"].clone());
        let found = spec.map(|spec| spec.defaulted().validate());
        let decodes = expected.get("decode_error").is_none_or(Value::is_null);
        let empty = Vec::new();
        let wanted = expected["errors"].as_array().unwrap_or(&empty);
        let fields = |of: &[Value]| -> Value {
            let all: BTreeSet<_> = of.iter().map(|e| e["field"].to_string()).collect();
            json!(all)
        };
        let details = |of: &[Value]| -> Value {
            of.iter()
                .map(|e| json!([e["field"], e["type"], e["detail"]]))
                .collect()
        };
        let got: Vec<Value> = found
            .iter()
            .flatten()
            .map(|e| json!({"field": e.field, "type": e.kind, "detail": e.detail}))
            .collect();
        let valid = found.as_ref().is_ok_and(Vec::is_empty);
        let mut same = tally.must("valid", id, &expected["valid"], &json!(valid));
        same &= tally.must("decodes", id, &json!(decodes), &json!(found.is_ok()));
        same &= tally.must("fields", id, &fields(wanted), &fields(&got));
        tally.should("details", id, &details(wanted), &details(&got));
        tally.vector(same);
    }
    tally.finish();
}

#[test]
fn kpa() {
    check_kpa(&folder(), "kpa");
}

fn check_kpa(folder: &Path, set: &str) {
    let mut tally = Tally::new(set);
    for (input, expected) in load(folder, set) {
        kpa::replay(&mut tally, &input, &expected, !tagged(&input, "overflow"));
    }
    tally.finish();
}
