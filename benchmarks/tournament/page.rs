//! What the tournament found, as a page of Markdown.

use std::fmt::Write as _;

use super::contenders::{CONTENDERS, Contender};
use super::day::Class;
use super::result::Row;
use super::score::{Mean, mean, over_classes, unlogged};
use super::trial::Outcome;

/// Which of the three figures.
#[derive(Clone, Copy)]
enum Mode {
    Hindsight,
    Replay,
    Usual,
}

/// The policy that the bars are for.
const OURS: &str = "foresight";
/// Where nothing but standing capacity helps, and so no bar is.
const UNFORESEEABLE: &str = "on-off";

/// The page about those of `rows` that simulated so many hours, and what else there is to know of them.
pub fn of(rows: &[Row], hours: u64, note: Option<&str>) -> String {
    let rows: Vec<&Row> = rows.iter().filter(|r| r.hours == hours).collect();
    let mut text = head(&rows, hours, note);
    text += &section(
        &rows,
        Mode::Hindsight,
        "The best setting, found in hindsight for each day",
        "Cost at exactly 0.1 % misses ÷ that of knowing the future. Nobody can know this setting beforehand: it is the hardest rival.",
    );
    text += &section(
        &rows,
        Mode::Replay,
        "The setting that did on the day before",
        "What `rushhour tune` on yesterday gives: the cheapest setting that missed at most 0.1 % on the same hours of the day before, in rough strokes. \
         Misses of all days · cost ÷ that of knowing the future.",
    );
    text += &section(
        &rows,
        Mode::Usual,
        "One setting for everything",
        "What people begin with: targets of 70 %, a budget of 0.1 % from which ours find their price, a schedule for 80 % of the slots, standing capacity for the peak. Misses of all days · cost ÷ that of knowing the future.",
    );
    text += &bars(&rows);
    text
}

fn head(rows: &[&Row], hours: u64, note: Option<&str>) -> String {
    let mut text = "\
# The tournament: every policy on the same days

<!-- Made by the tournament: change benchmarks/tournament, not this page. -->

Every policy meets the same days with the same luck, and is held against one that knows the future. There is no single number: who wins depends on the day.

```console
$ RUSHHOUR_TRACES=../shared/traces cargo run --release --example tournament -- "
        .to_owned();
    let first = rows.iter().map(|r| r.seed).min().unwrap_or(1);
    let seeds = rows
        .iter()
        .map(|r| r.seed)
        .max()
        .map_or(0, |last| last + 1 - first);
    writeln!(
        text,
        "--first {first} --seeds {seeds} --hours {hours}{} --page page.md\n```\n",
        asked(rows)
    )
    .expect("text");
    let classes = classes(rows);
    let days = |class: &str| {
        let mut seeds: Vec<u64> = rows
            .iter()
            .filter(|r| r.class == class)
            .map(|r| r.seed)
            .collect();
        seeds.sort_unstable();
        seeds.dedup();
        seeds.len()
    };
    let counts: Vec<String> = classes.iter().map(|c| format!("{c} {}", days(c))).collect();
    writeln!(
        text,
        "**What was run for this page**: {}; days: {}. {}\n",
        if hours < 24 {
            format!("{hours} hours of each day, around what the day is about")
        } else {
            "whole days".to_owned()
        },
        counts.join(", "),
        if hours < 24 || seeds < 10 {
            "The whole tournament (`--seeds 10 --hours 24`) takes more than ten hours of a core and was not run here: intervals are wide, and where one holds the bar, nobody can tell."
        } else {
            ""
        }
    )
    .expect("text");
    let missing = CONTENDERS.iter().map(|c| c.name);
    let missing: Vec<&str> = missing
        .filter(|name| !rows.iter().any(|r| r.contender == *name))
        .collect();
    if !missing.is_empty() {
        writeln!(text, "Not run for this page: {}.\n", missing.join(", ")).expect("text");
    }
    if let Some(note) = note {
        writeln!(text, "{note}\n").expect("text");
    }
    text += SETUP;
    text + &taking_part(rows)
}

/// The classes of which there are rows.
fn classes(rows: &[&Row]) -> Vec<&'static str> {
    let all = Class::all();
    let names = all.iter().map(Class::name);
    names
        .filter(|name| rows.iter().any(|r| r.class == *name))
        .collect()
}

