//! The autoscaler that runs in the cluster today, from its manifest, as a service's scaling.

use std::collections::BTreeSet;

use metrics::{Ratio, Replicas};
use scaler::{
    FieldError, FieldErrorKind, HpaController, HpaSpec, ImportError, Imported, KedaMetric,
    KedaSource, KedaSpec, KedaTrigger, MetricSpec, PolicySpec, WORLD_METRICS, import,
    import_checked,
};

use super::super::format::ScalingEntry;
use super::super::mistake::{Source, Span, listed};
use super::super::tree::Key;
use super::super::words::{LEFT_OUT, MetricName, MetricNames};
use super::keda::controller;
use super::scaling::MOST;
use super::{Meaning, refuse};
use crate::{Control, HpaTarget, Policy, Scaling, Service};

impl Meaning<'_> {
    /// The scaling that the manifest in the file of `entry` says. Mistakes in it point into that file.
    pub(super) fn manifest(
        &mut self,
        entry: &ScalingEntry,
        name: &str,
        (service, control): (&Service, &Control),
    ) -> Option<Scaling> {
        let (file, at) = (entry.file.value()?, entry.file.at()?);
        let text = self.side_file(&file.0, at)?;
        let source = self.sources.len();
        self.sources.push(Source {
            name: file.0.clone(),
            text: text.clone(),
        });
        let imported = match import(&text) {
            Ok(imported) => imported,
            Err(mistakes) => {
                self.mistaken(source, &text, mistakes);
                return None;
            }
        };
        let chosen = self.choose(&imported, name, at)?;
        let names = entry.metrics.or(MetricNames::default());
        let mut used = BTreeSet::new();
        let mut policy = None;
        let checked = import_checked(&text, &mut |read| {
            if read.object != chosen.object {
                return Vec::new();
            }
            let found = self.fit(&mut read.policy, (name, &names), &mut used);
            policy = Some(read.policy.clone());
            found
        });
        if let Err(mistakes) = checked {
            self.mistaken(source, &text, mistakes);
            return None;
        }
        for (key, _) in names.0.iter().filter(|(key, _)| !used.contains(&key.name)) {
            let what = format!("the manifest has no metric `{}`", key.name);
            self.found.add(key.at, what, "remove it", "");
        }
        self.as_scaling(policy?, entry, at, (service, control))
    }

    /// Of several, the one that scales something of the service's name.
    fn choose<'a>(
        &mut self,
        imported: &'a [Imported],
        service: &str,
        at: Span,
    ) -> Option<&'a Imported> {
        if let Some(one) = Imported::choose(imported, service) {
            return Some(one);
        }
        let targets: Vec<&str> = imported.iter().map(|one| one.target.as_str()).collect();
        let what = format!("several autoscalers in one file, and not one for `{service}`");
        let rule = format!("they scale: {}", listed(targets));
        self.found.add(at, what, "", rule);
        None
    }

    fn mistaken(&mut self, source: usize, text: &str, mistakes: Vec<ImportError>) {
        for mistake in mistakes {
            let at = span(source, text, &mistake);
            let what = if mistake.field.is_empty() {
                mistake.detail
            } else {
                format!("{}: {}", mistake.field, mistake.detail)
            };
            self.found.add(at, what, "", "");
        }
    }

    /// Makes a cluster's policy fit for a service of a scenario: its metrics are those that there are, its only container
    /// is called like the service, and its times of day are instants of the run.
    fn fit(
        &self,
        policy: &mut PolicySpec,
        (service, names): (&str, &MetricNames),
        used: &mut BTreeSet<String>,
    ) -> Vec<FieldError> {
        let mut found = Vec::new();
        match policy {
            PolicySpec::HpaManifest { spec, .. } => {
                let mut left_out = BTreeSet::new();
                for (place, metric) in spec.metrics.iter_mut().enumerate() {
                    let at = format!("spec.metrics[{place}]");
                    if metric_name(metric).is_some_and(|name| is_left_out(names, name, used)) {
                        left_out.insert(place);
                        continue;
                    }
                    found.extend(fit_metric(metric, &at, (service, names), used));
                }
                found.extend(without(&mut spec.metrics, &left_out, "spec.metrics"));
            }
            PolicySpec::Keda(spec) => self.fit_triggers(spec, names, used, &mut found),
            _ => {}
        }
        found
    }

    fn fit_triggers(
        &self,
        spec: &mut KedaSpec,
        names: &MetricNames,
        used: &mut BTreeSet<String>,
        found: &mut Vec<FieldError>,
    ) {
        let mut left_out = BTreeSet::new();
        for (place, trigger) in spec.triggers.iter_mut().enumerate() {
            let at = format!("spec.triggers[{place}]");
            if is_left_out(names, &trigger_name(place, trigger), used) {
                if spec.modifiers.is_some() {
                    found.push(wrong(at, "the formula needs it, it cannot be left out"));
                }
                left_out.insert(place);
                continue;
            }
            let key = trigger_name(place, trigger);
            match &mut trigger.source {
                // A replica has one container.
                KedaSource::Cpu(cpu) => cpu.container = None,
                KedaSource::Memory(_) => found.push(wrong(format!("{at}.type"), only_cpu(&key))),
                KedaSource::Event(event) => match &mut event.metric {
                    KedaMetric::Cron(cron) => match self.windows_of(cron) {
                        Ok(windows) => cron.windows = windows,
                        Err((field, why)) => {
                            found.push(wrong(format!("{at}.metadata.{field}"), why));
                        }
                    },
                    KedaMetric::External(_) => match named(names, &key, used) {
                        Some("requests") => event.metric = KedaMetric::Requests,
                        Some("concurrency") => event.metric = KedaMetric::InFlight,
                        Some("queue") => event.metric = KedaMetric::Queued,
                        _ => {
                            let what = format!(
                                "which of a scenario's metrics is this? say `metrics: {{{key}: requests}}` beside `file`, or concurrency, or queue, or none to leave it out"
                            );
                            found.push(wrong(at, what));
                        }
                    },
                    _ => {}
                },
            }
        }
        found.extend(without(&mut spec.triggers, &left_out, "spec.triggers"));
    }

    fn as_scaling(
        &mut self,
        mut policy: PolicySpec,
        entry: &ScalingEntry,
        at: Span,
        (service, control): (&Service, &Control),
    ) -> Option<Scaling> {
        match &mut policy {
            PolicySpec::HpaManifest {
                controller: flags, ..
            } => *flags = controller(entry, control),
            PolicySpec::Keda(spec) => spec.controller = controller(entry, control),
            _ => {
                let flags = [
                    ("stabilization", entry.stabilization.at()),
                    ("tolerance", entry.tolerance.at()),
                    ("cpu_initialization", entry.cpu_initialization.at()),
                    (
                        "initial_readiness_delay",
                        entry.initial_readiness_delay.at(),
                    ),
                    ("metrics", entry.metrics.at()),
                ];
                refuse(self.found, "what Knative scales", flags);
            }
        }
        let (min, max) = policy.bounds()?;
        // Knative's 0 is no bound.
        let max = if max == Replicas::ZERO {
            Replicas(MOST)
        } else {
            max
        };
        let start = service.replicas;
        if start > max {
            let what = format!("the service starts with {start} replicas, above max {max}");
            let rule = "set `replicas` of the service, so that the start is not above the manifest's maximum";
            self.found.add(at, what, "", rule);
        } else if max.get() > MOST {
            let what = format!("max = {max}");
            self.found.add(at, what, "", format!("at most {MOST}"));
        }
        let policy = simple(&policy, entry, control)
            .unwrap_or_else(|| Policy::Upstream(Box::new(policy.clone())));
        self.answers_without_replicas(at, &policy, min, service);
        Some(Scaling { policy, min, max })
    }
}

