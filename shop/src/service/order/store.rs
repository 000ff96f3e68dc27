//! Orders, their stock and their outbox entries, in SQL. Every function is one step of a transaction, or a whole one.

use serde::{Deserialize, Serialize};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use sqlx::{Connection as _, Row as _};

use crate::database::{Database, Held};

/// One line of a cart or an order.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Line {
    pub(crate) product: i64,
    pub(crate) quantity: i64,
}

/// Where an order is in its life.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum State {
    /// Payment was asked, or is about to be.
    Pending,
    /// It is paid for and will be delivered.
    Placed,
    /// It is off, and its charge with it.
    Cancelled,
}

impl State {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Placed => "placed",
            Self::Cancelled => "cancelled",
        }
    }

    pub(crate) fn of(name: &str) -> Result<Self, sqlx::Error> {
        [Self::Pending, Self::Placed, Self::Cancelled]
            .into_iter()
            .find(|state| state.name() == name)
            .ok_or_else(|| sqlx::Error::Decode(format!("an order cannot be `{name}`").into()))
    }
}

/// An order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) state: State,
    pub(crate) amount_cents: i64,
    pub(crate) items: Vec<Line>,
}

/// Where a checkout's name comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Named {
    /// The shopper said it.
    ByShopper,
    /// It is the name of the shopper's cart.
    ByCart,
}

/// What a checkout asks for.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// What makes a repeated checkout the same checkout.
    pub(super) request: String,
    pub(super) named: Named,
    pub(super) cart: String,
    /// What is bought if the cart is empty.
    pub(super) otherwise: Option<Line>,
    /// Whether payment will be asked.
    pub(super) charged: bool,
    pub(super) now_ms: i64,
    /// When another replica may take the order for abandoned.
    pub(super) due_ms: i64,
}

/// What became of a wish to order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Opened {
    /// It is pending: payment may be asked. A repeated request goes on with the first one's order.
    Pending(Order),
    /// The same request was placed before.
    Placed(Order),
    /// There is nothing to buy.
    Empty,
    /// There is not enough of this product.
    SoldOut(i64),
}

/// Opens an order for what is wanted, or finds the one there is.
pub(super) async fn open(
    mut held: Held,
    begin: &'static str,
    wanted: Wanted,
) -> Result<Opened, sqlx::Error> {
    let mut tx = held.begin_with(begin).await?;
    let mut items = lines(&mut tx, &wanted.cart).await?;
    let (mut wanted, mut last) = (wanted, None);
    while let Some(order) = living(&mut tx, &wanted.request).await? {
        match (order.state, wanted.named) {
            (State::Pending | State::Cancelled, _) => return Ok(Opened::Pending(order)),
            (State::Placed, Named::ByShopper) => return Ok(Opened::Placed(order)),
            (State::Placed, Named::ByCart) => last = Some(order),
        }
        wanted.request.push('+');
    }
    // Placing an order empties its cart: who has filled it since then buys again, who has not repeats the last purchase.
    if let Some(order) = last.filter(|_| items.is_empty()) {
        return Ok(Opened::Placed(order));
    }
    if items.is_empty() {
        items.extend(wanted.otherwise);
    }
    if items.is_empty() {
        return Ok(Opened::Empty);
    }
    for line in &items {
        if !take_stock(&mut tx, *line).await? {
            return Ok(Opened::SoldOut(line.product));
        }
    }
    let order = insert(&mut tx, &wanted, items).await?;
    tx.commit().await?;
    Ok(Opened::Pending(order))
}

async fn insert(
    connection: &mut AnyConnection,
    wanted: &Wanted,
    items: Vec<Line>,
) -> Result<Order, sqlx::Error> {
    let tries: i64 = sqlx::query("SELECT COUNT(*) FROM orders WHERE request = $1")
        .bind(wanted.request.as_str())
        .fetch_one(&mut *connection)
        .await?
        .try_get(0)?;
    let id = format!(
        "o{}",
        super::digest(&["order", &wanted.request, &tries.to_string()])
    );
    let amount_cents = items
        .iter()
        .map(|line| line.quantity * super::list_price_cents(line.product))
        .sum();
    let written = serde_json::to_string(&items).map_err(|e| sqlx::Error::Encode(e.into()))?;
    sqlx::query(
        "INSERT INTO orders (id, request, state, charged, amount_cents, items, created_ms) \
         VALUES ($1, $2, 'pending', $3, $4, $5, $6)",
    )
    .bind(id.as_str())
    .bind(wanted.request.as_str())
    .bind(i64::from(wanted.charged))
    .bind(amount_cents)
    .bind(written)
    .bind(wanted.now_ms)
    .execute(&mut *connection)
    .await?;
    sqlx::query("INSERT INTO outbox (order_id, due_ms, leased_ms, tries) VALUES ($1, $2, 0, 0)")
        .bind(id.as_str())
        .bind(wanted.due_ms)
        .execute(&mut *connection)
        .await?;
    Ok(Order {
        id,
        state: State::Pending,
        amount_cents,
        items,
    })
}

