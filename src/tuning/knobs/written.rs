//! The numbers of those policies whose fields stand in a scenario as they are.

use scenarios::ScalingText;

use super::{Form, Found, Place, SHARES, WAITS, times};

/// Shares of the requests that may be slow.
const BUDGETS: [f64; 12] = [
    2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1,
];

/// How long a lower number waits with our own policies, in seconds: at most ten minutes. If nothing is written it is as long
/// as half of the replicas take to start, a minute at least.
const HOLDS: [f64; 6] = [0.0, 30.0, 60.0, 120.0, 300.0, 600.0];
const HOLD: f64 = 60.0;

/// KEDA's poll and cool-down, Knative's window, in seconds, and its panic threshold as a share.
pub(super) const POLLS: [f64; 4] = [5.0, 15.0, 30.0, 60.0];
pub(super) const COOLDOWNS: [f64; 3] = [60.0, 300.0, 600.0];
pub(super) const WINDOWS: [f64; 4] = [30.0, 60.0, 120.0, 300.0];
pub(super) const PANICS: [f64; 4] = [1.2, 1.5, 2.0, 3.0];

/// A field of a policy that can be searched.
struct Field {
    policy: &'static str,
    path: &'static str,
    /// What it is if it is not written; nothing: then it is not searched.
    default: Option<f64>,
    tried: &'static [f64],
    form: Form,
}

const FIELDS: [Field; 19] = [
    field("reactive", "budget", f64::NAN, &BUDGETS, Form::Share),
    field("reactive", "hold", HOLD, &HOLDS, Form::Seconds),
    field("foresight", "budget", f64::NAN, &BUDGETS, Form::Share),
    field("foresight", "hold", HOLD, &HOLDS, Form::Seconds),
    field("kpa", "utilization", 0.7, &SHARES, Form::Share),
    field("kpa", "window", 60.0, &WINDOWS, Form::Seconds),
    field("kpa", "panic_threshold", 2.0, &PANICS, Form::Share),
    field("kpa", "scale_down_delay", 0.0, &WAITS, Form::Seconds),
    field("keda", "polling", 30.0, &POLLS, Form::Seconds),
    field("keda", "cooldown", 300.0, &COOLDOWNS, Form::Seconds),
    field("keda", "stabilization", 300.0, &WAITS, Form::Seconds),
    field(
        "target_tracking",
        "target.cpu",
        f64::NAN,
        &SHARES,
        Form::Share,
    ),
    field(
        "target_tracking",
        "target.busy",
        f64::NAN,
        &SHARES,
        Form::Share,
    ),
    field("step", "target.cpu", f64::NAN, &SHARES, Form::Share),
    field("step", "target.busy", f64::NAN, &SHARES, Form::Share),
    field("step", "scale_out_cooldown", 300.0, &WAITS, Form::Seconds),
    field("step", "scale_in_cooldown", 300.0, &WAITS, Form::Seconds),
    field(
        "target_tracking",
        "scale_out_cooldown",
        300.0,
        &WAITS,
        Form::Seconds,
    ),
    field(
        "target_tracking",
        "scale_in_cooldown",
        300.0,
        &WAITS,
        Form::Seconds,
    ),
];

const fn field(
    policy: &'static str,
    path: &'static str,
    default: f64,
    tried: &'static [f64],
    form: Form,
) -> Field {
    let default = if default.is_nan() {
        None
    } else {
        Some(default)
    };
    Field {
        policy,
        path,
        default,
        tried,
        form,
    }
}

/// Those of a service's entry; `left` is the share that the SLO leaves. Targets of rates and the like are tried at multiples of what is written.
pub(super) fn in_entry(service: &str, text: &ScalingText, left: f64) -> Vec<Found> {
    let Some(policy) = text.value(service, "policy") else {
        return Vec::new();
    };
    let path = |rest: &str| Place::Path(format!("scaling.{service}.{rest}"));
    let mut found: Vec<Found> = rates(service, text)
        .filter(|_| policy != "hpa")
        .map(|(at, form, written)| Found {
            name: at.clone(),
            written,
            tried: times(written),
            form,
            place: path(&at),
        })
        .collect();
    let fields = FIELDS.iter().filter(|f| f.policy == policy);
    found.extend(fields.filter_map(|field| {
        let written = text.value(service, field.path).and_then(number);
        let default = if field.path == "budget" {
            Some(left)
        } else {
            field.default
        };
        Some(Found {
            name: field.path.into(),
            written: written.or(default)?,
            tried: field.tried.to_vec(),
            form: field.form,
            place: path(field.path),
        })
    }));
    found
}

