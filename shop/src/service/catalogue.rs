//! *catalogue*: what there is to buy, and what it costs.

use hyper::StatusCode;
use serde_json::{Map, Value, json};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::ask::{Ask, Reply};
use super::business::broken;
use super::order::products_of;
use crate::database::{CATEGORIES, Database, Kind};

/// Products on a page.
const PAGE: i64 = 20;

/// The answer to a request of this service.
pub(super) async fn answer(database: &Database, ask: &Ask, operation: &str) -> Option<Reply> {
    let reply = match operation {
        "home" => home(database, ask).await,
        "list" => list(database, ask).await,
        "search" => search(database, ask).await,
        "product" => product(database, ask).await,
        "price" => price(database, ask).await,
        _ => return None,
    };
    Some(reply.unwrap_or_else(|e| broken(&e)))
}

async fn home(database: &Database, ask: &Ask) -> Result<Reply, sqlx::Error> {
    // Another selection for every shopper.
    let first = (ask.trace.journey % 49) as i64 * PAGE + 1;
    let rows = {
        let mut held = database.hold().await;
        sqlx::query("SELECT id, name, category, price_cents FROM products WHERE id >= $1 ORDER BY id LIMIT $2")
            .bind(first)
            .bind(PAGE)
            .fetch_all(&mut *held)
            .await?
    };
    Ok(Reply::ok(
        json!({"products": all(&rows)?, "categories": CATEGORIES}),
    ))
}

async fn list(database: &Database, ask: &Ask) -> Result<Reply, sqlx::Error> {
    let wanted = ask.text("category").unwrap_or_else(|| "1".into());
    let number = wanted
        .parse::<usize>()
        .ok()
        .filter(|n| (1..=CATEGORIES.len()).contains(n));
    let place = number
        .map(|n| n - 1)
        .or_else(|| CATEGORIES.iter().position(|name| *name == wanted));
    let Some(place) = place else {
        let why = format!(
            "categories are numbered 1 to {} or named: {}",
            CATEGORIES.len(),
            CATEGORIES.join(", ")
        );
        return Ok(Reply::error(StatusCode::NOT_FOUND, "no_such_category", why));
    };
    let page = ask.number("page").unwrap_or(1).clamp(1, 1_000);
    let rows = {
        let mut held = database.hold().await;
        sqlx::query(
            "SELECT id, name, category, price_cents FROM products WHERE category = $1 ORDER BY id LIMIT $2 OFFSET $3",
        )
        .bind(place as i64 + 1)
        .bind(PAGE)
        .bind((page - 1) * PAGE)
        .fetch_all(&mut *held)
        .await?
    };
    Ok(Reply::ok(
        json!({"category": CATEGORIES[place], "page": page, "products": all(&rows)?}),
    ))
}

async fn search(database: &Database, ask: &Ask) -> Result<Reply, sqlx::Error> {
    let words = words(&ask.text("q").unwrap_or_default());
    if words.is_empty() {
        return Ok(Reply::ok(json!({"products": []})));
    }
    let mut held = database.hold().await;
    let rows = match database.kind() {
        Kind::Sqlite => {
            // Each word is quoted, so that nothing in it is an operator; the last may be unfinished.
            let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
            sqlx::query(
                "SELECT id, name, category, price_cents FROM products WHERE id IN \
                 (SELECT rowid FROM product_words WHERE product_words MATCH $1 ORDER BY rank LIMIT $2) ORDER BY id",
            )
            .bind(format!("{}*", quoted.join(" ")))
            .bind(PAGE)
            .fetch_all(&mut *held)
            .await?
        }
        Kind::Postgres => {
            sqlx::query(
                "SELECT id, name, category, price_cents FROM products \
                 WHERE to_tsvector('simple', name) @@ to_tsquery('simple', $1) ORDER BY id LIMIT $2",
            )
            .bind(format!("{}:*", words.join(" & ")))
            .bind(PAGE)
            .fetch_all(&mut *held)
            .await?
        }
    };
    Ok(Reply::ok(json!({"products": all(&rows)?})))
}

/// At most eight words of letters and digits.
fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(8)
        .map(str::to_lowercase)
        .collect()
}

async fn product(database: &Database, ask: &Ask) -> Result<Reply, sqlx::Error> {
    let id = ask
        .number("id")
        .or_else(|| ask.number("product"))
        .unwrap_or(0);
    let mut held = database.hold().await;
    let row = sqlx::query("SELECT id, name, category, price_cents FROM products WHERE id = $1")
        .bind(id)
        .fetch_optional(&mut *held)
        .await?;
    Ok(match row {
        Some(row) => Reply::ok(json!({"product": one(&row)?})),
        None => Reply::error(
            StatusCode::NOT_FOUND,
            "no_such_product",
            format!("there is no product {id}"),
        ),
    })
}

/// What products cost; those that there are not have no price.
async fn price(database: &Database, ask: &Ask) -> Result<Reply, sqlx::Error> {
    let mut prices = Map::new();
    let mut held = database.hold().await;
    for id in products_of(ask) {
        let row = sqlx::query("SELECT price_cents FROM products WHERE id = $1")
            .bind(id)
            .fetch_optional(&mut *held)
            .await?;
        if let Some(row) = row {
            prices.insert(id.to_string(), row.try_get::<i64, _>(0)?.into());
        }
    }
    Ok(Reply::ok(json!({"prices": prices})))
}

fn all(rows: &[AnyRow]) -> Result<Vec<Value>, sqlx::Error> {
    rows.iter().map(one).collect()
}

fn one(row: &AnyRow) -> Result<Value, sqlx::Error> {
    let category: i64 = row.try_get(2)?;
    let place = usize::try_from(category - 1).unwrap_or(0);
    Ok(json!({
        "id": row.try_get::<i64, _>(0)?,
        "name": row.try_get::<String, _>(1)?,
        "category": CATEGORIES.get(place),
        "price_cents": row.try_get::<i64, _>(3)?,
    }))
}
