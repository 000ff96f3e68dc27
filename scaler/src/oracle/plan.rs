//! The cheapest numbers of replicas for a load that is known.

use std::time::Duration;

use metrics::{Ratio, Replicas};

use super::CapacityCurve;
use super::levels::{self, Loss};

/// The lowest and the highest price of a miss that is tried, in seconds of a replica.
const PRICES: (f64, f64) = (1e-6, 1e6);
/// How often the range of prices is halved at most: the last price is then right to a ten-thousandth.
const TRIES: u32 = 18;
/// A budget that is used up to this share is used.
const CLOSE: f64 = 0.001;

/// What is asked of a service during one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// Requests per second; at least 0.
    pub rate: f64,
    /// Requests per second at which all slots of one replica would be held; above 0.
    pub full_rate: f64,
}

/// All that a plan depends on.
#[derive(Clone, Debug)]
pub struct OracleTask {
    /// The length of a step; above 0.
    pub step: Duration,
    /// What is asked, step after step.
    pub loads: Vec<Load>,
    /// How many miss at which utilisation.
    pub curve: CapacityCurve,
    /// What each start of a replica costs: so long it is paid without being of use.
    pub start_up: Duration,
    /// The fewest replicas.
    pub min: Replicas,
    /// The most replicas.
    pub max: Replicas,
    /// Replicas that are ready at the beginning.
    pub replicas: Replicas,
}

/// How many replicas are ready when, and what that costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The length of a step.
    pub step: Duration,
    /// Ready replicas, step after step.
    pub replicas: Vec<Replicas>,
    /// What all replicas are paid for, their start-ups included.
    pub cost: Duration,
    /// How many are started.
    pub starts: u64,
    /// Requests that are expected to miss.
    pub misses: f64,
    /// Requests that are expected.
    pub requests: f64,
    /// The price of a miss that it was made for, in seconds of a replica; nothing if it was not made for one.
    pub price: Option<f64>,
}

impl Plan {
    /// Misses ÷ requests; 0 without requests.
    #[must_use]
    pub fn share_missed(&self) -> f64 {
        if self.requests > 0.0 {
            self.misses / self.requests
        } else {
            0.0
        }
    }
}

impl OracleTask {
    /// The plan that minimises seconds of replicas, plus `start_up` for each start, plus `price` for each miss.
    ///
    /// Exact for misses that are convex in the number of replicas; others are replaced by their lower convex hull.
    #[must_use]
    pub fn plan(&self, price: f64) -> Plan {
        self.plan_with(&Loss::of(&self.curve), price)
    }

    /// The cheapest such plan whose misses are at most a share `budget` of the requests; if no price leads there, the one
    /// with the fewest misses.
    #[must_use]
    pub fn plan_within(&self, budget: Ratio) -> Plan {
        let loss = Loss::of(&self.curve);
        let share = |plan: &Plan| plan.share_missed();
        let (mut low, mut high) = PRICES;
        let mut best = self.plan_with(&loss, high);
        for _ in 0..TRIES {
            // Within the budget and as good as at it, or out of reach at any price.
            if share(&best) > budget.get() || share(&best) >= budget.get() * (1.0 - CLOSE) {
                break;
            }
            let price = (low * high).sqrt();
            let plan = self.plan_with(&loss, price);
            if share(&plan) <= budget.get() {
                (best, high) = (plan, price);
            } else {
                low = price;
            }
        }
        best
    }

    /// The cheapest plan with at no step more than a share `allowed` of that step's requests missed, where `max` allows
    /// it: a replica that is not needed for a while stays if that costs less than to start it again.
    #[must_use]
    pub fn plan_never_short(&self, allowed: Ratio) -> Plan {
        let seconds = self.step.as_secs_f64();
        let needed = self.needed(allowed);
        // Whatever it costs: more than could be saved by ever going off.
        let must = -(self.start_up.as_secs_f64() + seconds * (self.loads.len() + 1) as f64);
        self.made(None, &Loss::of(&self.curve), |step, level, _| {
            if needed[step].get() >= level {
                must
            } else {
                seconds
            }
        })
    }

