//! What the shop is made of: services, operations, their routes, steps and calls.

mod replica;

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::{Quantity, Replicas};

use self::replica::default_cpu;
use super::super::format::{CallForm, CallMap, OperationFile, ServiceFile, StepMap};
use super::super::mistake::{Span, did_you_mean, listed, short};
use super::super::tree::Key;
use super::super::units::Text;
use super::super::written::{At, Field, Form, Named};
use super::{Meaning, part_of, time};
use crate::{Call, Distribution, Method, Operation, OperationId, Route, Service, Step, WorkMode};

/// The routes of the shop's own operations, which a scenario need not repeat: service, operation, method, path.
pub(crate) const ROUTES: [(&str, &str, Method, &str); 10] = [
    ("auth", "login", Method::Post, "/login"),
    ("auth", "register", Method::Post, "/register"),
    ("catalogue", "home", Method::Get, "/"),
    ("catalogue", "list", Method::Get, "/list/{category}"),
    ("catalogue", "product", Method::Get, "/product/{id}"),
    ("catalogue", "search", Method::Get, "/search"),
    ("order", "add", Method::Post, "/cart"),
    ("order", "cart", Method::Get, "/cart"),
    ("order", "checkout", Method::Post, "/checkout"),
    ("order", "status", Method::Get, "/orders/{id}"),
];

/// How many calls an operation may make, and how deep calls may nest: so that no two calls of a page share a hop.
const MOST_CALLS: usize = 15;
const DEEPEST: usize = 7;

/// A call that is written somewhere.
struct Written {
    from: OperationId,
    to: OperationId,
    at: Span,
    text: String,
}

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

    fn check_calls(&mut self, services: &BTreeMap<String, Service>, calls: &[Written]) {
        let mut fine = true;
        for call in calls {
            let Some(service) = services.get(&call.to.service) else {
                let names = || services.keys().map(String::as_str);
                self.found.add(
                    part_of(call.at, &call.text, 0, call.to.service.len()),
                    format!("`{}` calls a service that is not there", call.from.service),
                    did_you_mean(&call.to.service, names()),
                    format!("services are: {}", listed(names())),
                );
                fine = false;
                continue;
            };
            if !service.operations.contains_key(&call.to.operation) {
                let names = || service.operations.keys().map(String::as_str);
                self.found.add(
                    part_of(
                        call.at,
                        &call.text,
                        call.to.service.len() + 1,
                        call.to.operation.len(),
                    ),
                    format!(
                        "`{}` has no operation `{}`",
                        call.to.service,
                        short(&call.to.operation)
                    ),
                    did_you_mean(&call.to.operation, names()),
                    format!("operations of {} are: {}", call.to.service, listed(names())),
                );
                fine = false;
            }
        }
        if fine {
            self.check_depth(calls);
        }
    }

    /// Calls must not come back to where they began, nor nest too deep.
    fn check_depth(&mut self, calls: &[Written]) {
        let mut graph: BTreeMap<&OperationId, Vec<&Written>> = BTreeMap::new();
        for call in calls {
            graph.entry(&call.from).or_default().push(call);
        }
        let mut depths: BTreeMap<&OperationId, usize> = BTreeMap::new();
        for from in graph.keys() {
            let mut path = Vec::new();
            if let Err((at, what, rule)) = depth(from, &graph, &mut depths, &mut path) {
                self.found.add(at, what, "", rule);
                return;
            }
        }
    }

    /// `GET /product/{id}`.
    fn route(&mut self, text: &str, at: Span) -> Option<Route> {
        let (method, path) = text.split_once(' ').unwrap_or((text, ""));
        let method = match method {
            "GET" => Some(Method::Get),
            "POST" => Some(Method::Post),
            "PUT" => Some(Method::Put),
            "DELETE" => Some(Method::Delete),
            _ => None,
        };
        let path = path.trim();
        let fine = path.starts_with('/') && !path.contains(['?', '#', ' ']) && path.len() <= 1000;
        match method {
            Some(method) if fine => Some(Route {
                method,
                path: path.to_owned(),
            }),
            _ => {
                self.found.add(
                    at,
                    format!("`{}` is no route", short(text)),
                    "",
                    "a route is a method and a path: GET /product/{id}",
                );
                None
            }
        }
    }

    /// No two operations may answer the same.
    fn check_routes(&mut self, routes: &[(Route, Span)]) {
        let mut seen: BTreeMap<(Method, Vec<&str>), &Route> = BTreeMap::new();
        for (route, at) in routes {
            let shape = route
                .path
                .split('/')
                .map(|part| if is_variable(part) { "{}" } else { part });
            if let Some(other) = seen.insert((route.method, shape.collect()), route) {
                self.found.add(
                    *at,
                    "a route that another operation has",
                    format!("the same as `{}`", other.path),
                    "each route belongs to one operation",
                );
            }
        }
    }
}

fn depth<'a>(
    from: &'a OperationId,
    graph: &BTreeMap<&'a OperationId, Vec<&'a Written>>,
    depths: &mut BTreeMap<&'a OperationId, usize>,
    path: &mut Vec<&'a OperationId>,
) -> Result<usize, (Span, String, String)> {
    if let Some(depth) = depths.get(from) {
        return Ok(*depth);
    }
    path.push(from);
    let mut deepest = 0;
    for call in graph.get(from).into_iter().flatten() {
        if let Some(start) = path.iter().position(|id| **id == call.to) {
            let round = path[start..].iter().copied().chain([&call.to]);
            let round: Vec<String> = round
                .map(|id| format!("{}.{}", id.service, id.operation))
                .collect();
            return Err((
                call.at,
                "a call that comes back to where it began".to_owned(),
                round.join(" → "),
            ));
        }
        deepest = deepest.max(1 + depth(&call.to, graph, depths, path)?);
        // Checked on the way, so that a long chain ends here and not in the stack.
        if deepest > DEEPEST || path.len() > DEEPEST {
            let rule = format!("calls nest at most {DEEPEST} deep");
            return Err((call.at, "calls that nest too deep".to_owned(), rule));
        }
    }
    path.pop();
    depths.insert(from, deepest);
    Ok(deepest)
}

fn default_start_up() -> Distribution {
    Distribution::from_median_p90(Duration::from_secs(10), Duration::from_secs(15))
        .expect("10 s is below 15 s")
}

fn own_route(id: &OperationId) -> Option<Route> {
    let (.., method, path) = ROUTES
        .iter()
        .find(|(service, operation, ..)| *service == id.service && *operation == id.operation)?;
    Some(Route {
        method: *method,
        path: (*path).to_owned(),
    })
}

/// Whether a path's segment is `{name}`.
pub(super) fn is_variable(segment: &str) -> bool {
    segment.len() > 2 && segment.starts_with('{') && segment.ends_with('}')
}

impl Route {
    /// Whether a request for `path` (with or without a query) belongs here. A variable in `path` fits a variable only.
    #[must_use]
    pub fn matches(&self, method: Method, path: &str) -> bool {
        let path = path.split(['?', '#']).next().unwrap_or(path);
        let (mut own, mut asked) = (self.path.split('/'), path.split('/'));
        loop {
            match (own.next(), asked.next()) {
                (None, None) => return self.method == method,
                (Some(own), Some(asked)) if own == asked => {}
                (Some(own), Some(asked)) if is_variable(own) && !asked.is_empty() => {}
                _ => return false,
            }
        }
    }
}
