//! What the registry knows, as a plain value: time is an argument.

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::Timestamp;

use super::settings;
use crate::protocol::{Lease, Registered, Setting, Shop, Snapshot};

/// The most replicas of all services together.
const MOST_LEASES: usize = 10_000;
/// The key of the gateway's settings.
pub(super) const GATEWAY: &str = "gateway";
/// The shortest and the longest lease, in ms.
const LEASE_MS: std::ops::RangeInclusive<u32> = 100..=60_000;
/// How long a watcher that has an answer is waited for until it asks again.
const WATCHER_GRACE: Duration = Duration::from_secs(1);

/// What the registry knows.
#[derive(Debug)]
pub struct Registry {
    shop: Shop,
    leases: BTreeMap<(String, String), Held>,
    config: BTreeMap<String, Setting>,
    epoch: u64,
    version: u64,
    watchers: BTreeMap<String, Watcher>,
}

#[derive(Debug)]
struct Held {
    lease: Lease,
    until: Timestamp,
}

/// Someone who asks again and again for what is new, and whose opinion counts.
#[derive(Debug)]
struct Watcher {
    seen: u64,
    until: Timestamp,
}

/// Why something was refused, all reasons at once.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct Refused(pub Vec<String>);

impl Registry {
    /// An empty registry for `shop`; `epoch` is different for each start.
    #[must_use]
    pub fn new(shop: Shop, epoch: u64) -> Self {
        Self {
            shop,
            leases: BTreeMap::new(),
            config: BTreeMap::new(),
            epoch,
            version: 1,
            watchers: BTreeMap::new(),
        }
    }

    /// Takes or renews a lease. Only a change of what it says makes a new version.
    ///
    /// # Errors
    /// If there is no such service, or the lease is absurd.
    pub fn put(
        &mut self,
        now: Timestamp,
        service: &str,
        replica: &str,
        lease: Lease,
    ) -> Result<Registered, Refused> {
        self.check_lease(service, replica, &lease)?;
        let held = Held {
            lease,
            until: now + Duration::from_millis(lease.lease_ms.into()),
        };
        let key = (service.to_owned(), replica.to_owned());
        let before = self.leases.insert(key, held);
        if before.is_none_or(|b| b.lease != lease) {
            self.version += 1;
        }
        Ok(self.registered())
    }

    /// Ends a lease.
    pub fn remove(&mut self, service: &str, replica: &str) -> Registered {
        let key = (service.to_owned(), replica.to_owned());
        if self.leases.remove(&key).is_some() {
            self.version += 1;
        }
        self.registered()
    }

    /// Ends the leases whose time is over; returns when the next one's is.
    pub fn expire(&mut self, now: Timestamp) -> Option<Timestamp> {
        let before = self.leases.len();
        self.leases.retain(|_, held| now < held.until);
        if self.leases.len() != before {
            self.version += 1;
        }
        self.watchers.retain(|_, watcher| now < watcher.until);
        self.leases.values().map(|held| held.until).min()
    }

    /// Sets a key.
    ///
    /// # Errors
    /// If the key is unknown or the value bad; the last good one stays.
    pub fn set(&mut self, key: &str, value: serde_json::Value) -> Result<Setting, Refused> {
        settings::check(&self.shop, key, &value)?;
        match self.config.get(key) {
            Some(setting) if setting.value == value => Ok(setting.clone()),
            _ => {
                self.version += 1;
                let setting = Setting {
                    version: self.version,
                    value,
                };
                self.config.insert(key.to_owned(), setting.clone());
                Ok(setting)
            }
        }
    }

    /// All keys. Before the gateway's settings are set for the first time they are those of the scenario, in version 0.
    #[must_use]
    pub fn config(&self) -> BTreeMap<String, Setting> {
        let mut config = self.config.clone();
        config.entry(GATEWAY.to_owned()).or_insert_with(|| Setting {
            version: 0,
            value: serde_json::to_value(&self.shop.gateway).unwrap_or_default(),
        });
        config
    }

    /// All that it knows.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut services = BTreeMap::<String, BTreeMap<String, Lease>>::new();
        for ((service, replica), held) in &self.leases {
            services
                .entry(service.clone())
                .or_default()
                .insert(replica.clone(), held.lease);
        }
        Snapshot {
            services,
            ..self.config_snapshot(self.version)
        }
    }

    /// Only the configuration; its version changes with nothing else.
    #[must_use]
    pub fn settings(&self) -> Snapshot {
        self.config_snapshot(self.settings_version())
    }

    /// The number of this life.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Goes up with every change.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The version of the newest setting.
    #[must_use]
    pub fn settings_version(&self) -> u64 {
        self.config.values().map(|s| s.version).max().unwrap_or(1)
    }

    /// Notes that a watcher has seen all up to `version` (of this epoch), and now waits at most so long.
    pub fn seen(&mut self, now: Timestamp, watcher: &str, version: u64, wait: Duration) {
        self.watchers.insert(
            watcher.to_owned(),
            Watcher {
                seen: version,
                until: now + wait + WATCHER_GRACE,
            },
        );
    }

    /// Whether every watcher has seen `version`.
    #[must_use]
    pub fn acknowledged(&self, now: Timestamp, version: u64) -> bool {
        self.watchers
            .values()
            .all(|w| w.seen >= version || w.until <= now)
    }

    fn registered(&self) -> Registered {
        Registered {
            epoch: self.epoch,
            version: self.version,
        }
    }

    fn config_snapshot(&self, version: u64) -> Snapshot {
        Snapshot {
            epoch: self.epoch,
            version,
            services: BTreeMap::new(),
            config: self.config.clone(),
        }
    }

    fn check_lease(&self, service: &str, replica: &str, lease: &Lease) -> Result<(), Refused> {
        let mut wrong = Vec::new();
        if !self.shop.services.contains_key(service) {
            wrong.push(format!("the shop has no service `{}`", shown(service)));
        }
        if !is_name(replica) {
            wrong.push(format!(
                "replica = `{}`, must match [A-Za-z0-9._-]{{1,63}}",
                shown(replica)
            ));
        }
        if !lease.address.ip().is_loopback() {
            wrong.push(format!(
                "address = {}, must be of the loopback",
                lease.address
            ));
        }
        if !LEASE_MS.contains(&lease.lease_ms) {
            wrong.push(format!(
                "lease_ms = {}, must be between {} and {}",
                lease.lease_ms,
                LEASE_MS.start(),
                LEASE_MS.end()
            ));
        }
        if self.leases.len() >= MOST_LEASES {
            wrong.push(format!("there are {MOST_LEASES} replicas already"));
        }
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(Refused(wrong))
        }
    }
}

fn is_name(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

/// A text from outside, made safe to show.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(64).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests;