/// The contenders of which there are rows.
fn contenders(rows: &[&Row]) -> Vec<&'static Contender> {
    let known = |c: &&Contender| rows.iter().any(|r| r.contender == c.name);
    CONTENDERS.iter().filter(known).collect()
}

/// The options that ask for these classes and contenders, where they are not all.
fn asked(rows: &[&Row]) -> String {
    let (classes, contenders) = (classes(rows), contenders(rows));
    let mut text = String::new();
    if classes.len() < Class::all().len() {
        text += &format!(" --classes {}", classes.join(","));
    }
    if contenders.len() < CONTENDERS.len() {
        let names: Vec<&str> = contenders.iter().map(|c| c.name).collect();
        text += &format!(" --contenders {}", names.join(","));
    }
    text
}

/// What the classes and the contenders are.
fn taking_part(rows: &[&Row]) -> String {
    let mut text = "\n| class | what it is |\n| --- | --- |\n".to_owned();
    for class in Class::all() {
        writeln!(text, "| {} | {} |", class.name(), class.about()).expect("text");
    }
    text += "\n| policy | what it is |\n| --- | --- |\n";
    for c in contenders(rows) {
        writeln!(text, "| {} | {} |", c.name, c.about).expect("text");
    }
    text
}

const SETUP: &str = "\
- **A day** is eight: seven before it, which policies with a memory are told as readings, and the last, of which the hours are simulated request by request at a mean
  of 300 requests/s (over its whole day). One service, four slots, 250 ms of work (cv 0.6): a peak takes 20 to 60 replicas and more. Start-up 55 s (p90 80 s). A miss is a page
  slower than 2.5 s, ten times its work, or not served.
- **Signals**: HPA, KEDA and AWS's see means of 30 s that are 15 s old, every 15 s; ours and Knative's see means of 10 s that are 1 s old, every 5 s. That is how they are run.
- **Knowing the future**: the cheapest plan by the capacity curve, with the budget of misses that it plans for chosen so that it misses 0.1 % in full. It is a bound, not a rival.
  It knows a bad deploy too, as so much more load.
- **Searched** in rough strokes (`docs/explanation/planner.md`), **scored** in full. Cost at 0.1 % lies between two settings, in the logarithm of misses, which are looked at
  ever closer until their costs differ by 1.5 % at most; where settings are whole percents and the cheaper neighbour is a collapse, it is the cost of the one that is none.
- **Intervals** hold the mean over days with 95 % (Student's t over the days; each day's cost is divided by that of knowing the future with the same luck).
  `k/n` says that only k of n days reach 0.1 % with any setting; the mean is over those.
- Real traffic is scaled up: where few requests were counted, so is their noise. Three traces of an hour have no day before them and are left out.
  Days that are made can be had as scenarios: `--write FOLDER`.
";

fn section(rows: &[&Row], mode: Mode, title: &str, about: &str) -> String {
    let contenders: Vec<&str> = CONTENDERS
        .iter()
        .map(|c| c.name)
        .filter(|name| rows.iter().any(|r| r.contender == *name))
        .collect();
    let mut text = format!(
        "\n## {title}\n\n{about}\n\n| class | {} |\n|{}\n",
        contenders.join(" | "),
        " --- |".repeat(contenders.len() + 1)
    );
    for class in Class::all() {
        let of_class: Vec<&&Row> = rows.iter().filter(|r| r.class == class.name()).collect();
        if of_class.is_empty() {
            continue;
        }
        let cell = |name: &&str| {
            let own: Vec<&Row> = of_class
                .iter()
                .filter(|r| r.contender == **name)
                .map(|r| **r)
                .collect();
            cell(&own, mode)
        };
        let cells: Vec<String> = contenders.iter().map(cell).collect();
        writeln!(text, "| {} | {} |", class.name(), cells.join(" | ")).expect("text");
    }
    text
}

