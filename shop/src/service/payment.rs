//! *payment*: a charge happens once, however often it is tried, and what was taken back can never be charged again.
//!
//! A charge is named by its order. It is `pending` from its beginning until the bank has answered, then `charged`; a
//! void makes it `voided` before that and `refunded` after it. Every movement of money is a row of the ledger, written
//! in the transaction that changes the state.

use hyper::StatusCode;
use serde_json::json;
use sqlx::AnyConnection;
use sqlx::{Connection as _, Row as _};

use super::ask::Reply;
use crate::database::{Database, Held};

/// A charge to be made.
#[derive(Clone, Debug)]
pub(super) struct Charge {
    pub(super) order: String,
    pub(super) amount_cents: i64,
    pub(super) now_ms: i64,
}

/// Where a charge is in its life.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum State {
    /// The bank was asked.
    Pending,
    /// The money was taken.
    Charged,
    /// It was called off before the money was taken.
    Voided,
    /// The money was given back.
    Refunded,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Charged => "charged",
            Self::Voided => "voided",
            Self::Refunded => "refunded",
        }
    }

    fn of(name: &str) -> Result<Self, sqlx::Error> {
        [Self::Pending, Self::Charged, Self::Voided, Self::Refunded]
            .into_iter()
            .find(|state| state.name() == name)
            .ok_or_else(|| sqlx::Error::Decode(format!("a charge cannot be `{name}`").into()))
    }

    /// What a void makes of it.
    fn after_void(self) -> Self {
        match self {
            Self::Pending | Self::Voided => Self::Voided,
            Self::Charged | Self::Refunded => Self::Refunded,
        }
    }
}

impl Charge {
    /// Notes that the bank is about to be asked.
    ///
    /// # Errors
    /// The answer, if there is nothing to ask any more.
    pub(super) async fn begin(&self, database: &Database) -> Result<(), Reply> {
        let (kind, charge) = (database.kind(), self.clone());
        let state = database
            .run(move |mut held| {
                let charge = charge.clone();
                async move {
                    let mut tx = held.begin_with(kind.begin()).await?;
                    insert(&mut tx, &charge.order, State::Pending, charge.amount_cents).await?;
                    let state = state(&mut tx, &charge.order).await?;
                    tx.commit().await?;
                    Ok(state)
                }
            })
            .await;
        match state {
            Ok(State::Pending) => Ok(()),
            Ok(state) => Err(self.reply(state)),
            Err(e) => Err(super::business::broken(&e)),
        }
    }

    /// The bank said yes: takes the money, unless the charge was called off meanwhile.
    pub(super) async fn finish(self, database: &Database) -> Reply {
        let (kind, charge) = (database.kind(), self.clone());
        let state = database
            .run(move |held| take(held, kind.begin(), charge.clone()))
            .await;
        match state {
            Ok(state) => self.reply(state),
            Err(e) => super::business::broken(&e),
        }
    }

    fn reply(&self, state: State) -> Reply {
        let order = &self.order;
        match state {
            State::Charged | State::Pending => {
                Reply::ok(json!({"charge": order, "state": state.name()}))
            }
            State::Voided | State::Refunded => Reply::error(
                StatusCode::PAYMENT_REQUIRED,
                state.name(),
                format!("the charge for order {order} was called off"),
            ),
        }
    }
}

async fn take(mut held: Held, begin: &'static str, charge: Charge) -> Result<State, sqlx::Error> {
    let mut tx = held.begin_with(begin).await?;
    let taken = set(&mut tx, &charge.order, State::Pending, State::Charged).await?;
    if taken {
        enter(
            &mut tx,
            &charge.order,
            "charge",
            charge.amount_cents,
            charge.now_ms,
        )
        .await?;
    }
    let state = state(&mut tx, &charge.order).await?;
    tx.commit().await?;
    Ok(state)
}

/// Takes a charge back, whether it was made, is being made or will be tried later.
///
/// # Errors
/// If the database cannot be written.
pub(crate) async fn void(
    database: &Database,
    order: &str,
    now_ms: i64,
) -> Result<State, sqlx::Error> {
    let (kind, order) = (database.kind(), order.to_owned());
    database
        .run(move |held| take_back(held, kind.begin(), order.clone(), now_ms))
        .await
}

async fn take_back(
    mut held: Held,
    begin: &'static str,
    order: String,
    now_ms: i64,
) -> Result<State, sqlx::Error> {
    let mut tx = held.begin_with(begin).await?;
    insert(&mut tx, &order, State::Voided, 0).await?;
    // With PostgreSQL another may change the state between the look and the change: then look again.
    let (before, after) = loop {
        let before = state(&mut tx, &order).await?;
        let after = before.after_void();
        if set(&mut tx, &order, before, after).await? {
            break (before, after);
        }
    };
    if before == State::Charged {
        let amount = sqlx::query("SELECT amount_cents FROM charges WHERE order_id = $1")
            .bind(order.as_str())
            .fetch_one(&mut *tx)
            .await?
            .try_get(0)?;
        enter(&mut tx, &order, "refund", amount, now_ms).await?;
    }
    tx.commit().await?;
    Ok(after)
}

