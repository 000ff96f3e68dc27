//! How many cases of a law are tried.

use proptest::prelude::ProptestConfig;
use proptest::strategy::Strategy;
use proptest::test_runner::{TestCaseResult, TestRunner};

/// 100,000 if `RUSHHOUR_FULL=1` asks for them; else so many.
pub(crate) fn cases(otherwise: u32) -> u32 {
    let full = std::env::var_os("RUSHHOUR_FULL").is_some_and(|value| value == "1");
    if full { 100_000 } else { otherwise }
}

/// On how many threads.
pub(crate) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Tries so many cases, spread over all cores.
pub(crate) fn try_all<S: Strategy>(
    cases: u32,
    strategy: impl Fn() -> S + Sync,
    law: impl Fn(S::Value) -> TestCaseResult + Sync,
) {
    let threads = threads();
    let (strategy, law) = (&strategy, &law);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(move || {
                let each = cases.div_ceil(threads as u32);
                let mut runner = TestRunner::new(ProptestConfig::with_cases(each));
                if let Err(found) = runner.run(&strategy(), law) {
                    panic!("{found}");
                }
            });
        }
    });
}
