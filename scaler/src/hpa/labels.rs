//! Labels and qualified names, as Kubernetes checks them and in its words.

use super::spec::LabelSelector;

const KEY: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const EXAMPLES: &str = " (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

/// What is wrong with a qualified name, which a label's key is: an optional DNS name with a slash, and a name.
pub(super) fn qualified_name(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let name = match text.split('/').collect::<Vec<_>>()[..] {
        [name] => name,
        [prefix, name] => {
            if prefix.is_empty() {
                wrong.push("prefix part must be non-empty".to_owned());
            } else {
                let of = subdomain(prefix).into_iter();
                wrong.extend(of.map(|what| format!("prefix part {what}")));
            }
            name
        }
        _ => {
            return vec![format!(
                "a valid label key {KEY}{EXAMPLES} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
    };
    if name.is_empty() {
        wrong.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        wrong.push("name part must be no more than 63 bytes".to_owned());
    }
    if !is_word(name) {
        wrong.push(format!("name part {KEY}{EXAMPLES}"));
    }
    wrong
}

/// Letters, digits, `-`, `_` and `.`, of which the first and the last are letters or digits.
fn is_word(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    let end = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    end(bytes.first()) && end(bytes.last()) && bytes.iter().all(|b| inner(*b))
}

/// Lower-case letters, digits and `-`, of which the first and the last are no `-`.
fn is_label(text: &str) -> bool {
    let end = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.first().is_some_and(|b| end(*b))
        && bytes.last().is_some_and(|b| end(*b))
        && bytes.iter().all(|b| end(*b) || *b == b'-')
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

fn subdomain(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > 253 {
        wrong.push("must be no more than 253 bytes".to_owned());
    }
    if !is_subdomain(text) {
        wrong.push("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')".to_owned());
    }
    wrong
}

/// What is wrong with a DNS label, as container names are.
pub(super) fn dns_label(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > 63 {
        wrong.push("must be no more than 63 bytes".to_owned());
    }
    if !is_label(text) {
        wrong.push(if is_subdomain(text) {
            "must not contain dots".to_owned()
        } else {
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')".to_owned()
        });
    }
    wrong
}

fn value(text: &str) -> Result<(), String> {
    if text.len() <= 63 && (text.is_empty() || is_word(text)) {
        Ok(())
    } else {
        Err(format!("invalid label value `{text}`"))
    }
}

impl LabelSelector {
    /// Whether it can be used at all. Admission does not look: a metric whose selector cannot be used fails.
    ///
    /// # Errors
    /// What is wrong with the first part that is.
    pub(super) fn check(&self) -> Result<(), String> {
        let key = |key: &str| match qualified_name(key).first() {
            None => Ok(()),
            Some(what) => Err(format!("invalid label key `{key}`: {what}")),
        };
        for (label, is) in &self.match_labels {
            key(label)?;
            value(is)?;
        }
        for expression in &self.match_expressions {
            let (operator, values) = (&expression.operator, &expression.values);
            match operator.as_str() {
                "In" | "NotIn" if values.is_empty() => {
                    return Err("for 'in', 'notin' operators, values set can't be empty".into());
                }
                "Exists" | "DoesNotExist" if !values.is_empty() => {
                    return Err("values set must be empty for exists and does not exist".into());
                }
                "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
                _ => {
                    return Err(format!(
                        "\"{operator}\" is not a valid label selector operator"
                    ));
                }
            }
            key(&expression.key)?;
            values.iter().try_for_each(|text| value(text))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_judged_as_kubernetes_judges_them() {
        for good in ["cpu", "a.b/c", "A_b-c.d", "example.com/UPPER", "0"] {
            assert!(qualified_name(good).is_empty(), "{good}");
        }
        for bad in [
            "", "/", "a/", "/a", "a/b/c", "-a", "a_", "A/b", "a..b/c", "é",
        ] {
            assert!(!qualified_name(bad).is_empty(), "{bad}");
        }
        assert!(!qualified_name(&"a".repeat(64)).is_empty());
        assert_eq!(dns_label("a.b"), ["must not contain dots"]);
        assert_eq!(dns_label(&"a".repeat(64)).len(), 1);
    }

    #[test]
    fn a_selector_that_cannot_be_used_says_why() {
        let check = |json: serde_json::Value| {
            let selector: LabelSelector = serde_json::from_value(json).unwrap();
            selector.check().is_ok()
        };
        let one = |operator: &str, values: &[&str]| {
            check(serde_json::json!({"matchExpressions":
                [{"key": "a", "operator": operator, "values": values}]}))
        };
        assert!(one("In", &["x"]) && one("NotIn", &["x", "y"]));
        assert!(one("Exists", &[]) && one("DoesNotExist", &[]));
        assert!(!one("In", &[]) && !one("Exists", &["x"]) && !one("Gt", &["1"]));
        assert!(check(serde_json::json!({"matchLabels": {"a": ""}})));
        assert!(!check(serde_json::json!({"matchLabels": {"a": "x y"}})));
        assert!(!check(serde_json::json!({"matchLabels": {"a b": "x"}})));
    }
}
