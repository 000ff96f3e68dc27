//! What breaks.

mod recurring;

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::Ratio;

use super::super::format::FaultFile;
use super::super::mistake::Span;
use super::super::units::Name;
use super::super::words::Lost;
use super::super::written::{At, Field, List};
use super::{Meaning, known, refuse, spans};
use crate::{Distribution, Fault, FaultKind, Nodes, Service};

const KINDS: &str =
    "kill, slow, slow_wait, fail, freeze, hang, bad_deploy, lose_lease, lose, no_metrics";

impl Meaning<'_> {
    /// The faults in the order of time.
    pub(super) fn faults(
        &mut self,
        field: &Field<List<FaultFile>>,
        services: &BTreeMap<String, Service>,
        nodes: Option<&Nodes>,
    ) -> Vec<Fault> {
        let list = field
            .value()
            .map(|list| list.0.as_slice())
            .unwrap_or_default();
        let mut faults: Vec<Fault> = list
            .iter()
            .zip(0..)
            .flat_map(|(at, place)| self.fault(&at.value, (at.at, place), services, nodes))
            .collect();
        faults.sort_by_key(|fault| fault.at);
        faults
    }

    /// A fault as often as it comes.
    fn fault(
        &mut self,
        file: &FaultFile,
        (at, place): (Span, u32),
        services: &BTreeMap<String, Service>,
        nodes: Option<&Nodes>,
    ) -> Vec<Fault> {
        let kinds = spans([
            ("kill", file.kill.at()),
            ("slow", file.slow.at()),
            ("slow_wait", file.slow_wait.at()),
            ("fail", file.fail.at()),
            ("freeze", file.freeze.at()),
            ("hang", file.hang.at()),
            ("bad_deploy", file.bad_deploy.at()),
            ("lose_lease", file.lose_lease.at()),
            ("lose", file.lose.at()),
            ("no_metrics", file.no_metrics.at()),
        ]);
        let [(kind, _)] = kinds.as_slice() else {
            let what = format!("a fault of {} kinds", kinds.len());
            self.found.add(
                kinds.get(1).map_or(at, |(_, at)| *at),
                what,
                "",
                format!("a fault is one of: {KINDS}"),
            );
            return Vec::new();
        };
        if let Some(when) = &file.at.0 {
            self.inside(when.value.0, when.at, "a fault");
        }
        let lasts = self.lasting(file, kind, at);
        self.fields_of(file, kind);
        let meant = match *kind {
            "lose" => self.lost(file, nodes),
            kind => self.kind(file, kind, at, services),
        };
        let occurrences = self.occurrences(file, place, &lasts, at);
        let fault = |(at, lasts)| {
            let kind = meant.clone()?;
            Some(Fault { at, lasts, kind })
        };
        occurrences.into_iter().filter_map(fault).collect()
    }

    /// How long: needed by what lasts, refused by what happens at once.
    fn lasting(&mut self, file: &FaultFile, kind: &str, at: Span) -> Distribution {
        let none = Distribution::Constant(Duration::ZERO);
        match (kind, file.r#for.at()) {
            ("kill" | "bad_deploy", there) => {
                let what = format!("`{kind}`, which happens at once");
                refuse(self.found, &what, [("for", there)]);
                none
            }
            (_, Some(at)) => {
                // What makes no sense has been noted, and must not be noted as zero.
                let understood = file.r#for.value().is_some();
                let lasts = self.spread(&file.r#for, "a fault's length", none.clone());
                if understood && lasts == none {
                    self.above_zero(Duration::ZERO, Some(at), "a fault");
                }
                lasts
            }
            ("lose", None) => none,
            (_, None) => {
                self.found.add(
                    at,
                    format!("`{kind}` without `for`"),
                    "`for` is missing",
                    "say how long it lasts: `for: 1m`",
                );
                none
            }
        }
    }

    /// Notes fields that say nothing about this kind.
    fn fields_of(&mut self, file: &FaultFile, kind: &str) {
        let allowed: &[&str] = match kind {
            "kill" | "freeze" | "hang" | "lose_lease" => &["replicas"],
            "slow" => &["replicas", "factor"],
            "slow_wait" => &["factor"],
            "fail" => &["replicas", "share"],
            "bad_deploy" => &["factor", "share"],
            "lose" => match file.lose.value().map(|word| word.0) {
                Some(Lost::Node) => &["nodes"],
                Some(Lost::Zone) => &["zone"],
                None => &["nodes", "zone"],
            },
            _ => &[],
        };
        let others = [
            ("replicas", file.replicas.at()),
            ("factor", file.factor.at()),
            ("share", file.share.at()),
            ("nodes", file.nodes.at()),
            ("zone", file.zone.at()),
        ];
        let others = others
            .into_iter()
            .filter(|(name, _)| !allowed.contains(name));
        refuse(self.found, &format!("`{kind}`"), others);
    }

    /// Nodes that are lost: there must be nodes.
    fn lost(&mut self, file: &FaultFile, nodes: Option<&Nodes>) -> Option<FaultKind> {
        let lost = file.lose.value()?.0;
        self.beyond_local(file.lose.at(), "the loss of nodes", "it has none");
        let Some(nodes) = nodes else {
            let rule = "say what replicas run on: `nodes: {size: {cpu: 4}, count: 6, zones: 3}`";
            let at = file.lose.at()?;
            self.found
                .add(at, "a scenario without `nodes` loses some", "", rule);
            return None;
        };
        Some(match lost {
            Lost::Node => {
                let count = file.nodes.value().map_or(1, |count| count.0);
                let count = self.within(count, file.nodes.at(), "nodes", 1..=nodes.max);
                FaultKind::LoseNode { nodes: count }
            }
            Lost::Zone => {
                let zone = file.zone.value().map(|zone| zone.0);
                let last = nodes.zones - 1;
                FaultKind::LoseZone {
                    zone: zone.map(|zone| self.within(zone, file.zone.at(), "zone", 0..=last)),
                }
            }
        })
    }

    fn kind(
        &mut self,
        file: &FaultFile,
        kind: &str,
        at: Span,
        services: &BTreeMap<String, Service>,
    ) -> Option<FaultKind> {
        if kind == "no_metrics" {
            let off = file.no_metrics.value().is_some_and(|flag| !flag.0);
            if let Some(at) = file.no_metrics.at().filter(|_| off) {
                self.found
                    .add(at, "a fault that is none", "", "`no_metrics: true`");
            }
            return Some(FaultKind::NoMetrics);
        }
        let At {
            value: Name(service),
            at: name_at,
            ..
        } = service_field(file, kind).0.as_ref()?;
        if let ("kill", "registry" | "gateway") = (kind, service.as_str()) {
            refuse(self.found, service, [("replicas", file.replicas.at())]);
            return Some(if service == "registry" {
                FaultKind::KillRegistry
            } else {
                FaultKind::KillGateway
            });
        }
        let what = format!("a fault of a service that is not there: `{service}`");
        known(self.found, services, service, *name_at, &what);
        let replicas = file.replicas.value().map(|count| count.0);
        if let Some(at) = file.replicas.at().filter(|_| replicas == Some(0)) {
            self.found
                .add(at, "a fault of no replicas", "", "at least 1");
        }
        Some(self.kind_of(file, kind, service.clone(), at))
    }

    fn kind_of(&mut self, file: &FaultFile, kind: &str, service: String, at: Span) -> FaultKind {
        let replicas = file.replicas.value().map(|count| count.0);
        let share = self.share(file);
        match kind {
            "kill" => FaultKind::Kill {
                service,
                replicas: replicas.unwrap_or(1),
            },
            "slow" => FaultKind::Slow {
                service,
                replicas,
                factor: self.factor(file, kind, at),
            },
            "slow_wait" => FaultKind::SlowWait {
                service,
                factor: self.factor(file, kind, at),
            },
            "fail" => FaultKind::Fail {
                service,
                replicas,
                share: share.unwrap_or(Ratio::ONE),
            },
            "freeze" => {
                let why = "a replica there can hang, but not stand still and go on";
                self.beyond_local(file.freeze.at(), "`freeze`", why);
                FaultKind::Freeze { service, replicas }
            }
            "hang" => FaultKind::Hang { service, replicas },
            "bad_deploy" => FaultKind::BadDeploy {
                service,
                factor: file.factor.value().map_or(1.0, |factor| factor.0),
                share: share.unwrap_or(Ratio::ZERO),
            },
            _ => FaultKind::LoseLease {
                service,
                replicas: replicas.unwrap_or(1),
            },
        }
    }

    fn share(&mut self, file: &FaultFile) -> Option<Ratio> {
        file.share
            .value()
            .and_then(|share| Ratio::new(share.0).ok())
    }

    fn factor(&mut self, file: &FaultFile, kind: &str, at: Span) -> f64 {
        if !file.factor.is_there() {
            self.found.add(
                at,
                format!("`{kind}` without `factor`"),
                "`factor` is missing",
                "say how many times slower: `factor: 3`",
            );
        }
        file.factor.value().map_or(1.0, |factor| factor.0)
    }
}

/// Where a kind of fault says whose it is.
fn service_field<'a>(file: &'a FaultFile, kind: &str) -> &'a Field<Name> {
    match kind {
        "kill" => &file.kill,
        "slow" => &file.slow,
        "slow_wait" => &file.slow_wait,
        "fail" => &file.fail,
        "freeze" => &file.freeze,
        "hang" => &file.hang,
        "bad_deploy" => &file.bad_deploy,
        _ => &file.lose_lease,
    }
}
