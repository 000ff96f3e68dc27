//! What is tried: policies and other changes of a scenario, each with its name.

use std::path::Path;

use scenarios::{Scenario, Set};

use crate::args::VariantArgs;
use crate::exit::Failure;
use crate::{scenario_file, wiring};

/// One way to change a scenario.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Variant {
    /// What it is called in tables and folders.
    pub(crate) name: String,
    /// The words that ask for it again; none for the scenario as it is.
    pub(crate) words: Vec<String>,
    pub(crate) change: Change,
}

/// What a variant changes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Change {
    /// Nothing.
    Nothing,
    /// Values, by their paths.
    Values(Vec<Set>),
    /// The replicas of the start, for all services that scale.
    Static,
    /// A policy that knows the future, for all services that scale.
    Oracle,
    /// A policy of the language with its parameters, for all services that scale.
    Policy {
        name: String,
        parameters: Vec<(String, String)>,
    },
}

/// The name of the scenario as it is.
pub(crate) const AS_WRITTEN: &str = "as-written";
/// The name of the policy that knows the future.
pub(crate) const ORACLE: &str = "oracle";

impl Variant {
    /// The scenario as it is.
    pub(crate) fn as_written() -> Self {
        Self {
            name: AS_WRITTEN.into(),
            words: Vec::new(),
            change: Change::Nothing,
        }
    }

    /// The policy that knows the future.
    pub(crate) fn oracle() -> Self {
        Self {
            name: ORACLE.into(),
            words: vec!["--policy".into(), ORACLE.into()],
            change: Change::Oracle,
        }
    }

    /// Whether its policy knows the future.
    pub(crate) fn is_oracle(&self) -> bool {
        self.change == Change::Oracle
    }

    /// What it changes, as it was asked for.
    pub(crate) fn changes(&self) -> Vec<String> {
        match &self.change {
            Change::Values(sets) => sets.iter().map(|set| set.text().to_owned()).collect(),
            Change::Nothing => Vec::new(),
            _ => self.words.iter().skip(1).cloned().collect(),
        }
    }

    /// The values that make it of `base`, the scenario as it is.
    pub(crate) fn sets(&self, base: &Scenario) -> Result<Vec<Set>, Failure> {
        match &self.change {
            Change::Nothing | Change::Oracle => Ok(Vec::new()),
            Change::Values(sets) => Ok(sets.clone()),
            Change::Static => for_each_that_scales(base, |name, _| {
                let start = base.services.get(name).map_or(1, |s| s.replicas.get());
                vec![
                    format!("services.{name}.replicas={start}"),
                    format!("scaling.{name}={{policy: static}}"),
                ]
            }),
            Change::Policy {
                name: policy,
                parameters,
            } => for_each_that_scales(base, |name, scaling| {
                let (min, max) = (scaling.min, scaling.max);
                let parameters = parameters_text(policy, parameters);
                vec![format!(
                    "scaling.{name}={{policy: {policy}, min: {min}, max: {max}{parameters}}}"
                )]
            }),
        }
    }
}

fn for_each_that_scales(
    base: &Scenario,
    texts: impl Fn(&str, &scenarios::Scaling) -> Vec<String>,
) -> Result<Vec<Set>, Failure> {
    if base.scaling.is_empty() {
        let text = format!(
            "no service of {} scales: there is nothing that a policy could do\n  = give them one: `scaling: {{SERVICE: {{policy: hpa, max: 30, target: {{cpu: 70%}}}}}}`",
            base.name
        );
        return Err(Failure::usage(anyhow::anyhow!("{text}")));
    }
    let texts = base
        .scaling
        .iter()
        .flat_map(|(n, scaling)| texts(n, scaling));
    texts
        .map(|text| Set::parse(&text).map_err(Failure::usage))
        .collect()
}

/// Whether a parameter is a target of a policy.
fn is_target(key: &str) -> bool {
    matches!(
        key,
        "cpu" | "busy" | "requests" | "concurrency" | "queue" | "cron"
    )
}

