//! `junit.xml`: a suite for the run, a case for each gate.

use std::io;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use crate::analysis::Analysis;
use crate::gates::{GateResult, Outcome, Verdict};
use crate::words;

/// Writes the file. A gate that failed is a failure, one that only warns is skipped with its message, one that
/// cannot be judged is an error; so is a run that cannot be believed or did not come to its end.
///
/// # Errors
/// If `to` cannot be written.
pub fn write(analysis: &Analysis, to: &mut dyn io::Write) -> io::Result<()> {
    let about = &analysis.about;
    let name = words::terminal(&about.name);
    let mut suite = TestSuite::new(name.as_str());
    let properties = [
        ("version", about.version.clone()),
        ("seed", about.seed.to_string()),
        ("speed", about.speed.to_string()),
        ("command", about.command.clone()),
        ("verdict", analysis.verdict.word().to_owned()),
    ];
    for (key, value) in properties {
        suite.add_property(Property::new(key, words::terminal(&value)));
    }
    let objections = analysis.honesty.objections.join("; ");
    if !objections.is_empty() {
        suite.add_test_case(error(
            &name,
            "the load was delivered as promised",
            &objections,
        ));
    }
    if analysis.verdict == Verdict::Interrupted {
        let sentence = &analysis.findings.verdict;
        suite.add_test_case(error(&name, "the run came to its end", sentence));
    }
    for gate in &analysis.gates {
        suite.add_test_case(case(&name, gate));
    }
    let mut report = Report::new("rushhour");
    report.add_test_suite(suite);
    report.serialize(to).map_err(io::Error::other)
}

fn case(class: &str, gate: &GateResult) -> TestCase {
    let message = words::terminal(&message(gate));
    let name = words::terminal(&gate.gate);
    let status = match gate.outcome {
        Outcome::Pass => TestCaseStatus::success(),
        Outcome::Warn => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(message);
            status
        }
        Outcome::Fail => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(message).set_type("gate");
            status
        }
        Outcome::Inconclusive => return error(class, &name, &message),
    };
    let mut case = TestCase::new(name, status);
    case.set_classname(class);
    case
}

fn error(class: &str, name: &str, message: &str) -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status
        .set_message(words::terminal(message))
        .set_type("inconclusive");
    let mut case = TestCase::new(name, status);
    case.set_classname(class);
    case
}

/// `612 ms, limit 300 ms (phase rise, worst at 5:20)`.
fn message(gate: &GateResult) -> String {
    let mut text = match &gate.why {
        Some(why) => why.clone(),
        None => format!(
            "{}, limit {}",
            gate.value_text(),
            gate.unit.text(gate.limit)
        ),
    };
    if !gate.place.is_empty() {
        text += &format!(" ({})", gate.place);
    }
    text
}