fn cell(rows: &[&Row], mode: Mode) -> String {
    if rows.is_empty() {
        return "not run".into();
    }
    let runs = |run: &dyn Fn(&Row) -> Option<(f64, f64)>| -> Vec<(f64, f64)> {
        rows.iter().filter_map(|r| run(r)).collect()
    };
    match mode {
        Mode::Hindsight => {
            let ratios: Vec<f64> = rows
                .iter()
                .filter_map(|r| Some(r.hindsight? / r.oracle))
                .collect();
            let reached = if ratios.len() < rows.len() {
                format!(" {}/{}", ratios.len(), rows.len())
            } else {
                String::new()
            };
            mean(&ratios).map_or_else(
                || format!("–{reached}"),
                |m| format!("{}{reached}", said(m)),
            )
        }
        Mode::Replay => misses_and_cost(&runs(&|r| {
            let (_, run) = r.replay.as_ref()?;
            Some((run.missed, run.hours / r.oracle))
        })),
        Mode::Usual => {
            misses_and_cost(&runs(&|r| Some((r.usual.missed, r.usual.hours / r.oracle))))
        }
    }
}

/// Days have the same mean of requests, so the mean of their shares weighs each request alike.
fn misses_and_cost(runs: &[(f64, f64)]) -> String {
    let missed: Vec<f64> = runs.iter().map(|r| r.0).collect();
    let cost: Vec<f64> = runs.iter().map(|r| r.1).collect();
    match (mean(&missed), mean(&cost)) {
        (Some(m), Some(c)) => format!("{} · {}", percent(m.mean), said(c)),
        _ => "–".into(),
    }
}

fn percent(share: f64) -> String {
    match share * 100.0 {
        p if p >= 9.95 => format!("{p:.0} %"),
        p if p >= 0.995 => format!("{p:.1} %"),
        p if p >= 0.0995 => format!("{p:.2} %"),
        p => format!("{p:.3} %"),
    }
}

fn said(m: Mean) -> String {
    if m.days < 2 {
        return format!("{:.2}", m.mean);
    }
    format!("{:.2} ({:.2}…{:.2})", m.mean, m.low, m.high)
}

/// One thing that must be reached.
struct Bar {
    what: String,
    bar: f64,
    is: Option<Mean>,
}

impl Bar {
    fn row(&self) -> String {
        let (is, met) = match self.is {
            None => ("–".to_owned(), "not run, or no day reaches 0.1 %"),
            Some(m) => (said(m), verdict(m, self.bar)),
        };
        format!("| {} | ≤ {:.2} | {is} | {met} |", self.what, self.bar)
    }
}

/// What an interval says of a bar.
fn verdict(m: Mean, bar: f64) -> &'static str {
    match m {
        _ if m.days < 2 => "one day of a class says nothing",
        _ if m.high <= bar => "met",
        _ if m.low > bar => "**not met**",
        _ if m.mean > bar => "cannot tell; the mean is above",
        _ => "cannot tell; the mean is within",
    }
}

fn bars(rows: &[&Row]) -> String {
    let mut text = "\n## What was to be reached\n\nA bar is met when the whole interval is within it; one over several classes says nothing of those that were not run, and its interval is that of the days within them.\n\n| what | bar | is | |\n| --- | --- | --- | --- |\n".to_owned();
    for bar in all_bars(rows) {
        writeln!(text, "{}", bar.row()).expect("text");
    }
    for (what, told) in REPLAYED {
        text += &worst(rows, what, told);
    }
    text
}

/// The share that a class may miss, of all requests of its days.
const MOST_MISSED: f64 = 0.002;

/// The class and the day on which ours missed most.
fn worst(rows: &[&Row], what: &str, told: Told) -> String {
    let ours: Vec<(&Row, f64)> = rows
        .iter()
        .filter(|r| r.contender == OURS && r.class != UNFORESEEABLE)
        .filter_map(|r| Some((*r, told(r)?.missed)))
        .collect();
    let of_class = |class: &'static str| {
        let own = ours.iter().filter(|(r, _)| r.class == class);
        let missed: Vec<f64> = own.map(|(_, missed)| *missed).collect();
        Some((class, mean(&missed)?))
    };
    let classes = classes(rows).into_iter().filter_map(of_class);
    let class = classes.max_by(|a, b| a.1.mean.total_cmp(&b.1.mean));
    let day = ours.iter().max_by(|a, b| a.1.total_cmp(&b.1));
    let (Some((class, missed)), Some((day, most))) = (class, day) else {
        return String::new();
    };
    let interval = match missed.days {
        0 | 1 => String::new(),
        // No share is below nothing.
        _ => format!(
            ", {}…{}",
            percent(missed.low.max(0.0)),
            percent(missed.high)
        ),
    };
    format!(
        "\n{OURS}, {what}: of the requests of the worst class {} were missed ({class}{interval}); the bar is {}: {}. Of its worst single day {} ({} {}).\n",
        percent(missed.mean),
        percent(MOST_MISSED),
        verdict(missed, MOST_MISSED),
        percent(*most),
        day.class,
        day.seed,
    )
}

