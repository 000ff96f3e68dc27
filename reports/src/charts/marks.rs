//! The marks of a chart (lines, steps, fills), drawn by plotters without text on a canvas that the page stretches.

use std::fmt::Write as _;

use maud::{Markup, PreEscaped};
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

/// The canvas is this wide whatever the page's width: plotters has whole-number coordinates.
pub(crate) const WIDTH: u32 = 4000;
/// Canvas units per CSS pixel of height.
const FINENESS: u32 = 4;

/// What a mark means. Each has its own colour in the light theme, by which the style sheet knows it: dark mode, dashes
/// and widths come from there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ink {
    Load,
    LoadFill,
    Ready,
    ReadyFill,
    StartingFill,
    Background,
    ShortFill,
    Desired,
    Failed,
    P50,
    P95,
    P99,
    Neutral,
    Fitted,
    LimitSmall,
    BreachBand,
    FaultBand,
    Predicted,
}

impl Ink {
    /// All of them.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 18] = [
        Self::Load,
        Self::LoadFill,
        Self::Ready,
        Self::ReadyFill,
        Self::StartingFill,
        Self::Background,
        Self::ShortFill,
        Self::Desired,
        Self::Failed,
        Self::P50,
        Self::P95,
        Self::P99,
        Self::Neutral,
        Self::Fitted,
        Self::LimitSmall,
        Self::BreachBand,
        Self::FaultBand,
        Self::Predicted,
    ];

    /// Its colour in the light theme.
    pub(crate) const fn rgb(self) -> (u8, u8, u8) {
        match self {
            Self::Load => (0x00, 0x67, 0xA3),
            Self::LoadFill => (0xDC, 0xEB, 0xF5),
            Self::Ready => (0x00, 0x7A, 0x5A),
            Self::ReadyFill => (0xD9, 0xEF, 0xE7),
            Self::StartingFill => (0xB9, 0xDC, 0xCF),
            Self::Background => (0xFF, 0xFF, 0xFF),
            Self::ShortFill => (0xE0, 0x8A, 0x5E),
            Self::Desired => (0x1B, 0x1F, 0x24),
            Self::Failed => (0xB8, 0x45, 0x0A),
            Self::P50 => (0x9A, 0x86, 0xC0),
            Self::P95 => (0x76, 0x57, 0xAD),
            Self::P99 => (0x4B, 0x2A, 0x86),
            // One step beside the words' colour, so that the style sheet can tell them apart.
            Self::Neutral => (0x1B, 0x1F, 0x25),
            Self::Fitted => (0x4B, 0x2A, 0x87),
            Self::LimitSmall => (0xB8, 0x45, 0x0B),
            Self::BreachBand => (0xFB, 0xE3, 0xD6),
            Self::FaultBand => (0xE9, 0xEB, 0xEE),
            Self::Predicted => (0xA9, 0xB1, 0xBA),
        }
    }

    fn color(self) -> RGBColor {
        let (r, g, b) = self.rgb();
        RGBColor(r, g, b)
    }

    /// Its colour as plotters writes it.
    #[cfg(test)]
    pub(crate) fn hex(self) -> String {
        let (r, g, b) = self.rgb();
        format!("#{r:02X}{g:02X}{b:02X}")
    }
}

/// A point: the share of the width, and pixels from the top.
pub(crate) type Point = (f64, f64);

/// One layer of marks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks(Vec<(Ink, Shape)>);

#[derive(Clone, Debug)]
enum Shape {
    Line(Vec<Point>),
    Area(Vec<Point>),
    Band(f64, f64),
}

impl Marks {
    /// A line through `points`; fewer than two draw nothing.
    pub(crate) fn line(&mut self, ink: Ink, points: Vec<Point>) {
        if points.len() > 1 {
            self.0.push((ink, Shape::Line(points)));
        }
    }

    /// The area between `points` and the height `base`.
    pub(crate) fn area(&mut self, ink: Ink, points: &[Point], base: f64) {
        let (Some(first), Some(last)) = (points.first(), points.last()) else {
            return;
        };
        let mut outline = points.to_vec();
        outline.push((last.0, base));
        outline.push((first.0, base));
        self.polygon(ink, outline);
    }

