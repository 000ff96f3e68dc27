//! What the shop is made of: services, operations, their routes, steps and calls.

mod calls;
mod replica;
mod routes;
mod waiting;

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::{Quantity, Replicas};

use self::calls::{MOST_CALLS, Written};
use self::replica::default_cpu;
pub(super) use self::routes::is_variable;
use self::routes::own_route;
use super::super::format::{CallForm, CallMap, OperationFile, ServiceFile, StepMap};
use super::super::mistake::{Span, short};
use super::super::tree::Key;
use super::super::units::Text;
use super::super::written::{At, Field, Form, Named};
use super::{Meaning, time};
use crate::{Call, Distribution, Operation, OperationId, Route, Service, Step, WorkMode};

impl Meaning<'_> {
    pub(super) fn services(
        &mut self,
        field: &Field<Named<ServiceFile>>,
    ) -> BTreeMap<String, Service> {
        let mut services = BTreeMap::new();
        let mut calls = Vec::new();
        let mut routes = Vec::new();
        let Some(named) = field.value() else {
            return services;
        };
        for (key, At { value, .. }) in &named.0 {
            self.reserved(key);
            let service = self.service(key, value, &mut calls, &mut routes);
            services.insert(key.name.clone(), service);
        }
        self.check_routes(&routes);
        self.check_calls(&services, &calls);
        services
    }

    fn reserved(&mut self, key: &Key) {
        if matches!(key.name.as_str(), "calendar" | "registry" | "gateway") {
            let what = format!("a service cannot be called `{}`", key.name);
            self.found.add(
                key.at,
                what,
                "",
                "calendar, registry and gateway mean something else in a scenario",
            );
        }
    }

    fn service(
        &mut self,
        key: &Key,
        file: &ServiceFile,
        calls: &mut Vec<Written>,
        routes: &mut Vec<(Route, Span)>,
    ) -> Service {
        let replicas = file.replicas.value().map_or(1, |count| count.0);
        let replicas = self.within(replicas, file.replicas.at(), "replicas", 0..=10_000);
        let discipline = self.discipline(file);
        let slots = self.slots(file, discipline);
        let limit = time(&file.limit, Duration::from_millis(250));
        self.above_zero(limit, file.limit.at(), "a limit");
        let start_up = self.spread(&file.start_up, "a start-up", default_start_up());
        let mut operations = BTreeMap::new();
        for (name, At { value, at, .. }) in
            file.operations.value().iter().flat_map(|named| &named.0)
        {
            let id = OperationId {
                service: key.name.clone(),
                operation: name.name.clone(),
            };
            let operation = self.operation(&id, value, *at, calls);
            if let Some(route) = &operation.route {
                routes.push((route.clone(), value.route.at().unwrap_or(name.at)));
            }
            operations.insert(name.name.clone(), operation);
        }
        Service {
            replicas: Replicas(replicas),
            slots,
            queue: self.at_most(&file.queue, Some(64), "queue", 0..=1_000_000),
            waiting: self.waiting(&file.waiting),
            discipline,
            patience: self.patience(&file.patience),
            start_up,
            warm_up: self.warm_up(&file.warm_up),
            limit,
            cpu: self.cpu(&file.cpu, default_cpu(slots, discipline)),
            work: file.work.value().map_or(WorkMode::Paced, |word| word.0),
            drain: time(&file.drain, Duration::from_secs(10)),
            balance: self.balance(&file.balance),
            operations,
        }
    }

    /// An amount of CPU as it is written, or `default`.
    pub(super) fn cpu(&mut self, field: &Field<Text>, default: Quantity) -> Quantity {
        let Some(at) = &field.0 else {
            return default;
        };
        match at.value.0.parse::<Quantity>() {
            Ok(cpu) if cpu.milli() > 0 && cpu.milli() <= 1_000_000_000 => cpu,
            _ => {
                let what = format!("`{}` is no amount of CPU", short(&at.value.0));
                self.found.add(
                    at.at,
                    what,
                    "",
                    "cores, or thousandths of one: 2, 0.5, 500m",
                );
                default
            }
        }
    }

    fn operation(
        &mut self,
        id: &OperationId,
        file: &OperationFile,
        at: Span,
        calls: &mut Vec<Written>,
    ) -> Operation {
        let route = match &file.route.0 {
            Some(At { value, at, .. }) => self.route(&value.0, *at),
            None => own_route(id),
        };
        let before = calls.len();
        let mut steps: Vec<Step> = Vec::new();
        let written = file
            .r#do
            .value()
            .map(|steps| steps.0.as_slice())
            .unwrap_or_default();
        if file.r#do.value().is_some() && written.is_empty() {
            self.found.add(
                at,
                format!("{}.{} does nothing", id.service, id.operation),
                "",
                "it needs at least one step: `do: [work: 20ms]`",
            );
        }
        for map in written {
            self.steps(id, map, &mut steps, calls);
        }
        let count = calls.len() - before;
        if count > MOST_CALLS {
            let what = format!("{}.{} makes {count} calls", id.service, id.operation);
            self.found.add(
                calls[before + MOST_CALLS].at,
                what,
                "",
                format!("an operation makes at most {MOST_CALLS} calls"),
            );
        }
        let mut index = 0_u8;
        let all = steps.iter_mut().flat_map(|step| match step {
            Step::Call(call) => std::slice::from_mut(call),
            Step::All(calls) => calls.as_mut_slice(),
            Step::Work(_) | Step::Wait(_) => &mut [],
        });
        for call in all {
            call.index = index;
            index = index.saturating_add(1);
        }
        Operation { route, steps }
    }

    /// The steps of one mapping, in the order in which they are written.
    fn steps(
        &mut self,
        id: &OperationId,
        map: &StepMap,
        steps: &mut Vec<Step>,
        calls: &mut Vec<Written>,
    ) {
        let mut ordered: Vec<(usize, Step)> = Vec::new();
        let zero = Distribution::Constant(Duration::ZERO);
        if let Some(at) = &map.work.0 {
            ordered.push((
                at.order,
                Step::Work(self.spread(&map.work, "work", zero.clone())),
            ));
        }
        if let Some(at) = &map.wait.0 {
            ordered.push((at.order, Step::Wait(self.spread(&map.wait, "a wait", zero))));
        }
        // Calls are noted in the order in which they are written.
        let mut asked: Vec<(usize, bool)> = Vec::new();
        asked.extend(map.call.0.as_ref().map(|at| (at.order, false)));
        asked.extend(map.all.0.as_ref().map(|at| (at.order, true)));
        asked.sort_unstable();
        for (order, several) in asked {
            if several {
                let list = map
                    .all
                    .value()
                    .map(|list| list.0.as_slice())
                    .unwrap_or_default();
                let all = list
                    .iter()
                    .filter_map(|at| self.call(id, &at.value, at.at, calls))
                    .collect();
                ordered.push((order, Step::All(all)));
            } else if let Some(at) = &map.call.0
                && let Some(call) = self.call(id, &at.value, at.at, calls)
            {
                ordered.push((order, Step::Call(call)));
            }
        }
        ordered.sort_by_key(|(order, _)| *order);
        steps.extend(ordered.into_iter().map(|(_, step)| step));
    }

    fn call(
        &mut self,
        from: &OperationId,
        form: &CallForm,
        at: Span,
        calls: &mut Vec<Written>,
    ) -> Option<Call> {
        let short_form;
        let map = match form {
            Form::Short(text) => {
                short_form = CallMap {
                    to: Field::of(text.clone(), at),
                    ..CallMap::default()
                };
                &short_form
            }
            Form::Long(map) => map,
        };
        let At {
            value: Text(text),
            at,
            ..
        } = map.to.0.as_ref()?;
        let Some((service, operation)) = text.rsplit_once('.') else {
            self.found.add(
                *at,
                format!("`{}` is no operation of a service", short(text)),
                "",
                "a call is written service.operation: `call: auth.verify`",
            );
            return None;
        };
        let to = OperationId {
            service: service.to_owned(),
            operation: operation.to_owned(),
        };
        calls.push(Written {
            from: from.clone(),
            to: to.clone(),
            at: *at,
            text: text.clone(),
        });
        let timeout = map.timeout.value().map(|time| time.0);
        self.above_zero(
            timeout.unwrap_or(Duration::MAX),
            map.timeout.at(),
            "a timeout",
        );
        let retries = map.retries.value().map_or(0, |count| count.0);
        let retries = self.within(retries, map.retries.at(), "retries", 0..=10);
        Some(Call {
            to,
            index: 0,
            timeout,
            retries,
        })
    }
}

fn default_start_up() -> Distribution {
    Distribution::from_median_p90(Duration::from_secs(10), Duration::from_secs(15))
        .expect("10 s is below 15 s")
}
