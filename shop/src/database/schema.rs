//! Each service's tables, and what is in them at first.

use sqlx::AnyConnection;
use sqlx::{Connection as _, Executor as _};

use super::Kind;
use crate::protocol::Role;
use crate::service::token;

/// Products in the shop, numbered from 1.
const PRODUCTS: i64 = 1_000;
/// Customers who have an account, numbered from 1: `shopper1` with the password `secret1`, and so on.
const USERS: i64 = 500;
/// How many of each product there are: enough for any rehearsal.
const STOCK: i64 = 100_000_000;
/// The categories, numbered from 1.
pub(crate) const CATEGORIES: [&str; 20] = [
    "shoes",
    "shirts",
    "jackets",
    "trousers",
    "dresses",
    "hats",
    "bags",
    "watches",
    "phones",
    "laptops",
    "cameras",
    "headphones",
    "books",
    "games",
    "toys",
    "kitchen",
    "garden",
    "sports",
    "music",
    "offers",
];
const ADJECTIVES: [&str; 10] = [
    "red", "blue", "light", "warm", "classic", "new", "small", "large", "quiet", "fast",
];

/// The name of the customer with this number.
pub(crate) fn user_name(number: i64) -> String {
    format!("shopper{number}")
}

/// What a product costs by the printed list, in cents: for services that ask nobody for the price.
pub(crate) fn list_price_cents(product: i64) -> i64 {
    499 + product.rem_euclid(97) * 250
}

/// Makes and fills the tables, unless that was done.
pub(super) async fn prepare(
    service: Role,
    kind: Kind,
    connection: &mut AnyConnection,
) -> Result<(), sqlx::Error> {
    let mut tx = connection.begin_with(kind.begin()).await?;
    if kind == Kind::Postgres {
        // CREATE TABLE IF NOT EXISTS may still collide with another's; whoever comes second waits here.
        tx.execute("SELECT pg_advisory_xact_lock(7239471)").await?;
    }
    tx.execute("CREATE TABLE IF NOT EXISTS prepared (service TEXT PRIMARY KEY)")
        .await?;
    let done = sqlx::query("SELECT service FROM prepared WHERE service = $1")
        .bind(service.name())
        .fetch_optional(&mut *tx)
        .await?;
    if done.is_none() {
        for table in tables(service, kind) {
            tx.execute(*table).await?;
        }
        fill(service, kind, &mut tx).await?;
        sqlx::query("INSERT INTO prepared (service) VALUES ($1)")
            .bind(service.name())
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await
}

const fn tables(service: Role, kind: Kind) -> &'static [&'static str] {
    match (service, kind) {
        (Role::Auth, _) => &[
            "CREATE TABLE users (name TEXT PRIMARY KEY, salt TEXT NOT NULL, rounds BIGINT NOT NULL, \
             hash TEXT NOT NULL)",
        ],
        (Role::Catalogue, Kind::Sqlite) => &[
            "CREATE TABLE products (id BIGINT PRIMARY KEY, name TEXT NOT NULL, category BIGINT NOT NULL, \
             price_cents BIGINT NOT NULL)",
            "CREATE INDEX products_by_category ON products (category, id)",
            "CREATE VIRTUAL TABLE product_words USING fts5 (words, content = '')",
        ],
        (Role::Catalogue, Kind::Postgres) => &[
            "CREATE TABLE products (id BIGINT PRIMARY KEY, name TEXT NOT NULL, category BIGINT NOT NULL, \
             price_cents BIGINT NOT NULL)",
            "CREATE INDEX products_by_category ON products (category, id)",
        ],
        (Role::Order, _) => &[
            "CREATE TABLE cart_items (cart TEXT NOT NULL, product BIGINT NOT NULL, quantity BIGINT NOT NULL, \
             PRIMARY KEY (cart, product))",
            "CREATE TABLE stock (product BIGINT PRIMARY KEY, available BIGINT NOT NULL)",
            // `request` is what makes a repeated checkout the same checkout: at most one order of it is not cancelled.
            "CREATE TABLE orders (id TEXT PRIMARY KEY, request TEXT NOT NULL, state TEXT NOT NULL, charged BIGINT NOT NULL, \
             amount_cents BIGINT NOT NULL, items TEXT NOT NULL, created_ms BIGINT NOT NULL)",
            "CREATE UNIQUE INDEX one_order_a_request ON orders (request) WHERE state <> 'cancelled'",
            "CREATE INDEX orders_by_request ON orders (request)",
            "CREATE TABLE outbox (order_id TEXT PRIMARY KEY, due_ms BIGINT NOT NULL, leased_ms BIGINT NOT NULL, \
             tries BIGINT NOT NULL)",
            "CREATE INDEX outbox_by_due ON outbox (due_ms)",
        ],
        (Role::Payment, _) => &[
            "CREATE TABLE charges (order_id TEXT PRIMARY KEY, state TEXT NOT NULL, amount_cents BIGINT NOT NULL)",
            // Every movement of money is a row that is never changed.
            "CREATE TABLE ledger (order_id TEXT NOT NULL, kind TEXT NOT NULL, amount_cents BIGINT NOT NULL, \
             at_ms BIGINT NOT NULL)",
            "CREATE INDEX ledger_by_order ON ledger (order_id)",
        ],
        (Role::Registry | Role::Gateway | Role::Service, _) => &[],
    }
}

async fn fill(
    service: Role,
    kind: Kind,
    connection: &mut AnyConnection,
) -> Result<(), sqlx::Error> {
    match service {
        Role::Auth => users(connection).await,
        Role::Catalogue => products(kind, connection).await,
        Role::Order => stock(connection).await,
        _ => Ok(()),
    }
}

async fn users(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    for number in 1..=USERS {
        let (name, salt) = (
            user_name(number),
            token::digest(&["salt", &number.to_string()]),
        );
        let hash = token::password_hash(&format!("secret{number}"), &salt, token::ROUNDS);
        sqlx::query("INSERT INTO users (name, salt, rounds, hash) VALUES ($1, $2, $3, $4)")
            .bind(name)
            .bind(salt)
            .bind(i64::from(token::ROUNDS))
            .bind(hash)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

async fn products(kind: Kind, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    for id in 1..=PRODUCTS {
        let category = (id - 1) % CATEGORIES.len() as i64 + 1;
        let noun = CATEGORIES[usize::try_from(category - 1).unwrap_or(0)];
        let adjective = ADJECTIVES[usize::try_from(id / 20 % 10).unwrap_or(0)];
        let name = format!("{adjective} {noun} {id}");
        sqlx::query(
            "INSERT INTO products (id, name, category, price_cents) VALUES ($1, $2, $3, $4)",
        )
        .bind(id)
        .bind(name.clone())
        .bind(category)
        .bind(list_price_cents(id))
        .execute(&mut *connection)
        .await?;
        if kind == Kind::Sqlite {
            sqlx::query("INSERT INTO product_words (rowid, words) VALUES ($1, $2)")
                .bind(id)
                .bind(name)
                .execute(&mut *connection)
                .await?;
        }
    }
    Ok(())
}

async fn stock(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    for id in 1..=PRODUCTS {
        sqlx::query("INSERT INTO stock (product, available) VALUES ($1, $2)")
            .bind(id)
            .bind(STOCK)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
