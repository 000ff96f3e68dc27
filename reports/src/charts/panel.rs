//! The frame of a chart: words on the left, the plot, words on the right.
//!
//! The plot has layers of two kinds: marks on a canvas that is stretched to the width, and grid, points and words placed
//! with x in per cent and y in pixels, so that type never shrinks. The same panel goes into the page as HTML and into a
//! stand-alone picture as nested SVG.

use maud::{Markup, html};

use super::marks::{Marks, Point, view_box};
use super::place::Word;
use super::words::{coordinate, percent};

/// The width of the left words in a stand-alone picture, in px; the page's style sheet has the same.
pub(crate) const LEFT: f64 = 64.0;
/// The width of the right words.
pub(crate) const RIGHT: f64 = 62.0;

/// A word beside the plot.
#[derive(Clone, Debug)]
pub(crate) struct SideWord {
    /// Pixels from the top, of its middle.
    pub(crate) y: f64,
    pub(crate) class: &'static str,
    pub(crate) text: String,
}

/// A straight line across the plot.
#[derive(Clone, Debug)]
pub(crate) enum Rule {
    /// At a height in px.
    Across(&'static str, f64),
    /// At a share of the width, from one height to another.
    Down(&'static str, f64, f64, f64),
}

/// A small thing at a point.
#[derive(Clone, Debug)]
pub(crate) enum Spot {
    /// A dot.
    Dot(Point),
    /// A cross.
    Cross(Point),
    /// A triangle up, with what it says.
    Up(Point, String),
    /// A triangle down, with what it says.
    Down(Point, String),
}

/// One chart's frame and what is in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Panel {
    /// Its height in px.
    pub(crate) height: u32,
    /// The sentence that stands for it; empty for what only decorates.
    pub(crate) says: String,
    pub(crate) left: Vec<SideWord>,
    pub(crate) right: Vec<SideWord>,
    /// Fills, behind the grid.
    pub(crate) back: Marks,
    pub(crate) rules: Vec<Rule>,
    /// Lines, before the grid.
    pub(crate) front: Marks,
    /// Bars on the top edge: class, from, to.
    pub(crate) bars: Vec<(&'static str, f64, f64)>,
    /// Bands without data: from, to.
    pub(crate) gaps: Vec<(f64, f64)>,
    pub(crate) spots: Vec<Spot>,
    /// A layer of its own, behind the grid.
    pub(crate) under: Option<Markup>,
    /// Elements of its own, in the words' layer.
    pub(crate) extra: Option<Markup>,
    pub(crate) words: Vec<Word>,
    /// Whether the shared cursor moves over it.
    pub(crate) cursor: bool,
}

impl Panel {
    /// An empty one.
    pub(crate) fn new(height: u32, says: impl Into<String>) -> Self {
        Self {
            height,
            says: says.into(),
            ..Self::default()
        }
    }

    /// The height as a number.
    pub(crate) fn h(&self) -> f64 {
        f64::from(self.height)
    }

    /// A word at the left axis.
    pub(crate) fn left(&mut self, y: f64, class: &'static str, text: impl Into<String>) {
        let text = text.into();
        self.left.push(SideWord { y, class, text });
    }

    /// A word at the right end.
    pub(crate) fn right(&mut self, y: f64, class: &'static str, text: impl Into<String>) {
        let text = text.into();
        self.right.push(SideWord { y, class, text });
    }

    /// As a row of the page.
    pub(crate) fn html(&self, class: &str) -> Markup {
        let height = self.height;
        let style = format!("height:{height}px");
        html! {
            div class={ "row " (class) } {
                svg class="yl" height=(height) aria-hidden="true" { (self.left_words()) }
                div class="plot" data-t[self.cursor] style=(style)
                    role=[(!self.says.is_empty()).then_some("img")]
                    aria-label=[(!self.says.is_empty()).then_some(&self.says)]
                    aria-hidden=[self.says.is_empty().then_some("true")]
                {
                    (self.plot_html())
                    @if self.cursor { i class="cur" {} }
                }
                svg class="yr" height=(height) aria-hidden="true" { (self.right_words()) }
            }
        }
    }

    /// Only the plot, for small charts without words beside them.
    pub(crate) fn spark(&self) -> Markup {
        let style = format!("height:{}px", self.height);
        html! {
            div class="spark" data-t[self.cursor] style=(style) role="img" aria-label=(self.says) {
                (self.plot_html())
                @if self.cursor { i class="cur" {} }
            }
        }
    }

    fn plot_html(&self) -> Markup {
        let height = self.height;
        html! {
            @if !self.back.is_empty() { (marks_html(&self.back, height)) }
            @if let Some(under) = &self.under { (under) }
            @if !self.rules.is_empty() || !self.gaps.is_empty() {
                svg class="o" height=(height) aria-hidden="true" { (self.grid()) }
            }
            @if !self.front.is_empty() { (marks_html(&self.front, height)) }
            @if self.has_top() {
                svg class="o" height=(height) aria-hidden="true" { (self.top()) }
            }
        }
    }

    /// As a part of a stand-alone picture: at height `y`, with a plot `width` px wide.
    pub(crate) fn svg(&self, y: f64, width: f64) -> Markup {
        let (height, y) = (self.height, coordinate(y));
        let (left, right) = (coordinate(LEFT), coordinate(RIGHT));
        let end = coordinate(LEFT + width);
        let width = coordinate(width);
        let marks = |marks: &Marks| {
            html! {
                svg class="m" x=(left) y=(y) width=(width) height=(height)
                    viewBox=(view_box(height)) preserveAspectRatio="none" { (marks.draw(height)) }
            }
        };
        html! {
            svg class="yl" x="0" y=(y) width=(left) height=(height) overflow="visible" { (self.left_words()) }
            @if !self.back.is_empty() { (marks(&self.back)) }
            svg class="o" x=(left) y=(y) width=(width) height=(height) overflow="visible" { (self.grid()) }
            @if !self.front.is_empty() { (marks(&self.front)) }
            svg class="o" x=(left) y=(y) width=(width) height=(height) overflow="visible" { (self.top()) }
            svg class="yr" x=(end) y=(y) width=(right) height=(height) overflow="visible" { (self.right_words()) }
        }
    }

    fn left_words(&self) -> Markup {
        html! {
            @for w in &self.left {
                text class=(w.class) x="100%" dx="-8" y=(coordinate(w.y + 4.0)) text-anchor="end" { (w.text) }
            }
        }
    }

    fn right_words(&self) -> Markup {
        html! {
            @for w in &self.right {
                text class=(w.class) x="8" y=(coordinate(w.y + 4.0)) { (w.text) }
            }
        }
    }

    fn grid(&self) -> Markup {
        html! {
            @for (from, to) in &self.gaps {
                rect class="nd" x=(percent(*from)) width=(percent(to - from)) y="0" height=(self.height) {}
            }
            @for rule in &self.rules { (rule.draw()) }
        }
    }

    fn has_top(&self) -> bool {
        !(self.bars.is_empty() && self.spots.is_empty() && self.words.is_empty())
            || self.extra.is_some()
    }

    fn top(&self) -> Markup {
        html! {
            @for (class, from, to) in &self.bars {
                rect class=(class) x=(percent(*from)) width=(percent(to - from)) y="0" height="3" {}
            }
            @if let Some(extra) = &self.extra { (extra) }
            @for spot in &self.spots { (spot.draw()) }
            @for word in &self.words { (word.draw()) }
        }
    }
}

impl Rule {
    fn draw(&self) -> Markup {
        // Half pixels, so that a line one pixel wide is one pixel wide.
        let crisp = |y: f64| coordinate(libm::floor(y) + 0.5);
        let (class, x1, y1, x2, y2) = match self {
            Self::Across(class, y) => (class, "0".into(), crisp(*y), "100%".into(), crisp(*y)),
            Self::Down(class, x, from, to) => {
                let x = percent(*x);
                (class, x.clone(), coordinate(*from), x, coordinate(*to))
            }
        };
        html! { line class=(class) x1=(x1) y1=(y1) x2=(x2) y2=(y2) {} }
    }
}

impl Spot {
    fn draw(&self) -> Markup {
        let (class, (x, y), path, says) = match self {
            Self::Dot((x, y)) => {
                return html! { circle class="dot" cx=(percent(*x)) cy=(coordinate(*y)) r="2.6" {} };
            }
            Self::Cross(at) => ("dotx", at, "M-3-3L3 3M3-3L-3 3", None),
            Self::Up(at, says) => ("dup", at, "M-4.5 4H4.5L0-4Z", Some(says)),
            Self::Down(at, says) => ("ddn", at, "M-4-3.5H4L0 3.5Z", Some(says)),
        };
        html! {
            svg x=(percent(*x)) y=(coordinate(*y)) width="1" height="1" overflow="visible" {
                path class=(class) d=(path) { @if let Some(says) = says { title { (says) } } }
            }
        }
    }
}

fn marks_html(marks: &Marks, height: u32) -> Markup {
    html! {
        svg class="m" height=(height) aria-hidden="true" viewBox=(view_box(height)) preserveAspectRatio="none" {
            (marks.draw(height))
        }
    }
}

/// Words at the right end of lines, pushed apart to 14 px, within the height; in the order given where they tie.
pub(crate) fn push_apart(words: &mut [SideWord], height: f64) {
    const LINE: f64 = 14.0;
    words.sort_by(|a, b| a.y.total_cmp(&b.y));
    let mut floor = f64::NEG_INFINITY;
    for word in words.iter_mut() {
        word.y = word.y.max(floor);
        floor = word.y + LINE;
    }
    let mut ceiling = height + 4.0;
    for word in words.iter_mut().rev() {
        word.y = word.y.min(ceiling);
        ceiling = word.y - LINE;
    }
}

/// The parts of a picture, one below the other.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// A panel's title: the bold word, the rest, and what stands at the right.
    Title {
        bold: String,
        rest: String,
        right: String,
    },
    /// A panel.
    Panel(Box<Panel>),
    /// A narrow panel that belongs to the one beside it.
    Lane(Box<Panel>),
}

impl Part {
    /// As a part of the page.
    pub(crate) fn html(&self) -> Markup {
        match self {
            Self::Title { bold, rest, right } => html! {
                h3 class="ct" {
                    b { (bold) } " " (rest)
                    @if !right.is_empty() { " " span class="rt" { (right) } }
                }
            },
            Self::Panel(panel) => panel.html(""),
            Self::Lane(panel) => panel.html("lane"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_at_the_end_of_lines_do_not_overlap() {
        let word = |y| SideWord {
            y,
            class: "",
            text: String::new(),
        };
        let mut words = vec![word(100.0), word(98.0), word(97.0), word(20.0)];
        push_apart(&mut words, 110.0);
        let ys: Vec<f64> = words.iter().map(|w| w.y).collect();
        assert!(ys.windows(2).all(|w| w[1] - w[0] >= 14.0 - 1e-9), "{ys:?}");
        assert!(ys.iter().all(|y| *y <= 114.0), "{ys:?}");
    }

    #[test]
    fn what_a_panel_says_is_escaped() {
        let mut panel = Panel::new(10, "<script>alert(1)</script>\" onload=\"x");
        panel.left(5.0, "", "<b>");
        panel
            .spots
            .push(Spot::Up((0.5, 5.0), "</title><script>".into()));
        for text in [
            panel.html("").into_string(),
            panel.svg(0.0, 100.0).into_string(),
        ] {
            assert!(!text.contains("<script"), "{text}");
            assert!(!text.contains("<b>"), "{text}");
            assert!(!text.contains("\" onload"), "{text}");
        }
    }
}
