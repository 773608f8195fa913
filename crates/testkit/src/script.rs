//! The script format: a file of requests, close to what editors know as `.http` files.
//!
//! ```text
//! # What this script shows. Lines starting with # before the first step are its description.
//! @cleanup /apis/rbac.authorization.k8s.io/v1/clusterroles/${ns}-reader
//!
//! ### creates it
//! POST /api/v1/namespaces/${ns}/configmaps?fieldManager=me -> 201
//! Impersonate-User: alice
//! @save version /metadata/resourceVersion
//!
//! apiVersion: v1
//! kind: ConfigMap
//! metadata: {name: settings}
//! ```
//!
//! A step is a title, a line `METHOD path -> expected code`, headers and directives, an empty line, a body. The body is YAML
//! and sent as JSON, unless the `Content-Type` says YAML. `${ns}` is a namespace made for this run of the script, empty but for
//! what every namespace holds; `${name}` is what an earlier step saved.
//!
//! Directives of a step:
//! - `@save name /pointer` keeps a string of the answer;
//! - `@until code 404`, `@until /pointer value`: sends again until the answer is so, within a bound;
//! - `@drop /pointer` leaves a part of the answer out of the recording, because it may rightly differ (`*` is any item or field);
//! - `@sort /pointer` sorts a list whose order is nobody's promise;
//! - `@only code` records nothing but the code;
//! - `@nobody` sends without the administrator's certificate (a token may stand in `Authorization`);
//! - `@raw` sends the body as it is written, `@base64` the bytes that it encodes.
//!
//! Two methods are the runner's own: `WATCH name path` opens a watch that stays open, `EVENTS name count` waits for that many
//! of its events and records them.
//!
//! Directives of the script, before its first step: `@let name value` is short for something long; `@cleanup path` is deleted
//! after the script; `@no-namespace` makes none.

use thiserror::Error;

/// A script that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// What it shows.
    pub about: String,
    /// Whether it plays in a namespace of its own.
    pub namespaced: bool,
    /// What stands for something longer: variable, text.
    pub variables: Vec<(String, String)>,
    /// Paths deleted when it is over.
    pub cleanup: Vec<String>,
    /// What is sent, in order.
    pub steps: Vec<Step>,
}

/// One request and what is expected of its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What is shown, unique within the script.
    pub title: String,
    /// The line it stands at.
    pub line: usize,
    /// What is done.
    pub action: Action,
    /// The status code of the answer.
    pub code: u16,
    /// Parts of the answer kept for later steps: variable, JSON pointer.
    pub save: Vec<(String, String)>,
    /// What to wait for, if anything.
    pub until: Option<Until>,
    /// Patterns of JSON pointers that are not recorded.
    pub drop: Vec<String>,
    /// Patterns of JSON pointers to lists that are sorted.
    pub sort: Vec<String>,
    /// Whether only the code is recorded.
    pub only_code: bool,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Sends a request and reads its answer.
    Send(Call),
    /// Opens a watch under a name.
    Watch(String, Call),
    /// Takes that many events from the watch of that name.
    Events(String, usize),
}

/// A request, its variables not yet replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// The HTTP method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Headers in the order written.
    pub headers: Vec<(String, String)>,
    /// The body as written; empty for none.
    pub body: String,
    /// What the body stands for.
    pub form: Form,
    /// Whether the administrator's certificate stays away.
    pub nobody: bool,
}

/// What a body stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// A document in YAML, sent as JSON unless the content type says YAML.
    #[default]
    Document,
    /// Itself.
    Raw,
    /// Bytes in base64; white space does not count.
    Base64,
}

/// A condition on an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Until {
    /// It has this status code.
    Code(u16),
    /// This place of its body prints as this.
    Is(String, String),
}

