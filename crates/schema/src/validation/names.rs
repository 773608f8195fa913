//! Names, labels and keys: whether a text is one, and what Kubernetes says when it is not.

use std::sync::OnceLock;

use regex::Regex;

/// A kind of name: its pattern, its length, and the words for both.
struct Form {
    pattern: &'static str,
    max: usize,
    message: &'static str,
    examples: &'static [&'static str],
}

const LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const SUBDOMAIN: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const LABEL_KEY: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";

macro_rules! form {
    ($name:ident, $pattern:expr, $max:expr, $message:expr, $examples:expr) => {
        fn $name() -> (&'static Form, &'static Regex) {
            const FORM: Form = Form {
                pattern: $pattern,
                max: $max,
                message: $message,
                examples: &$examples,
            };
            static REGEX: OnceLock<Regex> = OnceLock::new();
            let regex = REGEX
                .get_or_init(|| Regex::new(&format!("^(?:{})$", FORM.pattern)).expect("a pattern"));
            (&FORM, regex)
        }
    };
}

form!(
    label_form,
    LABEL,
    63,
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
    ["my-name", "123-abc"]
);
form!(
    subdomain_form,
    SUBDOMAIN,
    253,
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
    ["example.com"]
);
form!(
    dns1035_form,
    "[a-z]([-a-z0-9]*[a-z0-9])?",
    63,
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
    ["my-name", "abc-123"]
);
form!(
    label_key_form,
    LABEL_KEY,
    63,
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
    ["MyName", "my.name", "123-abc"]
);
form!(
    label_value_form,
    "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?",
    63,
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
    ["MyValue", "my_value", "12345"]
);
form!(
    config_key_form,
    "[-._a-zA-Z0-9]+",
    253,
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
    ["key.name", "KEY_NAME", "key-name"]
);
form!(
    wildcard_form,
    "\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*",
    253,
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
    ["*.example.com"]
);

/// The words for a text that a pattern refuses.
fn regex_error(form: &Form) -> String {
    let examples: Vec<String> = form.examples.iter().map(|e| format!("'{e}', ")).collect();
    format!(
        "{} (e.g. {}regex used for validation is '{}')",
        form.message,
        examples.join(" or "),
        form.pattern
    )
}

fn max_length(max: usize) -> String {
    format!("must be no more than {max} characters")
}

fn judge((form, regex): (&'static Form, &'static Regex), text: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if text.len() > form.max {
        errors.push(max_length(form.max));
    }
    if !regex.is_match(text) {
        errors.push(regex_error(form));
    }
    errors
}

/// A DNS label (RFC 1123).
pub(crate) fn dns_label(text: &str) -> Vec<String> {
    let mut errors = judge(label_form(), text);
    if !label_form().1.is_match(text) && subdomain_form().1.is_match(text) {
        errors.pop();
        errors.push("must not contain dots".to_owned());
    }
    errors
}

/// A DNS subdomain (RFC 1123).
pub(crate) fn dns_subdomain(text: &str) -> Vec<String> {
    judge(subdomain_form(), text)
}

/// A DNS label (RFC 1035).
pub(crate) fn dns1035_label(text: &str) -> Vec<String> {
    judge(dns1035_form(), text)
}

/// `*.` and a DNS subdomain.
pub(crate) fn wildcard_subdomain(text: &str) -> Vec<String> {
    judge(wildcard_form(), text)
}

/// A name as it may stand in a path: RBAC's names.
pub(crate) fn path_segment(text: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if text == "." || text == ".." {
        return vec![format!("may not be '{text}'")];
    }
    for illegal in ["/", "%"] {
        if text.contains(illegal) {
            errors.push(format!("may not contain '{illegal}'"));
        }
    }
    errors
}

/// A label's or annotation's key, a finalizer.
pub(crate) fn qualified(text: &str) -> Vec<String> {
    let mut errors = Vec::new();
    let parts: Vec<&str> = text.split('/').collect();
    let (form, regex) = label_key_form();
    let name = match parts.as_slice() {
        [name] => name,
        [prefix, name] => {
            if prefix.is_empty() {
                errors.push("prefix part must be non-empty".to_owned());
            } else {
                errors.extend(
                    dns_subdomain(prefix)
                        .into_iter()
                        .map(|e| format!("prefix part {e}")),
                );
            }
            name
        }
        _ => {
            let error = regex_error(form);
            return vec![format!(
                "a valid label key {error} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
    };
    if name.is_empty() {
        errors.push("name part must be non-empty".to_owned());
    } else if name.len() > form.max {
        errors.push(format!("name part {}", max_length(form.max)));
    }
    if !regex.is_match(name) {
        errors.push(format!("name part {}", regex_error(form)));
    }
    errors
}

/// A label's value.
pub(crate) fn label_value(text: &str) -> Vec<String> {
    judge(label_value_form(), text)
}

/// A key of a ConfigMap or Secret.
pub(crate) fn config_key(text: &str) -> Vec<String> {
    let mut errors = judge(config_key_form(), text);
    match text {
        "." | ".." => errors.push(format!("must not be '{text}'")),
        _ if text.starts_with("..") => errors.push("must not start with '..'".to_owned()),
        _ => {}
    }
    errors
}

/// A port's name.
pub(crate) fn port_name(text: &str) -> Vec<String> {
    let mut errors = Vec::new();
    let mut check = |wrong: bool, message: &str| {
        if wrong {
            errors.push(message.to_owned());
        }
    };
    check(text.len() > 15, &max_length(15));
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    check(
        text.is_empty() || !text.chars().all(legal),
        "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
    );
    check(
        !text.contains(|c: char| c.is_ascii_lowercase()),
        "must contain at least one letter (a-z)",
    );
    check(text.contains("--"), "must not contain consecutive hyphens");
    check(
        text.starts_with('-') || text.ends_with('-'),
        "must not begin or end with a hyphen",
    );
    errors
}

/// A port's number.
pub(crate) fn port_number(number: i64) -> Vec<String> {
    if (1..=65535).contains(&number) {
        Vec::new()
    } else {
        vec!["must be between 1 and 65535, inclusive".to_owned()]
    }
}

/// The name of an environment variable.
pub(crate) fn env_name(text: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if text.is_empty() {
        errors.push("environment variable name must be non-empty".to_owned());
    }
    if text.chars().any(|c| !matches!(c, ' '..='~') || c == '=') {
        errors.push("a valid environment variable name must consist only of printable ASCII characters other than '='".to_owned());
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_kubernetes_says() {
        let check = |errors: Vec<String>, expect: &[&str]| assert_eq!(errors, expect);
        check(dns_label("a-b"), &[]);
        check(dns_label("a.b"), &["must not contain dots"]);
        check(
            dns_subdomain("A"),
            &[
                "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
            ],
        );
        check(
            label_value("-"),
            &[
                "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
            ],
        );
        check(qualified("/x"), &["prefix part must be non-empty"]);
        check(config_key("..x"), &["must not start with '..'"]);
        check(path_segment("a/b"), &["may not contain '/'"]);
    }
}