/// These parameters, if there is a target among them or the policy needs none.
fn aimed(
    policy: &str,
    parameters: Vec<(String, String)>,
) -> Result<Vec<(String, String)>, Failure> {
    let example = match policy {
        "hpa" | "target_tracking" | "step" => "cpu=70%",
        "keda" => "requests=50/s",
        _ => return Ok(parameters),
    };
    let aims = |key: &str| is_target(key) || matches!(key, "target" | "triggers");
    if parameters.iter().any(|(key, _)| aims(key)) {
        return Ok(parameters);
    }
    let text =
        format!("`--policy {policy}` has no target\n  = as in `--policy {policy}:{example}`");
    Err(Failure::usage(anyhow::anyhow!("{text}")))
}

/// `, target: {cpu: 60%}, stabilization: 1m`: what a target is stands inside it, and for KEDA each in a trigger.
pub(crate) fn parameters_text(policy: &str, parameters: &[(String, String)]) -> String {
    let pair = |(key, value): &(String, String)| format!("{key}: {value}");
    let (targets, others): (Vec<_>, Vec<_>) =
        parameters.iter().partition(|(key, _)| is_target(key));
    let mut text = String::new();
    if !targets.is_empty() {
        let targets: Vec<String> = targets.into_iter().map(pair).collect();
        text += &match policy {
            "keda" => format!(", triggers: [{{{}}}]", targets.join("}, {")),
            _ => format!(", target: {{{}}}", targets.join(", ")),
        };
    }
    for other in others {
        text += &format!(", {}", pair(other));
    }
    text
}

/// All variants that were asked for: the policies first, then the others, in the order in which they were typed.
pub(crate) fn all(args: &VariantArgs) -> Result<Vec<Variant>, Failure> {
    let policies = args.policies.iter().map(|text| policy(text));
    let others = args.variants.iter().map(|text| named(text));
    let all: Vec<Variant> = policies.chain(others).collect::<Result<_, _>>()?;
    for (place, variant) in all.iter().enumerate() {
        if all[..place].iter().any(|v| v.name == variant.name) {
            let text = format!(
                "two variants are called `{}`\n  = each needs a name of its own: `--variant NAME:PATH=VALUE`",
                variant.name
            );
            return Err(Failure::usage(anyhow::anyhow!("{text}")));
        }
    }
    Ok(all)
}

/// Whether a policy is named by its file. The `/` of a rate is no folder's: `hpa:requests=50/s`.
pub(crate) fn is_file(text: &str) -> bool {
    let extension = Path::new(text).extension();
    let known = ["yaml", "yml", "json"];
    extension.is_some_and(|e| known.iter().any(|k| e.eq_ignore_ascii_case(k)))
        || text
            .split(':')
            .next()
            .is_some_and(|name| name.contains('/'))
}

/// `--policy hpa:cpu=60%`.
pub(crate) fn policy(text: &str) -> Result<Variant, Failure> {
    let (name, rest) = text.split_once(':').unwrap_or((text, ""));
    let is_file = is_file(text);
    let change = match (name, rest) {
        _ if is_file => Change::Values(vec![scenario_file::scaling_of(text)?]),
        (AS_WRITTEN, "") => return Ok(Variant::as_written()),
        ("static", "") => Change::Static,
        (ORACLE, "") => Change::Oracle,
        (AS_WRITTEN | "static" | ORACLE, _) => {
            let text = format!("the policy `{name}` takes no parameters, `{rest}` was given");
            return Err(Failure::usage(anyhow::anyhow!("{text}")));
        }
        _ => Change::Policy {
            name: name.to_owned(),
            parameters: aimed(name, parameters(text, rest)?)?,
        },
    };
    let name = if is_file {
        let stem = Path::new(text).file_stem().unwrap_or_default();
        stem.to_string_lossy().into_owned()
    } else {
        text.to_owned()
    };
    Ok(Variant {
        name,
        words: vec!["--policy".into(), text.to_owned()],
        change,
    })
}

