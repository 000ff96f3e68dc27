//! The three pictures of a run in a terminal: load, latency, replicas.

use super::LABEL;
use crate::analysis::{Analysis, Service};
use crate::braille::Picture;
use crate::words::{self, clock, count, cut, ms};

/// The pictures, line by line, with their frame.
pub(super) fn pictures(run: &Analysis, width: usize) -> Vec<String> {
    let columns = width - LABEL - 1;
    let mut lines = Vec::new();
    let mut panel =
        |corner: [char; 2], title: &str, labels: &[(usize, String)], picture: &Picture| {
            let title = cut(&words::terminal(title), columns - 3);
            let rest = "─".repeat(columns - 3 - title.chars().count());
            lines.push(format!(
                "{}{}─ {title} {rest}{}",
                " ".repeat(LABEL - 1),
                corner[0],
                corner[1]
            ));
            for (row, dots) in picture.lines().iter().enumerate() {
                let label = labels
                    .iter()
                    .find(|(at, _)| *at == row)
                    .map_or("", |(_, text)| text);
                lines.push(format!("{label:>6} │{dots}│"));
            }
        };
    let (picture, top) = load(run, columns);
    panel(
        ['┌', '┐'],
        "load, req/s",
        &[(0, count(top)), (3, "0".into())],
        &picture,
    );
    let limit = run.about.limit_ms;
    let labels = [
        (0, round_ms(limit * 10.0)),
        (2, round_ms(limit)),
        (4, round_ms(limit / 10.0)),
    ];
    let name = words::quantile(if run.about.share > 0.99 {
        0.99
    } else {
        run.about.share
    });
    let title = format!("{name} of the pages, log; dots: the limit");
    panel(['├', '┤'], &title, &labels, &latency(run, columns));
    if let Some(service) = run.shown_service() {
        let (picture, top) = replicas(run, service, columns);
        let known = service.safe.rps().is_some();
        let title = if known {
            format!(
                "{} replicas; shaded: ready, line: load; the shade above the line is the headroom",
                service.name
            )
        } else {
            format!(
                "{} replicas; shaded: ready; what one takes is not known",
                service.name
            )
        };
        panel(
            ['├', '┤'],
            &title,
            &[(0, count(top)), (5, "0".into())],
            &picture,
        );
    }
    lines.push(format!(
        "{}└{}┘",
        " ".repeat(LABEL - 1),
        "─".repeat(columns)
    ));
    lines.push(time_axis(run, columns));
    lines
}

fn round_ms(value: f64) -> String {
    if value >= 1000.0 {
        format!("{} s", value / 1000.0)
    } else {
        ms(value)
    }
}

/// The times under the pictures: a quarter of the run apart.
fn time_axis(run: &Analysis, columns: usize) -> String {
    let mut axis = vec![' '; columns + LABEL + 1];
    for quarter in 0..=4 {
        let text = clock(span_s(run) * f64::from(quarter) / 4.0);
        let length = text.chars().count();
        let at = LABEL + columns * quarter as usize / 4;
        let at = at.min(axis.len().saturating_sub(length));
        for (place, c) in axis[at..].iter_mut().zip(text.chars()) {
            *place = c;
        }
    }
    axis.into_iter().collect()
}

fn span_s(run: &Analysis) -> f64 {
    let last = run.windows.last().map_or(0.0, |w| w.to_s);
    last.max(run.about.ran_s).max(1e-9)
}

/// By column of dots: the largest value of the spans that touch it; nothing where there is no data.
fn columns_of(
    width: usize,
    whole_s: f64,
    spans: impl Iterator<Item = (f64, f64, Option<f64>)>,
) -> Vec<Option<f64>> {
    let mut columns = vec![None; width];
    for (from, to, value) in spans {
        let Some(value) = value.filter(|v| v.is_finite()) else {
            continue;
        };
        let at = |s: f64| s / whole_s * width as f64;
        let first = (at(from) + 1e-6).max(0.0) as usize;
        let end = ((at(to) - 1e-6).max(0.0) as usize + 1)
            .max(first + 1)
            .min(width);
        for column in columns.iter_mut().take(end).skip(first) {
            *column = Some(column.map_or(value, |v: f64| v.max(value)));
        }
    }
    columns
}

/// The next of 1, 2, 2.5, 3, 4, 5, 6, 8 times a power of ten.
fn nice(value: f64) -> u64 {
    let value = value.clamp(1.0, 1e15);
    let power = libm::pow(10.0, libm::log10(value).floor());
    let step = [1.0, 1.2, 1.4, 1.6, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    let fits = step
        .into_iter()
        .map(|s| s * power)
        .find(|s| *s >= value - 1e-9);
    fits.unwrap_or(value).ceil() as u64
}

fn load(run: &Analysis, columns: usize) -> (Picture, u64) {
    let mut picture = Picture::new(columns, 4);
    let spans = run
        .windows
        .iter()
        .map(|w| (w.from_s, w.to_s, w.offered_rps));
    let values = columns_of(picture.width(), span_s(run), spans);
    let top = nice(values.iter().flatten().fold(0.0, |a, b| b.max(a)));
    let height = picture.height() as f64;
    for (x, value) in values.iter().enumerate() {
        if let Some(value) = value {
            picture.fill(x, (value / top as f64 * height).ceil() as usize);
        }
    }
    (picture, top)
}

fn latency(run: &Analysis, columns: usize) -> Picture {
    let mut picture = Picture::new(columns, 5);
    let limit = run.about.limit_ms.max(1e-6);
    let (height, middle) = (picture.height() - 1, picture.height() / 2);
    let spans = run.percentiles.iter().map(|s| (s.from_s, s.to_s, s.p99_ms));
    let values = columns_of(picture.width(), span_s(run), spans);
    let place = |value: f64| {
        let decades = libm::log10(value.max(1e-6) / limit);
        (middle as f64 + decades * middle as f64)
            .round()
            .clamp(0.0, height as f64) as usize
    };
    let mut before: Option<usize> = None;
    for (x, value) in values.iter().enumerate() {
        let now = value.map(place);
        if let Some(y) = now {
            picture.between(x, before.unwrap_or(y), y);
        }
        before = now;
        if x % 4 == 0 {
            picture.dot(x, middle);
        }
    }
    picture
}

fn replicas(run: &Analysis, service: &Service, columns: usize) -> (Picture, u64) {
    let mut picture = Picture::new(columns, 6);
    let whole = span_s(run);
    let ready = service
        .windows
        .iter()
        .map(|w| (w.from_s, w.to_s, w.ready.map(f64::from)));
    let ready = columns_of(picture.width(), whole, ready);
    let safe = service.safe.rps().filter(|s| *s > 0.0);
    let needed = service
        .windows
        .iter()
        .map(|w| (w.from_s, w.to_s, w.load_rps.zip(safe).map(|(l, s)| l / s)));
    let needed = columns_of(picture.width(), whole, needed);
    let most = ready
        .iter()
        .chain(&needed)
        .flatten()
        .fold(0.0, |a: f64, b| b.max(a));
    let top = nice(most);
    let height = picture.height() as f64;
    let place = |value: f64| (value / top as f64 * height).round() as usize;
    let mut before: Option<usize> = None;
    for (x, (ready, needed)) in ready.iter().zip(&needed).enumerate() {
        if let Some(ready) = ready {
            picture.shade(x, place(*ready));
        }
        let now = needed.map(|n| place(n).saturating_sub(1));
        if let Some(y) = now {
            picture.between(x, before.unwrap_or(y), y);
        }
        before = now;
    }
    (picture, top)
}
