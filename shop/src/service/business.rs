//! What the four services do on the scenario's steps. A service of any other name does only the steps.
//!
//! | service | operation | takes | answers |
//! | --- | --- | --- | --- |
//! | auth | `register` | `user`, `password` | `user`, `token` |
//! | auth | `login` | `user` (a name, or the number of a customer), `password` | `user`, `token` |
//! | auth | `verify` | `token` | `user` |
//! | catalogue | `home` | | `products`, `categories` |
//! | catalogue | `list` | `category` (name or number), `page` | `category`, `products` |
//! | catalogue | `search` | `q` | `products` |
//! | catalogue | `product` | `id` | `product` |
//! | catalogue | `price` | `products` | `prices` by product |
//! | order | `add` | `product`, `quantity`, `cart` | `cart`, `items` |
//! | order | `cart` | `cart` | `cart`, `items` |
//! | order | `stock` | `products` | `available` by product |
//! | order | `checkout` | `cart` or `product`; header `idempotency-key` | 201 with `order`, after it is placed and paid |
//! | order | `status` | `id` | `order`, `state` |
//! | payment | `charge` | `order`, `amount_cents` | `charge`, `state` |
//! | payment | `void` | `order` | `charge`, `state` |
//!
//! Parameters come from the path, the query or a JSON body. Products are numbered 1 to 1,000, with their `id` in every
//! list; customers 1 to 500, called `shopper1` with the password `secret1` and so on. A shopper without a token is a
//! guest, who may buy; one with a bad token may not.

use std::sync::Arc;

use hyper::StatusCode;
use scenarios::{Operation, OperationId, Step};
use serde_json::{Value, json};

use super::ask::{Ask, Reply};
use super::calls::Called;
use super::order::{self, Checkout, Paid};
use super::payment::{self, Charge};
use super::{Replica, auth, catalogue};
use crate::protocol::Role;

/// The real work of one request.
#[derive(Debug)]
pub(super) enum Business {
    /// All is done, unless a call fails.
    Answer(Reply),
    /// An order on its way.
    Checkout(Box<Option<Checkout>>),
    /// A charge on its way.
    Charge(Charge),
}

impl Business {
    /// Begins. What needs no other service is done here.
    ///
    /// # Errors
    /// The answer, if it is clear already that there will be nothing else to do.
    pub(super) async fn begin(
        replica: &Arc<Replica>,
        ask: &Ask,
        operation: &Operation,
        name: &str,
    ) -> Result<Self, Reply> {
        let plain = || Self::Answer(plain(ask, name));
        let Some(database) = replica.database() else {
            return Ok(plain());
        };
        let known = match replica.role {
            Role::Auth => auth::answer(replica, &database, ask, name).await,
            Role::Catalogue => catalogue::answer(&database, ask, name).await,
            Role::Order if name == "checkout" => {
                let guest_or_known = asks(operation, "auth", "verify")
                    || ask.token.is_none()
                    || auth::user_of(replica, ask).is_ok();
                if !guest_or_known {
                    return Err(auth::bad_token());
                }
                let paid = if asks(operation, "payment", "charge") {
                    Paid::NotYet
                } else {
                    Paid::NotAsked
                };
                let checkout = Checkout::begin(&database, replica.clock, ask, paid).await?;
                return Ok(Self::Checkout(Box::new(Some(checkout))));
            }
            Role::Order => order::answer(&database, ask, name).await,
            Role::Payment if name == "charge" => {
                let charge = charge(replica, ask);
                charge.begin(&database).await?;
                return Ok(Self::Charge(charge));
            }
            Role::Payment if name == "void" => {
                Some(payment::answer_void(&database, ask.text("order"), replica.now_ms()).await)
            }
            _ => None,
        };
        match known {
            None => Ok(plain()),
            Some(reply) if reply.status.is_success() => Ok(Self::Answer(reply)),
            Some(reply) => Err(reply),
        }
    }