/// What a replica should have, where it is a rate or a number: of KEDA's triggers, and of targets.
fn rates<'a>(
    service: &'a str,
    text: &'a ScalingText,
) -> impl Iterator<Item = (String, Form, f64)> + 'a {
    let values = text.values.iter().filter(move |(name, _)| name == service);
    values
        .flat_map(|(_, values)| values)
        .filter_map(|(at, text)| {
            let last = at.rsplit('.').next()?;
            let holder = at.starts_with("triggers.") || at.starts_with("target.");
            let form = match last {
                "requests" => Form::Rate,
                "concurrency" | "queue" => Form::Quantity,
                _ => return None,
            };
            holder.then_some(())?;
            Some((at.clone(), form, number(text)?))
        })
}

/// A number as a scenario has it: `70%`, `50/s`, `90s`, `5m`, `12`; nothing for other units.
fn number(text: &str) -> Option<f64> {
    let units = [
        ("ms", 1e-3),
        ("%", 1e-2),
        ("/s", 1.0),
        ("s", 1.0),
        ("m", 60.0),
        ("h", 3600.0),
    ];
    for (unit, times) in units {
        if let Some(number) = text.strip_suffix(unit) {
            return number.trim().parse::<f64>().ok().map(|n| n * times);
        }
    }
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, f64)> {
        let text =
            ScalingText::read("t.yaml", text.as_bytes(), &[]).unwrap_or_else(|m| panic!("{m}"));
        let found = in_entry("s", &text, 0.01);
        found.into_iter().map(|f| (f.name, f.written)).collect()
    }

    #[test]
    fn each_policy_has_its_own_numbers() {
        let names = |text: &str| read(text).into_iter().map(|(n, _)| n).collect::<Vec<_>>();
        assert_eq!(
            read("scaling: {s: {policy: reactive, budget: 0.2%}}"),
            [("budget".to_owned(), 0.002), ("hold".to_owned(), HOLD)]
        );
        let keda =
            "scaling: {s: {policy: keda, triggers: [{requests: 50/s}, {cpu: 70%}], cooldown: 2m}}";
        assert_eq!(
            names(keda),
            [
                "triggers.0.requests",
                "polling",
                "cooldown",
                "stabilization"
            ]
        );
        assert_eq!(read(keda)[2].1.to_string(), "120");
        let kpa = "scaling: {s: {policy: kpa, target: {concurrency: 8}, utilization: 60%}}";
        assert_eq!(names(kpa)[..2], ["target.concurrency", "utilization"]);
        let step = "scaling: {s: {policy: step, target: {cpu: 60%}, scale_out_cooldown: 1m}}";
        assert_eq!(
            read(step),
            [
                ("target.cpu".to_owned(), 0.6),
                ("scale_out_cooldown".to_owned(), 60.0),
                ("scale_in_cooldown".to_owned(), 300.0)
            ]
        );
        let tracking = "scaling: {s: {policy: target_tracking, target: {requests: 5/s}}}";
        assert_eq!(
            names(tracking)[..2],
            ["target.requests", "scale_out_cooldown"]
        );
        assert!(names("scaling: {s: {policy: static}}").is_empty());
        assert!(names("scaling: {s: {policy: hpa, target: {requests: 5/s}}}").is_empty());
    }

    #[test]
    fn numbers_have_units() {
        for (text, is) in [
            ("70%", 0.7),
            ("50/s", 50.0),
            ("1500ms", 1.5),
            ("2m", 120.0),
            ("8", 8.0),
        ] {
            assert!((number(text).unwrap() - is).abs() < 1e-12, "{text}");
        }
        assert_eq!(number("fast"), None);
    }
}