/// A line that is not part of the format.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("line {line}: {message}")]
pub struct ParseError {
    /// Where.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

/// Reads a script.
///
/// # Errors
/// The first line that is not part of the format.
pub fn parse(text: &str) -> Result<Script, ParseError> {
    let mut script = Script {
        namespaced: true,
        ..Script::default()
    };
    let lines: Vec<&str> = text.lines().collect();
    let starts: Vec<usize> = (0..lines.len())
        .filter(|&at| lines[at].starts_with("###"))
        .collect();
    let first = starts.first().copied().unwrap_or(lines.len());
    for (at, line) in lines[..first].iter().enumerate() {
        preamble(&mut script, line).map_err(|message| ParseError {
            line: at + 1,
            message,
        })?;
    }
    for (index, &start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(lines.len());
        let step = step(&lines[start..end], start + 1)?;
        if script.steps.iter().any(|other| other.title == step.title) {
            let message = format!("a second step {:?}", step.title);
            return Err(ParseError {
                line: start + 1,
                message,
            });
        }
        script.steps.push(step);
    }
    Ok(script)
}

fn preamble(script: &mut Script, line: &str) -> Result<(), String> {
    if let Some(comment) = line.strip_prefix('#') {
        script.about.push_str(comment.trim());
        script.about.push('\n');
    } else if let Some(path) = line.strip_prefix("@cleanup ") {
        script.cleanup.push(path.trim().to_owned());
    } else if let Some(variable) = line.strip_prefix("@let ") {
        let (name, value) = variable
            .trim()
            .split_once(' ')
            .ok_or("expected @let name value")?;
        script
            .variables
            .push((name.to_owned(), value.trim().to_owned()));
    } else if line.trim() == "@no-namespace" {
        script.namespaced = false;
    } else if !line.trim().is_empty() {
        return Err(format!("{line:?} before the first step"));
    }
    Ok(())
}

fn step(lines: &[&str], first: usize) -> Result<Step, ParseError> {
    let at = |offset: usize, message: &str| ParseError {
        line: first + offset,
        message: message.to_owned(),
    };
    let title = lines[0].trim_start_matches('#').trim().to_owned();
    if title.is_empty() {
        return Err(at(0, "a step needs a title"));
    }
    let request = lines.get(1).copied().unwrap_or_default();
    let (request, code) = request
        .rsplit_once(" -> ")
        .ok_or_else(|| at(1, "expected METHOD path -> code"))?;
    let code = code
        .trim()
        .parse()
        .map_err(|_| at(1, "the code is not a number"))?;
    let (method, path) = request
        .split_once(' ')
        .ok_or_else(|| at(1, "expected METHOD path -> code"))?;

    let mut step = Step {
        title,
        line: first,
        action: Action::Send(Call::default()),
        code,
        save: Vec::new(),
        until: None,
        drop: Vec::new(),
        sort: Vec::new(),
        only_code: false,
    };
    let mut call = Call {
        method: method.to_owned(),
        path: path.trim().to_owned(),
        ..Call::default()
    };
    let blank = (2..lines.len())
        .find(|&at| lines[at].trim().is_empty())
        .unwrap_or(lines.len());
    for (offset, line) in lines[..blank].iter().enumerate().skip(2) {
        match line.strip_prefix('@') {
            Some(directive) => step
                .directive(&mut call, directive)
                .map_err(|message| at(offset, &message))?,
            None => {
                let header = line
                    .split_once(':')
                    .ok_or_else(|| at(offset, "expected Header: value"))?;
                call.headers
                    .push((header.0.trim().to_owned(), header.1.trim().to_owned()));
            }
        }
    }
    let body = lines.get(blank + 1..).unwrap_or_default().join("\n");
    body.trim().clone_into(&mut call.body);
    step.action = action(call).map_err(|message| at(1, &message))?;
    Ok(step)
}

fn action(mut call: Call) -> Result<Action, String> {
    let (name, rest) = call.path.split_once(' ').unwrap_or((&call.path, ""));
    match call.method.as_str() {
        "WATCH" => {
            let name = name.to_owned();
            call.path = rest.trim().to_owned();
            call.method = "GET".to_owned();
            Ok(Action::Watch(name, call))
        }
        "EVENTS" => {
            let count = rest
                .trim()
                .parse()
                .map_err(|_| "expected EVENTS name count")?;
            Ok(Action::Events(name.to_owned(), count))
        }
        "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" => Ok(Action::Send(call)),
        other => Err(format!("{other} is not a method")),
    }
}

impl Step {
    fn directive(&mut self, call: &mut Call, text: &str) -> Result<(), String> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let rest = rest.trim();
        match word {
            "save" => {
                let (name, pointer) = rest.split_once(' ').ok_or("expected @save name /pointer")?;
                self.save.push((name.to_owned(), pointer.trim().to_owned()));
            }
            "until" => {
                let (what, value) = rest
                    .split_once(' ')
                    .ok_or("expected @until code N or @until /pointer value")?;
                self.until = Some(match what {
                    "code" => Until::Code(
                        value
                            .trim()
                            .parse()
                            .map_err(|_| "the code is not a number")?,
                    ),
                    pointer => Until::Is(pointer.to_owned(), value.trim().to_owned()),
                });
            }
            "drop" => self.drop.push(rest.to_owned()),
            "sort" => self.sort.push(rest.to_owned()),
            "only" if rest == "code" => self.only_code = true,
            "nobody" => call.nobody = true,
            "raw" => call.form = Form::Raw,
            "base64" => call.form = Form::Base64,
            other => return Err(format!("@{other} is not a directive")),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_error(text: &str, expect: &str) {
        assert_eq!(parse(text).unwrap_err().to_string(), expect);
    }

    #[test]
    fn reads_every_part() {
        let script = parse(
            "# About it.\n@let a b c\n@cleanup /x/${ns}\n\n### first\nPOST /a?b=c -> 201\nImpersonate-User: alice\n@save v /metadata/name\n\
             @until /status/phase Active\n@drop /metadata/*\n\nkind: X\n\na: |\n  b\n\n### second\nEVENTS w 3 -> 200\n\
             ### third\nWATCH w /a?watch=1 -> 200\n@nobody\n",
        )
        .unwrap();
        assert_eq!(script.about, "About it.\n");
        assert_eq!(script.variables, [("a".to_owned(), "b c".to_owned())]);
        assert_eq!(script.cleanup, ["/x/${ns}"]);
        let Action::Send(call) = &script.steps[0].action else {
            panic!("a request")
        };
        assert_eq!(
            (call.method.as_str(), call.path.as_str()),
            ("POST", "/a?b=c")
        );
        assert_eq!(
            call.headers,
            [("Impersonate-User".to_owned(), "alice".to_owned())]
        );
        assert_eq!(call.body, "kind: X\n\na: |\n  b");
        assert_eq!(
            script.steps[0].save,
            [("v".to_owned(), "/metadata/name".to_owned())]
        );
        assert_eq!(
            script.steps[0].until,
            Some(Until::Is("/status/phase".to_owned(), "Active".to_owned()))
        );
        assert_eq!(script.steps[1].action, Action::Events("w".to_owned(), 3));
        assert!(
            matches!(&script.steps[2].action, Action::Watch(name, call) if name == "w" && call.nobody)
        );
    }

    #[test]
    fn names_the_line_that_is_wrong() {
        check_error("hello\n", "line 1: \"hello\" before the first step");
        check_error("### a\nGET /x\n", "line 2: expected METHOD path -> code");
        check_error("### a\nFETCH /x -> 200\n", "line 2: FETCH is not a method");
        check_error(
            "### a\nGET /x -> 200\n@what\n",
            "line 3: @what is not a directive",
        );
        check_error(
            "### a\nGET /x -> 200\n### a\nGET /x -> 200\n",
            "line 3: a second step \"a\"",
        );
    }
}
