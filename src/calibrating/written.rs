//! What a calibration writes: the `services:` part of a scenario, and the files with times that it names.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use reports::words;
use scenarios::Scenario;
use simulator::calibration::{Described, Fitted, Interval, Kind, PageTimes, StepError};

use super::template::{SERVICE, method};

/// Above this share all of a page's time is work.
const ALL_WORK: f64 = 0.9;
/// From so many times as far off as chance explains, a fit does not describe its target.
pub(crate) const MISFIT: f64 = 2.0;

/// The files: their names and texts.
pub(crate) fn files(
    scenario: &Scenario,
    pages: &[PageTimes],
    fitted: &Fitted,
    command: &str,
) -> Vec<(String, String)> {
    let mut files = vec![(
        "services.yaml".to_owned(),
        services(scenario, fitted, command),
    )];
    for (operation, times) in by_operation(scenario, pages) {
        let work = if fitted.work >= ALL_WORK {
            1.0
        } else {
            fitted.work
        };
        files.push((
            format!("{operation}-work.csv"),
            csv(&times, fitted.best.scale.value * work),
        ));
        if work < 1.0 {
            let share = fitted.best.scale.value * (1.0 - work);
            files.push((format!("{operation}-wait.csv"), csv(&times, share)));
        }
    }
    files
}

/// The times of each operation: those of all of its pages.
fn by_operation(scenario: &Scenario, pages: &[PageTimes]) -> BTreeMap<String, Vec<Duration>> {
    let mut all: BTreeMap<String, Vec<Duration>> = BTreeMap::new();
    for journey in &scenario.journeys {
        for page in &journey.pages {
            let name = format!("{}/{}", journey.name, page.name);
            let seen = pages.iter().find(|p| p.page == name);
            if let (Some(id), Some(seen)) = (&page.operation, seen) {
                all.entry(id.operation.clone())
                    .or_default()
                    .extend(&seen.times);
            }
        }
    }
    all
}

/// A time a line, in seconds.
fn csv(times: &[Duration], factor: f64) -> String {
    let mut times: Vec<Duration> = times.to_vec();
    times.sort_unstable();
    let mut text = String::from("seconds\n");
    for time in times {
        writeln!(text, "{:.6}", time.as_secs_f64() * factor).expect("a String takes everything");
    }
    text
}

fn services(scenario: &Scenario, fitted: &Fitted, command: &str) -> String {
    let best = &fitted.best;
    let mut text = format!(
        "# Calibrated by: {}\n# The top step was held back: at {} pages/s the fit is off by {}.\n# Ranges are those of nine times in ten, if the target is of this kind.\n",
        words::terminal(command),
        words::rate(best.held_back.rate),
        errors(&best.held_back)
    );
    if !fitted.is_told_apart() {
        let other = width(&fitted.other);
        writeln!(text, "# What was measured does not tell it from {other}.")
            .expect("a String takes everything");
    }
    text += &format!("services:\n  {SERVICE}:\n    replicas: 1\n");
    match best.kind {
        Kind::Fifo => line(&mut text, "slots", &best.width, 0),
        Kind::Sharing => {
            text += "    discipline: sharing\n";
            line(&mut text, "cores", &best.width, 2);
            contention(&mut text, best);
        }
    }
    match &best.queue {
        Some(queue) => line(&mut text, "queue", queue, 0),
        None => {
            text += "    queue: unlimited   # nobody was turned away, so its length is not known\n";
        }
    }
    writeln!(
        text,
        "    # Times are those measured at the lowest load × {:.3}{}.",
        best.scale.value,
        range(&best.scale, 3).map_or_else(String::new, |r| format!(" ({r})"))
    )
    .expect("a String takes everything");
    text += "    operations:\n";
    let all_work = fitted.work >= ALL_WORK;
    for (name, operation) in scenario.services.values().flat_map(|s| &s.operations) {
        let route = operation.route.as_ref();
        let route = route.map_or_else(String::new, |r| format!("{} {}", method(r.method), r.path));
        let route = serde_json::Value::String(route);
        let wait = if all_work {
            String::new()
        } else {
            format!(", wait: {{from: {name}-wait.csv}}")
        };
        writeln!(
            text,
            "      {name}: {{route: {route}, do: [work: {{from: {name}-work.csv}}{wait}]}}"
        )
        .expect("a String takes everything");
    }
    text
}

fn line(text: &mut String, name: &str, is: &Interval, digits: usize) {
    let range = range(is, digits).map_or_else(String::new, |range| format!("   # {range}"));
    writeln!(text, "    {name}: {:.digits$}{range}", is.value).expect("a String takes everything");
}

