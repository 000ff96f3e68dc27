use std::collections::BTreeMap;

use metrics::Ratio;
use proptest::prelude::*;
use scenarios::{Draws, Stream};

use super::*;

fn choice(balance: Balance) -> Choice {
    Choice {
        balance,
        ejection: Ejection {
            consecutive: 3,
            time: Duration::from_secs(10),
            most: Ratio::new(0.5).unwrap(),
        },
        health: HealthCheck {
            interval: Duration::from_millis(500),
            timeout: Duration::from_millis(500),
            unwell: 2,
        },
    }
}

fn pool(balance: Balance, replicas: usize) -> (Pool, Vec<ReplicaKey>) {
    let mut pool = Pool::new(choice(balance));
    let keys = (0..replicas)
        .map(|i| pool.add(at(0), i as u32, Standing::Ready))
        .collect();
    (pool, keys)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(seconds)
}

fn draws(seed: u64) -> Draws {
    Draws::new(seed, Stream::Fault { fault: 0 })
}

/// Answers badly until the replica has had `times` bad answers.
fn fail(pool: &mut Pool, now: Timestamp, key: ReplicaKey, times: u32) {
    for _ in 0..times {
        pool.end(now, key, Verdict::Bad);
    }
}

fn is_available(pool: &Pool, key: ReplicaKey) -> bool {
    pool.available.contains(&key)
}

#[test]
fn the_same_luck_finds_the_same_replica_in_whatever_order_they_came() {
    for balance in [
        Balance::PowerOfTwo,
        Balance::RoundRobin,
        Balance::LeastConnections,
        Balance::Random,
        Balance::Choices(3),
    ] {
        let chosen = |order: [u32; 5]| {
            let mut pool = Pool::new(choice(balance));
            for ordinal in order {
                pool.add(at(0), ordinal, Standing::Ready);
            }
            let mut draws = draws(11);
            let mut next = || pool.choose(at(0), &[], &mut draws).unwrap().0 as usize;
            (0..50).map(|_| order[next()]).collect::<Vec<_>>()
        };
        assert_eq!(
            chosen([0, 1, 2, 3, 4]),
            chosen([3, 1, 4, 0, 2]),
            "{balance:?}"
        );
    }
}

#[test]
fn power_of_two_prefers_the_less_busy() {
    let (mut pool, keys) = pool(Balance::PowerOfTwo, 2);
    let mut draws = draws(1);
    for _ in 0..100 {
        pool.choose(at(0), &[], &mut draws).unwrap();
    }
    assert_eq!(pool.in_flight(keys[0]), 50);
    assert_eq!(pool.in_flight(keys[1]), 50);
}

#[test]
fn power_of_two_spreads_evenly_over_idle_replicas() {
    let (mut pool, keys) = pool(Balance::PowerOfTwo, 5);
    let mut draws = draws(2);
    let mut counts = BTreeMap::new();
    for _ in 0..10_000 {
        let key = pool.choose(at(0), &[], &mut draws).unwrap();
        pool.end(at(0), key, Verdict::Good);
        *counts.entry(key).or_insert(0_i32) += 1;
    }
    for key in keys {
        assert!((counts[&key] - 2000).abs() < 200, "{counts:?}");
    }
}

#[test]
fn round_robin_goes_round_though_replicas_come_and_go() {
    let (mut pool, keys) = pool(Balance::RoundRobin, 3);
    let mut draws = draws(3);
    let mut next = |pool: &mut Pool| pool.choose(at(0), &[], &mut draws).unwrap();
    assert_eq!(next(&mut pool), keys[0]);
    assert_eq!(next(&mut pool), keys[1]);
    pool.remove(at(0), keys[1]);
    assert_eq!(next(&mut pool), keys[2]);
    let fourth = pool.add(at(0), 3, Standing::Ready);
    assert_eq!(next(&mut pool), fourth);
    assert_eq!(next(&mut pool), keys[0]);
}

#[test]
fn least_connections_takes_an_idle_one() {
    let (mut pool, keys) = pool(Balance::LeastConnections, 8);
    let mut draws = draws(4);
    for _ in 0..8 {
        pool.choose(at(0), &[], &mut draws).unwrap();
    }
    assert!(keys.iter().all(|k| pool.in_flight(*k) == 1));
}

/// How often each of `keys` is chosen in ten thousand draws, if every request ends at once.
fn shares(pool: &mut Pool, keys: &[ReplicaKey]) -> Vec<u32> {
    let mut draws = draws(5);
    let mut counts = vec![0; keys.len()];
    for _ in 0..10_000 {
        let key = pool.choose(at(0), &[], &mut draws).unwrap();
        pool.end(at(0), key, Verdict::Good);
        counts[keys.iter().position(|k| *k == key).unwrap()] += 1;
    }
    counts
}

