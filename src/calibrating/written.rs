//! What a calibration writes: the `services:` part of a scenario, and the files with times that it names.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use reports::words;
use scenarios::Scenario;
use simulator::calibration::{Fitted, Interval, Kind, PageTimes, StepError};

use super::template::{SERVICE, method};

/// Above this share all of a page's time is work.
const ALL_WORK: f64 = 0.9;

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
            csv(&times, fitted.scale.value * work),
        ));
        if work < 1.0 {
            let share = fitted.scale.value * (1.0 - work);
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
    let mut text = format!(
        "# Calibrated by: {}\n# The top step was held back: at {} pages/s the fit is off by {}.\n# Ranges are those of nine of ten resamplings.\nservices:\n  {SERVICE}:\n    replicas: 1\n",
        words::terminal(command),
        words::rate(fitted.held_back.rate),
        errors(&fitted.held_back)
    );
    match fitted.kind {
        Kind::Fifo => line(&mut text, "slots", &fitted.width, 0),
        Kind::Sharing => {
            text += "    discipline: sharing\n";
            line(&mut text, "cores", &fitted.width, 2);
            writeln!(
                text,
                "    contention: {{alpha: {:.5}, beta: {:.6}}}   # alpha {:.5} to {:.5}, beta {:.6} to {:.6}",
                fitted.alpha.value, fitted.beta.value, fitted.alpha.low, fitted.alpha.high, fitted.beta.low, fitted.beta.high
            )
            .expect("a String takes everything");
        }
    }
    match &fitted.queue {
        Some(queue) => line(&mut text, "queue", queue, 0),
        None => {
            text += "    queue: unlimited   # nobody was turned away, so its length is not known\n";
        }
    }
    writeln!(
        text,
        "    # Times are those measured at the lowest load × {:.3} ({:.3} to {:.3}).",
        fitted.scale.value, fitted.scale.low, fitted.scale.high
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
    writeln!(
        text,
        "    {name}: {:.digits$}   # {:.digits$} to {:.digits$}",
        is.value, is.low, is.high
    )
    .expect("a String takes everything");
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
    let width = match fitted.kind {
        Kind::Fifo => format!(
            "{:.0} slots ({:.0} to {:.0}), first come, first served",
            fitted.width.value, fitted.width.low, fitted.width.high
        ),
        Kind::Sharing => format!(
            "{:.2} cores ({:.2} to {:.2}), shared; contention alpha {:.4}, beta {:.5}",
            fitted.width.value,
            fitted.width.low,
            fitted.width.high,
            fitted.alpha.value,
            fitted.beta.value
        ),
    };
    let queue = fitted.queue.as_ref().map_or_else(
        || "nobody was turned away, so how many may wait is not known".to_owned(),
        |q| format!("{:.0} may wait ({:.0} to {:.0})", q.value, q.low, q.high),
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
    let mut text = format!("target: {width}\n  queue     {queue}\n  demand    {demand}\n");
    for (name, step) in fitted
        .steps
        .iter()
        .map(|s| ("fitted", s))
        .chain([("held back", &fitted.held_back)])
    {
        writeln!(
            text,
            "  {name:<9} {:>7} pages/s: off by {}",
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

#[cfg(test)]
mod tests {
    use scenarios::{NoFiles, Set};

    use super::*;

    fn fitted(kind: Kind, work: f64) -> Fitted {
        let around = |value: f64| Interval {
            value,
            low: value * 0.9,
            high: value * 1.1,
        };
        Fitted {
            kind,
            width: around(4.0),
            alpha: around(0.02),
            beta: around(0.001),
            queue: None,
            scale: around(1.02),
            work,
            cpu_per_page: Some(0.004),
            steps: vec![StepError::default()],
            held_back: StepError {
                rate: 200.0,
                p99: Some(0.08),
                ..StepError::default()
            },
        }
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
