//! Label and field selectors.

use crate::registry::Resource;
use crate::status::ApiError;
use crate::store::Stored;
use crate::strategy;

mod labels;

use labels::Requirement;

/// What a list, watch or deletecollection asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<(String, bool, String)>,
}

impl Selector {
    /// Reads both selectors of a request about `resource`.
    ///
    /// # Errors
    /// 400 where one does not parse, or names a field that cannot be selected by.
    pub(crate) fn parse(resource: &Resource, labels: &str, fields: &str) -> Result<Self, ApiError> {
        let labels = labels::parse(labels).map_err(ApiError::bad_request)?;
        let terms = parse_fields(fields).map_err(ApiError::bad_request)?;
        let fields = terms.into_iter().map(|(label, equal, value)| {
            strategy::field_path(resource, &label)
                .map(|path| (path, equal, value))
                .ok_or_else(|| ApiError::bad_request(strategy::unknown_field(resource, &label)))
        });
        Ok(Self {
            labels,
            fields: fields.collect::<Result<_, _>>()?,
        })
    }

    /// Whether everything is selected.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether an object is selected.
    pub fn matches(&self, stored: &Stored) -> bool {
        let labels = &stored.header().labels;
        let wanted = |term: &Requirement| term.matches(labels.get(term.key()).map(String::as_str));
        let mut fields = self.fields.iter();
        self.labels.iter().all(wanted)
            && fields.all(|(path, equal, value)| {
                (stored.field(path).unwrap_or_default() == value) == *equal
            })
    }

    /// The value a field is pinned to.
    pub fn pinned(&self, path: &str) -> Option<&str> {
        let mut terms = self.fields.iter();
        let term = terms.find(|(own, equal, _)| own == path && *equal);
        term.map(|(_, _, value)| value.as_str())
    }
}

/// `path=value` terms; `\` escapes `,`, `=` and itself.
fn parse_fields(text: &str) -> Result<Vec<(String, bool, String)>, String> {
    let mut out = Vec::new();
    for term in split_unescaped(text) {
        if term.is_empty() {
            continue;
        }
        let Some(at) = find_operator(&term) else {
            return Err(format!(
                "invalid selector: '{text}'; can't understand '{term}'"
            ));
        };
        let (path, rest) = term.split_at(at);
        let (equal, value) = if let Some(value) = rest.strip_prefix("!=") {
            (false, value)
        } else if let Some(value) = rest.strip_prefix("==") {
            (true, value)
        } else {
            (true, &rest[1..])
        };
        out.push((path.to_owned(), equal, unescape(value)));
    }
    Ok(out)
}

fn find_operator(term: &str) -> Option<usize> {
    let bytes = term.as_bytes();
    (0..bytes.len())
        .find(|&at| bytes[at] == b'=' || (bytes[at] == b'!' && bytes.get(at + 1) == Some(&b'=')))
}

fn split_unescaped(text: &str) -> Vec<String> {
    let mut terms = vec![String::new()];
    let mut escaped = false;
    for c in text.chars() {
        if c == ',' && !escaped {
            terms.push(String::new());
            continue;
        }
        escaped = c == '\\' && !escaped;
        if let Some(term) = terms.last_mut() {
            term.push(c);
        }
    }
    terms
}

fn unescape(value: &str) -> String {
    let mut out = String::new();
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        out.push(if c == '\\' {
            chars.next().unwrap_or('\\')
        } else {
            c
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_compare_and_escape() {
        assert_eq!(
            parse_fields(r"a.b=c,d!=e\,f").unwrap(),
            [
                ("a.b".to_owned(), true, "c".to_owned()),
                ("d".to_owned(), false, "e,f".to_owned())
            ]
        );
        assert!(parse_fields("a").is_err());
    }
}