    /// What a call says: its key, if a repeated one must be the same call, and its body.
    pub(super) fn asks(&self, ask: &Ask, to: &OperationId) -> (Option<String>, Value) {
        let checkout = match self {
            Self::Checkout(checkout) => checkout.as_ref().as_ref(),
            _ => None,
        };
        match (to.service.as_str(), to.operation.as_str(), checkout) {
            ("auth", "verify", _) => (None, json!({"token": ask.token})),
            ("payment", "charge", Some(checkout)) => {
                let (order, amount) = (checkout.id(), checkout.amount_cents());
                let body = json!({"order": order, "amount_cents": amount});
                (Some(order.to_owned()), body)
            }
            (_, _, Some(checkout)) => (None, json!({"products": checkout.products()})),
            ("catalogue" | "order", _, None) => (
                None,
                json!({"products": order::products_of(ask), "cart": ask.text("cart")}),
            ),
            _ => (None, Value::Object(ask.params().clone())),
        }
    }

    /// Takes a call's answer.
    ///
    /// # Errors
    /// The answer to give, if it cannot go on without.
    pub(super) async fn called(&mut self, to: &OperationId, called: Called) -> Result<(), Reply> {
        let Self::Checkout(under_way) = self else {
            return called.or_reply(to).map(drop);
        };
        let answer = match called.or_reply(to) {
            Ok(answer) => answer,
            Err(reply) => {
                if let Some(checkout) = under_way.take() {
                    checkout.give_up().await;
                }
                return Err(order::not_ordered(to, reply));
            }
        };
        if let Some(checkout) = under_way.as_mut() {
            match (to.service.as_str(), to.operation.as_str()) {
                ("payment", "charge") => checkout.paid(),
                ("catalogue", "price") => checkout.priced(&answer),
                _ => {}
            }
        }
        Ok(())
    }

    /// Ends, and says what is answered.
    pub(super) async fn finish(self, replica: &Arc<Replica>) -> Reply {
        match self {
            Self::Answer(reply) => reply,
            Self::Checkout(checkout) => match *checkout {
                Some(checkout) => checkout.finish().await,
                None => plain_error(),
            },
            Self::Charge(charge) => match replica.database() {
                Some(database) => charge.finish(&database).await,
                None => plain_error(),
            },
        }
    }
}

/// Whether an operation calls another.
fn asks(operation: &Operation, service: &str, name: &str) -> bool {
    let is = |to: &OperationId| to.service == service && to.operation == name;
    operation.steps.iter().any(|step| match step {
        Step::Call(call) => is(&call.to),
        Step::All(calls) => calls.iter().any(|call| is(&call.to)),
        Step::Work(_) | Step::Wait(_) => false,
    })
}

/// A charge as asked for; without an order it is named by its request.
fn charge(replica: &Replica, ask: &Ask) -> Charge {
    let trace = ask.trace;
    Charge {
        order: ask
            .text("order")
            .or_else(|| ask.key.clone())
            .unwrap_or_else(|| {
                format!(
                    "{}/{}/{}/{}",
                    trace.run, trace.journey, trace.page, trace.hop
                )
            }),
        amount_cents: ask.number("amount_cents").unwrap_or(0).max(0),
        now_ms: replica.now_ms(),
    }
}

fn plain(ask: &Ask, operation: &str) -> Reply {
    let journey = ask.trace.journey;
    Reply::ok(
        json!({"ok": true, "operation": operation, "id": format!("{journey}-{}", ask.trace.page)}),
    )
}

fn plain_error() -> Reply {
    Reply::error(
        StatusCode::INTERNAL_SERVER_ERROR,
        "lost",
        "the request lost its state",
    )
}

/// The answer when the database fails.
pub(super) fn broken(error: &sqlx::Error) -> Reply {
    Reply::error(
        StatusCode::INTERNAL_SERVER_ERROR,
        "database",
        format!("the database failed: {error}"),
    )
}
