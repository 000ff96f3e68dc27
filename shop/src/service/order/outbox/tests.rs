use super::super::store::{Line, Named, Opened, Wanted, open, place};
use super::*;
use crate::protocol::Role;

async fn orders() -> (tempfile::TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("order").display());
    let database = Database::open(Role::Order, &url).await.unwrap();
    crate::database::prepare_open(Role::Order, &database)
        .await
        .unwrap();
    (folder, database)
}

async fn opened(database: &Database, request: &str) -> Opened {
    let wanted = Wanted {
        request: request.into(),
        named: Named::ByCart,
        cart: format!("cart of {request}"),
        otherwise: Some(Line {
            product: 7,
            quantity: 2,
        }),
        charged: true,
        now_ms: 0,
        due_ms: 1_000,
    };
    let begin = database.kind().begin();
    database
        .run(move |held| open(held, begin, wanted.clone()))
        .await
        .unwrap()
}

async fn pending(database: &Database, request: &str) -> String {
    match opened(database, request).await {
        Opened::Pending(order) => order.id,
        other => panic!("{other:?}"),
    }
}

async fn stock(database: &Database) -> i64 {
    sqlx::query("SELECT available FROM stock WHERE product = 7")
        .fetch_one(&mut *database.hold().await)
        .await
        .unwrap()
        .get(0)
}

#[tokio::test]
async fn a_repeated_request_goes_on_with_its_order_until_that_is_cancelled() {
    let (_folder, database) = orders().await;
    let full = stock(&database).await;
    let first = pending(&database, "r").await;
    assert_eq!(pending(&database, "r").await, first);
    assert_eq!(stock(&database).await, full - 2, "taken once");
    assert_eq!(
        store::cancel(&database, &first, 0).await.unwrap(),
        State::Cancelled
    );
    assert_eq!(
        store::cancel(&database, &first, 0).await.unwrap(),
        State::Cancelled
    );
    assert_eq!(stock(&database).await, full, "given back once");
    let second = pending(&database, "r").await;
    assert_ne!(
        second, first,
        "the charge of the first is called off for ever"
    );
    assert_eq!(
        place(&database, &second, "", 10).await.unwrap(),
        State::Placed
    );
    assert!(matches!(opened(&database, "r").await, Opened::Placed(order) if order.id == second));
}

#[tokio::test]
async fn a_cart_that_was_filled_again_is_another_purchase() {
    let (_folder, database) = orders().await;
    let first = pending(&database, "r").await;
    place(&database, &first, "cart of r", 10).await.unwrap();
    sqlx::query("INSERT INTO cart_items (cart, product, quantity) VALUES ('cart of r', 7, 1)")
        .execute(&mut *database.hold().await)
        .await
        .unwrap();
    let second = pending(&database, "r").await;
    assert_ne!(second, first);
    place(&database, &second, "cart of r", 10).await.unwrap();
    assert!(
        matches!(opened(&database, "r").await, Opened::Placed(_)),
        "a repeat, of either"
    );
}

#[tokio::test]
async fn who_comes_second_cannot_change_an_order_any_more() {
    let (_folder, database) = orders().await;
    let placed = pending(&database, "r1").await;
    place(&database, &placed, "", 10).await.unwrap();
    assert_eq!(
        store::cancel(&database, &placed, 0).await.unwrap(),
        State::Placed
    );
    let cancelled = pending(&database, "r2").await;
    store::cancel(&database, &cancelled, 0).await.unwrap();
    assert_eq!(
        place(&database, &cancelled, "", 10).await.unwrap(),
        State::Cancelled
    );
}

#[tokio::test]
async fn an_entry_is_there_until_its_order_is_placed_and_is_leased_to_one_at_a_time() {
    let (_folder, database) = orders().await;
    let placed = pending(&database, "r1").await;
    place(&database, &placed, "", 10).await.unwrap();
    let abandoned = pending(&database, "r2").await;
    assert_eq!(all(&database).await.unwrap(), [abandoned.as_str()]);
    assert_eq!(
        lease(&database, 999, 5_000).await.unwrap(),
        [],
        "not due yet"
    );
    let held = lease(&database, 1_000, 5_000).await.unwrap();
    assert_eq!(
        held,
        [Entry {
            order: abandoned.clone(),
            tries: 0
        }]
    );
    assert_eq!(
        lease(&database, 2_000, 6_000).await.unwrap(),
        [],
        "held by another"
    );
    assert_eq!(
        lease(&database, 5_000, 9_000).await.unwrap().len(),
        1,
        "its holder died"
    );
    put_off(&database, &held[0], 5_000).await.unwrap();
    assert_eq!(lease(&database, 5_499, 9_000).await.unwrap(), []);
    let again = lease(&database, 5_500, 9_000).await.unwrap();
    assert_eq!(
        again,
        [Entry {
            order: abandoned.clone(),
            tries: 1
        }]
    );
    delete(&database, &abandoned).await.unwrap();
    assert_eq!(all(&database).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_cancelled_order_is_due_at_once() {
    let (_folder, database) = orders().await;
    let order = pending(&database, "r").await;
    store::cancel(&database, &order, 10).await.unwrap();
    assert_eq!(lease(&database, 10, 100).await.unwrap().len(), 1);
}

#[test]
fn waits_grow_and_end_at_eight_seconds() {
    let waits: Vec<i64> = (0..6).map(wait_ms).collect();
    assert_eq!(waits, [500, 1_000, 2_000, 4_000, 8_000, 8_000]);
    assert_eq!(wait_ms(i64::MAX), 8_000);
}