/// Contention, if there is any.
fn contention(text: &mut String, best: &Described) {
    if best.alpha.value + best.beta.value == 0.0 {
        *text += "    # No more contention than chance explains.\n";
        return;
    }
    let ranges = [
        ("alpha", range(&best.alpha, 5)),
        ("beta", range(&best.beta, 6)),
    ];
    let ranges = ranges.map(|(name, range)| range.map(|range| format!("{name} {range}")));
    let ranges: Vec<String> = ranges.into_iter().flatten().collect();
    let ranges = if ranges.is_empty() {
        String::new()
    } else {
        format!("   # {}", ranges.join(", "))
    };
    writeln!(
        text,
        "    contention: {{alpha: {:.5}, beta: {:.6}}}{ranges}",
        best.alpha.value, best.beta.value
    )
    .expect("a String takes everything");
}

/// `3 to 5`, `3 or more`; nothing if it is not known.
fn range(is: &Interval, digits: usize) -> Option<String> {
    match (is.low, is.high) {
        (Some(low), Some(high)) => Some(format!("{low:.digits$} to {high:.digits$}")),
        (Some(low), None) => Some(format!("{low:.digits$} or more")),
        (None, Some(high)) => Some(format!("at most {high:.digits$}")),
        (None, None) => None,
    }
}

/// `4 slots (4 to 5), first come, first served`.
fn width(described: &Described) -> String {
    let range = |digits| {
        let range = range(&described.width, digits);
        range.map_or_else(String::new, |range| format!(" ({range})"))
    };
    let value = described.width.value;
    match described.kind {
        Kind::Fifo => format!("{value:.0} slots{}, first come, first served", range(0)),
        Kind::Sharing if described.alpha.value + described.beta.value == 0.0 => {
            format!("{value:.2} cores{}, shared", range(2))
        }
        Kind::Sharing => format!(
            "{value:.2} cores{}, shared; contention alpha {:.4}, beta {:.5}",
            range(2),
            described.alpha.value,
            described.beta.value
        ),
    }
}

/// `throughput −0.4 %, p50 2.1 %, p95 –, p99 9 %`.
pub(crate) fn errors(error: &StepError) -> String {
    let said = |v: Option<f64>| v.map_or_else(|| words::NONE.to_owned(), words::percent);
    format!(
        "throughput {}, p50 {}, p95 {}, p99 {}",
        words::percent(error.throughput),
        said(error.p50),
        said(error.p95),
        said(error.p99)
    )
}

/// The result for people.
pub(crate) fn text(fitted: &Fitted, folder: &str) -> String {
    let best = &fitted.best;
    let queue = best.queue.as_ref().map_or_else(
        || "nobody was turned away, so how many may wait is not known".to_owned(),
        |queue| {
            let range = range(queue, 0).map_or_else(String::new, |range| format!(" ({range})"));
            format!("{:.0} may wait{range}", queue.value)
        },
    );
    let demand = match fitted.cpu_per_page {
        Some(cpu) => format!(
            "{} of CPU a page by the utilisation law, {} of its time",
            words::ms(cpu * 1e3),
            words::percent(fitted.work)
        ),
        None => {
            "its CPU time was not read (--cpu-from): all of its time is taken as work".to_owned()
        }
    };
    let mut text = format!(
        "target: {}\n{}  queue     {queue}\n  demand    {demand}\n",
        width(best),
        doubt(fitted)
    );
    let steps = fitted.steps.iter().map(|step| ("fitted", step));
    for (name, step) in steps.chain([("held back", &best.held_back)]) {
        let overloaded = if step.overloaded {
            "; the target did not keep up"
        } else {
            ""
        };
        writeln!(
            text,
            "  {name:<9} {:>7} pages/s: off by {}{overloaded}",
            words::rate(step.rate),
            errors(step)
        )
        .expect("a String takes everything");
    }
    text + &format!(
        "\n  files     {}/: services.yaml and the times it names, calibration.json\n",
        words::terminal(folder)
    )
}

