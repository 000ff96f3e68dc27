use super::*;

struct Shop {
    _folder: tempfile::TempDir,
    books: Books,
    orders: Database,
    payments: Database,
}

async fn shop() -> Shop {
    let folder = tempfile::tempdir().unwrap();
    let url = |name: &str| format!("sqlite:{}", folder.path().join(name).display());
    let books = Books {
        order: url("order"),
        payment: url("payment"),
    };
    let orders = open(Role::Order, &books.order).await.unwrap();
    let payments = open(Role::Payment, &books.payment).await.unwrap();
    Shop {
        _folder: folder,
        books,
        orders,
        payments,
    }
}

impl Shop {
    async fn order(&self, id: &str, request: &str, state: &str) {
        sqlx::query(
            "INSERT INTO orders (id, request, state, charged, amount_cents, items, created_ms) \
             VALUES ($1, $2, $3, 1, 500, '[]', 0)",
        )
        .bind(id)
        .bind(request)
        .bind(state)
        .execute(&mut *self.orders.hold().await)
        .await
        .unwrap();
    }

    async fn outbox(&self, id: &str) {
        sqlx::query("INSERT INTO outbox (order_id, due_ms, leased_ms, tries) VALUES ($1, 0, 0, 0)")
            .bind(id)
            .execute(&mut *self.orders.hold().await)
            .await
            .unwrap();
    }

    async fn charge(&self, id: &str, cents: i64) {
        let mut held = self.payments.hold().await;
        sqlx::query("INSERT INTO charges (order_id, state, amount_cents) VALUES ($1, 'charged', $2) ON CONFLICT DO NOTHING")
            .bind(id)
            .bind(cents)
            .execute(&mut *held)
            .await
            .unwrap();
        sqlx::query(
            "INSERT INTO ledger (order_id, kind, amount_cents, at_ms) VALUES ($1, 'charge', $2, 0)",
        )
        .bind(id)
        .bind(cents)
        .execute(&mut *held)
        .await
        .unwrap();
    }

    async fn audit(&self, acknowledged: &[&str]) -> AuditFindings {
        let acknowledged = acknowledged.iter().map(|id| (*id).to_owned()).collect();
        audit(&self.books, &acknowledged).await.unwrap()
    }
}

#[tokio::test]
async fn a_good_run_has_no_violation() {
    let shop = shop().await;
    shop.order("o1", "r1", "placed").await;
    shop.charge("o1", 500).await;
    shop.order("o2", "r2", "placed").await;
    shop.charge("o2", 500).await;
    shop.order("o3", "r2", "cancelled").await;
    let found = shop.audit(&["o1"]).await;
    assert_eq!(
        found,
        AuditFindings {
            acknowledged: 1,
            placed: 2,
            charged: 2,
            ..AuditFindings::default()
        },
        "an order may be placed though its shopper never heard of it"
    );
}

#[tokio::test]
async fn what_a_killed_process_left_is_finished_first() {
    let shop = shop().await;
    shop.order("charged", "r1", "pending").await;
    shop.outbox("charged").await;
    shop.charge("charged", 500).await;
    shop.order("not-charged", "r2", "pending").await;
    shop.outbox("not-charged").await;
    shop.order("placed", "r3", "placed").await;
    shop.outbox("placed").await;
    shop.charge("placed", 500).await;
    for _ in 0..2 {
        let found = shop.audit(&["placed"]).await;
        assert_eq!(found.violations, Vec::<String>::new());
        assert_eq!((found.placed, found.charged, found.refunded), (1, 2, 1));
    }
}

#[tokio::test]
async fn every_planted_violation_is_found() {
    let shop = shop().await;
    shop.order("twice", "r1", "placed").await;
    shop.charge("twice", 500).await;
    shop.charge("twice", 500).await;
    shop.order("unpaid", "r2", "placed").await;
    shop.order("cancelled", "r3", "cancelled").await;
    shop.charge("cancelled", 500).await;
    shop.charge("ghost", 500).await;
    shop.order("wrong", "r4", "placed").await;
    shop.charge("wrong", 499).await;
    let found = shop.audit(&["lost", "cancelled", "twice"]).await;
    let all = found.violations.join("\n");
    for expected in [
        "order lost was acknowledged and is lost",
        "order cancelled was acknowledged and is cancelled",
        "order twice was charged 2 times",
        "order unpaid is placed and was never charged",
        "order cancelled is cancelled and 500 cents were not given back",
        "ghost was charged and never ordered",
        "order wrong is of 500 cents and 499 were charged",
    ] {
        assert!(all.contains(expected), "{expected} in\n{all}");
    }
    assert_eq!(found.violation_count, 7);
}

#[test]
fn two_orders_of_one_request_are_a_violation_and_only_a_hundred_are_listed() {
    let order = |request: &str| Ordered {
        request: request.into(),
        state: State::Placed,
        charged: false,
        amount_cents: 1,
    };
    let ordered = (0..150).map(|i| (format!("o{i}"), order("same"))).collect();
    let found = judge(&BTreeSet::new(), &ordered, &BTreeMap::new());
    assert_eq!(found.violation_count, 149);
    assert_eq!(found.violations.len(), MOST_LISTED);
}