/// What is wrong with a metric that replicas do not have.
fn only_cpu(name: &str) -> String {
    format!(
        "replicas of a scenario have only cpu; to leave it out, say `metrics: {{{name}: none}}` beside `file`"
    )
}

/// The place that a mistake names: from there to the end of the word.
fn span(source: usize, text: &str, mistake: &ImportError) -> Span {
    let line_start = match mistake.line {
        0 | 1 => 0,
        line => text
            .match_indices('\n')
            .nth(line as usize - 2)
            .map_or(text.len(), |(place, _)| place + 1),
    };
    let line = text[line_start..].lines().next().unwrap_or_default();
    let column = mistake.column.saturating_sub(1) as usize;
    let start = line
        .char_indices()
        .nth(column)
        .map_or(0, |(place, _)| place);
    let word = line[start..]
        .find([' ', ',', '}', ']', ':', '\t'])
        .unwrap_or(line.len() - start);
    Span {
        source,
        start: line_start + start,
        end: line_start + start + word,
    }
}

fn wrong(field: String, detail: impl Into<String>) -> FieldError {
    FieldError {
        kind: FieldErrorKind::Invalid,
        field,
        detail: detail.into(),
    }
}

/// Which metric of a scenario a metric of the manifest is said to be.
fn named(names: &MetricNames, key: &str, used: &mut BTreeSet<String>) -> Option<&'static str> {
    let (key, word) = names.0.iter().find(|(name, _)| name.name == key)?;
    used.insert(key.name.clone());
    Some(word.0)
}

fn is_left_out(names: &MetricNames, key: &str, used: &mut BTreeSet<String>) -> bool {
    let is = |(name, word): &(Key, MetricName)| name.name == key && word.0 == LEFT_OUT;
    let left_out = names.0.iter().any(is);
    if left_out {
        used.insert(key.to_owned());
    }
    left_out
}

