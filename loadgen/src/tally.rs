//! What one worker has counted since it last told.

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::{Counts, Generator, Grid, Histogram, Precision, Series, Timestamp, Window};
use scenarios::{JourneyIndex, PageIndex, Scenario, Source};

use crate::http::Want;
use crate::{Collected, FailureKind, Failures, Plan};

/// A page's place among all pages of all journeys.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct PageId(usize);

/// What is asked about a page at each of its requests, found once.
#[derive(Debug)]
pub(crate) struct PageFacts {
    /// `journey/page`.
    pub(crate) name: String,
    pub(crate) want: Want,
    /// Those of its variables whose values are to be told.
    pub(crate) collect: Vec<String>,
}

/// All pages of a scenario.
#[derive(Debug)]
pub(crate) struct Pages {
    first_of_journey: Vec<usize>,
    facts: Vec<PageFacts>,
}

impl Pages {
    pub(crate) fn new(plan: &Plan) -> Self {
        let mut first_of_journey = Vec::new();
        let mut facts = Vec::new();
        for journey in &plan.scenario.journeys {
            first_of_journey.push(facts.len());
            facts.extend(journey.pages.iter().map(|page| {
                let reads_body = |e: &scenarios::Extract| matches!(e.from, Source::Json(_));
                let variables = page.extract.iter().map(|e| &e.variable);
                PageFacts {
                    name: format!("{}/{}", journey.name, page.name),
                    want: if page.extract.iter().any(reads_body) {
                        Want::Body
                    } else {
                        Want::Nothing
                    },
                    collect: variables
                        .filter(|v| plan.collect.contains(*v))
                        .cloned()
                        .collect(),
                }
            }));
        }
        Self {
            first_of_journey,
            facts,
        }
    }

    pub(crate) fn id(&self, journey: JourneyIndex, page: PageIndex) -> PageId {
        PageId(self.first_of_journey[journey.0 as usize] + page.0 as usize)
    }

    pub(crate) fn facts(&self, page: PageId) -> &PageFacts {
        &self.facts[page.0]
    }
}

/// How a page ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ended {
    Served,
    Failed,
    Shed,
    TimedOut,
    Unsent,
    Open,
}

/// How long a page took.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Took {
    /// From the intended instant of its first try.
    pub(crate) latency: Duration,
    /// From the sending of its last.
    pub(crate) service_time: Duration,
}

/// One window's part.
#[derive(Debug, Default)]
struct Part {
    pages: Vec<Series>,
    generator: Generator,
}

/// What one worker has counted since it last told. Instants are since the start.
#[derive(Debug)]
pub(crate) struct Tally {
    grid: Grid,
    within: Duration,
    pages: usize,
    parts: BTreeMap<Timestamp, Part>,
    collected: Vec<Collected>,
    failures: Failures,
}

/// What one worker tells once a second.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) worker: u32,
    /// The second it is about, since the start.
    pub(crate) second: u64,
    pub(crate) windows: Vec<Window>,
    pub(crate) collected: Vec<Collected>,
    pub(crate) failures: Failures,
    /// CPU time and wall time since it last told; nothing where it cannot be read.
    pub(crate) cpu: Option<(Duration, Duration)>,
    pub(crate) connections: u32,
}

impl Tally {
    pub(crate) fn new(grid: Grid, scenario: &Scenario, pages: &Pages) -> Self {
        Self {
            grid,
            within: scenario.slo.within,
            pages: pages.facts.len(),
            parts: BTreeMap::new(),
            collected: Vec::new(),
            failures: Failures::default(),
        }
    }

    fn part(&mut self, intended: Duration) -> &mut Part {
        let window = self.grid.window_of(self.grid.start + intended);
        let pages = self.pages;
        self.parts.entry(window).or_insert_with(|| Part {
            pages: vec![Series::default(); pages],
            generator: Generator::default(),
        })
    }

    fn counts(&mut self, page: PageId, intended: Duration) -> &mut Counts {
        &mut self.part(intended).pages[page.0].counts
    }

    /// A page is due.
    pub(crate) fn offered(&mut self, page: PageId, intended: Duration) {
        self.counts(page, intended).offered += 1;
    }

    /// A page is asked for again.
    pub(crate) fn retried(&mut self, page: PageId, intended: Duration) {
        self.counts(page, intended).retries += 1;
    }

    /// A request has to wait for a connection.
    pub(crate) fn queued(&mut self, intended: Duration) {
        self.part(intended).generator.queued += 1;
    }

    /// A request is being sent, so late.
    pub(crate) fn sent(&mut self, intended: Duration, lateness: Duration) {
        self.part(intended)
            .generator
            .lateness
            .get_or_insert_with(|| Histogram::new(Precision::Window))
            .record(lateness);
    }

    /// A page that was due at `intended` has come to its end. Time-outs count in latency; what failed at once does not,
    /// lest a broken shop look fast.
    pub(crate) fn ended(&mut self, page: PageId, intended: Duration, ended: Ended, took: Took) {
        let within = self.within;
        let series = &mut self.part(intended).pages[page.0];
        match ended {
            Ended::Served => {
                series.counts.served += 1;
                series.counts.slow += u64::from(took.latency > within);
            }
            Ended::Failed => series.counts.failed += 1,
            Ended::Shed => series.counts.shed += 1,
            Ended::TimedOut => series.counts.timed_out += 1,
            Ended::Unsent => series.counts.unsent += 1,
            Ended::Open => series.counts.open += 1,
        }
        if matches!(ended, Ended::Served | Ended::TimedOut) {
            series.record_latency(took.latency);
            series.record_service_time(took.service_time);
        }
    }

    /// A try failed.
    pub(crate) fn failed(&mut self, kind: FailureKind, page: &PageFacts, why: &str) {
        self.failures.count(kind, &page.name, why);
    }

    /// A variable got a new value.
    pub(crate) fn collected(&mut self, collected: Collected) {
        self.collected.push(collected);
    }

    /// All that was counted since the last time.
    pub(crate) fn take(&mut self, pages: &Pages, worker: u32, second: u64) -> Piece {
        let length = self.grid.length;
        let windows = std::mem::take(&mut self.parts)
            .into_iter()
            .map(|(start, part)| part.into_window(start, length, pages))
            .collect();
        Piece {
            worker,
            second,
            windows,
            collected: std::mem::take(&mut self.collected),
            failures: std::mem::take(&mut self.failures),
            cpu: None,
            connections: 0,
        }
    }
}

impl Part {
    fn into_window(self, start: Timestamp, length: Duration, pages: &Pages) -> Window {
        let mut window = Window::new(start, length);
        for (series, facts) in self.pages.into_iter().zip(&pages.facts) {
            if series != Series::default() {
                window.pages.insert(facts.name.clone(), series);
            }
        }
        if self.generator != Generator::default() {
            window.generator = Some(self.generator);
        }
        window
    }
}
