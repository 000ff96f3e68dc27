//! Words inside a plot: each is put where it covers neither a line nor another word, or left out.

use maud::{Markup, html};

use super::marks::Point;
use super::words::{coordinate, percent};

/// Which end of a word lies at its point.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Anchor {
    #[default]
    Start,
    Middle,
    End,
}

/// A word in the plot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Word {
    /// The share of the width.
    pub(crate) x: f64,
    /// Pixels from the top, of its baseline.
    pub(crate) y: f64,
    /// Pixels beside `x`.
    pub(crate) dx: f64,
    pub(crate) anchor: Anchor,
    pub(crate) class: &'static str,
    pub(crate) text: String,
    /// What follows it where there is room.
    pub(crate) tail: String,
    /// Where it is shown.
    pub(crate) shown: Shown,
}

/// Where a word is shown.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Shown {
    /// On every page.
    #[default]
    Always,
    /// Only where the page is wide.
    Wide,
}

impl Word {
    /// A word at a point.
    pub(crate) fn new(class: &'static str, text: impl Into<String>) -> Self {
        Self {
            class,
            text: text.into(),
            ..Self::default()
        }
    }

    /// With what follows where there is room.
    pub(crate) fn and(mut self, tail: impl Into<String>) -> Self {
        self.tail = tail.into();
        self
    }

    /// At a point: the share of the width, px beside it, px from the top.
    pub(crate) fn at(mut self, x: f64, dx: f64, y: f64, anchor: Anchor) -> Self {
        (self.x, self.dx, self.y, self.anchor) = (x, dx, y, anchor);
        self
    }

    pub(crate) fn draw(&self) -> Markup {
        let anchor = match self.anchor {
            Anchor::Start => None,
            Anchor::Middle => Some("middle"),
            Anchor::End => Some("end"),
        };
        let wide = if self.shown == Shown::Wide {
            " wide"
        } else {
            ""
        };
        html! {
            text class={ (self.class) (wide) } x=(percent(self.x)) y=(coordinate(self.y)) text-anchor=[anchor]
                dx=[(self.dx != 0.0).then(|| coordinate(self.dx))]
            {
                (self.text)
                @if !self.tail.is_empty() { tspan class="wide" { (self.tail) } }
            }
        }
    }
}

/// The widths that a plot may have, in px: a wide page's and a phone's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Widths {
    pub(crate) wide: f64,
    pub(crate) narrow: f64,
}

/// A plot across the page.
pub(crate) const ACROSS: Widths = Widths {
    wide: 1000.0,
    narrow: 250.0,
};
/// A plot across half of the page.
pub(crate) const HALF: Widths = Widths {
    wide: 420.0,
    narrow: 250.0,
};

/// Type is 12 px wide pages and 11 px on phones; its letters are about 0.56 of that wide, bold ones more.
const LETTER_WIDE: f64 = 7.0;
const LETTER_NARROW: f64 = 6.4;
/// A word's height above and below its baseline.
const ABOVE: f64 = 11.0;
const BELOW: f64 = 4.0;
/// How far a word may stick out of the plot on either side, in px: what is beside it has its own words.
const OUTSIDE: f64 = 2.0;

/// The room in a plot.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    widths: Widths,
    height: f64,
    lines: Vec<Vec<Point>>,
    taken: [Vec<Rectangle>; 2],
}

#[derive(Clone, Copy, Debug)]
struct Rectangle {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Room {
    /// An empty plot.
    pub(crate) fn new(widths: Widths, height: f64) -> Self {
        Self {
            widths,
            height,
            lines: Vec::new(),
            taken: [Vec::new(), Vec::new()],
        }
    }

    /// A line that no word may cover.
    pub(crate) fn avoid(&mut self, line: &[Point]) {
        self.lines.push(line.to_vec());
    }

    /// Takes the room of a word that is there already.
    pub(crate) fn take(&mut self, word: &Word) {
        for which in 0..2 {
            let rectangle = self.rectangle(word, which, Text::Whole);
            self.taken[which].push(rectangle);
        }
    }

    /// Puts `word` at the first of `places` (share of the width, px beside it, px from the top, anchor) where there is
    /// room; without its tail if that alone fits; not at all on phones if it fits only on wide pages.
    pub(crate) fn put(&mut self, word: &Word, places: &[(f64, f64, f64, Anchor)]) -> Option<Word> {
        let texts: &[Text] = if word.tail.is_empty() {
            &[Text::Head]
        } else {
            &[Text::Whole, Text::Head]
        };
        for text in texts {
            for (x, dx, y, anchor) in places {
                let mut here = word.clone().at(*x, *dx, *y, *anchor);
                if *text == Text::Head {
                    here.tail.clear();
                }
                if !self.is_free(&here, 0, *text) {
                    continue;
                }
                if !self.is_free(&here, 1, Text::Head) {
                    here.shown = Shown::Wide;
                } else {
                    let narrow = self.rectangle(&here, 1, Text::Head);
                    self.taken[1].push(narrow);
                }
                let wide = self.rectangle(&here, 0, *text);
                self.taken[0].push(wide);
                return Some(here);
            }
        }
        None
    }

