//! Pictures in a terminal: a grid of cells with two by four dots each.

/// The dots of a cell, by row from the top and column, as bits of a braille character.
const DOTS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

/// A picture. Dots are counted from the left and from the bottom.
pub(crate) struct Picture {
    columns: usize,
    cells: Vec<u8>,
}

impl Picture {
    /// An empty picture of so many characters.
    pub(crate) fn new(columns: usize, rows: usize) -> Self {
        Self {
            columns,
            cells: vec![0; columns * rows],
        }
    }

    /// Its width in dots.
    pub(crate) fn width(&self) -> usize {
        self.columns * 2
    }

    /// Its height in dots.
    pub(crate) fn height(&self) -> usize {
        self.cells.len() / self.columns.max(1) * 4
    }

    /// Sets a dot; one outside the picture is left out.
    pub(crate) fn dot(&mut self, x: usize, y: usize) {
        if x < self.width() && y < self.height() {
            let from_top = self.height() - 1 - y;
            self.cells[from_top / 4 * self.columns + x / 2] |= DOTS[from_top % 4][x % 2];
        }
    }

    /// Sets the dots from the bottom up to `height` of them.
    pub(crate) fn fill(&mut self, x: usize, height: usize) {
        for y in 0..height.min(self.height()) {
            self.dot(x, y);
        }
    }

    /// As [`Picture::fill`], but every other dot of every other column.
    pub(crate) fn shade(&mut self, x: usize, height: usize) {
        if x.is_multiple_of(2) {
            for y in (0..height.min(self.height())).step_by(2) {
                self.dot(x, y);
            }
        }
    }

    /// Sets the dots of a column between two heights, both included: a piece of a line.
    pub(crate) fn between(&mut self, x: usize, a: usize, b: usize) {
        for y in a.min(b)..=a.max(b) {
            self.dot(x, y);
        }
    }

    /// Its lines from the top.
    pub(crate) fn lines(&self) -> Vec<String> {
        let braille = |dots: &u8| char::from_u32(0x2800 + u32::from(*dots)).unwrap_or(' ');
        self.cells
            .chunks(self.columns.max(1))
            .map(|row| row.iter().map(braille).collect())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_where_they_should_be() {
        let mut picture = Picture::new(2, 1);
        picture.dot(0, 0);
        picture.fill(3, 4);
        picture.dot(9, 9);
        assert_eq!(picture.lines(), ["⡀⢸"]);
    }
}