/// What a run of a row came to, if there was one.
type Told = fn(&Row) -> Option<Outcome>;

/// What "tuned by replay" may mean of ours: what it does by itself with the last three days, given nothing but a budget, and
/// a price that is fixed for the day because it did on the day before.
const REPLAYED: [(&str, Told); 2] = [
    ("tuned by its own replay of three days", |r| Some(r.usual)),
    ("with the price fixed that did on the day before", |r| {
        r.replay.as_ref().map(|(_, run)| *run)
    }),
];

fn all_bars(rows: &[&Row]) -> Vec<Bar> {
    let of = |class: &str, name: &str| -> Vec<&Row> {
        rows.iter()
            .filter(|r| r.class == class && r.contender == name)
            .copied()
            .collect()
    };
    let mut bars = Vec::new();
    for (class, bar) in [
        ("diurnal", 1.08),
        ("campaign", 1.08),
        ("bad-deploy", 1.08),
        ("match-surge", 1.08),
        ("recurring-sale", 1.10),
    ] {
        let own = of(class, OURS);
        let ratios: Vec<f64> = own
            .iter()
            .filter_map(|r| Some(r.hindsight? / r.oracle))
            .collect();
        // A day that reaches 0.1 % with no setting is not left out of a bar.
        let is = (ratios.len() == own.len()).then(|| mean(&ratios)).flatten();
        bars.push(Bar {
            what: format!("{OURS}, hindsight, {class}"),
            bar,
            is,
        });
    }
    bars.push(Bar {
        what: format!("{OURS} ÷ the best HPA or KEDA, hindsight, days that both reach, each class with two of them or more weighing the same"),
        bar: 0.92,
        is: over_classes(&by_class(|class| {
            let days = against(rows, &["hpa", "hpa-tuned", "keda-rate"], class);
            if days.len() < 2 { Vec::new() } else { days }
        }))
        .map(unlogged),
    });
    for (what, told) in REPLAYED {
        let costs = by_class(|class| {
            let ours = rows
                .iter()
                .filter(|r| r.contender == OURS && r.class == class && class != UNFORESEEABLE);
            ours.filter_map(|r| Some(told(r)?.hours / r.oracle))
                .collect()
        });
        bars.push(Bar {
            what: format!(
                "{OURS}, {what}, all classes but {UNFORESEEABLE}, each weighing the same"
            ),
            bar: 1.33,
            is: over_classes(&costs),
        });
    }
    for class in Class::all()
        .iter()
        .map(Class::name)
        .filter(|c| *c != UNFORESEEABLE)
    {
        let ratios = against(rows, &["hpa", "hpa-tuned", "keda-rate", "kpa"], class);
        if !ratios.is_empty() {
            bars.push(Bar {
                what: format!("{OURS} ÷ the best of HPA, KEDA and KPA, hindsight, {class}"),
                bar: 1.05,
                is: mean(&ratios).map(unlogged),
            });
        }
    }
    bars
}

/// The values of each class that has some.
fn by_class(values: impl Fn(&str) -> Vec<f64>) -> Vec<Vec<f64>> {
    let all = Class::all();
    let each = all.iter().map(|class| values(class.name()));
    each.filter(|values| !values.is_empty()).collect()
}

