//! Independent work on several threads, with its results in the order of the work.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// As many threads as were asked for, or one for each core.
pub(crate) fn jobs(asked: Option<NonZeroUsize>) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    asked.map_or_else(cores, NonZeroUsize::get)
}

/// Does `work` for each of `items` on so many threads. What it comes to stands in the order of the items, whoever was
/// quicker. `work` answers nothing for what is not to be begun any more.
pub(crate) fn in_order<T: Sync, R: Send>(
    items: &[T],
    jobs: usize,
    work: impl Fn(&T) -> Option<R> + Sync,
) -> Vec<Option<R>> {
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<R>>> = items.iter().map(|_| Mutex::new(None)).collect();
    let worker = || {
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let (Some(item), Some(result)) = (items.get(place), results.get(place)) else {
                return;
            };
            let done = work(item);
            if let Ok(mut result) = result.lock() {
                *result = done;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..jobs.min(items.len()) {
            scope.spawn(worker);
        }
        worker();
    });
    let taken = |result: Mutex<Option<R>>| result.into_inner().ok().flatten();
    results.into_iter().map(taken).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_stand_in_the_order_of_the_work() {
        let items: Vec<u64> = (0..100).collect();
        // The earlier, the longer it takes.
        let work = |n: &u64| {
            let sum: u64 = (0..(100 - n) * 1000).fold(0, |a, b| a ^ b);
            std::hint::black_box(sum);
            Some(n * 2)
        };
        for jobs in [1, 2, 7, 1000] {
            let results = in_order(&items, jobs, work);
            let expected: Vec<Option<u64>> = items.iter().map(|n| Some(n * 2)).collect();
            assert_eq!(results, expected, "{jobs}");
        }
    }

    #[test]
    fn what_is_not_begun_has_no_result() {
        let results = in_order(&[1, 2, 3], 2, |n| (*n != 2).then_some(*n));
        assert_eq!(results, [Some(1), None, Some(3)]);
        assert!(in_order::<u8, u8>(&[], 4, |n| Some(*n)).is_empty());
    }
}
