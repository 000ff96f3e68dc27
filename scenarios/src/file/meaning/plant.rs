//! The gateway and the readings.

use std::time::Duration;

use metrics::Ratio;

use super::super::format::{BalanceForm, ControlFile, GatewayFile, Spread};
use super::super::units::{Rate, Share};
use super::super::written::{Field, Form};
use super::{Meaning, time};
use crate::{
    Balance, Breaker, Bulkhead, Control, Distribution, Ejection, Gateway, HealthCheck, RetryBudget,
    Scrape,
};

/// The shortest control period that a scenario may have.
const SHORTEST_PERIOD: Duration = Duration::from_millis(200);

fn ratio(field: &Field<Share>, default: f64) -> Ratio {
    let share = field.value().map_or(default, |share| share.0);
    Ratio::new(share).unwrap_or(Ratio::ZERO)
}

impl Meaning<'_> {
    pub(super) fn gateway(&mut self, field: &Field<GatewayFile>) -> Gateway {
        let file = field.or(GatewayFile::default());
        let time_limit = time(&file.time_limit, Duration::from_secs(10));
        self.above_zero(time_limit, file.time_limit.at(), "a time limit");
        let retries = file.retries.or(Default::default());
        let breaker = file.breaker.or(Default::default());
        let bulkhead = file.bulkhead.or(Default::default());
        let ejection = file.ejection.or(Default::default());
        let health = file.health.or(Default::default());
        let interval = time(&health.interval, Duration::from_millis(500));
        self.above_zero(interval, health.interval.at(), "an interval");
        let window = time(&breaker.window, Duration::from_secs(10));
        self.above_zero(window, breaker.window.at(), "a window");
        let overhead = self.overhead(&file.overhead);
        let backoff = retries.backoff.value().is_some().then(|| {
            let none = Distribution::Constant(Duration::ZERO);
            self.spread(&retries.backoff, "a back-off", none)
        });
        let in_flight = bulkhead.in_flight.value().map_or(2000, |count| count.0);
        Gateway {
            balance: self.balance(&file.balance).unwrap_or(Balance::PowerOfTwo),
            time_limit,
            overhead,
            retries: RetryBudget {
                ratio: ratio(&retries.ratio, 0.1),
                floor: retries.floor.value().map_or(3.0, |Rate(rate)| *rate),
                backoff,
            },
            breaker: Breaker {
                failures: ratio(&breaker.failures, 0.5),
                least: breaker.least.value().map_or(10, |count| count.0),
                window,
                open: time(&breaker.open, Duration::from_secs(5)),
            },
            bulkhead: Bulkhead {
                in_flight: self.within(
                    in_flight,
                    bulkhead.in_flight.at(),
                    "in_flight",
                    1..=1_000_000,
                ),
            },
            ejection: Ejection {
                consecutive: {
                    let count = ejection.consecutive.value().map_or(5, |count| count.0);
                    self.within(
                        count,
                        ejection.consecutive.at(),
                        "consecutive",
                        1..=1_000_000,
                    )
                },
                time: time(&ejection.time, Duration::from_secs(10)),
                most: ratio(&ejection.most, 0.5),
            },
            health: HealthCheck {
                interval,
                timeout: time(&health.timeout, Duration::from_millis(500)),
                unwell: {
                    let count = health.unwell.value().map_or(2, |count| count.0);
                    self.within(count, health.unwell.at(), "unwell", 1..=1000)
                },
            },
        }
    }

    /// How a replica is chosen, if that is said. A choice of one or two has a word already.
    pub(super) fn balance(&mut self, field: &Field<BalanceForm>) -> Option<Balance> {
        match field.value()? {
            Form::Short(word) => Some(word.0),
            Form::Long(file) => {
                let choices = file.choices.value()?.0;
                Some(
                    match self.within(choices, file.choices.at(), "choices", 1..=100) {
                        1 => Balance::Random,
                        2 => Balance::PowerOfTwo,
                        more => Balance::Choices(more),
                    },
                )
            }
        }
    }

    fn overhead(&mut self, field: &Field<Spread>) -> Distribution {
        let none = Distribution::Constant(Duration::ZERO);
        let overhead = self.spread(field, "an overhead", none.clone());
        if overhead != none {
            let why = "the gateway there is real, and takes what it takes";
            self.left_out(field.at(), "the gateway's overhead", why);
        }
        overhead
    }

    pub(super) fn control(&mut self, field: &Field<ControlFile>) -> Control {
        let file = field.or(ControlFile::default());
        let period = time(&file.period, Duration::from_secs(15));
        if let Some(at) = file.period.at().filter(|_| period < SHORTEST_PERIOD) {
            self.found.add(
                at,
                "a control period that is too short",
                "",
                "it is at least 200ms",
            );
        }
        let scrape = file.scrape.or(Default::default());
        let interval = time(&scrape.interval, Duration::from_secs(15));
        self.above_zero(interval, scrape.interval.at(), "an interval");
        let window = time(&scrape.window, Duration::from_secs(30));
        self.above_zero(window, scrape.window.at(), "a window");
        Control {
            period: period.max(SHORTEST_PERIOD),
            scrape: Scrape {
                interval,
                window,
                lag: time(&scrape.lag, Duration::from_secs(1)),
            },
        }
    }
}
