//! The probe: it watches every service and every page of a run.

use simulator::{Left, PageEnd, Probe};

use super::pages::Pages;
use super::station::{Questions, Spans, Station};

/// A run under watch.
pub(crate) struct Watch {
    /// By service, in the order of their names; of services beyond these nothing is noted.
    pub(crate) stations: Vec<Station>,
    pub(crate) pages: Pages,
}

impl Watch {
    pub(crate) fn new(
        spans: Spans,
        stations: impl IntoIterator<Item = Questions>,
        journeys: usize,
    ) -> Self {
        let station = |questions| Station::new(spans, questions);
        Self {
            stations: stations.into_iter().map(station).collect(),
            pages: Pages::new(spans, journeys),
        }
    }

    /// Lets the time pass until the end of the run.
    pub(crate) fn finish(&mut self, end: u64) {
        for station in &mut self.stations {
            station.advance(end);
        }
    }

    fn station(&mut self, service: u16) -> Option<&mut Station> {
        self.stations.get_mut(usize::from(service))
    }
}

impl Probe for Watch {
    fn arrives(&mut self, at: u64, service: u16, replica: u32) {
        if let Some(station) = self.station(service) {
            station.arrives(at, replica);
        }
    }

    fn begins(&mut self, at: u64, service: u16, _replica: u32, waited: u64) {
        if let Some(station) = self.station(service) {
            station.begins(at, waited);
        }
    }

    fn leaves(&mut self, at: u64, service: u16, replica: u32, sojourn: u64, how: Left) {
        if let Some(station) = self.station(service) {
            station.leaves(at, replica, sojourn, how);
        }
    }

    fn page(
        &mut self,
        at: u64,
        journey: u16,
        _page: u16,
        latency: u64,
        attempt: u32,
        how: PageEnd,
    ) {
        self.pages.ends(at, journey, latency, attempt, how);
    }

    fn waits_to_retry(&mut self, at: u64, from_now: u64) {
        self.pages.will_return(at, from_now);
    }

    fn replicas(&mut self, at: u64, service: u16, ready: u32, starting: u32) {
        if let Some(station) = self.station(service) {
            station.replicas(at, ready, starting);
        }
    }
}