/// The answer to a void.
pub(super) async fn answer_void(database: &Database, order: Option<String>, now_ms: i64) -> Reply {
    let Some(order) = order else {
        return Reply::error(StatusCode::BAD_REQUEST, "no_order", "say which `order`");
    };
    match void(database, &order, now_ms).await {
        Ok(state) => Reply::ok(json!({"charge": order, "state": state.name()})),
        Err(e) => super::business::broken(&e),
    }
}

async fn insert(
    connection: &mut AnyConnection,
    order: &str,
    state: State,
    amount_cents: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO charges (order_id, state, amount_cents) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(order)
    .bind(state.name())
    .bind(amount_cents)
    .execute(connection)
    .await
    .map(drop)
}

async fn state(connection: &mut AnyConnection, order: &str) -> Result<State, sqlx::Error> {
    let row = sqlx::query("SELECT state FROM charges WHERE order_id = $1")
        .bind(order)
        .fetch_one(connection)
        .await?;
    State::of(&row.try_get::<String, _>(0)?)
}

/// Changes the state, if it is still what it was. Whether it was.
async fn set(
    connection: &mut AnyConnection,
    order: &str,
    from: State,
    to: State,
) -> Result<bool, sqlx::Error> {
    sqlx::query("UPDATE charges SET state = $1 WHERE order_id = $2 AND state = $3")
        .bind(to.name())
        .bind(order)
        .bind(from.name())
        .execute(connection)
        .await
        .map(|done| done.rows_affected() == 1)
}

async fn enter(
    connection: &mut AnyConnection,
    order: &str,
    kind: &'static str,
    amount_cents: i64,
    at_ms: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO ledger (order_id, kind, amount_cents, at_ms) VALUES ($1, $2, $3, $4)")
        .bind(order)
        .bind(kind)
        .bind(amount_cents)
        .bind(at_ms)
        .execute(connection)
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Role;

    #[derive(Clone, Copy, Debug)]
    enum Act {
        Begin,
        Finish,
        Void,
    }

    async fn payments() -> (tempfile::TempDir, Database) {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("payment").display());
        let database = Database::open(Role::Payment, &url).await.unwrap();
        crate::database::prepare_open(Role::Payment, &database)
            .await
            .unwrap();
        (folder, database)
    }

    async fn moved(database: &Database, kind: &str) -> i64 {
        sqlx::query("SELECT COUNT(*) FROM ledger WHERE kind = $1")
            .bind(kind)
            .fetch_one(&mut *database.hold().await)
            .await
            .unwrap()
            .get(0)
    }

    #[tokio::test]
    async fn money_moves_once_whatever_is_tried_in_whatever_order() {
        use Act::{Begin, Finish, Void};
        for (acts, charges, refunds, why) in [
            (&[Begin, Finish][..], 1, 0, "a plain charge"),
            (
                &[Begin, Finish, Begin, Finish],
                1,
                0,
                "repeated after its end",
            ),
            (&[Begin, Begin, Finish, Finish], 1, 0, "repeated meanwhile"),
            (
                &[Begin, Void, Finish],
                0,
                0,
                "called off before the bank answered",
            ),
            (&[Void, Begin, Finish], 0, 0, "called off before it came"),
            (&[Begin, Finish, Void, Void], 1, 1, "taken back once"),
            (
                &[Begin, Finish, Void, Begin, Finish],
                1,
                1,
                "and never charged again",
            ),
        ] {
            let (_folder, database) = payments().await;
            let charge = Charge {
                order: "o1".into(),
                amount_cents: 100,
                now_ms: 5,
            };
            for act in acts {
                match act {
                    Begin => drop(charge.begin(&database).await),
                    Finish => drop(charge.clone().finish(&database).await),
                    Void => drop(void(&database, "o1", 6).await.unwrap()),
                }
            }
            assert_eq!(moved(&database, "charge").await, charges, "{why}");
            assert_eq!(moved(&database, "refund").await, refunds, "{why}");
        }
    }

    #[tokio::test]
    async fn a_repeated_charge_is_answered_as_the_first_was() {
        let (_folder, database) = payments().await;
        let charge = Charge {
            order: "o1".into(),
            amount_cents: 100,
            now_ms: 5,
        };
        charge.begin(&database).await.unwrap();
        let first = charge.clone().finish(&database).await;
        assert_eq!(first.status, StatusCode::OK);
        assert_eq!(
            charge.begin(&database).await.unwrap_err(),
            first,
            "without asking the bank again"
        );
        void(&database, "o1", 6).await.unwrap();
        let refused = charge.begin(&database).await.unwrap_err();
        assert_eq!(refused.status, StatusCode::PAYMENT_REQUIRED);
    }
}
