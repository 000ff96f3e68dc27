//! After a run: is each acknowledged order there exactly once, charged exactly once, and nothing charged that was not
//! ordered?
//!
//! It joins what no service may join: the databases of *order* and *payment*. First it works off the outbox as a restarted
//! service would, so that what a killed process left half-way is finished. No replica may run meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sqlx::Row as _;

use crate::Clock;
use crate::database::{self, Database, DatabaseError};
use crate::protocol::Role;
use crate::service::order::{self, State, outbox};
use crate::service::payment;

/// The most violations that are listed.
const MOST_LISTED: usize = 100;

/// What an audit found.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct AuditFindings {
    /// Orders acknowledged to shoppers.
    pub acknowledged: u64,
    /// Orders placed, acknowledged or not.
    pub placed: u64,
    /// Orders whose money was taken, given back or not.
    pub charged: u64,
    /// Orders whose money was given back.
    pub refunded: u64,
    /// What is wrong, for people; at most 100 are listed.
    pub violations: Vec<String>,
    /// How many there are.
    pub violation_count: u64,
}

/// Where the databases of *order* and *payment* are.
#[derive(Clone, Debug)]
pub struct Books {
    /// The database of *order*.
    pub order: String,
    /// The database of *payment*.
    pub payment: String,
}

/// One order, as far as the audit cares.
#[derive(Clone, Debug)]
struct Ordered {
    request: String,
    state: State,
    charged: bool,
    amount_cents: i64,
}

/// The money that moved for one order.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Moved {
    charges: u64,
    refunds: u64,
    /// Charged less refunded.
    balance_cents: i64,
}

/// Audits a run whose replicas have ended. `acknowledged` are the orders that shoppers were told of.
///
/// # Errors
/// If a database cannot be opened, read or written.
pub async fn audit(
    books: &Books,
    acknowledged: &BTreeSet<String>,
) -> Result<AuditFindings, DatabaseError> {
    let orders = open(Role::Order, &books.order).await?;
    let payments = open(Role::Payment, &books.payment).await?;
    settle(&orders, &payments).await?;
    let ordered = read_orders(&orders).await.map_err(read(Role::Order))?;
    let moved = read_ledger(&payments).await.map_err(read(Role::Payment))?;
    Ok(judge(acknowledged, &ordered, &moved))
}

async fn open(service: Role, url: &str) -> Result<Database, DatabaseError> {
    let opened = Database::open(service, url).await?;
    database::prepare_open(service, &opened).await?;
    Ok(opened)
}

fn read(service: Role) -> impl Fn(sqlx::Error) -> DatabaseError {
    move |source| DatabaseError::Read { service, source }
}

/// Works the outbox off: whatever is left there will never be finished by its request.
async fn settle(orders: &Database, payments: &Database) -> Result<(), DatabaseError> {
    let now_ms = Clock::start().now().as_nanos() / 1_000_000;
    let left = outbox::all(orders).await.map_err(read(Role::Order))?;
    for order in left {
        let state = order::cancel(orders, &order, now_ms)
            .await
            .map_err(read(Role::Order))?;
        if state != State::Placed {
            payment::void(payments, &order, now_ms)
                .await
                .map_err(read(Role::Payment))?;
        }
        outbox::delete(orders, &order)
            .await
            .map_err(read(Role::Order))?;
    }
    Ok(())
}

async fn read_orders(database: &Database) -> Result<BTreeMap<String, Ordered>, sqlx::Error> {
    sqlx::query("SELECT id, request, state, charged, amount_cents FROM orders")
        .fetch_all(&mut *database.hold().await)
        .await?
        .iter()
        .map(|row| {
            let ordered = Ordered {
                request: row.try_get(1)?,
                state: State::of(&row.try_get::<String, _>(2)?)?,
                charged: row.try_get::<i64, _>(3)? != 0,
                amount_cents: row.try_get(4)?,
            };
            Ok((row.try_get(0)?, ordered))
        })
        .collect()
}

async fn read_ledger(database: &Database) -> Result<BTreeMap<String, Moved>, sqlx::Error> {
    let rows = sqlx::query("SELECT order_id, kind, amount_cents FROM ledger")
        .fetch_all(&mut *database.hold().await)
        .await?;
    let mut moved = BTreeMap::<String, Moved>::new();
    for row in rows {
        let (kind, amount): (String, i64) = (row.try_get(1)?, row.try_get(2)?);
        let entry = moved.entry(row.try_get(0)?).or_default();
        match kind.as_str() {
            "charge" => {
                entry.charges += 1;
                entry.balance_cents += amount;
            }
            "refund" => {
                entry.refunds += 1;
                entry.balance_cents -= amount;
            }
            other => {
                let why = format!("money cannot move by `{other}`");
                return Err(sqlx::Error::Decode(why.into()));
            }
        }
    }
    Ok(moved)
}

/// The rules, on plain data.
fn judge(
    acknowledged: &BTreeSet<String>,
    ordered: &BTreeMap<String, Ordered>,
    moved: &BTreeMap<String, Moved>,
) -> AuditFindings {
    let mut found = AuditFindings {
        acknowledged: acknowledged.len() as u64,
        charged: moved.values().filter(|m| m.charges > 0).count() as u64,
        refunded: moved.values().filter(|m| m.refunds > 0).count() as u64,
        ..AuditFindings::default()
    };
    for id in acknowledged {
        match ordered.get(id).map(|order| order.state) {
            None => found.violation(format!("order {id} was acknowledged and is lost")),
            Some(State::Placed) => {}
            Some(state) => {
                found.violation(format!(
                    "order {id} was acknowledged and is {}",
                    state.name()
                ));
            }
        }
    }
    let mut requests = BTreeMap::<&str, &str>::new();
    for (id, order) in ordered {
        let moved = moved.get(id).copied().unwrap_or_default();
        if order.state == State::Placed {
            found.placed += 1;
            if let Some(other) = requests.insert(&order.request, id) {
                found.violation(format!("orders {other} and {id} are of one request"));
            }
            found.placed_order(id, order, moved);
        } else if moved.charges != moved.refunds || moved.balance_cents != 0 {
            let (state, cents) = (order.state.name(), moved.balance_cents);
            found.violation(format!(
                "order {id} is {state} and {cents} cents were not given back"
            ));
        }
    }
    for id in moved.keys().filter(|id| !ordered.contains_key(*id)) {
        found.violation(format!("{id} was charged and never ordered"));
    }
    found
}

impl AuditFindings {
    fn placed_order(&mut self, id: &str, order: &Ordered, moved: Moved) {
        match (order.charged, moved.charges, moved.refunds) {
            (true, 1, 0) if moved.balance_cents == order.amount_cents => {}
            (true, 1, 0) => self.violation(format!(
                "order {id} is of {} cents and {} were charged",
                order.amount_cents, moved.balance_cents
            )),
            (true, 0, _) => self.violation(format!("order {id} is placed and was never charged")),
            (true, _, 1..) => self.violation(format!("order {id} is placed and was refunded")),
            (true, times, 0) => self.violation(format!("order {id} was charged {times} times")),
            (false, 0, 0) => {}
            (false, ..) => {
                self.violation(format!("order {id} was charged and asked for no payment"));
            }
        }
    }

    fn violation(&mut self, what: String) {
        self.violation_count += 1;
        if self.violations.len() < MOST_LISTED {
            self.violations.push(what);
        }
    }
}

#[cfg(test)]
mod tests;