    /// A filled outline.
    pub(crate) fn polygon(&mut self, ink: Ink, outline: Vec<Point>) {
        if outline.len() > 2 {
            self.0.push((ink, Shape::Area(outline)));
        }
    }

    /// A band over the whole height, from one share of the width to another.
    pub(crate) fn band(&mut self, ink: Ink, from: f64, to: f64) {
        self.0.push((ink, Shape::Band(from, to)));
    }

    /// Whether there is nothing to draw.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The marks as SVG elements on a canvas [`WIDTH`] wide and 4 × `height` high; see [`view_box`].
    pub(crate) fn draw(&self, height: u32) -> Markup {
        let mut svg = String::new();
        {
            let size = (WIDTH, height * FINENESS);
            let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
            self.draw_on(&root, height)
                .expect("writing marks to memory does not fail");
        }
        PreEscaped(inner(&svg))
    }

    fn draw_on<'a>(
        &self,
        root: &DrawingArea<SVGBackend<'a>, Shift>,
        height: u32,
    ) -> Result<(), DrawingAreaErrorKind<std::io::Error>> {
        let h = f64::from(height);
        let pixels = (0..WIDTH as i32, 0..(height * FINENESS) as i32);
        let area = root.apply_coord_spec(Cartesian2d::<RangedCoordf64, RangedCoordf64>::new(
            0.0..1.0,
            0.0..h,
            pixels,
        ));
        for (ink, shape) in &self.0 {
            match shape {
                Shape::Line(points) => area.draw(&PathElement::new(points.clone(), ink.color()))?,
                Shape::Area(points) => area.draw(&Polygon::new(points.clone(), ink.color()))?,
                Shape::Band(from, to) => area.draw(&Rectangle::new(
                    [(*from, 0.0), (*to, h)],
                    ink.color().filled(),
                ))?,
            }
        }
        root.present()
    }
}

/// The `viewBox` of a canvas for marks that are `height` pixels high.
pub(crate) fn view_box(height: u32) -> String {
    format!("0 0 {WIDTH} {}", height * FINENESS)
}

/// What is inside plotters' `<svg>` element, without attributes that say nothing.
fn inner(svg: &str) -> String {
    let from = svg.find('>').map_or(0, |i| i + 1);
    let to = svg.rfind("</svg>").unwrap_or(svg.len());
    let mut out = String::with_capacity(to - from);
    for line in svg[from..to].lines().filter(|l| !l.is_empty()) {
        let line = line
            .replace(" opacity=\"1\"", "")
            .replace(" stroke=\"none\"", "")
            .replace(" \"/>", "\"/>");
        let _ = write!(out, "{line}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_have_whole_coordinates_on_the_canvas() {
        let mut marks = Marks::default();
        marks.line(Ink::Load, vec![(0.0, 0.0), (0.5, 50.0), (1.0, 100.0)]);
        marks.band(Ink::BreachBand, 0.25, 0.5);
        let svg = marks.draw(100).into_string();
        assert!(svg.contains("stroke=\"#0067A3\""), "{svg}");
        assert!(svg.contains("points=\"0,0 "), "{svg}");
        assert!(svg.contains("fill=\"#FBE3D6\""), "{svg}");
        assert!(!svg.contains("<svg"), "{svg}");
    }

    #[test]
    fn every_ink_has_its_own_colour_and_a_rule_in_the_style_sheet() {
        let mut seen = std::collections::BTreeSet::new();
        for ink in Ink::ALL {
            assert!(seen.insert(ink.rgb()), "{ink:?}");
            assert!(
                super::super::THEME.contains(&ink.hex()),
                "{ink:?} {}",
                ink.hex()
            );
        }
    }

    #[test]
    fn too_few_points_draw_nothing() {
        let mut marks = Marks::default();
        marks.line(Ink::Load, vec![(0.0, 0.0)]);
        marks.area(Ink::LoadFill, &[], 0.0);
        assert!(marks.is_empty());
    }
}
