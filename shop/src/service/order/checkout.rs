//! One checkout, from the request to its answer.

use std::time::{Duration, Instant};

use hyper::StatusCode;
use scenarios::OperationId;
use serde_json::{Value, json};

use super::store::{self, Line, Named, Opened, Order, State, Wanted};
use super::{MOST, cart_of};
use crate::Clock;
use crate::database::Database;
use crate::service::ask::{Ask, Reply};
use crate::service::business::broken;

/// How long after its shopper's patience an order is taken for abandoned.
const MARGIN: Duration = Duration::from_secs(2);

/// A checkout under way. If it is dropped, because its asker went away or it failed, the order is cancelled.
#[derive(Debug)]
pub(in crate::service) struct Checkout {
    database: Database,
    clock: Clock,
    order: Order,
    cart: String,
    amount_cents: i64,
    paid: Paid,
    settled: bool,
}

/// Whether the order may be placed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::service) enum Paid {
    /// The scenario's checkout asks for no payment.
    NotAsked,
    /// Payment was not asked yet.
    NotYet,
    /// It is paid for.
    Yes,
}

impl Checkout {
    /// Opens the order, or goes on with the one of the same request.
    ///
    /// # Errors
    /// The answer, if there is nothing to go on with.
    pub(in crate::service) async fn begin(
        database: &Database,
        clock: Clock,
        ask: &Ask,
        paid: Paid,
    ) -> Result<Self, Reply> {
        let wanted = wanted(ask, clock, paid);
        let (kind, cart) = (database.kind(), wanted.cart.clone());
        let opened = database
            .run(move |held| store::open(held, kind.begin(), wanted.clone()))
            .await
            .map_err(|e| broken(&e))?;
        match opened {
            Opened::Pending(order) => Ok(Self {
                database: database.clone(),
                clock,
                cart,
                amount_cents: order.amount_cents,
                order,
                paid,
                settled: false,
            }),
            Opened::Placed(order) => Err(placed(&order.id, order.amount_cents)),
            Opened::Empty => Err(Reply::error(
                StatusCode::CONFLICT,
                "empty_cart",
                "there is nothing in the cart; nothing was ordered",
            )),
            Opened::SoldOut(product) => Err(Reply::error(
                StatusCode::CONFLICT,
                "sold_out",
                format!("product {product} is sold out; nothing was ordered"),
            )),
        }
    }

    /// The order's number.
    pub(in crate::service) fn id(&self) -> &str {
        &self.order.id
    }

    /// What it costs.
    pub(in crate::service) fn amount_cents(&self) -> i64 {
        self.amount_cents
    }

    /// The numbers of its products.
    pub(in crate::service) fn products(&self) -> Vec<i64> {
        self.order.items.iter().map(|line| line.product).collect()
    }

    /// *catalogue* said what the products cost.
    pub(in crate::service) fn priced(&mut self, answer: &Value) {
        let price = |line: &Line| {
            let listed = super::list_price_cents(line.product);
            let price = answer.pointer(&format!("/prices/{}", line.product));
            line.quantity * price.and_then(Value::as_i64).unwrap_or(listed)
        };
        // An amount that was asked for once stays: a repeated request must charge the same.
        if self.paid != Paid::Yes {
            self.amount_cents = self.order.items.iter().map(price).sum();
        }
    }

    /// *payment* has taken the money.
    pub(in crate::service) fn paid(&mut self) {
        self.paid = Paid::Yes;
    }

    /// Places the order and acknowledges it.
    pub(in crate::service) async fn finish(mut self) -> Reply {
        if self.paid == Paid::NotYet {
            return unpaid("payment was not asked");
        }
        match store::place(
            &self.database,
            &self.order.id,
            &self.cart,
            self.amount_cents,
        )
        .await
        {
            Ok(State::Placed) => {
                self.settled = true;
                placed(&self.order.id, self.amount_cents)
            }
            Ok(State::Pending | State::Cancelled) => {
                unpaid("payment answered too late and is taken back")
            }
            Err(e) => broken(&e),
        }
    }

    /// Cancels the order at once, and waits until that is written.
    pub(in crate::service) async fn give_up(mut self) {
        self.settled = store::cancel(&self.database, &self.order.id, now_ms(self.clock))
            .await
            .is_ok();
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        // If this fails, or the process ends before it is done, the outbox has the order all the same.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (database, id, now) = (
                self.database.clone(),
                self.order.id.clone(),
                now_ms(self.clock),
            );
            runtime.spawn(async move { store::cancel(&database, &id, now).await.ok() });
        }
    }
}

/// The answer when a call failed that a checkout needs: what the called service says, or that it is not available.
pub(in crate::service) fn not_ordered(to: &OperationId, reply: Reply) -> Reply {
    if reply.failed_call.is_none() {
        return reply;
    }
    let why = format!("{} is not available; nothing was ordered", to.service);
    let word = format!("{}_unavailable", to.service);
    Reply {
        failed_call: reply.failed_call,
        ..Reply::error(StatusCode::SERVICE_UNAVAILABLE, &word, why)
    }
}

/// The answer when payment could not be had.
fn unpaid(why: &str) -> Reply {
    let mut reply = Reply::error(
        StatusCode::SERVICE_UNAVAILABLE,
        "payment_unavailable",
        format!("payment is not available; nothing was ordered ({why})"),
    );
    reply.failed_call = Some("payment".into());
    reply
}

fn placed(order: &str, amount_cents: i64) -> Reply {
    Reply::new(
        StatusCode::CREATED,
        json!({"order": order, "state": "placed", "amount_cents": amount_cents}),
    )
}

fn wanted(ask: &Ask, clock: Clock, paid: Paid) -> Wanted {
    let cart = cart_of(ask);
    let (run, journey) = (ask.trace.run, ask.trace.journey);
    let (request, named) = match &ask.key {
        Some(key) => (format!("{run}/{key}"), Named::ByShopper),
        None => (format!("{run}/{journey}/{cart}"), Named::ByCart),
    };
    let patience = ask.deadline.saturating_duration_since(Instant::now());
    let now = clock.now();
    Wanted {
        request,
        named,
        cart,
        otherwise: ask.number("product").map(|product| Line {
            product,
            quantity: ask.number("quantity").unwrap_or(1).clamp(1, MOST),
        }),
        charged: paid != Paid::NotAsked,
        now_ms: now.as_nanos() / 1_000_000,
        due_ms: (now + patience + MARGIN).as_nanos() / 1_000_000,
    }
}

fn now_ms(clock: Clock) -> i64 {
    clock.now().as_nanos() / 1_000_000
}
