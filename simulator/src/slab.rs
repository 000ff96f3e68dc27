//! Things with a number that is given to another one when they are gone.

/// Things by number. What is removed is given away again last in, first out, so that few cache lines are in use.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    all: Vec<T>,
    free: Vec<u32>,
}

impl<T> Slab<T> {
    pub(crate) const fn new() -> Self {
        Self {
            all: Vec::new(),
            free: Vec::new(),
        }
    }

    /// Adds one; its number.
    #[inline]
    pub(crate) fn insert(&mut self, one: T) -> u32 {
        if let Some(index) = self.free.pop() {
            self.all[index as usize] = one;
            return index;
        }
        self.all.push(one);
        (self.all.len() - 1) as u32
    }

    /// Adds one as it was left by the last that had its number; only if there is none, a new one.
    #[inline]
    pub(crate) fn reuse(&mut self, new: impl FnOnce() -> T) -> u32 {
        match self.free.pop() {
            Some(index) => index,
            None => self.insert(new()),
        }
    }

    /// Gives a number away again. What is there stays readable until then; whoever scans all must know it is gone.
    #[inline]
    pub(crate) fn remove(&mut self, index: u32) {
        self.free.push(index);
    }

    /// How many there are.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.all.len() - self.free.len()
    }

    /// All numbers ever given away at once: from 0 to this.
    pub(crate) fn bound(&self) -> u32 {
        self.all.len() as u32
    }
}

impl<T> std::ops::Index<u32> for Slab<T> {
    type Output = T;

    #[inline]
    fn index(&self, index: u32) -> &T {
        &self.all[index as usize]
    }
}

impl<T> std::ops::IndexMut<u32> for Slab<T> {
    #[inline]
    fn index_mut(&mut self, index: u32) -> &mut T {
        &mut self.all[index as usize]
    }
}
