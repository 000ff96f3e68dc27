//! The scenarios that come with the program.

use super::mistake::nearest;

/// Name and text of each scenario of the library, in the order of their names.
const LIBRARY: &[(&str, &str)] = &[
    ("bad-deploy", include_str!("../../library/bad-deploy.yaml")),
    (
        "bank-brown-out",
        include_str!("../../library/bank-brown-out.yaml"),
    ),
    (
        "black-friday",
        include_str!("../../library/black-friday.yaml"),
    ),
    (
        "diurnal-week",
        include_str!("../../library/diurnal-week.yaml"),
    ),
    ("double-11", include_str!("../../library/double-11.yaml")),
    ("flash-sale", include_str!("../../library/flash-sale.yaml")),
    (
        "flash-sale-unannounced",
        include_str!("../../library/flash-sale-unannounced.yaml"),
    ),
    (
        "replica-loss",
        include_str!("../../library/replica-loss.yaml"),
    ),
    ("steady-day", include_str!("../../library/steady-day.yaml")),
    (
        "world-cup-surge",
        include_str!("../../library/world-cup-surge.yaml"),
    ),
];

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

/// The name in the library that is nearest to `name`, if one is near: for "did you mean".
#[must_use]
pub fn library_like(name: &str) -> Option<&'static str> {
    nearest(name, LIBRARY.iter().map(|(known, _)| *known))
}

/// A commented scenario to begin with: what `rushhour scenario new` writes.
#[must_use]
pub fn template() -> &'static str {
    include_str!("template.yaml")
}
