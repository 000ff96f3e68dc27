//! Tests of the language as a whole.

use super::*;

pub(crate) fn read(text: &str) -> Result<Scenario, Mistakes> {
    Scenario::read("my-sale.yaml", text.as_bytes(), &NoFiles, &[])
}

#[test]
fn the_template_passes_unchanged() {
    let scenario = read(template()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(scenario.name, "my-sale");
}
