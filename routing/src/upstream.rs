//! All that the gateway knows of one called service.

use metrics::Timestamp;
use rand::Rng;
use scenarios::Gateway;

use crate::{
    BreakerState, Choice, CircuitBreaker, Health, Permit, Pool, ReplicaKey, RetryBudget, Standing,
    Verdict,
};

/// One called service: its replicas, breaker, bulkhead and retry budget.
#[derive(Clone, Debug)]
pub struct Upstream {
    pool: Pool,
    breaker: CircuitBreaker,
    budget: RetryBudget,
    most_in_flight: u32,
    in_flight: u32,
}

/// One try of a request that has begun. It must be given back to [`Upstream::end`].
#[derive(Clone, Copy, Debug)]
pub struct Try {
    /// Where it goes.
    pub replica: ReplicaKey,
    permit: Permit,
}

/// Why a try may not begin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// The service failed too often.
    BreakerOpen {
        /// When it is worth asking again.
        until: Timestamp,
    },
    /// Too many requests to it are in flight.
    Bulkhead,
    /// No replica takes requests.
    NoReplica,
}

impl Upstream {
    /// A service without replicas.
    #[must_use]
    pub fn new(settings: &Gateway) -> Self {
        Self {
            pool: Pool::new(choice(settings)),
            breaker: CircuitBreaker::new(settings.breaker),
            budget: RetryBudget::new(settings.retries),
            most_in_flight: settings.bulkhead.in_flight,
            in_flight: 0,
        }
    }

    /// Takes new settings. What was counted and who is ejected stays.
    pub fn configure(&mut self, now: Timestamp, settings: &Gateway) {
        self.pool.configure(now, choice(settings));
        self.breaker.configure(settings.breaker);
        self.budget.configure(settings.retries);
        self.most_in_flight = settings.bulkhead.in_flight;
    }

    /// Adds a replica.
    pub fn add(&mut self, now: Timestamp, standing: Standing) -> ReplicaKey {
        self.pool.add(now, standing)
    }

    /// Takes what a replica says of itself.
    pub fn set(&mut self, now: Timestamp, replica: ReplicaKey, standing: Standing) {
        self.pool.set(now, replica, standing);
    }

    /// Forgets a replica. Tries that are still under way there must be given back all the same.
    pub fn remove(&mut self, now: Timestamp, replica: ReplicaKey) {
        self.pool.remove(now, replica);
    }

    /// Takes the result of a health check, or of a connection that was refused.
    pub fn check(&mut self, now: Timestamp, replica: ReplicaKey, health: Health) {
        self.pool.check(now, replica, health);
    }

    /// Counts a request that has come for the service: it earns its share of a retry.
    pub fn arrived(&mut self, now: Timestamp) {
        self.budget.earn(now);
    }

    /// Whether a request may be tried once more after it failed; if so, the retry is spent.
    #[must_use]
    pub fn may_retry(&mut self, now: Timestamp) -> bool {
        self.budget.spend(now)
    }

    /// Begins a try: on a replica that was not `tried` yet, if there is one.
    ///
    /// # Errors
    /// If the breaker, the bulkhead or the want of replicas does not let it.
    pub fn begin(
        &mut self,
        now: Timestamp,
        tried: &[ReplicaKey],
        draws: &mut impl Rng,
    ) -> Result<Try, Refusal> {
        if self.pool.ready() == 0 {
            return Err(Refusal::NoReplica);
        }
        if self.in_flight >= self.most_in_flight {
            return Err(Refusal::Bulkhead);
        }
        let permit = self
            .breaker
            .admit(now)
            .map_err(|until| Refusal::BreakerOpen { until })?;
        let replica = self
            .pool
            .choose(now, tried, draws)
            .ok_or(Refusal::NoReplica)?;
        self.in_flight += 1;
        Ok(Try { replica, permit })
    }

    /// Ends a try. The replica and the service are judged by it.
    pub fn end(&mut self, now: Timestamp, a_try: Try, verdict: Verdict) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.pool.end(now, a_try.replica, verdict);
        self.breaker.record(now, a_try.permit, verdict);
    }

    /// Its replicas.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Whether its breaker lets requests pass.
    #[must_use]
    pub fn breaker(&self, now: Timestamp) -> BreakerState {
        self.breaker.state(now)
    }

    /// Requests in flight.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.in_flight
    }
}

fn choice(settings: &Gateway) -> Choice {
    Choice {
        balance: settings.balance,
        ejection: settings.ejection,
        health: settings.health,
    }
}
