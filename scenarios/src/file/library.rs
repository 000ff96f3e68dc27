//! The scenarios that come with the program.

/// Name and text of each scenario of the library, in the order of their names.
const LIBRARY: &[(&str, &str)] = &[];

/// The scenarios that come with the program: name and text.
#[must_use]
pub fn library() -> &'static [(&'static str, &'static str)] {
    LIBRARY
}

/// The text of the library's scenario `name`.
#[must_use]
pub fn library_scenario(name: &str) -> Option<&'static str> {
    LIBRARY
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
}

/// A commented scenario to begin with: what `rushhour scenario new` writes.
#[must_use]
pub fn template() -> &'static str {
    include_str!("template.yaml")
}
