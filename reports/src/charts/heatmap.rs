//! Latencies over time as shares of each column's requests, in six classes.

use std::fmt::Write as _;

use maud::html;

use crate::analysis::{Analysis, Heatmap};

use super::hero::latency_axis;
use super::marks::Ink;
use super::panel::{Panel, Part, Rule};
use super::place::ACROSS;
use super::scale::Scale;
use super::timeline::{Timeline, height_of};
use super::words;

const HEIGHT: u32 = 210;
/// Upper ends of the classes but the last, as shares of a column.
pub(crate) const CLASSES: [f64; 5] = [0.01, 0.03, 0.08, 0.15, 0.30];
/// A column with fewer requests than this has its neighbours' added: one request would be a loud cell.
const FEWEST: u64 = 40;
/// Cells are placed on a canvas this wide.
const WIDTH: f64 = 4000.0;

/// The panel and the axis; nothing without requests.
pub(crate) fn parts(analysis: &Analysis) -> Option<Vec<Part>> {
    let heat = &analysis.heatmap;
    let rows = heat.edges_ms.len().checked_sub(1).filter(|r| *r > 0)?;
    if heat.counts.iter().flatten().all(|n| *n == 0) {
        return None;
    }
    let timeline = Timeline::of(analysis);
    let scale = Scale::Log {
        low: heat.edges_ms[0].max(1e-3),
        high: heat.edges_ms[rows].max(heat.edges_ms[0].max(1e-3) * 1.5),
    };
    let mut panel = Panel::new(HEIGHT, says(analysis));
    panel.cursor = true;
    let height = panel.h();
    for (from, to) in &timeline.gaps {
        panel.gaps.extend(timeline.band(*from, *to));
    }
    let limit = analysis.about.limit_ms;
    let cells = cells(heat, &timeline, scale, height);
    latency_axis(&mut panel, scale, limit);
    // The grid would lie under the cells: only the limit and the axis are of use.
    panel
        .rules
        .retain(|r| matches!(r, Rule::Across("ax" | "lim", _)));
    panel.right(height_of(scale, height, limit), "bad b", "limit");
    let y = height_of(scale, height, limit);
    panel.front.line(Ink::LimitSmall, vec![(0.0, y), (1.0, y)]);
    panel.under = Some(html! {
        svg class="m" height=(HEIGHT) aria-hidden="true" preserveAspectRatio="none"
            viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } {
            @for (i, path) in cells.iter().enumerate() {
                @if !path.is_empty() { path class={ "h" (i + 1) } d=(path) {} }
            }
        }
    });
    let axis = timeline.axis_row(ACROSS, analysis.about.speed);
    Some(vec![
        Part::Panel(Box::new(panel)),
        Part::Lane(Box::new(axis)),
    ])
}

/// One path per class: runs of equal cells in a row are one rectangle.
fn cells(heat: &Heatmap, timeline: &Timeline, scale: Scale, height: f64) -> [String; 6] {
    let mut paths: [String; 6] = Default::default();
    let rows = heat.edges_ms.len() - 1;
    let columns = smoothed(&heat.counts, rows);
    let x = |column: usize| {
        timeline
            .axis
            .at(heat.edges_s.get(column).copied().unwrap_or(0.0))
            * WIDTH
    };
    for row in 0..rows {
        let top = height_of(scale, height, heat.edges_ms[row + 1]);
        let bottom = height_of(scale, height, heat.edges_ms[row]);
        let class_at = |column: usize| class(&columns[column], row);
        let mut column = 0;
        while column < columns.len() {
            let class = class_at(column);
            let mut end = column + 1;
            while end < columns.len() && class_at(end) == class {
                end += 1;
            }
            if let Some(class) = class {
                let (left, right) = (libm::round(x(column)), libm::round(x(end)));
                let (top, tall) = (words::coordinate(top), words::coordinate(bottom - top));
                write!(
                    paths[class],
                    "M{left} {top}h{}v{tall}h-{}z",
                    right - left,
                    right - left
                )
                .expect("a String takes everything");
            }
            column = end;
        }
    }
    paths
}

/// Columns with few requests have their neighbours' added until they have enough, so that chance does not glare; a column
/// without data stays empty.
fn smoothed(columns: &[Vec<u64>], rows: usize) -> Vec<Vec<u64>> {
    let total = |c: &Vec<u64>| c.iter().sum::<u64>();
    (0..columns.len())
        .map(|i| {
            let mut sum = columns[i].clone();
            sum.resize(rows, 0);
            if columns[i].is_empty() || total(&columns[i]) == 0 {
                return sum;
            }
            for reach in 1..=3 {
                if total(&sum) >= FEWEST {
                    break;
                }
                let neighbours = [i.checked_sub(reach), Some(i + reach)];
                for other in neighbours
                    .into_iter()
                    .flatten()
                    .filter_map(|j| columns.get(j))
                {
                    for (into, n) in sum.iter_mut().zip(other) {
                        *into += n;
                    }
                }
            }
            sum
        })
        .collect()
}

/// The class of a cell; nothing for an empty one.
fn class(column: &[u64], row: usize) -> Option<usize> {
    let total: u64 = column.iter().sum();
    let n = *column.get(row)?;
    (n > 0).then(|| {
        let share = n as f64 / total as f64;
        CLASSES.iter().take_while(|c| share >= **c).count()
    })
}

fn says(analysis: &Analysis) -> String {
    let total = &analysis.total;
    let middle = total.p50_ms.map_or_else(String::new, |ms| {
        format!(" Half of all pages took at most {}.", words::ms(ms))
    });
    let most = total.max_ms.map_or_else(String::new, |ms| {
        format!(" The slowest took {}.", words::ms(ms))
    });
    format!("How long pages took, over time, as shares of each column.{middle}{most}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lone_request_does_not_glare() {
        let columns = vec![vec![100, 0], vec![0, 1], vec![100, 0]];
        let smooth = smoothed(&columns, 2);
        assert_eq!(smooth[1], vec![200, 1]);
        assert_eq!(class(&smooth[1], 1), Some(0));
        assert_eq!(class(&columns[1], 1), Some(5));
    }

    #[test]
    fn a_column_without_data_stays_empty() {
        let columns = vec![vec![100, 0], vec![], vec![100, 0]];
        assert_eq!(class(&smoothed(&columns, 2)[1], 0), None);
    }
}
