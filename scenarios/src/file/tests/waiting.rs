//! Services that wait for themselves.

use super::*;

fn warnings(text: &str) -> Vec<String> {
    let checked = Scenario::checked("my-sale.yaml", text.as_bytes(), &Folder, &[]);
    let checked = checked.unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let list = checked.warnings.list().iter();
    list.map(|warning| warning.what.clone()).collect()
}

#[test]
fn the_designs_example_is_warned_of_its_order_that_calls_itself() {
    let checked = Scenario::checked("my-sale.yaml", DESIGN.as_bytes(), &Folder, &[]).unwrap();
    insta::assert_snapshot!(checked.warnings);
    let [warning] = checked.warnings.list() else {
        panic!("{}", checked.warnings)
    };
    let line = DESIGN.lines().nth(warning.line - 1).unwrap();
    assert!(line[warning.column - 1..].starts_with("order.stock"));
}

#[test]
fn a_way_back_through_others_is_found_and_told_once() {
    let text = design_with(
        "charge: {do: [work:",
        "charge: {do: [call: order.stock, call: order.stock, work:",
    )
    .replace("order.stock], call:", "auth.verify], call:");
    // Two calls on one line are two places.
    let told =
        "order calls itself while it holds a slot: order.checkout → payment.charge → order.stock";
    assert_eq!(warnings(&text), [told, told]);
}

#[test]
fn the_shortest_way_is_told_and_a_way_that_leads_elsewhere_is_not() {
    let text = design_with(
        "verify: {do: [work: 2ms]}",
        "verify: {do: [call: catalogue.price]}",
    );
    let found = warnings(&text);
    assert_eq!(
        found.len(),
        1,
        "auth calls catalogue, which calls nobody: {found:?}"
    );
    assert!(
        found[0].ends_with("order.checkout → order.stock"),
        "{found:?}"
    );
}

#[test]
fn one_with_unlimited_slots_waits_for_nobody() {
    let text = design_with("  order:\n", "  order:\n    slots: unlimited\n");
    assert!(warnings(&text).is_empty());
}

#[test]
fn an_operation_that_calls_itself_is_a_mistake() {
    let text = design_with(
        "stock: {do: [work:",
        "stock: {do: [call: order.stock, work:",
    );
    let mistakes = read(&text).unwrap_err();
    assert_eq!(
        mistakes.list()[0].what,
        "a call that comes back to where it began"
    );
    assert_eq!(mistakes.list()[0].rule, "order.stock → order.stock");
}

#[test]
fn the_library_and_the_template_are_not_warned_of() {
    let template = [("template", template())];
    for (name, text) in library().iter().copied().chain(template) {
        let checked = Scenario::checked(name, text.as_bytes(), &NoFiles, &[]).unwrap();
        assert!(checked.warnings.is_empty(), "{}", checked.warnings);
        assert!(checked.left_out.is_empty() && checked.beyond_local.is_empty());
    }
}
