//! What can be wrong with an expression: refused when compiled, or failing when run.

use std::fmt;

/// One complaint about a place in the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Issue {
    /// Code point offset; `None` when the whole expression is meant.
    pub(crate) at: Option<usize>,
    pub(crate) message: String,
}

impl Issue {
    pub(crate) fn new(at: usize, message: impl Into<String>) -> Self {
        Self {
            at: Some(at),
            message: message.into(),
        }
    }
}

/// An expression that was refused. Prints as cel-go prints its issues: every complaint with the line it stands on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct CompileError {
    /// Line of the first complaint, from 1.
    pub line: usize,
    /// Column of the first complaint, from 1.
    pub col: usize,
    /// The first complaint alone.
    pub message: String,
    text: String,
}

impl CompileError {
    pub(crate) fn new(src: &[char], mut issues: Vec<Issue>) -> Self {
        issues.truncate(100);
        let place = |issue: &Issue| issue.at.map_or((-1, -1), |at| place(src, at));
        issues.sort_by_key(place);
        let mut text = String::new();
        for issue in &issues {
            if !text.is_empty() {
                text.push('\n');
            }
            display(&mut text, src, issue, place(issue));
        }
        let (line, col) = issues.first().map_or((1, 0), place);
        let message = issues
            .first()
            .map(|i| i.message.clone())
            .unwrap_or_default();
        Self {
            line: usize::try_from(line).unwrap_or(0),
            col: usize::try_from(col + 1).unwrap_or(0),
            message,
            text,
        }
    }

    pub(crate) fn plain(message: String) -> Self {
        Self {
            line: 0,
            col: 0,
            text: message.clone(),
            message,
        }
    }
}

/// Line from 1 and column from 0 of a code point offset.
fn place(src: &[char], at: usize) -> (i64, i64) {
    let before = &src[..at.min(src.len())];
    let line = before.iter().filter(|&&c| c == '\n').count();
    let start = before.iter().rposition(|&c| c == '\n').map_or(0, |n| n + 1);
    (line as i64 + 1, (before.len() - start) as i64)
}

fn display(out: &mut String, src: &[char], issue: &Issue, (line, col): (i64, i64)) {
    use fmt::Write as _;
    let _ = write!(out, "ERROR: <input>:{line}:{}: {}", col + 1, issue.message);
    let Ok(index) = usize::try_from(line - 1) else {
        return;
    };
    let snippet: Vec<char> = src
        .split(|&c| c == '\n')
        .nth(index)
        .unwrap_or_default()
        .to_vec();
    if snippet.iter().map(|c| c.len_utf8()).sum::<usize>() > 16384 {
        return;
    }
    let shown: String = snippet
        .iter()
        .map(|&c| if c == '\t' { ' ' } else { c })
        .collect();
    let _ = write!(out, "\n | {shown}\n | ");
    let col = usize::try_from(col).unwrap_or(0);
    for c in snippet.iter().take(col) {
        out.push(if c.len_utf8() > 1 { '\u{ff0e}' } else { '.' });
    }
    out.push(if snippet.get(col).is_some_and(|c| c.len_utf8() > 1) {
        '\u{ff3e}'
    } else {
        '^'
    });
}

/// A run that gave no value. The text is cel-go's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EvalError {
    message: String,
    /// Whether the budget ran out, which no operator may absorb.
    exhausted: bool,
}

impl EvalError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            exhausted: false,
        }
    }

    pub(crate) fn exhausted() -> Self {
        Self {
            message: "operation cancelled: actual cost limit exceeded".into(),
            exhausted: true,
        }
    }

    pub(crate) fn no_such_overload() -> Self {
        Self::new("no such overload")
    }

    /// Whether the budget of the run was used up: the expression as a whole is too dear, whatever its value.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.exhausted
    }
}
