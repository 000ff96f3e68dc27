//! The live line: on a terminal it is one line that changes; elsewhere it is a line every ten seconds.

use std::io::{IsTerminal as _, stderr};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use metrics::Timestamp;
use reports::record::{Event, Header};
use reports::words;

use crate::output;

/// Between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// The width of lines where there is no terminal, and of the text beside the bar where there is one.
const WIDTH: usize = 160;

/// The line, and where it goes.
pub(crate) struct Live {
    known: reports::live::Live,
    start: Timestamp,
    duration: Duration,
    bar: Option<ProgressBar>,
    last_line: Option<Timestamp>,
}

impl Live {
    pub(crate) fn new(header: &Header) -> Self {
        let bar = stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(header.duration.as_secs().max(1));
            // The template is a constant, and good.
            if let Ok(style) = ProgressStyle::with_template("{bar:12} {wide_msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self {
            known: reports::live::Live::new(header),
            start: header.start,
            duration: header.duration,
            bar,
            last_line: None,
        }
    }

    /// Takes from an event what the line shows. What breaks is said in a line of its own, which stays.
    pub(crate) fn see(&mut self, event: &Event) {
        self.known.see(event);
        if let Event::Fault { service, what, .. } = event {
            let text = format!("{}: {what}", service.as_deref().unwrap_or("shop"));
            self.say(&words::terminal(&text));
        }
    }

    /// Draws the line of `now`.
    pub(crate) fn draw(&mut self, now: Timestamp) {
        if now <= self.start {
            return;
        }
        if let Some(bar) = &self.bar {
            bar.set_position(now.since(self.start).min(self.duration).as_secs());
            bar.set_message(self.known.line(now, WIDTH));
        } else if self
            .last_line
            .is_none_or(|last| now.since(last) >= LINE_EVERY)
        {
            self.last_line = Some(now);
            output::progress(&self.known.line(now, WIDTH));
        }
    }

    fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| output::progress(text)),
            None => output::progress(text),
        }
    }

    /// Takes the line away.
    pub(crate) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