#[test]
fn ties_between_the_least_busy_are_broken_evenly() {
    for balance in [Balance::LeastConnections, Balance::Choices(9)] {
        let (mut pool, keys) = pool(balance, 5);
        // The first three are busy: what is left is side by side, where a start at random would favour the fourth.
        for busy in &keys[..3] {
            pool.get_mut(*busy).unwrap().in_flight = 7;
        }
        let counts = shares(&mut pool, &keys);
        assert_eq!(counts[..3], [0, 0, 0], "{balance:?}");
        assert!(counts[3].abs_diff(5000) < 250, "{balance:?}: {counts:?}");
    }
}

#[test]
fn random_does_not_look_at_who_is_busy() {
    let (mut pool, keys) = pool(Balance::Random, 4);
    pool.get_mut(keys[0]).unwrap().in_flight = 1000;
    for count in shares(&mut pool, &keys) {
        assert!(count.abs_diff(2500) < 250, "{count}");
    }
}

#[test]
fn of_three_choices_the_busiest_two_of_five_are_never_taken() {
    let (mut pool, keys) = pool(Balance::Choices(3), 5);
    for (load, key) in (0..).zip(&keys) {
        pool.get_mut(*key).unwrap().in_flight = 10 * load;
    }
    let counts = shares(&mut pool, &keys);
    // Of the ten sets of three, six hold the idlest, three more the second, and one only the third.
    for (count, share) in counts.iter().zip([6000_u32, 3000, 1000, 0, 0]) {
        assert!(count.abs_diff(share) < 250, "{counts:?}");
    }
}

#[test]
fn bad_answers_in_a_row_eject_and_a_good_one_between_does_not() {
    let (mut pool, keys) = pool(Balance::PowerOfTwo, 4);
    fail(&mut pool, at(0), keys[0], 2);
    pool.end(at(0), keys[0], Verdict::Good);
    fail(&mut pool, at(0), keys[0], 2);
    pool.end(at(0), keys[0], Verdict::Neutral);
    assert!(is_available(&pool, keys[0]));
    fail(&mut pool, at(0), keys[0], 1);
    assert!(!is_available(&pool, keys[0]));
    assert_eq!(pool.ejected(at(0)), 1);
}

#[test]
fn an_ejected_one_returns_on_probation_and_longer_away_each_time() {
    let (mut pool, keys) = pool(Balance::PowerOfTwo, 4);
    let mut draws = draws(5);
    fail(&mut pool, at(0), keys[0], 3);
    pool.choose(at(9), &[], &mut draws);
    assert!(!is_available(&pool, keys[0]), "10 s are not over");
    pool.choose(at(10), &[], &mut draws);
    assert!(is_available(&pool, keys[0]), "10 s are over");
    fail(&mut pool, at(11), keys[0], 1);
    assert!(
        !is_available(&pool, keys[0]),
        "one bad answer is enough now"
    );
    pool.choose(at(30), &[], &mut draws);
    assert!(!is_available(&pool, keys[0]), "2 × 10 s from 11 s on");
    pool.choose(at(31), &[], &mut draws);
    assert!(is_available(&pool, keys[0]));
    pool.end(at(32), keys[0], Verdict::Good);
    fail(&mut pool, at(60), keys[0], 3);
    pool.choose(at(70), &[], &mut draws);
    assert!(
        is_available(&pool, keys[0]),
        "it was well for longer than it was away: 1 × 10 s"
    );
}

#[test]
fn health_checks_take_out_and_bring_back() {
    let (mut pool, keys) = pool(Balance::PowerOfTwo, 2);
    pool.check(at(0), keys[0], Health::Unwell);
    assert!(is_available(&pool, keys[0]), "once is not enough");
    pool.check(at(1), keys[0], Health::Unwell);
    assert!(!is_available(&pool, keys[0]));
    pool.check(at(2), keys[0], Health::Well);
    assert!(is_available(&pool, keys[0]));
    pool.check(at(3), keys[0], Health::Refused);
    assert!(!is_available(&pool, keys[0]), "nobody listens: at once");
}

#[test]
fn if_all_look_bad_all_are_tried() {
    let (mut pool, keys) = pool(Balance::PowerOfTwo, 2);
    for key in &keys {
        pool.check(at(0), *key, Health::Refused);
    }
    assert_eq!(pool.available(), 0);
    assert!(pool.choose(at(0), &[], &mut draws(6)).is_some());
}

#[test]
fn a_tried_one_is_chosen_again_only_if_there_is_no_other() {
    let (mut pool, keys) = pool(Balance::PowerOfTwo, 3);
    let mut draws = draws(7);
    pool.check(at(0), keys[2], Health::Refused);
    let chosen = pool.choose(at(0), &keys[..1], &mut draws);
    assert_eq!(chosen, Some(keys[1]), "the other available one");
    let chosen = pool.choose(at(0), &keys[..2], &mut draws);
    assert_eq!(
        chosen,
        Some(keys[2]),
        "an unwell one rather than one that was tried"
    );
    assert!(pool.choose(at(0), &keys, &mut draws).is_some());
}

