//! *auth*: accounts, logging in, and who a token belongs to.

use std::sync::Arc;

use hyper::StatusCode;
use serde_json::json;
use sqlx::Row as _;

use super::Replica;
use super::ask::{Ask, Reply};
use super::business::broken;
use super::token::{BadToken, ROUNDS, digest, password_hash};
use crate::database::{Database, user_name};

/// The answer to a request of this service.
pub(super) async fn answer(
    replica: &Arc<Replica>,
    database: &Database,
    ask: &Ask,
    operation: &str,
) -> Option<Reply> {
    let reply = match operation {
        "register" => register(replica, database, ask).await,
        "login" => log_in(replica, database, ask).await,
        "verify" => Ok(verify(replica, ask)),
        _ => return None,
    };
    Some(reply.unwrap_or_else(|e| broken(&e)))
}

/// Makes an account. Done again with the same password, it changes nothing.
async fn register(
    replica: &Arc<Replica>,
    database: &Database,
    ask: &Ask,
) -> Result<Reply, sqlx::Error> {
    let (run, journey) = (ask.trace.run.to_string(), ask.trace.journey.to_string());
    let name = name_of(ask).unwrap_or_else(|| format!("new-{}", digest(&["user", &run, &journey])));
    let password = ask
        .text("password")
        .unwrap_or_else(|| format!("secret-{name}"));
    let salt = digest(&["salt", &name]);
    let hash = password_hash(&password, &salt, ROUNDS);
    let (user, known_hash) = (name.clone(), hash.clone());
    database
        .run(move |mut held| {
            let (name, salt, hash) = (user.clone(), salt.clone(), known_hash.clone());
            async move {
                sqlx::query(
                    "INSERT INTO users (name, salt, rounds, hash) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
                )
                .bind(name)
                .bind(salt)
                .bind(i64::from(ROUNDS))
                .bind(hash)
                .execute(&mut *held)
                .await
            }
        })
        .await?;
    if is_right(database, &name, &password).await? {
        Ok(welcome(replica, &name))
    } else {
        let why = "somebody else has this name; choose another";
        Ok(Reply::error(StatusCode::CONFLICT, "name_taken", why))
    }
}

async fn log_in(
    replica: &Arc<Replica>,
    database: &Database,
    ask: &Ask,
) -> Result<Reply, sqlx::Error> {
    let (Some(name), Some(password)) = (name_of(ask), ask.text("password")) else {
        let why = "say `user` and `password`";
        return Ok(Reply::error(StatusCode::BAD_REQUEST, "incomplete", why));
    };
    if is_right(database, &name, &password).await? {
        return Ok(welcome(replica, &name));
    }
    // One answer for both, so that nobody learns which names there are.
    let why = "there is no such user, or the password is another";
    Ok(Reply::error(StatusCode::UNAUTHORIZED, "unknown", why))
}

/// Whose token it is. Without one the shopper is a guest.
fn verify(replica: &Arc<Replica>, ask: &Ask) -> Reply {
    match user_of(replica, ask) {
        Ok(user) => Reply::ok(json!({"user": user, "guest": user.is_none()})),
        Err(_) => bad_token(),
    }
}

/// Whose token it is; nobody's if there is none.
pub(super) fn user_of(replica: &Replica, ask: &Ask) -> Result<Option<String>, BadToken> {
    ask.token
        .as_deref()
        .map(|token| replica.secret.verify(token, replica.clock.now()))
        .transpose()
}

/// The answer to a token that is not good.
pub(super) fn bad_token() -> Reply {
    let why = "the token is not good, or its time is over; log in again";
    Reply::error(StatusCode::UNAUTHORIZED, "bad_token", why)
}

/// A user's name, or a customer's from the number.
fn name_of(ask: &Ask) -> Option<String> {
    let user = ask.text("user").filter(|user| !user.is_empty())?;
    Some(user.parse().map_or(user, user_name))
}

async fn is_right(database: &Database, name: &str, password: &str) -> Result<bool, sqlx::Error> {
    let row = {
        let mut held = database.hold().await;
        sqlx::query("SELECT salt, rounds, hash FROM users WHERE name = $1")
            .bind(name)
            .fetch_optional(&mut *held)
            .await?
    };
    let Some(row) = row else { return Ok(false) };
    let (salt, rounds): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
    let hash: String = row.try_get(2)?;
    let rounds = u32::try_from(rounds).unwrap_or(ROUNDS);
    Ok(password_hash(password, &salt, rounds) == hash)
}

fn welcome(replica: &Replica, name: &str) -> Reply {
    let token = replica.secret.sign(name, replica.clock.now());
    Reply::ok(json!({"user": name, "token": token}))
}