fn parameters(whole: &str, text: &str) -> Result<Vec<(String, String)>, Failure> {
    let pair = |part: String| {
        let pair = part.split_once('=');
        let pair = pair.filter(|(key, value)| is_word(key.trim()) && !value.trim().is_empty());
        pair.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
            .ok_or_else(|| {
                let rule = "a policy is a name, or a name with parameters: `hpa:cpu=60%`, `hpa:busy=70%,stabilization=1m`; or a file: `plan.yaml`";
                Failure::usage(anyhow::anyhow!("`{part}` in `--policy {whole}` is no parameter\n  = {rule}"))
            })
    };
    let parts = split(text).into_iter().filter(|part| !part.is_empty());
    parts.map(pair).collect()
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// `--variant more:scaling.order.min=8,slo.within=1s`.
fn named(text: &str) -> Result<Variant, Failure> {
    let rule = "a variant is a name, a colon, and what it changes: `more:scaling.order.min=8,slo.within=1s`";
    let wrong =
        |what: &str| Failure::usage(anyhow::anyhow!("{what} in `--variant {text}`\n  = {rule}"));
    let Some((name, changes)) = text.split_once(':') else {
        return Err(wrong("no colon"));
    };
    let good = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if name.is_empty() || name.len() > 63 || !name.chars().all(good) {
        return Err(wrong(
            "no name of letters, digits, `.`, `_` and `-` before the colon",
        ));
    }
    let parts: Vec<String> = split(changes);
    if parts.iter().all(String::is_empty) {
        return Err(wrong("nothing after the colon"));
    }
    let sets: Result<Vec<Set>, _> = parts.iter().map(|part| Set::parse(part)).collect();
    Ok(Variant {
        name: name.to_owned(),
        words: vec!["--variant".into(), text.to_owned()],
        change: Change::Values(sets.map_err(Failure::usage)?),
    })
}

/// The parts between commas that stand in no brackets and no quotes.
fn split(text: &str) -> Vec<String> {
    let (mut parts, mut depth, mut quote) = (vec![String::new()], 0_u32, None);
    for c in text.chars() {
        match (quote, c) {
            (None, ',') if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            (None, '\'' | '"') => quote = Some(c),
            (Some(q), _) if q == c => quote = None,
            (None, '{' | '[') => depth += 1,
            (None, '}' | ']') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if let Some(last) = parts.last_mut() {
            last.push(c);
        }
    }
    parts
}

/// The command that simulates one run again: nothing in it depends on where results go or how many threads there are.
pub(crate) fn again(
    command: &[&str],
    (speed, sets): (f64, &[String]),
    variant: &Variant,
    seed: u64,
) -> String {
    let mut words: Vec<String> = ["rushhour"]
        .iter()
        .chain(command)
        .map(|w| (*w).to_owned())
        .collect();
    if speed != 1.0 {
        words.extend(["--speed".to_owned(), speed.to_string()]);
    }
    for set in sets {
        words.extend(["--set".to_owned(), set.clone()]);
    }
    words.extend(variant.words.iter().cloned());
    words.extend(["--seed".to_owned(), seed.to_string()]);
    let words: Vec<String> = words.into_iter().map(wiring::quoted).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(policies: &[&str], variants: &[&str]) -> VariantArgs {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        VariantArgs {
            policies: owned(policies),
            variants: owned(variants),
        }
    }

    fn flash() -> Scenario {
        let checked = scenario_file::read("flash-sale", &[]);
        checked.unwrap_or_else(|f| panic!("{:#}", f.error)).scenario
    }

    fn texts(policies: &[&str], variants: &[&str]) -> Vec<Vec<String>> {
        let all = all(&args(policies, variants)).unwrap_or_else(|f| panic!("{:#}", f.error));
        let text = |variant: &Variant| {
            let sets = variant
                .sets(&flash())
                .unwrap_or_else(|f| panic!("{:#}", f.error));
            sets.iter().map(|set| set.text().to_owned()).collect()
        };
        all.iter().map(text).collect()
    }

    #[test]
    fn policies_are_for_all_services_that_scale() {
        let texts = texts(
            &[
                "hpa:cpu=60%,busy=70%,stabilization=1m",
                "static",
                "oracle",
                "hpa:requests=50/s",
            ],
            &[],
        );
        assert_eq!(
            texts[0],
            [
                "scaling.auth={policy: hpa, min: 1, max: 10, target: {cpu: 60%, busy: 70%}, stabilization: 1m}",
                "scaling.catalogue={policy: hpa, min: 3, max: 20, target: {cpu: 60%, busy: 70%}, stabilization: 1m}",
                "scaling.order={policy: hpa, min: 2, max: 32, target: {cpu: 60%, busy: 70%}, stabilization: 1m}",
                "scaling.payment={policy: hpa, min: 2, max: 32, target: {cpu: 60%, busy: 70%}, stabilization: 1m}",
            ]
        );
        assert_eq!(
            texts[1][..2],
            ["services.auth.replicas=1", "scaling.auth={policy: static}"]
        );
        assert!(texts[2].is_empty());
        assert!(
            texts[3][0].contains("target: {requests: 50/s}"),
            "a rate is no file"
        );
    }

    #[test]
    fn policies_of_upstream_have_their_own_targets() {
        let texts = texts(
            &[
                "kpa:target=70,window=30s",
                "keda:requests=50/s,cpu=70%,cooldown=1m",
            ],
            &[],
        );
        assert_eq!(
            texts[0][0],
            "scaling.auth={policy: kpa, min: 1, max: 10, target: 70, window: 30s}"
        );
        assert_eq!(
            texts[1][0],
            "scaling.auth={policy: keda, min: 1, max: 10, triggers: [{requests: 50/s}, {cpu: 70%}], cooldown: 1m}"
        );
    }

    #[test]
    fn variants_change_what_they_name() {
        let texts = texts(
            &[],
            &["more:scaling.order.min=8,scaling.auth.target={cpu: 60%, busy: 70%},about='a, b'"],
        );
        let all = [
            "scaling.order.min=8",
            "scaling.auth.target={cpu: 60%, busy: 70%}",
            "about='a, b'",
        ];
        assert_eq!(texts[0], all);
    }

    #[test]
    fn what_is_no_variant_says_why() {
        for (policies, variants, needle) in [
            (&["hpa:60%"][..], &[][..], "is no parameter"),
            (&["hpa:cpu="], &[], "is no parameter"),
            (&["hpa"], &[], "as in `--policy hpa:cpu=70%`"),
            (
                &["keda:cooldown=1m"],
                &[],
                "as in `--policy keda:requests=50/s`",
            ),
            (&["static:5"], &[], "takes no parameters"),
            (&["nowhere.yaml"], &[], "nowhere.yaml"),
            (&["hpa:cpu=1%", "hpa:cpu=1%"], &[], "two variants"),
            (&[], &["more"], "no colon"),
            (&[], &["a b:x=1"], "no name"),
            (&[], &[":x=1"], "no name"),
            (&[], &["more:"], "nothing after"),
            (&[], &["more:seed"], "no value"),
        ] {
            let error = all(&args(policies, variants)).expect_err(needle).error;
            assert!(error.to_string().contains(needle), "{error}");
        }
    }

    #[test]
    fn a_policy_needs_something_that_scales() {
        let mut still = flash();
        still.scaling.clear();
        let variants = all(&args(&["static"], &[])).unwrap_or_else(|f| panic!("{:#}", f.error));
        let error = variants[0].sets(&still).expect_err("nothing scales").error;
        assert!(
            error
                .to_string()
                .contains("no service of flash-sale scales"),
            "{error}"
        );
    }

    #[test]
    fn the_command_for_it_again_can_be_typed() {
        let variant = named("more:about='a b'").unwrap_or_else(|f| panic!("{:#}", f.error));
        let sets = ["slo.within=1s".to_owned()];
        assert_eq!(
            again(&["simulate", "flash-sale"], (20.0, &sets), &variant, 7),
            r"rushhour simulate flash-sale --speed 20 --set slo.within=1s --variant 'more:about='\''a b'\''' --seed 7"
        );
        assert_eq!(
            again(&["simulate", "x"], (1.0, &[]), &Variant::as_written(), 42),
            "rushhour simulate x --seed 42"
        );
    }
}
