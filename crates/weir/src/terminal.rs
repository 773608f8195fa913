//! How things look: symbols, tables, and what a terminal may be shown.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

/// Data, on standard output. A reader that has gone away is no error.
pub(crate) fn print(text: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Progress, on standard error, with upstream's symbols.
pub(crate) fn say(symbol: &str, text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr().lock(), "{symbol} {}", escape(text));
}

/// An action begins.
pub(crate) fn action(text: &str) {
    say("►", text);
}

/// Something is waited for.
pub(crate) fn waiting(text: &str) {
    say("◎", text);
}

/// It worked.
pub(crate) fn success(text: &str) {
    say("✔", text);
}

/// It did not.
pub(crate) fn failure(text: &str) {
    say("✗", text);
}

/// It worked, but.
pub(crate) fn warning(text: &str) {
    say("⚠️", text);
}

/// C03: what a cluster says may hold control characters, or turn the direction of text; a terminal sees them escaped.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(c),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c if c.is_control() => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// A table as upstream prints it: upper-cased headers, cells padded to their column and followed by a tab; a line break inside a cell opens a
/// continuation row.
pub(crate) fn table(header: Option<&[&str]>, rows: &[Vec<String>]) -> String {
    let columns = header.map_or_else(|| rows.first().map_or(0, Vec::len), <[_]>::len);
    let mut lines: Vec<Vec<String>> = Vec::new();
    lines.extend(header.map(|header| header.iter().map(|name| name.to_uppercase()).collect()));
    for row in rows {
        let cells: Vec<Vec<String>> = row
            .iter()
            .map(|cell| escape(cell).split('\n').map(str::to_owned).collect())
            .collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or(1);
        for line in 0..height {
            lines.push(
                cells
                    .iter()
                    .map(|cell| cell.get(line).cloned().unwrap_or_default())
                    .collect(),
            );
        }
    }
    let mut widths = vec![0; columns];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.width());
        }
    }
    let mut out = String::new();
    for line in lines {
        for (cell, width) in line.iter().zip(&widths) {
            let padding = " ".repeat(width.saturating_sub(cell.width()));
            let _ = write!(out, "{cell}{padding}\t");
        }
        out.push('\n');
    }
    out
}

/// A value as JSON for people: indented by two spaces, one line break at the end. What might steer a terminal is escaped.
pub(crate) fn json(value: &krm::Value) -> String {
    let text = format!("{value:#}\n");
    text.chars()
        .map(|c| match c {
            '\u{7f}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                format!("\\u{:04x}", u32::from(c))
            }
            c => c.into(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_pads_and_ends_every_cell_with_a_tab() {
        let rows = vec![
            vec!["apps".into(), "True".into()],
            vec!["infrastructure".into(), "a\nb".into()],
        ];
        assert_eq!(
            table(Some(&["name", "ready"]), &rows),
            "NAME          \tREADY\t\napps          \tTrue \t\ninfrastructure\ta    \t\n              \tb    \t\n"
        );
    }

    #[test]
    fn a_wide_character_takes_two_columns() {
        assert_eq!(
            table(None, &[vec!["日本".into()], vec!["abcde".into()]]),
            "日本 \t\nabcde\t\n"
        );
    }

    #[test]
    fn c03_control_characters_are_escaped() {
        assert_eq!(escape("a\x1b[2Jb"), "a\\x1b[2Jb");
        assert_eq!(escape("a\u{202e}b"), "a\\u{202e}b");
    }
}
