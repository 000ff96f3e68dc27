//! Manifests that a scenario names, read with other numbers than are written in them.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read};

use scenarios::Files;

/// Texts by the names of files.
pub(crate) type Texts = BTreeMap<String, String>;

/// A scenario's files, some of them with other texts.
pub(crate) struct Changed<'a, F> {
    pub(crate) files: F,
    pub(crate) texts: &'a Texts,
}

impl<F: Files> Files for Changed<'_, F> {
    fn open(&self, name: &str) -> io::Result<Box<dyn Read>> {
        match self.texts.get(name) {
            Some(text) => Ok(Box::new(Cursor::new(text.clone().into_bytes()))),
            None => self.files.open(name),
        }
    }
}
