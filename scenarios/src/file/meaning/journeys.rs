//! What shoppers do: journeys, their pages, and how pages follow each other.

mod pages;

use std::collections::{BTreeMap, BTreeSet};

use super::super::format::{JourneyFile, NumberFile, PageFile};
use super::super::mistake::{Span, did_you_mean, listed, short};
use super::super::units::{Name, Share, Text};
use super::super::written::{At, Field, Form, Named};
use super::Meaning;
use crate::{Journey, Page, PageIndex, Service, Variable};

/// The places of names.
pub(super) type Places = BTreeMap<String, u32>;

fn places(names: impl IntoIterator<Item = String>) -> Places {
    names.into_iter().zip(0..).collect()
}

impl Meaning<'_> {
    /// The journeys in the order of their names, and where each is.
    pub(super) fn journeys(
        &mut self,
        field: &Field<Named<JourneyFile>>,
        services: &BTreeMap<String, Service>,
    ) -> (Vec<Journey>, Places) {
        let Some(named) = &field.0 else {
            return (Vec::new(), Places::new());
        };
        if named.value.0.is_empty() {
            self.found.add(
                named.at,
                "no journeys",
                "",
                "there is at least one: what shoppers do",
            );
        }
        let mut sorted: Vec<_> = named.value.0.iter().collect();
        sorted.sort_by(|a, b| a.0.name.cmp(&b.0.name));
        let journeys: Vec<Journey> = sorted
            .iter()
            .map(|(key, At { value, at, .. })| self.journey(&key.name, value, *at, services))
            .collect();
        if !journeys.is_empty() && journeys.iter().all(|journey| journey.weight == 0.0) {
            self.found.add(
                named.at,
                "all journeys have the weight 0",
                "",
                "at least one weight is above 0",
            );
        }
        let names = places(journeys.iter().map(|journey| journey.name.clone()));
        (journeys, names)
    }

    fn journey(
        &mut self,
        name: &str,
        file: &JourneyFile,
        at: Span,
        services: &BTreeMap<String, Service>,
    ) -> Journey {
        let variables = self.variables(&file.variables);
        let pages = file
            .pages
            .value()
            .map(|named| named.0.as_slice())
            .unwrap_or_default();
        let names = places(pages.iter().map(|(key, _)| key.name.clone()));
        if file.pages.value().is_some_and(|pages| pages.0.is_empty()) {
            self.found.add(
                at,
                format!("the journey `{name}` has no pages"),
                "",
                "there is at least one",
            );
        }
        let extracted = pages
            .iter()
            .flat_map(|(_, page)| page.value.extract.value().into_iter().flat_map(|e| &e.0));
        let known: BTreeSet<&str> = variables
            .keys()
            .map(String::as_str)
            .chain(extracted.map(|(key, _)| key.name.as_str()))
            .collect();
        let meant: Vec<Page> = pages
            .iter()
            .map(|(key, page)| self.page(&key.name, page, &names, &known, services))
            .collect();
        let start = self.start_pages(&file.start, &names);
        if !start.is_empty() {
            self.reachable(pages, &meant, &start);
        }
        let length_cv = file
            .length
            .value()
            .and_then(|length| length.cv.value())
            .map_or(0.0, |cv| cv.0);
        if let Some(at) = file.length.at().filter(|_| length_cv > 10.0) {
            self.found.add(
                at,
                format!("a length with cv = {length_cv}"),
                "",
                "from 0 to 10; real shops have 1 to 2",
            );
        }
        let weight = file.weight.value().map_or(1.0, |weight| weight.0);
        Journey {
            name: name.to_owned(),
            weight,
            start,
            pages: meant,
            length_cv,
            variables,
        }
    }

    fn variables(
        &mut self,
        field: &Field<Named<Form<Text, NumberFile>>>,
    ) -> BTreeMap<String, Variable> {
        let mut variables = BTreeMap::new();
        for (key, At { value, at, .. }) in field.value().iter().flat_map(|named| &named.0) {
            let variable = match value {
                Form::Short(Text(text)) => Variable::Text(text.clone()),
                Form::Long(number) => {
                    let count = number.count.value().map_or(1, |count| count.0);
                    let count = self.within(
                        count,
                        number.count.at().or(Some(*at)),
                        "count",
                        1..=10_000_000,
                    );
                    let skew = number.skew.value().map_or(0.0, |skew| skew.0);
                    if skew > 10.0 {
                        self.found.add(
                            *at,
                            format!("a skew of {skew}"),
                            "",
                            "from 0 to 10; real shops have about 1",
                        );
                    }
                    Variable::Number { count, skew }
                }
            };
            variables.insert(key.name.clone(), variable);
        }
        variables
    }

    fn start_pages(
        &mut self,
        field: &Field<Form<Name, Named<Share>>>,
        names: &Places,
    ) -> Vec<(PageIndex, f64)> {
        match &field.0 {
            None => Vec::new(),
            Some(At {
                value: Form::Short(Name(name)),
                at,
                ..
            }) => self
                .page_index(name, *at, names)
                .map(|page| (page, 1.0))
                .into_iter()
                .collect(),
            Some(At {
                value: Form::Long(named),
                at,
                ..
            }) => {
                let start = self.chances(named, names);
                let sum: f64 = start.iter().map(|(_, chance)| chance).sum();
                if start.len() == named.0.len() && (sum - 1.0).abs() > 1e-6 {
                    let what = format!("the chances of the start add up to {}", rounded(sum));
                    self.found.add(
                        *at,
                        what,
                        "",
                        "they add up to 1: everybody starts somewhere",
                    );
                }
                start
            }
        }
    }

    fn chances(&mut self, named: &Named<Share>, names: &Places) -> Vec<(PageIndex, f64)> {
        let chances = named.0.iter().filter_map(|(key, At { value, .. })| {
            self.page_index(&key.name, key.at, names)
                .map(|page| (page, value.0))
        });
        chances.collect()
    }

    fn page_index(&mut self, name: &str, at: Span, names: &Places) -> Option<PageIndex> {
        let index = names.get(name).copied();
        if index.is_none() {
            let known = || names.keys().map(String::as_str);
            let rule = format!("pages of this journey are: {}", listed(known()));
            self.found.add(
                at,
                format!("no page `{}` in this journey", short(name)),
                did_you_mean(name, known()),
                rule,
            );
        }
        index.map(PageIndex)
    }

    /// Every page must be on the way of somebody.
    fn reachable(
        &mut self,
        files: &[(super::super::tree::Key, At<PageFile>)],
        pages: &[Page],
        start: &[(PageIndex, f64)],
    ) {
        let mut open: Vec<PageIndex> = start
            .iter()
            .filter(|(_, chance)| *chance > 0.0)
            .map(|(page, _)| *page)
            .collect();
        let mut seen: BTreeSet<PageIndex> = open.iter().copied().collect();
        while let Some(page) = open.pop() {
            for (next, chance) in pages
                .get(page.0 as usize)
                .into_iter()
                .flat_map(|page| &page.next)
            {
                if *chance > 0.0 && seen.insert(*next) {
                    open.push(*next);
                }
            }
        }
        for (index, (key, _)) in (0..).zip(files) {
            if !seen.contains(&PageIndex(index)) {
                let what = format!("nobody ever comes to the page `{}`", key.name);
                self.found.add(
                    key.at,
                    what,
                    "",
                    "it needs to be the `start`, or in the `next` of a page that somebody comes to",
                );
            }
        }
    }
}

fn rounded(sum: f64) -> f64 {
    (sum * 1e6).round() / 1e6
}