    fn width(&self, which: usize) -> f64 {
        [self.widths.wide, self.widths.narrow][which]
    }

    fn rectangle(&self, word: &Word, which: usize, text: Text) -> Rectangle {
        let letter = [LETTER_WIDE, LETTER_NARROW][which];
        let letters = match (text, which) {
            (Text::Whole, 0) => word.text.chars().count() + word.tail.chars().count(),
            _ => word.text.chars().count(),
        };
        let length = letter * letters as f64;
        let at = word.x * self.width(which) + word.dx;
        let left = match word.anchor {
            Anchor::Start => at,
            Anchor::Middle => at - length / 2.0,
            Anchor::End => at - length,
        };
        Rectangle {
            left,
            right: left + length,
            top: word.y - ABOVE,
            bottom: word.y + BELOW,
        }
    }

    fn is_free(&self, word: &Word, which: usize, text: Text) -> bool {
        let here = self.rectangle(word, which, text);
        let width = self.width(which);
        here.left >= -OUTSIDE
            && here.right <= width + OUTSIDE
            && here.top >= 1.0
            && here.bottom <= self.height + 6.0
            && !self.taken[which].iter().any(|t| t.meets(&here))
            && !self.lines.iter().any(|l| here.is_crossed_by(l, width))
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Text {
    Whole,
    Head,
}

impl Rectangle {
    fn meets(&self, other: &Self) -> bool {
        self.left < other.right + 4.0
            && other.left < self.right + 4.0
            && self.top < other.bottom
            && other.top < self.bottom
    }

    /// Whether a line passes through it; `width` turns shares into px.
    fn is_crossed_by(&self, line: &[Point], width: f64) -> bool {
        line.windows(2).any(|pair| {
            let (x1, x2) = (pair[0].0 * width, pair[1].0 * width);
            if x2 < self.left || x1 > self.right {
                return false;
            }
            // The heights where the piece enters and leaves the rectangle's columns.
            let at = |x: f64| match x2 - x1 {
                length if length > 1e-9 => pair[0].1 + (pair[1].1 - pair[0].1) * (x - x1) / length,
                _ => pair[0].1,
            };
            let (y1, y2) = if x2 - x1 > 1e-9 {
                (at(x1.max(self.left)), at(x2.min(self.right)))
            } else {
                (pair[0].1, pair[1].1)
            };
            y1.min(y2) < self.bottom && y1.max(y2) > self.top
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_avoids_lines_and_words_or_is_left_out() {
        let mut room = Room::new(ACROSS, 100.0);
        room.avoid(&[(0.0, 50.0), (1.0, 50.0)]);
        let word = Word::new("", "offered");
        let places = [
            (0.5, 0.0, 52.0, Anchor::Start),
            (0.5, 0.0, 20.0, Anchor::Start),
        ];
        let put = room
            .put(&word, &places)
            .expect("there is room above the line");
        assert!((put.y - 20.0).abs() < 1e-9);
        assert!(
            room.put(&word, &places).is_none(),
            "the second would lie on the first"
        );
    }

    #[test]
    fn a_word_without_room_on_a_phone_is_shown_on_wide_pages_only() {
        let mut room = Room::new(ACROSS, 100.0);
        let a = room.put(
            &Word::new("", "ten letters"),
            &[(0.2, 0.0, 20.0, Anchor::Start)],
        );
        let b = room.put(
            &Word::new("", "ten letters"),
            &[(0.4, 0.0, 20.0, Anchor::Start)],
        );
        assert_eq!(a.expect("an empty plot").shown, Shown::Always);
        assert_eq!(b.expect("120 px further").shown, Shown::Wide);
    }

    #[test]
    fn a_tail_without_room_is_dropped() {
        let mut room = Room::new(HALF, 100.0);
        let word = Word::new("", "short")
            .and(" with a tail that is far longer than the plot is wide, by a good deal");
        let put = room
            .put(&word, &[(0.5, 0.0, 20.0, Anchor::Start)])
            .expect("the head fits");
        assert_eq!(put.tail, "");
    }
}
