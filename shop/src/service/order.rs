//! *order*: cart, stock, checkout.
//!
//! A checkout is one order, whatever happens. Its life:
//!
//! ```text
//! (request) ─► pending ─► placed      acknowledged to the shopper only after this is committed
//!                  └────► cancelled   the charge is called off through the outbox, whether it was made or not
//! ```
//!
//! The pending order, its stock and an outbox entry are written in one transaction, before payment is asked. Whoever
//! learns how payment ended moves the order on, with a compare-and-set: the request itself, or, if its process died or
//! its shopper went away, another replica that finds the outbox entry due ([`outbox`]). So nothing is acknowledged that is not
//! placed, and no charge of a cancelled order stays.

mod checkout;
pub(crate) mod outbox;
mod store;

use hyper::StatusCode;
use serde_json::{Value, json};
use sqlx::{Connection as _, Row as _};

use super::ask::{Ask, Reply};
use super::business::broken;
use super::token::digest;
use crate::database::{Database, list_price_cents};

pub(super) use checkout::{Checkout, Paid, not_ordered};
pub(crate) use store::{Line, State, cancel};

/// The most that one line of a cart may hold.
const MOST: i64 = 1_000;

/// Puts a product into a cart. Done again, it changes nothing.
pub(super) async fn add(database: &Database, ask: &Ask) -> Result<Reply, sqlx::Error> {
    let Some(product) = ask.number("product") else {
        return Ok(Reply::error(
            StatusCode::BAD_REQUEST,
            "no_product",
            "say which `product`, by its number",
        ));
    };
    let quantity = ask.number("quantity").unwrap_or(1).clamp(1, MOST);
    let cart = cart_of(ask);
    let (kind, name) = (database.kind(), cart.clone());
    let lines = database
        .run(move |mut held| {
            let cart = name.clone();
            async move {
                let mut tx = held.begin_with(kind.begin()).await?;
                let known = sqlx::query("SELECT product FROM stock WHERE product = $1")
                    .bind(product)
                    .fetch_optional(&mut *tx)
                    .await?;
                if known.is_none() {
                    return Ok(None);
                }
                sqlx::query(
                    "INSERT INTO cart_items (cart, product, quantity) VALUES ($1, $2, $3) \
                     ON CONFLICT (cart, product) DO UPDATE SET quantity = excluded.quantity",
                )
                .bind(cart.as_str())
                .bind(product)
                .bind(quantity)
                .execute(&mut *tx)
                .await?;
                let lines = store::lines(&mut tx, &cart).await?;
                tx.commit().await?;
                Ok(Some(lines))
            }
        })
        .await?;
    Ok(match lines {
        Some(lines) => shown(&cart, &lines),
        None => Reply::error(
            StatusCode::NOT_FOUND,
            "no_such_product",
            format!("there is no product {product}"),
        ),
    })
}

/// What is in a cart.
pub(super) async fn view(database: &Database, ask: &Ask) -> Result<Reply, sqlx::Error> {
    let cart = cart_of(ask);
    let mut held = database.hold().await;
    let lines = store::lines(&mut held, &cart).await?;
    Ok(shown(&cart, &lines))
}

/// How many there are of the products that were asked for.
pub(super) async fn stock(database: &Database, ask: &Ask) -> Result<Reply, sqlx::Error> {
    let mut held = database.hold().await;
    let mut available = serde_json::Map::new();
    for product in products_of(ask) {
        let row = sqlx::query("SELECT available FROM stock WHERE product = $1")
            .bind(product)
            .fetch_optional(&mut *held)
            .await?;
        let count: i64 = row.map_or(Ok(0), |row| row.try_get(0))?;
        available.insert(product.to_string(), count.into());
    }
    Ok(Reply::ok(json!({"available": available})))
}

/// How an order stands.
pub(super) async fn status(database: &Database, ask: &Ask) -> Result<Reply, sqlx::Error> {
    let id = ask
        .text("id")
        .or_else(|| ask.text("order"))
        .unwrap_or_default();
    let mut held = database.hold().await;
    Ok(match store::order(&mut held, &id).await? {
        Some(order) => Reply::ok(json!({
            "order": order.id, "state": order.state.name(), "amount_cents": order.amount_cents,
        })),
        None => Reply::error(
            StatusCode::NOT_FOUND,
            "no_such_order",
            "there is no order with this number",
        ),
    })
}

/// The cart that a request means: the one it names, or the shopper's own.
fn cart_of(ask: &Ask) -> String {
    ask.text("cart")
        .filter(|cart| !cart.is_empty())
        .unwrap_or_else(|| {
            let (run, journey) = (ask.trace.run, ask.trace.journey);
            format!(
                "c{}",
                digest(&["cart", &run.to_string(), &journey.to_string()])
            )
        })
}

/// The products that a request names, at most a hundred.
pub(super) fn products_of(ask: &Ask) -> Vec<i64> {
    let number = |value: &Value| value.as_i64().or_else(|| value.as_str()?.parse().ok());
    match ask.value("products") {
        Some(Value::Array(all)) => all.iter().filter_map(number).take(100).collect(),
        _ => ask
            .number("product")
            .or_else(|| ask.number("id"))
            .into_iter()
            .collect(),
    }
}

fn shown(cart: &str, lines: &[Line]) -> Reply {
    let items: Vec<Value> = lines
        .iter()
        .map(|line| json!({"product": line.product, "quantity": line.quantity}))
        .collect();
    let total: i64 = lines
        .iter()
        .map(|line| line.quantity * list_price_cents(line.product))
        .sum();
    Reply::ok(json!({"cart": cart, "items": items, "total_cents": total}))
}

/// The answer to a request of this service that is not a checkout.
pub(super) async fn answer(database: &Database, ask: &Ask, operation: &str) -> Option<Reply> {
    let reply = match operation {
        "add" => add(database, ask).await,
        "cart" => view(database, ask).await,
        "stock" => stock(database, ask).await,
        "status" => status(database, ask).await,
        _ => return None,
    };
    Some(reply.unwrap_or_else(|e| broken(&e)))
}
