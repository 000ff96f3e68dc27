//! The pages of a journey: what each asks for, which operation answers it, and what comes after.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use metrics::Ratio;

use super::super::super::format::{ExtractFile, OnFailureFile, PageFile};
use super::super::super::mistake::{Span, did_you_mean, listed, short};
use super::super::super::units::{Share, Text};
use super::super::super::written::{At, Field, Form, Json, Named};
use super::super::{Meaning, part_of, spans};
use super::{Places, rounded};
use crate::{
    Distribution, Extract, Method, OnFailure, OperationId, Page, PageIndex, Service, Source,
};

/// How far chances may be off their sum.
const ROUNDING: f64 = 1e-9;

impl Meaning<'_> {
    pub(super) fn page(
        &mut self,
        name: &str,
        page: &At<PageFile>,
        names: &Places,
        known: &BTreeSet<&str>,
        services: &BTreeMap<String, Service>,
    ) -> Page {
        let file = &page.value;
        let (method, path, path_at) = self.asked(name, page);
        self.variables_known(&path, path_at, known);
        let body = file.body.0.as_ref().map(|body| {
            let text = match &body.value {
                Form::Short(Text(text)) => text.clone(),
                Form::Long(Json(json)) => json.to_string(),
            };
            self.variables_known(&text, body.at, known);
            text
        });
        let mut headers = BTreeMap::new();
        for (key, At { value, at, .. }) in file.headers.value().iter().flat_map(|named| &named.0) {
            self.variables_known(&value.0, *at, known);
            headers.insert(key.name.clone(), value.0.clone());
        }
        let next = self.next(&file.next, names);
        if !next.is_empty() && !file.think.is_there() {
            let at = file.next.at().unwrap_or(page.at);
            self.found.add(
                at,
                format!("the page `{name}` has a next one, and no `think`"),
                "",
                "say how long shoppers take: `think: {median: 8s, p90: 60s}`, or `think: 0s`",
            );
        }
        let zero = Distribution::Constant(Duration::ZERO);
        Page {
            name: name.to_owned(),
            method,
            operation: self.operation_of(method, &path, path_at, services),
            path,
            body,
            headers,
            extract: self.extract(&file.extract),
            think: self.spread(&file.think, "a think time", zero),
            next,
            on_failure: self.on_failure(&file.on_failure),
        }
    }

    fn asked(&mut self, name: &str, page: &At<PageFile>) -> (Method, String, Span) {
        let file = &page.value;
        let ways = [
            (Method::Get, "get", &file.get),
            (Method::Post, "post", &file.post),
            (Method::Put, "put", &file.put),
            (Method::Delete, "delete", &file.delete),
        ];
        let there = spans(ways.iter().map(|(_, word, field)| (*word, field.at())));
        if there.len() != 1 {
            let at = there.get(1).map_or(page.at, |(_, at)| *at);
            let what = match there.len() {
                0 => format!("the page `{name}` asks for nothing"),
                _ => format!("the page `{name}` asks for {} things", there.len()),
            };
            self.found.add(
                at,
                what,
                "",
                "a page has one of: get, post, put, delete, with its path: `get: /product/{id}`",
            );
        }
        for (method, _, field) in ways {
            if let Some(At {
                value: Text(path),
                at,
                ..
            }) = &field.0
            {
                if !path.starts_with('/') || path.contains(char::is_whitespace) || path.len() > 2000
                {
                    self.found.add(
                        *at,
                        format!("`{}` is no path", short(path)),
                        "",
                        "a path begins with `/` and holds no spaces",
                    );
                }
                return (method, path.clone(), *at);
            }
        }
        (Method::Get, "/".to_owned(), page.at)
    }

    fn variables_known(&mut self, text: &str, at: Span, known: &BTreeSet<&str>) {
        for (from, name) in variables_in(text) {
            if !known.contains(name) {
                let rule = format!("variables are: {}", listed(known.iter().copied()));
                let label = did_you_mean(name, known.iter().copied());
                let label = if label.is_empty() {
                    "set it in `variables`, or extract it on some page".to_owned()
                } else {
                    label
                };
                self.found.add(
                    part_of(at, text, from, name.len()),
                    format!("the variable `{name}` is never set"),
                    label,
                    rule,
                );
            }
        }
    }

    fn next(&mut self, field: &Field<Named<Share>>, names: &Places) -> Vec<(PageIndex, f64)> {
        let Some(At { value, at, .. }) = &field.0 else {
            return Vec::new();
        };
        let next = self.chances(value, names);
        let sum: f64 = next.iter().map(|(_, chance)| chance).sum();
        if sum > 1.0 + ROUNDING {
            let what = format!("the chances of what is next add up to {}", rounded(sum));
            self.found.add(
                *at,
                what,
                "more than 1",
                "what is missing to 1 is the chance to leave",
            );
        }
        next
    }

    /// The operation that answers a page; nothing without services.
    fn operation_of(
        &mut self,
        method: Method,
        path: &str,
        at: Span,
        services: &BTreeMap<String, Service>,
    ) -> Option<OperationId> {
        if services.is_empty() {
            return None;
        }
        let mut fits = Vec::new();
        for (service, meant) in services {
            for (operation, meant) in &meant.operations {
                if let Some(route) = meant
                    .route
                    .as_ref()
                    .filter(|route| route.matches(method, path))
                {
                    // A route without variables is meant before one with.
                    let variables = route
                        .path
                        .split('/')
                        .filter(|part| super::super::services::is_variable(part))
                        .count();
                    let id = OperationId {
                        service: service.clone(),
                        operation: operation.clone(),
                    };
                    fits.push((variables, id));
                }
            }
        }
        fits.sort();
        match fits.as_slice() {
            [(least, id), rest @ ..] if rest.first().is_none_or(|(next, _)| next > least) => {
                return Some(id.clone());
            }
            [] => {
                let routes = services
                    .values()
                    .flat_map(|s| s.operations.values().filter_map(|o| o.route.as_ref()));
                let routes: Vec<String> = routes
                    .map(|route| format!("{} {}", word(route.method), route.path))
                    .collect();
                let rule = format!("routes are: {}", listed(routes.iter().map(String::as_str)));
                self.found.add(
                    at,
                    format!("no operation answers {} {}", word(method), short(path)),
                    "",
                    rule,
                );
            }
            _ => {
                let names: Vec<String> = fits
                    .iter()
                    .map(|(_, id)| format!("{}.{}", id.service, id.operation))
                    .collect();
                let what = format!(
                    "{} operations answer {} {}",
                    fits.len(),
                    word(method),
                    short(path)
                );
                self.found
                    .add(at, what, "", listed(names.iter().map(String::as_str)));
            }
        }
        None
    }

    fn extract(&mut self, field: &Field<Named<Form<Text, ExtractFile>>>) -> Vec<Extract> {
        let mut all = Vec::new();
        for (key, At { value, at, .. }) in field.value().iter().flat_map(|named| &named.0) {
            let from = match value {
                Form::Short(Text(pointer)) => self.pointer(pointer, *at),
                Form::Long(ExtractFile { json, header }) => match (&json.0, &header.0) {
                    (Some(json), None) => self.pointer(&json.value.0, json.at),
                    (None, Some(header)) => Some(Source::Header(header.value.0.clone())),
                    _ => {
                        self.found.add(
                            *at,
                            "an extract from nowhere, or from two places",
                            "",
                            "one of: `{json: /items/*/id}`, `{header: Location}`",
                        );
                        None
                    }
                },
            };
            all.extend(from.map(|from| Extract {
                variable: key.name.clone(),
                from,
            }));
        }
        all
    }

    fn pointer(&mut self, pointer: &str, at: Span) -> Option<Source> {
        if pointer.is_empty() || pointer.starts_with('/') {
            return Some(Source::Json(pointer.to_owned()));
        }
        self.found.add(
            at,
            format!("`{}` is no JSON pointer", short(pointer)),
            format!("did you mean `/{}`?", short(pointer)),
            "a pointer begins with `/`: /items/*/id",
        );
        None
    }

    fn on_failure(&mut self, field: &Field<OnFailureFile>) -> OnFailure {
        let file = field.or(OnFailureFile::default());
        let wait = Distribution::Constant(Duration::from_secs(2));
        let chance = file.chance.value().map(|share| share.0);
        let chance = chance.and_then(|chance| Ratio::new(chance).ok());
        OnFailure {
            retry: self.at_most(&file.retry, Some(0), "retry", 0..=100),
            after: self.spread(&file.after, "a wait", wait),
            chance: chance.unwrap_or(Ratio::ONE),
            go_on: file.go_on.value().is_some_and(|flag| flag.0),
        }
    }
}

/// The variables `{name}` in a text, and where their names begin.
fn variables_in(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(open) = text[from..].find('{') {
        let start = from + open + 1;
        let end = text[start..].find('}').map(|length| start + length);
        let name = end.map(|end| &text[start..end]);
        let letter = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if let Some(name) = name.filter(|name| !name.is_empty() && name.bytes().all(letter)) {
            found.push((start, name));
        }
        from = start;
    }
    found
}

fn word(method: Method) -> &'static str {
    match method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
    }
}