#[test]
fn one_that_closes_gets_nothing_new() {
    let (mut pool, keys) = pool(Balance::PowerOfTwo, 2);
    pool.set(at(0), keys[0], Standing::Closed);
    let mut draws = draws(8);
    for _ in 0..20 {
        assert_eq!(pool.choose(at(0), &[], &mut draws), Some(keys[1]));
    }
    pool.set(at(0), keys[1], Standing::Closed);
    assert_eq!(pool.choose(at(0), &[], &mut draws), None);
}

/// Something that happens to a pool.
#[derive(Clone, Debug)]
enum Event {
    Choose,
    End(u8, u8),
    Check(u8, u8),
    Set(u8, bool),
    Add,
    Remove(u8),
    Wait(u32),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => Just(Event::Choose),
        8 => (any::<u8>(), 0_u8..3).prop_map(|(k, v)| Event::End(k, v)),
        2 => (any::<u8>(), 0_u8..3).prop_map(|(k, h)| Event::Check(k, h)),
        1 => (any::<u8>(), any::<bool>()).prop_map(|(k, r)| Event::Set(k, r)),
        1 => Just(Event::Add),
        1 => any::<u8>().prop_map(Event::Remove),
        2 => (0_u32..20_000).prop_map(Event::Wait),
    ]
}

fn balance() -> impl Strategy<Value = Balance> {
    prop::sample::select(vec![
        Balance::PowerOfTwo,
        Balance::RoundRobin,
        Balance::LeastConnections,
        Balance::Random,
        Balance::Choices(3),
    ])
}

/// Plays events; after each, `law` sees the pool as it was before, the instant, and who was chosen, if that happened.
fn play(
    balance: Balance,
    events: &[Event],
    mut law: impl FnMut(&Pool, &Pool, Timestamp, Option<ReplicaKey>),
) -> Vec<Option<ReplicaKey>> {
    let (mut pool, mut keys) = pool(balance, 4);
    let (mut now, mut draws, mut chosen) = (at(0), draws(9), Vec::new());
    for event in events {
        let before = pool.clone();
        let mut this = None;
        let key = |k: u8, keys: &[ReplicaKey]| keys[usize::from(k) % keys.len()];
        match event {
            Event::Choose => {
                this = pool.choose(now, &[], &mut draws);
                chosen.push(this);
            }
            Event::End(k, v) => {
                let verdict = [Verdict::Good, Verdict::Bad, Verdict::Neutral][usize::from(*v)];
                pool.end(now, key(*k, &keys), verdict);
            }
            Event::Check(k, h) => {
                let health = [Health::Well, Health::Unwell, Health::Refused][usize::from(*h)];
                pool.check(now, key(*k, &keys), health);
            }
            Event::Set(k, ready) => {
                let standing = if *ready {
                    Standing::Ready
                } else {
                    Standing::Closed
                };
                pool.set(now, key(*k, &keys), standing);
            }
            Event::Add => keys.push(pool.add(now, keys.len() as u32, Standing::Ready)),
            Event::Remove(k) => pool.remove(now, key(*k, &keys)),
            Event::Wait(ms) => now = now + Duration::from_millis((*ms).into()),
        }
        law(&before, &pool, now, this);
    }
    chosen
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn whoever_is_chosen_is_ready_and_never_ejected_or_unwell_while_others_are_fine(
        balance in balance(),
        events in prop::collection::vec(event(), 0..150),
    ) {
        play(balance, &events, |before, _, now, chosen| {
            let Some(key) = chosen else { return };
            let replica = before.get(key).expect("it is there");
            assert_eq!(replica.standing, Standing::Ready);
            let fine = |r: &Replica| {
                r.standing == Standing::Ready && r.unwell < 2 && !r.is_ejected(now)
            };
            let others = before.replicas.iter().flatten().any(fine);
            assert!(fine(replica) || !others, "{replica:?}");
        });
    }

    #[test]
    fn nothing_is_chosen_only_if_nobody_is_ready(
        balance in balance(),
        events in prop::collection::vec(event(), 0..150),
    ) {
        let mut ready = Vec::new();
        let chosen = play(balance, &events, |before, _, _, _| ready.push(before.ready()));
        let at_choice: Vec<usize> = events
            .iter()
            .zip(ready)
            .filter_map(|(event, ready)| matches!(event, Event::Choose).then_some(ready))
            .collect();
        for (chosen, ready) in chosen.iter().zip(at_choice) {
            prop_assert_eq!(chosen.is_none(), ready == 0);
        }
    }

    #[test]
    fn an_ejection_never_exceeds_the_share_nor_takes_the_last(
        balance in balance(),
        events in prop::collection::vec(event(), 0..150),
    ) {
        play(balance, &events, |before, after, now, _| {
            if after.ejected(now) > before.ejected(now) && before.ready() == after.ready() {
                let most = (after.ready() / 2).max(1);
                assert!(after.ejected(now) <= most);
                assert!(after.available() > 0);
            }
        });
    }

    #[test]
    fn the_same_events_and_luck_choose_the_same(
        balance in balance(),
        events in prop::collection::vec(event(), 0..150),
    ) {
        let first = play(balance, &events, |_, _, _, _| {});
        prop_assert_eq!(first, play(balance, &events, |_, _, _, _| {}));
    }
}
