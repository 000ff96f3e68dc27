use super::*;

const TRIGGERS: [&str; 3] = ["a", "b", "queue_2"];

fn value(formula: &str, values: [Option<f64>; 3]) -> Result<Option<f64>, FormulaError> {
    Formula::parse(formula, &TRIGGERS)?.evaluate(&values)
}

#[test]
fn formulas_mean_what_they_mean_in_expr_lang() {
    for (formula, expected) in [
        ("a + b * 2 - 1", 2.0 + 6.0 - 1.0),
        ("(a + b) / 2", 2.5),
        ("-a ** 2", -4.0),
        ("2 ** 3 ^ 2", 512.0),
        ("a > 1 ? a + b : 1", 5.0),
        ("a > 5 ? 1 : b > 5 ? 2 : 3", 3.0),
        ("1 < a < 3 ? 7 : 8", 7.0),
        ("not (a == b) and !(b <= 2) ? 1 : 0", 1.0),
        ("a != b || false ? 1 : 0", 1.0),
        ("min(a, b, 1.5)", 1.5),
        ("max([a, b], queue_2)", 100.0),
        ("avg(a, b)", 2.5),
        ("mean([a, b, 4])", 3.0),
        ("sum([a, b, queue_2])", 105.0),
        ("sum([a, b], {# * 10})", 50.0),
        ("count([a, b, queue_2], {# > 2.5})", 2.0),
        ("count([a, b, queue_2], # > 1) > 2 ? 5 : 0", 5.0),
        ("float(a)", 2.0),
        ("1_000 + .5 + 1e2", 1100.5),
        ("a ?? 7", 2.0),
        ("b - (nil ?? a)", 1.0),
        ("[a, b,] == [2, 3] ? 1 : 0", 1.0),
    ] {
        let got = value(formula, [Some(2.0), Some(3.0), Some(100.0)]);
        assert_eq!(got, Ok(Some(expected)), "{formula}");
    }
}

#[test]
fn a_trigger_without_a_value_is_nil() {
    let without = [None, Some(3.0), None];
    assert_eq!(value("a ?? b", without), Ok(Some(3.0)));
    assert_eq!(value("a ?? queue_2", without), Ok(None));
    assert_eq!(value("a == nil ? 1 : 0", without), Ok(Some(1.0)));
    let error = value("b + a", without).unwrap_err();
    assert_eq!(error.at, 4);
    assert!(value("sum([a, b])", without).is_err());
}

#[test]
fn mistakes_say_where_and_what() {
    let said: Vec<String> = [
        "a + c",
        "a +",
        "(a + b",
        "a ?? 1 + b",
        "a > 1",
        "a ? b : 1",
        "a + (b > 1)",
        "abs(a)",
        "a % 2",
        "a | float()",
        "let x = a; x",
        "'text'",
        "a § b",
        "0x10 + a",
        "count([a])",
        "# > 1 ? 1 : 2",
        "a.b",
        "a in [1]",
        "min()",
        "",
        "{a: 1}",
    ]
    .iter()
    .map(|formula| {
        format!(
            "{formula}: {}",
            Formula::parse(formula, &TRIGGERS).unwrap_err()
        )
    })
    .collect();
    let expected = [
        "a + c: unknown name `c`: the triggers are a, b, queue_2 (at character 5)",
        "a +: the end is not expected here (at character 4)",
        "(a + b: `)` is missing before the end (at character 7)",
        "a ?? 1 + b: `??` and `+` cannot be mixed: put brackets around one of them (at character 8)",
        "a > 1: the formula gives true or false, where a number is needed (at character 3)",
        "a ? b : 1: the condition of `?` needs true or false, and this is a number (at character 1)",
        "a + (b > 1): + needs a number, and this is true or false (at character 8)",
        "abs(a): `abs` is not supported here: use min, max, avg, mean, sum, count, float (at character 1)",
        "a % 2: `%` needs whole numbers, which triggers are not (at character 3)",
        "a | float(): `|` of expr-lang is not supported here (at character 3)",
        "let x = a; x: unknown name `let`: the triggers are a, b, queue_2 (at character 1)",
        "'text': a formula of triggers has no texts: use numbers (at character 1)",
        "a § b: `\\u{a7}` means nothing in a formula (at character 3)",
        "0x10 + a: `0x10` is no number (at character 1)",
        "count([a]): count needs a condition, as in `count([a, b], {# > 1})` (at character 1)",
        "# > 1 ? 1 : 2: `#` stands for an element only in the condition of count or sum (at character 1)",
        "a.b: `.` of expr-lang is not supported here (at character 2)",
        "a in [1]: `in` of expr-lang is not supported here (at character 3)",
        "min(): `min` needs values (at character 1)",
        ": the end is not expected here (at character 1)",
        "{a: 1}: `{` of expr-lang is not supported here (at character 1)",
    ];
    assert_eq!(said, expected);
}

#[test]
fn deep_nesting_is_refused_and_does_not_overflow() {
    let deep = format!("{}a{}", "(".repeat(2000), ")".repeat(2000));
    let error = Formula::parse(&deep, &TRIGGERS).unwrap_err();
    assert!(error.what.contains("too deep"), "{error}");
    let minus = format!("{}a", "-".repeat(4000));
    assert!(Formula::parse(&minus, &TRIGGERS).is_err());
}

#[test]
fn a_formula_that_keda_does_not_cast_must_give_a_float_itself() {
    let of = |text: &str| {
        let formula = Formula::parse(text, &TRIGGERS).unwrap();
        formula.evaluate(&[Some(2.0), Some(5.0), Some(1.0)])
    };
    for whole in [
        "float(a) > 1 ? 1 : b",
        "float(a) > 1 ? 7 - 1 * count([a, b], {# > 1}) : b",
        "float(a) > 1 ? max(1_000, 10, a) : b",
        "float(a) > 1 ? sum([1, 2]) : b",
        "float(a) > 1 ? -10 : b",
    ] {
        assert!(of(whole).unwrap_err().what.contains("float"), "{whole}");
    }
    for (text, value) in [
        ("float(a) > 9 ? 1 : b", 5.0),
        ("float(a) > 1 ? 4 / 2 : b", 2.0),
        ("float(a) > 1 ? 2 ** 3 : b", 8.0),
        ("float(a) > 1 ? max(1, a) : b", 2.0),
        ("float(a) > 1 ? sum([1, a]) : b", 3.0),
        ("float(a) > 1 ? 1.0 : b", 1.0),
        ("a > 1 ? 1 : b", 1.0),
        ("float(a) > 1 ? 1 : b ?? 2", 1.0),
    ] {
        assert_eq!(of(text).unwrap(), Some(value), "{text}");
    }
}