/// Takes out what is left out; a mistake if nothing stays.
fn without<T>(list: &mut Vec<T>, left_out: &BTreeSet<usize>, at: &str) -> Option<FieldError> {
    let mut place = 0;
    list.retain(|_| {
        place += 1;
        !left_out.contains(&(place - 1))
    });
    let nothing = list.is_empty() && !left_out.is_empty();
    nothing.then(|| wrong(at.to_owned(), "all of them are left out: nothing scales it"))
}

/// What a trigger is called, by whoever says which of a scenario's metrics it is.
fn trigger_name(place: usize, trigger: &KedaTrigger) -> String {
    if !trigger.name.is_empty() {
        return trigger.name.clone();
    }
    let of_itself = |kind: &str| kind.to_owned();
    match &trigger.source {
        KedaSource::Cpu(_) => of_itself("cpu"),
        KedaSource::Memory(_) => of_itself("memory"),
        KedaSource::Event(event) => match &event.metric {
            KedaMetric::External(kind) => format!("s{place}-{kind}"),
            KedaMetric::Cron(_) => of_itself("cron"),
            _ => String::new(),
        },
    }
}

/// The name of what a metric of an HPA is of.
fn metric_name(metric: &MetricSpec) -> Option<&str> {
    let resource = metric.resource.as_ref().map(|m| &m.name);
    let container = metric.container_resource.as_ref().map(|m| &m.name);
    let pods = metric.pods.as_ref().map(|m| &m.metric.name);
    let object = metric.object.as_ref().map(|m| &m.metric.name);
    let external = metric.external.as_ref().map(|m| &m.metric.name);
    let name = resource.or(container).or(pods).or(object).or(external);
    name.map(String::as_str)
}

/// Gives a metric of an HPA the name that it has in a scenario.
fn fit_metric(
    metric: &mut MetricSpec,
    at: &str,
    (service, names): (&str, &MetricNames),
    used: &mut BTreeSet<String>,
) -> Option<FieldError> {
    let of_cpu = |at: String, name: &str| (name != "cpu").then(|| wrong(at, only_cpu(name)));
    if let Some(resource) = &metric.resource {
        return of_cpu(format!("{at}.resource.name"), &resource.name);
    }
    if let Some(resource) = &mut metric.container_resource {
        service.clone_into(&mut resource.container);
        return of_cpu(format!("{at}.containerResource.name"), &resource.name);
    }
    let (block, identifier) = match (&mut metric.pods, &mut metric.object, &mut metric.external) {
        (Some(pods), ..) => ("pods", &mut pods.metric),
        (_, Some(object), _) => ("object", &mut object.metric),
        (.., Some(external)) => ("external", &mut external.metric),
        _ => return None,
    };
    let name = identifier.name.clone();
    let known = || WORLD_METRICS.into_iter().find(|known| *known == name);
    match named(names, &name, used).or_else(known) {
        Some(known) => {
            known.clone_into(&mut identifier.name);
            None
        }
        None => {
            let what = format!(
                "a scenario has no metric `{name}`, it has: {}; say `metrics: {{{name}: requests}}` beside `file`, or none to leave it out",
                WORLD_METRICS.join(", ")
            );
            Some(wrong(format!("{at}.{block}.metric.name"), what))
        }
    }
}

/// An HPA whose targets the language itself can say is the one that the language says.
fn simple(policy: &PolicySpec, entry: &ScalingEntry, control: &Control) -> Option<Policy> {
    let PolicySpec::HpaManifest { spec, .. } = policy else {
        return None;
    };
    let spec: HpaSpec = spec.as_ref().clone().defaulted();
    let targets: Option<Vec<HpaTarget>> = spec.metrics.iter().map(simple_target).collect();
    let written = match policy {
        PolicySpec::HpaManifest { spec, .. } => spec.behavior.as_ref(),
        _ => None,
    };
    let HpaController {
        tolerance,
        downscale_stabilization,
        cpu_initialization,
        initial_readiness_delay,
        ..
    } = controller(entry, control);
    Some(Policy::Hpa {
        targets: targets?,
        behavior: match written {
            Some(behavior) => Some(serde_json::to_value(behavior).ok()?),
            None => None,
        },
        stabilization: downscale_stabilization,
        tolerance: Ratio::new(tolerance).ok()?,
        cpu_initialization,
        initial_readiness_delay,
    })
}

fn simple_target(metric: &MetricSpec) -> Option<HpaTarget> {
    if let Some(resource) = &metric.resource {
        let percent = resource.target.average_utilization?;
        let share = Ratio::new(f64::from(percent) / 100.0).ok()?;
        return resource
            .target
            .average_value
            .is_none()
            .then_some(HpaTarget::Cpu(share));
    }
    let pods = metric.pods.as_ref()?;
    let value = pods.target.average_value.as_ref()?.milli() as f64 / 1000.0;
    match pods.metric.name.as_str() {
        "busy" => Ratio::new(value).ok().map(HpaTarget::Busy),
        "requests" => Some(HpaTarget::Requests(value)),
        _ => None,
    }
}
