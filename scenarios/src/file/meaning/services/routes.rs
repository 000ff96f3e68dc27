//! Routes: how operations are reached from outside.

use std::collections::BTreeMap;

use super::super::super::mistake::{Span, short};
use super::super::Meaning;
use crate::{Method, OperationId, Route};

/// The routes of the shop's own operations, which a scenario need not repeat: service, operation, method, path.
const ROUTES: [(&str, &str, Method, &str); 10] = [
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

impl Meaning<'_> {
    /// `GET /product/{id}`.
    pub(super) fn route(&mut self, text: &str, at: Span) -> Option<Route> {
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
    pub(super) fn check_routes(&mut self, routes: &[(Route, Span)]) {
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

pub(super) fn own_route(id: &OperationId) -> Option<Route> {
    let (.., method, path) = ROUTES
        .iter()
        .find(|(service, operation, ..)| *service == id.service && *operation == id.operation)?;
    Some(Route {
        method: *method,
        path: (*path).to_owned(),
    })
}

/// Whether a path's segment is `{name}`.
pub(in super::super) fn is_variable(segment: &str) -> bool {
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
