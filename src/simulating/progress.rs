//! How far long work has got: on a terminal one bar, elsewhere a line every ten seconds.

use std::io::{IsTerminal as _, stderr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use reports::words;

use crate::output;

/// Between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// The work's name and how far it is. It can be told from several threads at once.
pub(crate) struct Progress {
    what: String,
    /// All of it, in milliseconds of scenario time.
    total: u64,
    done: AtomicU64,
    requests: AtomicU64,
    began: Instant,
    bar: Option<ProgressBar>,
    last_line: Mutex<Instant>,
}

impl Progress {
    /// Nothing is done yet of `total` of scenario time.
    pub(crate) fn new(what: &str, total: Duration) -> Self {
        let total = millis(total).max(1);
        let bar = stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total);
            // The template is a constant, and good.
            if let Ok(style) = ProgressStyle::with_template("{bar:24} {wide_msg}") {
                bar.set_style(style);
            }
            bar
        });
        let now = Instant::now();
        Self {
            what: words::terminal(what),
            total,
            done: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            began: now,
            bar,
            last_line: Mutex::new(now),
        }
    }

    /// So much more scenario time and so many more requests are done.
    pub(crate) fn add(&self, time: Duration, requests: u64) {
        let more = millis(time);
        let done = self.done.fetch_add(more, Ordering::Relaxed) + more;
        let requests = self.requests.fetch_add(requests, Ordering::Relaxed) + requests;
        if let Some(bar) = &self.bar {
            bar.set_position(done.min(self.total));
            bar.set_message(self.line(done, requests));
            return;
        }
        let Ok(mut last) = self.last_line.lock() else {
            return;
        };
        if last.elapsed() >= LINE_EVERY {
            *last = Instant::now();
            output::progress(&self.line(done, requests));
        }
    }

    fn line(&self, done: u64, requests: u64) -> String {
        let share = (done.min(self.total) * 100).checked_div(self.total);
        let rate = requests as f64 / self.began.elapsed().as_secs_f64().max(1e-3);
        format!(
            "{}  {} %  {} requests, {} a second",
            self.what,
            share.unwrap_or(0),
            words::count(requests),
            words::rate(rate)
        )
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
