//! What is counted, window by window.
//!
//! Everything counts by the instant at which it was due. A window is told when the one after it has ended; what ends even
//! later is told in further pieces of its window.

use std::collections::{BTreeMap, BTreeSet};

use metrics::{Counts, Grid, LatencyCounts, Series, Window, Workload};

use crate::model::{Model, nanos};
use crate::span::End;

/// One window's part.
#[derive(Debug, Default)]
struct Part {
    /// Of the pages, then of the services.
    tallies: Vec<Tally>,
    /// What somebody else has counted instead, by page and by service.
    given: Option<[BTreeMap<String, Series>; 2]>,
    workloads: BTreeMap<String, Workload>,
    overloaded: BTreeSet<String>,
}

/// What is counted of a page or a service.
#[derive(Clone, Debug, Default)]
struct Tally {
    counts: Counts,
    latency: LatencyCounts,
    service_time: ServiceTime,
}

/// Nearly always the same as the latency: nobody sends late here, and few are tried twice. Then it is counted once.
#[derive(Clone, Debug, Default)]
enum ServiceTime {
    #[default]
    AsLatency,
    Apart(LatencyCounts),
}

impl Tally {
    /// One that came to an end.
    #[inline]
    fn end(&mut self, end: End) {
        match end {
            End::Served => self.counts.served += 1,
            End::Failed => self.counts.failed += 1,
            End::Shed => self.counts.shed += 1,
            End::TimedOut => self.counts.timed_out += 1,
        }
    }

    /// How long it took: `latency` nanoseconds; its last try `service_time`, if it was answered.
    #[inline(always)]
    fn record(&mut self, latency: u64, service_time: Option<u64>) {
        if let ServiceTime::AsLatency = self.service_time
            && service_time == Some(latency)
        {
            return self.latency.record(latency);
        }
        self.record_apart(latency, service_time);
    }

    #[cold]
    fn record_apart(&mut self, latency: u64, service_time: Option<u64>) {
        if let ServiceTime::AsLatency = self.service_time {
            self.service_time = ServiceTime::Apart(self.latency.clone());
        }
        self.latency.record(latency);
        if let (ServiceTime::Apart(apart), Some(time)) = (&mut self.service_time, service_time) {
            apart.record(time);
        }
    }

    fn is_empty(&self) -> bool {
        self.counts == Counts::default() && self.latency.is_empty()
    }

    fn told(&self) -> Series {
        let histogram = |counts: &LatencyCounts| (!counts.is_empty()).then(|| counts.histogram());
        let latency = histogram(&self.latency);
        let service_time = match &self.service_time {
            ServiceTime::AsLatency => latency.clone(),
            ServiceTime::Apart(apart) => histogram(apart),
        };
        Series {
            counts: self.counts,
            latency,
            service_time,
        }
    }
}

/// All that is counted and not told yet.
#[derive(Debug)]
pub(crate) struct Windows {
    grid: Grid,
    length: u64,
    pages: Vec<String>,
    services: Vec<String>,
    /// A served page above this is slow.
    within: u64,
    /// The windows that are not told, from `first` to the current one.
    parts: Vec<Part>,
    first: u32,
    current: u32,
    current_end: u64,
    /// What ended after its window was told.
    late: BTreeMap<u32, Part>,
}

impl Windows {
    pub(crate) fn new(grid: Grid, model: &Model) -> Self {
        let mut windows = Self {
            grid,
            length: nanos(grid.length).max(1),
            pages: model.pages.iter().map(|page| page.name.clone()).collect(),
            services: model.services.iter().map(|s| s.name.clone()).collect(),
            within: model.within,
            parts: vec![],
            first: 0,
            current: 0,
            current_end: nanos(grid.length).max(1),
            late: BTreeMap::new(),
        };
        let part = windows.empty();
        windows.parts.push(part);
        windows
    }

    fn empty(&self) -> Part {
        Part {
            tallies: vec![Tally::default(); self.pages.len() + self.services.len()],
            ..Part::default()
        }
    }

    /// The length of a window.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// The window of `now`.
    #[inline]
    pub(crate) fn window(&mut self, now: u64) -> u32 {
        if now >= self.current_end {
            self.begin_windows(now);
        }
        self.current
    }

    #[cold]
    fn begin_windows(&mut self, now: u64) {
        while now >= self.current_end {
            self.current += 1;
            self.current_end += self.length;
            let part = self.empty();
            self.parts.push(part);
        }
    }

    #[inline]
    fn part(&mut self, window: u32) -> &mut Part {
        // What is before the first lies beyond the last.
        let place = window.wrapping_sub(self.first) as usize;
        if place < self.parts.len() {
            return &mut self.parts[place];
        }
        self.late_part(window)
    }

    #[cold]
    fn late_part(&mut self, window: u32) -> &mut Part {
        if !self.late.contains_key(&window) {
            let part = self.empty();
            self.late.insert(window, part);
        }
        self.late
            .get_mut(&window)
            .expect("it is there, or was just put there")
    }

