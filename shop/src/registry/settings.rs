//! What may be set, and to what.

use std::time::Duration;

use scenarios::{Balance, Gateway};
use serde::de::DeserializeOwned;

use super::state::{GATEWAY, Refused, shown};
use crate::protocol::{Faults, InjectedKind, Shop};

/// The longest time that may be set.
const LONGEST: Duration = Duration::from_secs(3600);
/// The largest factor of a fault.
const LARGEST_FACTOR: f64 = 10_000.0;

/// Checks a key and its value.
pub(super) fn check(shop: &Shop, key: &str, value: &serde_json::Value) -> Result<(), Refused> {
    if key == GATEWAY {
        return check_gateway(&parse(value)?);
    }
    match key.strip_prefix("faults/") {
        Some(service) if shop.services.contains_key(service) => check_faults(&parse(value)?),
        Some(service) => Err(Refused(vec![format!(
            "the shop has no service `{}`",
            shown(service)
        )])),
        None => Err(Refused(vec![format!(
            "unknown key `{}`: there are `gateway` and `faults/<service>`",
            shown(key)
        )])),
    }
}

fn parse<T: DeserializeOwned>(value: &serde_json::Value) -> Result<T, Refused> {
    T::deserialize(value).map_err(|e| Refused(vec![e.to_string()]))
}

/// Checks the gateway's settings.
///
/// # Errors
/// Every mistake in them.
pub fn check_gateway(settings: &Gateway) -> Result<(), Refused> {
    let mut wrong = Mistakes::default();
    if let Balance::Choices(choices) = settings.balance {
        wrong.count("balance.choices", choices);
    }
    wrong.time("time_limit", settings.time_limit);
    wrong.share("retries.ratio", settings.retries.ratio.get(), 0.0);
    wrong.number("retries.floor", settings.retries.floor, 0.0, 10_000.0);
    wrong.share("breaker.failures", settings.breaker.failures.get(), 0.01);
    wrong.count("breaker.least", settings.breaker.least);
    wrong.time("breaker.window", settings.breaker.window);
    wrong.time("breaker.open", settings.breaker.open);
    wrong.count("bulkhead.in_flight", settings.bulkhead.in_flight);
    wrong.count("ejection.consecutive", settings.ejection.consecutive);
    wrong.time("ejection.time", settings.ejection.time);
    wrong.share("ejection.most", settings.ejection.most.get(), 0.0);
    wrong.time("health.interval", settings.health.interval);
    wrong.time("health.timeout", settings.health.timeout);
    wrong.count("health.unwell", settings.health.unwell);
    wrong.result()
}

/// Checks what is to go wrong in replicas.
///
/// # Errors
/// Every mistake in it.
pub fn check_faults(faults: &Faults) -> Result<(), Refused> {
    let mut wrong = Mistakes::default();
    for (i, fault) in faults.faults.iter().enumerate() {
        match fault.kind {
            InjectedKind::Slow(factor) | InjectedKind::SlowWait(factor) => {
                wrong.number(&format!("faults[{i}]"), factor, 0.001, LARGEST_FACTOR);
            }
            InjectedKind::Fail(share) => wrong.share(&format!("faults[{i}]"), share, 0.0),
            InjectedKind::Hang | InjectedKind::LoseLease => {}
        }
    }
    wrong.result()
}

/// All mistakes of a value.
#[derive(Default)]
struct Mistakes(Vec<String>);

impl Mistakes {
    fn number(&mut self, name: &str, value: f64, least: f64, most: f64) {
        if !(least..=most).contains(&value) {
            self.0.push(format!(
                "{name} = {value}, must be between {least} and {most}"
            ));
        }
    }

    fn share(&mut self, name: &str, value: f64, least: f64) {
        self.number(name, value, least, 1.0);
    }

    fn count(&mut self, name: &str, value: u32) {
        if value == 0 {
            self.0.push(format!("{name} = 0, must be at least 1"));
        }
    }

    fn time(&mut self, name: &str, value: Duration) {
        let least = Duration::from_millis(1);
        if !(least..=LONGEST).contains(&value) {
            self.0.push(format!(
                "{name} = {value:?}, must be between {least:?} and {LONGEST:?}"
            ));
        }
    }

    fn result(self) -> Result<(), Refused> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Refused(self.0))
        }
    }
}