/// The order of a request that is not cancelled.
async fn living(
    connection: &mut AnyConnection,
    request: &str,
) -> Result<Option<Order>, sqlx::Error> {
    sqlx::query(
        "SELECT id, state, amount_cents, items FROM orders WHERE request = $1 AND state <> 'cancelled'",
    )
    .bind(request)
    .fetch_optional(connection)
    .await?
    .map(|row| read(&row))
    .transpose()
}

/// The order with this number.
pub(super) async fn order(
    connection: &mut AnyConnection,
    id: &str,
) -> Result<Option<Order>, sqlx::Error> {
    sqlx::query("SELECT id, state, amount_cents, items FROM orders WHERE id = $1")
        .bind(id)
        .fetch_optional(connection)
        .await?
        .map(|row| read(&row))
        .transpose()
}

fn read(row: &AnyRow) -> Result<Order, sqlx::Error> {
    let items: String = row.try_get(3)?;
    Ok(Order {
        id: row.try_get(0)?,
        state: State::of(&row.try_get::<String, _>(1)?)?,
        amount_cents: row.try_get(2)?,
        items: serde_json::from_str(&items).map_err(|e| sqlx::Error::Decode(e.into()))?,
    })
}

/// Places a pending order for so much and empties its cart. Returns the order as it is then, which is another replica's
/// doing if it is not placed.
pub(super) async fn place(
    database: &Database,
    id: &str,
    cart: &str,
    amount_cents: i64,
) -> Result<State, sqlx::Error> {
    let kind = database.kind();
    let (id, cart) = (id.to_owned(), cart.to_owned());
    database
        .run(move |mut held| {
            let (id, cart) = (id.clone(), cart.clone());
            async move {
                let mut tx = held.begin_with(kind.begin()).await?;
                let placed = sqlx::query(
                    "UPDATE orders SET state = 'placed', amount_cents = $1 WHERE id = $2 AND state = 'pending'",
                )
                .bind(amount_cents)
                .bind(id.as_str())
                .execute(&mut *tx)
                .await?
                .rows_affected();
                if placed == 1 {
                    delete(&mut tx, "DELETE FROM outbox WHERE order_id = $1", &id).await?;
                    delete(&mut tx, "DELETE FROM cart_items WHERE cart = $1", &cart).await?;
                    tx.commit().await?;
                    return Ok(State::Placed);
                }
                let now = order(&mut tx, &id).await?;
                Ok(now.map_or(State::Cancelled, |order| order.state))
            }
        })
        .await
}

/// Cancels a pending order: its stock goes back, and its charge is to be called off from `due_ms` on. Returns the order's
/// state then: a placed one stays placed.
///
/// # Errors
/// If the database cannot be written.
pub(crate) async fn cancel(
    database: &Database,
    id: &str,
    due_ms: i64,
) -> Result<State, sqlx::Error> {
    let (kind, id) = (database.kind(), id.to_owned());
    database
        .run(move |mut held| {
            let id = id.clone();
            async move {
                let mut tx = held.begin_with(kind.begin()).await?;
                let cancelled = sqlx::query(
                    "UPDATE orders SET state = 'cancelled' WHERE id = $1 AND state = 'pending'",
                )
                .bind(id.as_str())
                .execute(&mut *tx)
                .await?
                .rows_affected();
                let Some(now) = order(&mut tx, &id).await? else {
                    return Ok(State::Cancelled);
                };
                if cancelled == 1 {
                    for line in &now.items {
                        return_stock(&mut tx, *line).await?;
                    }
                    sqlx::query("UPDATE outbox SET due_ms = $1 WHERE order_id = $2")
                        .bind(due_ms)
                        .bind(id.as_str())
                        .execute(&mut *tx)
                        .await?;
                    tx.commit().await?;
                }
                Ok(now.state)
            }
        })
        .await
}

/// What is in a cart.
pub(super) async fn lines(
    connection: &mut AnyConnection,
    cart: &str,
) -> Result<Vec<Line>, sqlx::Error> {
    sqlx::query(
        "SELECT product, quantity FROM cart_items WHERE cart = $1 ORDER BY product LIMIT 100",
    )
    .bind(cart)
    .fetch_all(connection)
    .await?
    .iter()
    .map(|row| {
        Ok(Line {
            product: row.try_get(0)?,
            quantity: row.try_get(1)?,
        })
    })
    .collect()
}

async fn take_stock(connection: &mut AnyConnection, line: Line) -> Result<bool, sqlx::Error> {
    sqlx::query(
        "UPDATE stock SET available = available - $1 WHERE product = $2 AND available >= $1",
    )
    .bind(line.quantity)
    .bind(line.product)
    .execute(connection)
    .await
    .map(|done| done.rows_affected() == 1)
}

async fn return_stock(connection: &mut AnyConnection, line: Line) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE stock SET available = available + $1 WHERE product = $2")
        .bind(line.quantity)
        .bind(line.product)
        .execute(connection)
        .await
        .map(drop)
}

async fn delete(
    connection: &mut AnyConnection,
    query: &'static str,
    key: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(query)
        .bind(key)
        .execute(connection)
        .await
        .map(drop)
}