    #[inline]
    fn page(&mut self, window: u32, page: u16) -> &mut Tally {
        &mut self.part(window).tallies[usize::from(page)]
    }

    #[inline]
    fn service(&mut self, window: u32, service: u16) -> &mut Tally {
        let place = self.pages.len() + usize::from(service);
        &mut self.part(window).tallies[place]
    }

    #[inline]
    pub(crate) fn page_offered(&mut self, window: u32, page: u16) {
        self.page(window, page).counts.offered += 1;
    }

    pub(crate) fn page_retried(&mut self, window: u32, page: u16) {
        self.page(window, page).counts.retries += 1;
    }

    /// A page has come to its end. Time-outs count in latency; what failed at once does not, lest a broken shop look fast.
    #[inline(always)]
    pub(crate) fn page_ended(&mut self, window: u32, page: u16, end: End, took: (u64, u64)) {
        let within = self.within;
        let tally = self.page(window, page);
        let (latency, service_time) = took;
        tally.end(end);
        if end == End::Served && latency > within {
            tally.counts.slow += 1;
        }
        if matches!(end, End::Served | End::TimedOut) {
            tally.record(latency, Some(service_time));
        }
    }

    pub(crate) fn page_open(&mut self, window: u32, page: u16) {
        self.page(window, page).counts.open += 1;
    }

    #[inline]
    pub(crate) fn service_offered(&mut self, window: u32, service: u16) {
        self.service(window, service).counts.offered += 1;
    }

    pub(crate) fn service_retried(&mut self, window: u32, service: u16) {
        self.service(window, service).counts.retries += 1;
    }

    /// A request to a service has come to its end, `latency` after it came; its last try took `service_time`, if it was
    /// answered.
    #[inline(always)]
    pub(crate) fn service_ended(
        &mut self,
        window: u32,
        service: u16,
        end: End,
        latency: u64,
        service_time: Option<u64>,
    ) {
        let tally = self.service(window, service);
        tally.end(end);
        if matches!(end, End::Served | End::TimedOut) {
            tally.record(latency, service_time);
        }
    }

    pub(crate) fn service_open(&mut self, window: u32, service: u16) {
        self.service(window, service).counts.open += 1;
    }

    /// How the workloads are at a window's end.
    pub(crate) fn sample(&mut self, window: u32, workloads: BTreeMap<String, Workload>) {
        self.part(window).workloads = workloads;
    }

    /// Takes a whole window's series, in the order of pages and of services, whose service times are their latencies; and
    /// which services had more to do than can be told of.
    pub(crate) fn put(
        &mut self,
        window: u32,
        pages: Vec<Series>,
        services: Vec<Series>,
        overloaded: &BTreeSet<usize>,
    ) {
        let names = overloaded
            .iter()
            .filter_map(|place| self.services.get(*place));
        let overloaded = names.cloned().collect();
        let given = [given(&self.pages, pages), given(&self.services, services)];
        let part = self.part(window);
        part.given = Some(given);
        part.overloaded = overloaded;
    }

    /// The windows before `until`, and what is late, in order of their starts.
    pub(crate) fn take(&mut self, until: u32) -> Vec<Window> {
        let late = std::mem::take(&mut self.late);
        let mut taken: Vec<Window> = late
            .into_iter()
            .map(|(window, part)| self.told(window, part))
            .collect();
        let count = until.saturating_sub(self.first) as usize;
        let rest = self.parts.split_off(count.min(self.parts.len()));
        for part in std::mem::replace(&mut self.parts, rest) {
            taken.push(self.told(self.first, part));
            self.first += 1;
        }
        taken.retain(|window| !window.is_empty());
        taken
    }

    fn told(&self, window: u32, part: Part) -> Window {
        let start = self.grid.start + self.grid.length.saturating_mul(window);
        let mut told = Window::new(start, self.grid.length);
        [told.pages, told.services] = part.given.unwrap_or_else(|| {
            let (pages, services) = part.tallies.split_at(self.pages.len());
            [named(&self.pages, pages), named(&self.services, services)]
        });
        told.workloads = part.workloads;
        told.overloaded = part.overloaded;
        told
    }
}

/// Empty series are left out.
fn named(names: &[String], tallies: &[Tally]) -> BTreeMap<String, Series> {
    let all = names.iter().zip(tallies);
    all.filter(|(_, tally)| !tally.is_empty())
        .map(|(name, tally)| (name.clone(), tally.told()))
        .collect()
}

/// Empty series are left out; service times are latencies.
fn given(names: &[String], all: Vec<Series>) -> BTreeMap<String, Series> {
    let all = names.iter().cloned().zip(all);
    all.filter(|(_, series)| series.counts != Counts::default() || series.latency.is_some())
        .map(|(name, mut series)| {
            series.service_time.clone_from(&series.latency);
            (name, series)
        })
        .collect()
}