/// Our cost ÷ that of the best of `rivals` at the budget, as a logarithm, for each day of the class that both reach.
fn against(rows: &[&Row], rivals: &[&str], class: &str) -> Vec<f64> {
    let ours = rows
        .iter()
        .filter(|r| r.contender == OURS && r.class == class);
    ours.filter_map(|own| {
        let same = rows
            .iter()
            .filter(|r| r.class == own.class && r.seed == own.seed);
        let best = same
            .filter(|r| rivals.contains(&r.contender.as_str()))
            .filter_map(|r| r.hindsight)
            .reduce(f64::min);
        Some(libm::log(own.hindsight? / best?))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Outcome;

    fn row(seed: u64, contender: &str, hindsight: Option<f64>) -> Row {
        let usual = Outcome {
            missed: 0.0,
            hours: 120.0,
        };
        Row {
            class: "diurnal".into(),
            seed,
            hours: 4,
            contender: contender.into(),
            oracle: 100.0,
            hindsight,
            best: None,
            replay: Some(("p".into(), usual)),
            usual,
        }
    }

    fn bar(rows: &[Row], what: &str) -> String {
        let rows: Vec<&Row> = rows.iter().collect();
        let found = all_bars(&rows).into_iter().find(|bar| bar.what == what);
        found.map_or_else(String::new, |bar| bar.row())
    }

    #[test]
    fn a_bar_is_met_by_its_whole_interval_only_and_by_no_single_day() {
        let what = "foresight, hindsight, diurnal";
        let days = |costs: &[f64]| -> Vec<Row> {
            let day = |(seed, cost): (usize, &f64)| row(seed as u64, OURS, Some(*cost));
            costs.iter().enumerate().map(day).collect()
        };
        for (costs, says) in [
            (&[105.0][..], "one day of a class says nothing"),
            (&[105.0, 105.1, 104.9], "| met |"),
            (&[100.0, 110.0, 105.0], "cannot tell; the mean is within"),
            (&[105.0, 115.0, 110.0], "cannot tell; the mean is above"),
            (&[115.0, 115.1, 114.9], "**not met**"),
        ] {
            let told = bar(&days(costs), what);
            assert!(told.contains(says), "{costs:?}: {told}");
        }
        let mut one_never = days(&[105.0, 105.1, 104.9]);
        one_never.push(row(9, OURS, None));
        let told = bar(&one_never, what);
        assert!(told.contains("no day reaches"), "{told}");
    }

    #[test]
    fn what_is_missed_is_judged_by_class_and_told_by_day() {
        let day = |seed: u64, missed: f64| {
            let mut row = row(seed, OURS, None);
            row.usual.missed = missed;
            row
        };
        let told = |days: &[Row]| {
            let rows: Vec<&Row> = days.iter().collect();
            worst(&rows, "by itself", |r| Some(r.usual))
        };
        let fine = told(&[day(1, 0.0010), day(2, 0.0011), day(3, 0.0012)]);
        assert!(
            fine.contains("0.11 % were missed (diurnal, 0.085 %…0.13 %)"),
            "{fine}"
        );
        assert!(fine.contains(": met."), "{fine}");
        assert!(
            fine.contains("worst single day 0.12 % (diurnal 3)"),
            "{fine}"
        );
        let wide = told(&[day(1, 0.0), day(2, 0.0030)]);
        assert!(wide.contains("cannot tell; the mean is within"), "{wide}");
        assert!(told(&[day(1, 0.0030), day(2, 0.0031)]).contains("**not met**"));
    }

    #[test]
    fn a_rival_is_the_best_of_its_kind_on_each_day() {
        let rows = [
            row(1, OURS, Some(90.0)),
            row(1, "hpa", Some(100.0)),
            row(1, "keda-rate", Some(120.0)),
            row(2, OURS, Some(90.0)),
            row(2, "hpa", None),
            row(2, "kpa", Some(60.0)),
        ];
        let rows: Vec<&Row> = rows.iter().collect();
        let rivals = ["hpa", "keda-rate"];
        let ratio = libm::log(90.0 / 100.0);
        assert_eq!(against(&rows, &rivals, "diurnal"), [ratio]);
        assert!(against(&rows, &rivals, "campaign").is_empty());
    }

    #[test]
    fn the_page_says_what_was_run_and_what_was_not() {
        let rows = [row(4, OURS, Some(105.0)), row(5, "hpa", None)];
        let page = of(&rows, 4, Some("Beware."));
        assert!(page.contains("\nBeware.\n"), "{page}");
        assert!(page.contains("--first 4 --seeds 2 --hours 4"), "{page}");
        assert!(page.contains("Not run for this page: static"), "{page}");
        assert!(
            of(&rows, 24, None).contains("--seeds 0"),
            "other hours are left out"
        );
    }
}
