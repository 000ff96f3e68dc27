//! The outbox: what is left to do for orders whose request did not see them through.
//!
//! An entry is an order whose charge is to be called off. It is written with the order, so that no death of a process can
//! lose it, and deleted when the order is placed. From its due time on any replica may lease it: it cancels the order if
//! that is still pending, has the charge called off, and deletes the entry.

use std::sync::Arc;
use std::time::{Duration, Instant};

use scenarios::{OperationId, Trace};
use serde_json::json;
use sqlx::Row as _;

use super::store::{self, State};
use crate::database::Database;
use crate::service::Replica;
use crate::service::calls::{Called, Outgoing};

/// How often a replica looks for entries that are due.
const LOOK: Duration = Duration::from_millis(500);
/// How long a leased entry is left to its holder.
const LEASE_MS: i64 = 10_000;
/// The most entries that a replica leases at once.
const BATCH: i64 = 16;
/// How long calling off may take.
const LIMIT: Duration = Duration::from_secs(5);
/// The first wait after a failure; it doubles up to [`LONGEST_MS`].
const FIRST_MS: i64 = 500;
const LONGEST_MS: i64 = 8_000;

/// An entry that this replica may work on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Entry {
    pub(crate) order: String,
    pub(crate) tries: i64,
}

/// Works the outbox off, for ever.
pub(in crate::service) async fn work_for_ever(replica: Arc<Replica>, database: Database) {
    loop {
        tokio::time::sleep(LOOK).await;
        // What fails here, as when the database is locked for long, is tried again at the next look.
        work_off(&replica, &database).await.ok();
    }
}

async fn work_off(replica: &Arc<Replica>, database: &Database) -> Result<(), sqlx::Error> {
    let now = replica.now_ms();
    for entry in lease(database, now, now + LEASE_MS).await? {
        if store::cancel(database, &entry.order, now).await? == State::Placed
            || call_off(replica, &entry.order).await
        {
            delete(database, &entry.order).await?;
        } else {
            put_off(database, &entry, replica.now_ms()).await?;
        }
    }
    Ok(())
}

/// Has the charge of an order called off. Whether that was done.
async fn call_off(replica: &Arc<Replica>, order: &str) -> bool {
    let outgoing = Outgoing {
        to: OperationId {
            service: "payment".into(),
            operation: "void".into(),
        },
        trace: Trace {
            run: replica.run,
            journey: u64::MAX,
            page: 0,
            hop: 0,
            attempt: 0,
        },
        timeout: Some(LIMIT),
        retries: 0,
        deadline: Instant::now() + LIMIT,
        key: Some(order.to_owned()),
        body: json!({"order": order}),
    };
    matches!(replica.gateway.call(&outgoing).await, Called::Done(_))
}

/// Leases entries that are due at `now_ms`, until `until_ms`. No two replicas hold the same one.
///
/// # Errors
/// If the database cannot be read or written.
pub(crate) async fn lease(
    database: &Database,
    now_ms: i64,
    until_ms: i64,
) -> Result<Vec<Entry>, sqlx::Error> {
    let due: Vec<Entry> = {
        let mut held = database.hold().await;
        sqlx::query(
            "SELECT order_id, tries FROM outbox WHERE due_ms <= $1 AND leased_ms <= $1 ORDER BY due_ms LIMIT $2",
        )
        .bind(now_ms)
        .bind(BATCH)
        .fetch_all(&mut *held)
        .await?
        .iter()
        .map(|row| Ok(Entry { order: row.try_get(0)?, tries: row.try_get(1)? }))
        .collect::<Result<_, sqlx::Error>>()?
    };
    let mut mine = Vec::new();
    for entry in due {
        let order = entry.order.clone();
        let taken = database
            .run(move |mut held| {
                let order = order.clone();
                async move {
                    sqlx::query(
                        "UPDATE outbox SET leased_ms = $1 WHERE order_id = $2 AND leased_ms <= $3",
                    )
                    .bind(until_ms)
                    .bind(order)
                    .bind(now_ms)
                    .execute(&mut *held)
                    .await
                }
            })
            .await?
            .rows_affected();
        if taken == 1 {
            mine.push(entry);
        }
    }
    Ok(mine)
}

/// The orders of all entries, due or not.
///
/// # Errors
/// If the database cannot be read.
pub(crate) async fn all(database: &Database) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query("SELECT order_id FROM outbox ORDER BY order_id")
        .fetch_all(&mut *database.hold().await)
        .await?
        .iter()
        .map(|row| row.try_get(0))
        .collect()
}

/// Deletes an entry that was worked off.
///
/// # Errors
/// If the database cannot be written.
pub(crate) async fn delete(database: &Database, order: &str) -> Result<(), sqlx::Error> {
    let order = order.to_owned();
    database
        .run(move |mut held| {
            let order = order.clone();
            async move {
                sqlx::query("DELETE FROM outbox WHERE order_id = $1")
                    .bind(order)
                    .execute(&mut *held)
                    .await
            }
        })
        .await
        .map(drop)
}

/// Gives a lease back after a failure, for a later try.
async fn put_off(database: &Database, entry: &Entry, now_ms: i64) -> Result<(), sqlx::Error> {
    let due_ms = now_ms + wait_ms(entry.tries);
    let entry = entry.clone();
    database
        .run(move |mut held| {
            let entry = entry.clone();
            async move {
                sqlx::query(
                    "UPDATE outbox SET due_ms = $1, leased_ms = 0, tries = $2 WHERE order_id = $3",
                )
                .bind(due_ms)
                .bind(entry.tries + 1)
                .bind(entry.order)
                .execute(&mut *held)
                .await
            }
        })
        .await
        .map(drop)
}

/// The wait after so many failures.
fn wait_ms(failures: i64) -> i64 {
    (FIRST_MS << failures.clamp(0, 8)).min(LONGEST_MS)
}

#[cfg(test)]
mod tests;
