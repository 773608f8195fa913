//! The form of a case, and how what is printed is held against it.

/// Files and commands.
#[derive(Default)]
pub(crate) struct Case {
    /// Name and content of each file.
    pub(crate) files: Vec<(String, String)>,
    /// The commands, in order.
    pub(crate) steps: Vec<Step>,
}

/// One command.
pub(crate) struct Step {
    /// The line as it stands in the case.
    pub(crate) line: String,
    /// kubectl's arguments.
    pub(crate) arguments: Vec<String>,
    /// How many lines it is to print where it goes on while the others run.
    pub(crate) lines: Option<usize>,
    /// What it is to print.
    pub(crate) expected: Vec<String>,
}

impl Case {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut case = Self::default();
        let mut is_file = false;
        for line in text.lines() {
            let name = line.strip_prefix("-- ").and_then(|l| l.strip_suffix(" --"));
            if let Some(name) = name {
                case.files.push((name.to_owned(), String::new()));
                is_file = true;
            } else if let Some(step) = step(line)? {
                case.steps.push(step);
                is_file = false;
            } else if is_file {
                if let Some((_, content)) = case.files.last_mut() {
                    content.push_str(line);
                    content.push('\n');
                }
            } else if let Some(step) = case.steps.last_mut() {
                step.expected.push(line.to_owned());
            }
        }
        Ok(case)
    }
}

/// The command on a line, if there is one.
fn step(line: &str) -> Result<Option<Step>, String> {
    let (lines, command) = if let Some(command) = line.strip_prefix("$ ") {
        (None, command)
    } else if let Some(rest) = line.strip_prefix("& ") {
        let (lines, command) = rest.split_once(' ').ok_or("& needs a number of lines")?;
        let lines = lines.parse().map_err(|_| format!("{lines} is no number"))?;
        (Some(lines), command)
    } else {
        return Ok(None);
    };
    Ok(Some(Step {
        line: line.to_owned(),
        arguments: split(command),
        lines,
        expected: Vec::new(),
    }))
}

/// Words, as a shell splits them; single quotes keep one together.
fn split(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for c in command.chars() {
        match c {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(String::new()),
            c => {
                if let Some(word) = words.last_mut() {
                    word.push(c);
                }
            }
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether what was printed is as expected.
pub(crate) fn matches(expected: &[String], printed: &str) -> bool {
    let expected: Vec<String> = expected.iter().map(|line| squeezed(line)).collect();
    let end = expected.iter().rposition(|line| !line.is_empty());
    let printed: Vec<String> = printed.trim_end().lines().map(squeezed).collect();
    lines_match(&expected[..end.map_or(0, |at| at + 1)], &printed)
}

fn lines_match(expected: &[String], printed: &[String]) -> bool {
    match expected.split_first() {
        None => printed.is_empty(),
        Some((first, rest)) if first == "…" => {
            (0..=printed.len()).any(|skipped| lines_match(rest, &printed[skipped..]))
        }
        Some((first, rest)) => printed
            .split_first()
            .is_some_and(|(line, others)| line_matches(first, line) && lines_match(rest, others)),
    }
}

fn line_matches(expected: &str, line: &str) -> bool {
    match expected.split_once('…') {
        None => expected == line,
        Some((before, after)) => line.strip_prefix(before).is_some_and(|rest| {
            let mut ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
            ends.any(|at| line_matches(after, &rest[at..]))
        }),
    }
}

/// A line whose runs of spaces, but for the indentation, are one.
fn squeezed(line: &str) -> String {
    let text = line.trim_start();
    let indentation = &line[..line.len() - text.len()];
    let words: Vec<&str> = text.split_whitespace().collect();
    format!("{indentation}{}", words.join(" "))
}
