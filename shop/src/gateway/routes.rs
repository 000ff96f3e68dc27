//! Which operation a method and a path ask for.

use hyper::Method;

use crate::protocol::{Role, Shop};
use crate::service;

/// What a request asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Target {
    /// The service.
    pub(super) service: String,
    /// Its operation.
    pub(super) operation: String,
    /// Who asks.
    pub(super) from: From,
}

/// Who asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum From {
    /// A shopper.
    Outside,
    /// Another service.
    Inside,
}

/// All pages that the shop's operations answer.
#[derive(Debug)]
pub(super) struct Routes {
    /// Those with fewer variables come first, so that `/cart/new` wins over `/cart/{id}`.
    pages: Vec<Page>,
    /// Services and their operations.
    inside: Vec<(String, String)>,
}

#[derive(Debug)]
struct Page {
    method: Method,
    /// Nothing: any segment.
    segments: Vec<Option<String>>,
    target: Target,
}

impl Routes {
    /// The routes of the shop's operations.
    pub(super) fn of(shop: &Shop) -> Self {
        let operations = shop.services.iter().flat_map(|(service, s)| {
            s.operations
                .iter()
                .map(move |(name, operation)| (service, name, operation))
        });
        let mut pages: Vec<Page> = operations
            .clone()
            .filter_map(|(service, name, operation)| {
                let route = operation.route.as_ref()?;
                Some(Page {
                    method: method(route.method),
                    segments: pattern(&route.path),
                    target: Target {
                        service: service.clone(),
                        operation: name.clone(),
                        from: From::Outside,
                    },
                })
            })
            .collect();
        // Charges that were not wanted any more are called off, whether the scenario speaks of it or not.
        let void = shop
            .services
            .contains_key(Role::Payment.name())
            .then(|| (Role::Payment.name().to_owned(), service::VOID.to_owned()));
        pages.sort_by_key(|page| page.segments.iter().filter(|s| s.is_none()).count());
        Self {
            pages,
            inside: operations
                .map(|(service, name, _)| (service.clone(), name.clone()))
                .chain(void)
                .collect(),
        }
    }

    /// What a request asks for, if the shop has it.
    pub(super) fn find(&self, method: &Method, path: &str) -> Option<Target> {
        if let Some(call) = path.strip_prefix("/internal/") {
            let (service, operation) = call.split_once('/')?;
            let known = self
                .inside
                .iter()
                .any(|(s, o)| s == service && o == operation);
            return (method == Method::POST && known).then(|| Target {
                service: service.to_owned(),
                operation: operation.to_owned(),
                from: From::Inside,
            });
        }
        self.pages
            .iter()
            .find(|page| page.method == method && page.matches(path))
            .map(|page| page.target.clone())
    }
}

impl Page {
    fn matches(&self, path: &str) -> bool {
        let mut segments = segments(path);
        self.segments.iter().all(|pattern| {
            segments.next().is_some_and(|segment| match pattern {
                Some(text) => text == segment,
                None => !segment.is_empty(),
            })
        }) && segments.next().is_none()
    }
}

fn pattern(path: &str) -> Vec<Option<String>> {
    segments(path)
        .map(|s| (!(s.starts_with('{') && s.ends_with('}'))).then(|| s.to_owned()))
        .collect()
}

fn segments(path: &str) -> std::str::Split<'_, char> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

fn method(method: scenarios::Method) -> Method {
    match method {
        scenarios::Method::Get => Method::GET,
        scenarios::Method::Post => Method::POST,
        scenarios::Method::Put => Method::PUT,
        scenarios::Method::Delete => Method::DELETE,
    }
}