    /// The fewest replicas, step after step, that keep misses to a share `allowed`: the demand. Not below `min`, not
    /// above `max`, and `max` where no number does.
    #[must_use]
    pub fn needed(&self, allowed: Ratio) -> Vec<Replicas> {
        let needed = |load: &Load| {
            let fewest = self
                .curve
                .replicas(load.rate, load.full_rate, allowed.get());
            // The bounds may contradict each other, as in any field of a scenario that was not checked.
            fewest.unwrap_or(self.max).max(self.min).min(self.max)
        };
        self.loads.iter().map(needed).collect()
    }

    fn plan_with(&self, loss: &Loss, price: f64) -> Plan {
        let seconds = self.step.as_secs_f64();
        self.made(Some(price), loss, |_, _, saved| {
            seconds * (1.0 - price * saved)
        })
    }

    /// The plan in which each level is on when that is cheapest at `cost` per step: of the step's place, the level, and
    /// the misses per second that it saves.
    fn made(&self, price: Option<f64>, loss: &Loss, cost: impl Fn(usize, u32, f64) -> f64) -> Plan {
        let start = self.start_up.as_secs_f64();
        let min = self.min.get();
        let mut counts = vec![min; self.loads.len()];
        let mut savings: Vec<Saving> = self
            .loads
            .iter()
            .map(|load| Saving::of(loss, load, min))
            .collect();
        let mut differences = Vec::with_capacity(counts.len());
        for level in min + 1..=self.max.get() {
            let costs = savings
                .iter_mut()
                .enumerate()
                .map(|(step, saving)| cost(step, level, saving.next(loss)));
            let there = level <= self.replicas.get();
            let mut ever = false;
            levels::cheapest(costs, start, there, &mut differences, |step| {
                counts[step] += 1;
                ever = true;
            });
            // What is not worth it for one level is not for those above it, which save less.
            if !ever && !there {
                break;
            }
        }
        self.judged(counts, price, loss)
    }

    fn judged(&self, counts: Vec<u32>, price: Option<f64>, loss: &Loss) -> Plan {
        let seconds = self.step.as_secs_f64();
        let mut plan = Plan {
            step: self.step,
            replicas: counts.iter().copied().map(Replicas).collect(),
            cost: Duration::ZERO,
            starts: 0,
            misses: 0.0,
            requests: 0.0,
            price,
        };
        let mut before = self.replicas.get();
        let mut paid = 0.0;
        for (count, load) in counts.into_iter().zip(&self.loads) {
            let requests = load.rate.max(0.0) * seconds;
            plan.requests += requests;
            plan.misses += requests * missed(loss, load, count);
            plan.starts += u64::from(count.saturating_sub(before));
            paid += f64::from(count) * seconds;
            before = count;
        }
        paid += plan.starts as f64 * self.start_up.as_secs_f64();
        plan.cost = Duration::try_from_secs_f64(paid).unwrap_or(Duration::MAX);
        plan
    }
}

/// The share of the requests that miss with so many replicas.
fn missed(loss: &Loss, load: &Load, replicas: u32) -> f64 {
    if load.rate > 0.0 {
        loss.missed(f64::from(replicas) * load.full_rate / load.rate)
    } else {
        0.0
    }
}

/// What the next level saves at one step.
#[derive(Clone, Copy, Debug)]
struct Saving {
    rate: f64,
    /// The room that one level gives.
    room: f64,
    level: u32,
    /// Where the room of the levels so far stands in the loss.
    place: usize,
    missed: f64,
}

impl Saving {
    fn of(loss: &Loss, load: &Load, level: u32) -> Self {
        let rate = load.rate.max(0.0);
        let room = if rate > 0.0 {
            load.full_rate / rate
        } else {
            0.0
        };
        Self {
            rate,
            room,
            level,
            place: 0,
            missed: loss.missed(room * f64::from(level)),
        }
    }

    /// The misses per second that the next level saves.
    fn next(&mut self, loss: &Loss) -> f64 {
        self.level += 1;
        let missed = loss.missed_from(&mut self.place, self.room * f64::from(self.level));
        let saved = self.rate * (self.missed - missed);
        self.missed = missed;
        saved
    }
}
