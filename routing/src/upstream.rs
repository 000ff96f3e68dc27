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
            budget: RetryBudget::new(settings.retries.clone()),
            most_in_flight: settings.bulkhead.in_flight,
            in_flight: 0,
        }
    }

    /// Takes new settings. What was counted and who is ejected stays.
    pub fn configure(&mut self, now: Timestamp, settings: &Gateway) {
        self.pool.configure(now, choice(settings));
        self.breaker.configure(settings.breaker);
        self.budget.configure(settings.retries.clone());
        self.most_in_flight = settings.bulkhead.in_flight;
    }

    /// Adds a replica: see [`Pool::add`].
    pub fn add(&mut self, now: Timestamp, ordinal: u32, standing: Standing) -> ReplicaKey {
        self.pool.add(now, ordinal, standing)
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
    #[inline]
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
    #[inline(always)]
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

    /// Begins a try on a replica that `has_room`; nothing if there is none, or none is ready: who may wait does not have to
    /// be turned away for that.
    ///
    /// # Errors
    /// If the breaker or the bulkhead does not let it.
    pub fn begin_where(
        &mut self,
        now: Timestamp,
        has_room: impl Fn(ReplicaKey) -> bool,
        draws: &mut impl Rng,
    ) -> Result<Option<Try>, Refusal> {
        if self.in_flight >= self.most_in_flight {
            return Err(Refusal::Bulkhead);
        }
        let Some(replica) = self.pool.choose_where(now, has_room, draws) else {
            return Ok(None);
        };
        match self.breaker.admit(now) {
            Ok(permit) => {
                self.in_flight += 1;
                Ok(Some(Try { replica, permit }))
            }
            Err(until) => {
                self.pool.end(now, replica, Verdict::Neutral);
                Err(Refusal::BreakerOpen { until })
            }
        }
    }

    /// Ends a try. The replica and the service are judged by it.
    #[inline(always)]
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use metrics::Ratio;
    use proptest::prelude::*;
    use scenarios::{
        Balance, Breaker, Bulkhead, Distribution, Draws, Ejection, HealthCheck, RetryBudget, Stream,
    };

    use super::*;

    fn settings() -> Gateway {
        Gateway {
            balance: Balance::PowerOfTwo,
            time_limit: Duration::from_secs(1),
            overhead: Distribution::Constant(Duration::ZERO),
            retries: RetryBudget {
                ratio: Ratio::new(0.2).unwrap(),
                floor: 1.0,
                backoff: None,
            },
            breaker: Breaker {
                failures: Ratio::new(0.5).unwrap(),
                least: 10,
                window: Duration::from_secs(10),
                open: Duration::from_secs(5),
            },
            bulkhead: Bulkhead { in_flight: 5 },
            ejection: Ejection {
                consecutive: 5,
                time: Duration::from_secs(10),
                most: Ratio::new(0.5).unwrap(),
            },
            health: HealthCheck {
                interval: Duration::from_millis(500),
                timeout: Duration::from_millis(500),
                unwell: 2,
            },
        }
    }

    fn draws() -> Draws {
        Draws::new(1, Stream::Fault { fault: 0 })
    }

    #[test]
    fn says_why_a_try_may_not_begin() {
        let now = Timestamp::EPOCH;
        let (mut upstream, mut draws) = (Upstream::new(&settings()), draws());
        assert_eq!(
            upstream.begin(now, &[], &mut draws).err(),
            Some(Refusal::NoReplica)
        );
        upstream.add(now, 0, Standing::Ready);
        let tries: Vec<Try> = (0..5)
            .map(|_| upstream.begin(now, &[], &mut draws).unwrap())
            .collect();
        assert_eq!(
            upstream.begin(now, &[], &mut draws).err(),
            Some(Refusal::Bulkhead)
        );
        for a_try in tries {
            upstream.end(now, a_try, Verdict::Bad);
        }
        for _ in 0..5 {
            let a_try = upstream.begin(now, &[], &mut draws).unwrap();
            upstream.end(now, a_try, Verdict::Bad);
        }
        let until = now + Duration::from_secs(5);
        assert_eq!(
            upstream.begin(now, &[], &mut draws).err(),
            Some(Refusal::BreakerOpen { until })
        );
    }

    #[test]
    fn new_settings_hold_at_once_and_nothing_counted_is_lost() {
        let now = Timestamp::EPOCH;
        let (mut upstream, mut draws) = (Upstream::new(&settings()), draws());
        upstream.add(now, 0, Standing::Ready);
        let a_try = upstream.begin(now, &[], &mut draws).unwrap();
        let mut smaller = settings();
        smaller.bulkhead.in_flight = 1;
        upstream.configure(now, &smaller);
        assert_eq!(
            upstream.begin(now, &[], &mut draws).err(),
            Some(Refusal::Bulkhead)
        );
        upstream.end(now, a_try, Verdict::Good);
        assert!(upstream.begin(now, &[], &mut draws).is_ok());
    }

    proptest! {
        #[test]
        fn in_flight_is_what_began_and_did_not_end_and_never_more_than_the_bulkhead(
            steps in prop::collection::vec((0_u8..4, 0_i64..2_000), 0..200),
        ) {
            let (mut upstream, mut draws) = (Upstream::new(&settings()), draws());
            let (mut now, mut open) = (0, Vec::new());
            let keys: Vec<ReplicaKey> =
                (0..3).map(|i| upstream.add(Timestamp::EPOCH, i, Standing::Ready)).collect();
            for (what, step) in steps {
                now += step;
                let at = Timestamp::from_millis(now);
                if what == 0 {
                    open.extend(upstream.begin(at, &[], &mut draws));
                } else if let Some(a_try) = open.pop() {
                    let verdict = [Verdict::Good, Verdict::Bad, Verdict::Neutral][usize::from(what) - 1];
                    upstream.end(at, a_try, verdict);
                }
                prop_assert_eq!(upstream.in_flight() as usize, open.len());
                prop_assert!(open.len() <= 5);
                let per_replica: u32 = keys.iter().map(|k| upstream.pool().in_flight(*k)).sum();
                prop_assert_eq!(per_replica as usize, open.len());
            }
        }
    }
}