/// What else the target may be, and how to find out.
fn doubt(fitted: &Fitted) -> String {
    let mut text = String::new();
    let mut line = |name: &str, what: &str| {
        writeln!(text, "  {name:<9} {what}").expect("a String takes everything");
    };
    let other = &fitted.other;
    if fitted.is_told_apart() {
        // Beyond a thousand the odds are those of the model and not of the target.
        let odds = fitted.log_odds.exp();
        let odds = if odds > 1000.0 {
            "more than 1,000".to_owned()
        } else {
            format!("{odds:.0}")
        };
        line(
            "not",
            &format!("{}: {odds} times less likely", width(other)),
        );
    } else {
        line("or", &width(other));
        line(
            "",
            &format!(
                "what was measured does not tell which; there the held-back step is off by {}",
                errors(&other.held_back)
            ),
        );
        line(
            "",
            "to find out: longer steps (--step-time), a top closer to the target's limit (--to), or pages with more different work",
        );
    }
    if fitted.best.width.high.is_none() && fitted.best.width.low.is_some() {
        line(
            "",
            "hardly anything waited: go higher (--to) to see how much it carries",
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use scenarios::{NoFiles, Set};

    use super::*;

    fn described(kind: Kind) -> Described {
        let around = |value: f64| Interval {
            value,
            low: Some(value * 0.9),
            high: Some(value * 1.1),
        };
        Described {
            kind,
            width: around(4.0),
            alpha: around(0.02),
            beta: around(0.001),
            queue: None,
            scale: around(1.02),
            misfit: 1.0,
            held_back: StepError {
                rate: 200.0,
                p99: Some(0.08),
                ..StepError::default()
            },
        }
    }

    fn fitted(kind: Kind, work: f64) -> Fitted {
        let other = match kind {
            Kind::Fifo => Kind::Sharing,
            Kind::Sharing => Kind::Fifo,
        };
        Fitted {
            best: described(kind),
            other: described(other),
            log_odds: 2.0,
            work,
            cpu_per_page: Some(0.004),
            steps: vec![StepError::default()],
        }
    }

    #[test]
    fn what_cannot_be_told_is_said() {
        let mut fitted = fitted(Kind::Sharing, 1.0);
        let unsure = text(&fitted, "out");
        assert!(unsure.contains("or        4 slots (4 to 4)"), "{unsure}");
        assert!(unsure.contains("--step-time"), "{unsure}");
        fitted.log_odds = 5.0;
        fitted.best.width.high = None;
        fitted.steps[0].overloaded = true;
        let sure = text(&fitted, "out");
        assert!(sure.contains("148 times less likely"), "{sure}");
        assert!(sure.contains("4.00 cores (3.60 or more)"), "{sure}");
        assert!(
            sure.contains("go higher") && sure.contains("did not keep up"),
            "{sure}"
        );
    }

    /// The files of a folder, in memory.
    struct Written(Vec<(String, String)>);

    impl scenarios::Files for Written {
        fn open(&self, name: &str) -> std::io::Result<Box<dyn std::io::Read>> {
            let file = self.0.iter().find(|(n, _)| n == name);
            let text = file
                .map(|(_, text)| text.clone())
                .ok_or(std::io::ErrorKind::NotFound)?;
            Ok(Box::new(std::io::Cursor::new(text.into_bytes())))
        }
    }

    #[test]
    fn what_is_written_is_a_scenario_s_services() {
        let shop = "version: 1\nname: x\nabout: x\nduration: 60s\ntraffic: {unit: requests, rate: [constant: {rate: 1/s}]}\njourneys: {v: {start: a, pages: {a: {get: \"/a/{x}?q={x}\"}}, variables: {x: \"1\"}}}\nservices: {target: {operations: {a: {route: \"GET /a/{part2}\", do: [work: 1ms]}}}}\n";
        let scenario = Scenario::read("x.yaml", shop.as_bytes(), &NoFiles, &[])
            .unwrap_or_else(|m| panic!("{m}"));
        let pages = [PageTimes {
            page: "v/a".into(),
            times: vec![Duration::from_millis(20), Duration::from_millis(10)],
        }];
        for (kind, work) in [(Kind::Fifo, 1.0), (Kind::Sharing, 0.4)] {
            let written = Written(files(
                &scenario,
                &pages,
                &fitted(kind, work),
                "rushhour calibrate\nx",
            ));
            let text = &written.0[0].1;
            let services = text.split("services:\n").nth(1).expect("services");
            let whole = shop.split("services:").next().expect("a head").to_owned()
                + "services:\n"
                + services;
            let again = Scenario::read("x.yaml", whole.as_bytes(), &written, &[] as &[Set]);
            let again = again.unwrap_or_else(|m| panic!("{text}\n{m}"));
            let target = &again.services["target"];
            let steps = &target.operations["a"].steps;
            let mean: f64 = steps
                .iter()
                .map(|s| match s {
                    scenarios::Step::Work(t) | scenarios::Step::Wait(t) => t.mean().as_secs_f64(),
                    _ => 0.0,
                })
                .sum();
            assert!((mean - 0.015 * 1.02).abs() < 1e-5, "{mean}");
            assert_eq!(steps.len(), if work < 0.9 { 2 } else { 1 });
            assert_eq!(target.slots, (kind == Kind::Fifo).then_some(4));
        }
    }
}
