//! Writing, byte for byte as `sigs.k8s.io/yaml` (go-yaml v2) writes.

use std::fmt::Write as _;

use serde_json::{Map, Number, Value};

use super::resolve::{self, Meaning};
use super::{float, order};

/// Lines are folded at the first blank after this column.
const WIDTH: usize = 80;

/// The YAML text of a value: sorted keys, two blanks per level, sequences not indented in mappings, scalars quoted where YAML 1.1 would
/// take them for something else, long plain scalars folded, text of several lines as a literal block.
pub fn emit(value: &Value) -> String {
    let mut emitter = Emitter {
        out: String::new(),
        column: 0,
        indent: -1,
        after_blank: true,
        at_indent: true,
    };
    emitter.node(value, Place::Root);
    emitter.write_indent();
    emitter.out
}

/// Where a node stands, as far as it changes how it is written.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Root,
    Item,
    Value,
    SimpleKey,
    LongKey,
}

/// The state of go-yaml's emitter that the bytes depend on.
struct Emitter {
    out: String,
    column: usize,
    indent: isize,
    /// A blank or an indicator that needs none after it was written last.
    after_blank: bool,
    /// Only indentation and block indicators stand on this line.
    at_indent: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

impl Emitter {
    fn node(&mut self, value: &Value, place: Place) {
        match value {
            Value::Null => self.scalar("null", Style::Plain, place),
            Value::Bool(flag) => {
                self.scalar(if *flag { "true" } else { "false" }, Style::Plain, place)
            }
            Value::Number(number) => self.scalar(&number_text(number), Style::Plain, place),
            Value::String(text) if text.contains('\u{85}') => {
                let text = without_next_line(text);
                self.scalar(&text, preferred(&text), place);
            }
            Value::String(text) => self.scalar(text, preferred(text), place),
            Value::Array(items) if items.is_empty() => self.empty("[", "]"),
            Value::Object(map) if map.is_empty() => self.empty("{", "}"),
            Value::Array(items) => self.list(items, place),
            Value::Object(map) => self.map(map),
        }
    }

    fn list(&mut self, items: &[Value], place: Place) {
        let outer = self.indent;
        let indentless = matches!(place, Place::Value | Place::LongKey) && !self.at_indent;
        self.indent = match outer {
            ..0 => 0,
            _ if indentless => outer,
            _ => outer + 2,
        };
        for item in items {
            self.write_indent();
            self.indicator("-", true, false, true);
            self.node(item, Place::Item);
        }
        self.indent = outer;
    }

    fn map(&mut self, map: &Map<String, Value>) {
        let outer = self.indent;
        self.indent = if outer < 0 { 0 } else { outer + 2 };
        let mut keys: Vec<&str> = map.keys().map(String::as_str).collect();
        order::sort(&mut keys);
        for key in keys {
            self.write_indent();
            let simple = key.len() <= 128 && !key.chars().any(is_break);
            if simple {
                self.scalar(key, preferred(key), Place::SimpleKey);
                self.indicator(":", false, false, false);
            } else {
                self.indicator("?", true, false, true);
                self.scalar(key, preferred(key), Place::LongKey);
                self.write_indent();
                self.indicator(":", true, false, true);
            }
            self.node(&map[key], Place::Value);
        }
        self.indent = outer;
    }

    fn empty(&mut self, open: &str, close: &str) {
        self.indicator(open, true, true, false);
        self.indicator(close, false, false, false);
    }

    fn scalar(&mut self, text: &str, style: Style, place: Place) {
        let outer = self.indent;
        self.indent = if outer < 0 { 2 } else { outer + 2 };
        let simple_key = place == Place::SimpleKey;
        match select(text, style, simple_key) {
            Style::Plain => self.plain(text, !simple_key),
            Style::Single => self.single(text, !simple_key),
            Style::Double => self.double(text, !simple_key),
            Style::Literal => self.literal(text),
        }
        self.indent = outer;
    }

    fn plain(&mut self, text: &str, fold: bool) {
        if !self.after_blank {
            self.put(' ');
        }
        let mut blanks = false;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            if c == ' ' && fold && !blanks && self.column > WIDTH && chars.peek() != Some(&' ') {
                self.write_indent();
            } else {
                self.put(c);
            }
            blanks = c == ' ';
            self.at_indent &= blanks;
        }
        self.after_blank = false;
        self.at_indent = false;
    }

    fn single(&mut self, text: &str, fold: bool) {
        self.indicator("'", true, false, false);
        let (mut blanks, mut breaks) = (false, false);
        let last = text.len().saturating_sub(1);
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let next_blank = chars.peek().is_some_and(|(_, next)| *next == ' ');
            if c == ' ' {
                let inside = at > 0 && at < last;
                if fold && !blanks && self.column > WIDTH && inside && !next_blank {
                    self.write_indent();
                } else {
                    self.put(c);
                }
                blanks = true;
            } else if is_break(c) {
                if !breaks && c == '\n' {
                    self.line_break();
                }
                self.put_break(c);
                self.at_indent = true;
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                if c == '\'' {
                    self.put('\'');
                }
                self.put(c);
                self.at_indent = false;
                (blanks, breaks) = (false, false);
            }
        }
        self.indicator("'", false, false, false);
    }

    fn double(&mut self, text: &str, fold: bool) {
        self.indicator("\"", true, false, false);
        let mut blanks = false;
        let last = text.len().saturating_sub(1);
        // go-yaml looks for the mark at the start of the text, whichever character it is at.
        let marked = text.starts_with('\u{feff}');
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if marked || !is_printable(c) || is_break(c) || matches!(c, '"' | '\\') {
                self.escape(c);
                blanks = false;
            } else if c == ' ' && fold && !blanks && self.column > WIDTH && at > 0 && at < last {
                self.write_indent();
                if chars.peek().is_some_and(|(_, next)| *next == ' ') {
                    self.put('\\');
                }
                blanks = true;
            } else {
                self.put(c);
                blanks = c == ' ';
            }
        }
        self.indicator("\"", false, false, false);
    }

    fn escape(&mut self, c: char) {
        let known = match c {
            '\0' => '0',
            '\x07' => 'a',
            '\x08' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\x0b' => 'v',
            '\x0c' => 'f',
            '\r' => 'r',
            '\x1b' => 'e',
            '"' => '"',
            '\\' => '\\',
            '\u{85}' => 'N',
            '\u{a0}' => '_',
            '\u{2028}' => 'L',
            '\u{2029}' => 'P',
            _ => {
                let before = self.out.len();
                let code = u32::from(c);
                // Writing to a String cannot fail.
                let _ = match code {
                    ..=0xff => write!(self.out, "\\x{code:02X}"),
                    0x100..=0xffff => write!(self.out, "\\u{code:04X}"),
                    _ => write!(self.out, "\\U{code:08X}"),
                };
                self.column += self.out.len() - before;
                return;
            }
        };
        self.put('\\');
        self.put(known);
    }

    fn literal(&mut self, text: &str) {
        self.indicator("|", true, false, false);
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            self.indicator("2", false, false, false);
        }
        let mut from_end = text.chars().rev();
        match (from_end.next().is_some_and(is_break), from_end.next()) {
            (false, _) => self.indicator("-", false, false, false),
            (true, before) if before.is_none_or(is_break) => {
                self.indicator("+", false, false, false);
            }
            (true, _) => {}
        }
        self.line_break();
        self.at_indent = true;
        self.after_blank = true;
        let mut breaks = true;
        for c in text.chars() {
            if is_break(c) {
                self.put_break(c);
                self.at_indent = true;
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                self.put(c);
                self.at_indent = false;
                breaks = false;
            }
        }
    }

    fn write_indent(&mut self) {
        let indent = self.indent.max(0).unsigned_abs();
        let crowded = self.column == indent && !self.after_blank;
        if !self.at_indent || self.column > indent || crowded {
            self.line_break();
        }
        while self.column < indent {
            self.put(' ');
        }
        self.after_blank = true;
        self.at_indent = true;
    }

    fn indicator(&mut self, text: &str, needs_blank: bool, is_blank: bool, is_indent: bool) {
        if needs_blank && !self.after_blank {
            self.put(' ');
        }
        self.out.push_str(text);
        self.column += text.len();
        self.after_blank = is_blank;
        self.at_indent &= is_indent;
    }

    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    fn put_break(&mut self, c: char) {
        self.out.push(c);
        self.column = 0;
    }

    fn line_break(&mut self) {
        self.put_break('\n');
    }
}

/// U+0085 does not survive: it goes bare through JSON, and YAML 1.1 folds it there as the line break it is.
fn without_next_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut breaks = 0;
    let blank = |c: char| matches!(c, ' ' | '\t');
    for part in text.split('\u{85}') {
        let first = std::ptr::eq(part.as_ptr(), text.as_ptr());
        let inner = if first {
            part
        } else {
            part.trim_start_matches(blank)
        };
        if !inner.is_empty() && breaks > 0 {
            out.push_str(&if breaks == 1 {
                " ".into()
            } else {
                "\n".repeat(breaks - 1)
            });
            breaks = 0;
        }
        out.push_str(inner);
        let kept = out.trim_end_matches(blank).len();
        out.truncate(kept);
        breaks += 1;
    }
    match breaks {
        0 | 1 => out.push_str(&text[text.trim_end_matches(blank).len()..]),
        2 => out.push(' '),
        more => out.push_str(&"\n".repeat(more - 2)),
    }
    out
}

fn number_text(number: &Number) -> String {
    match number.as_f64().filter(|_| number.is_f64()) {
        Some(value) => match float::number(value) {
            Some(whole) if !whole.is_f64() => whole.to_string(),
            _ => float::shortest(value),
        },
        None => number.to_string(),
    }
}

/// What go-yaml asks for before it looks at single characters.
fn preferred(text: &str) -> Style {
    if text.contains('\n') {
        Style::Literal
    } else if matches!(resolve::sigs(text), Meaning::Text | Meaning::Merge) && !is_base_60(text) {
        Style::Plain
    } else {
        Style::Double
    }
}

/// YAML 1.1's base 60 numbers, such as `190:20:30`: never read, yet quoted.
fn is_base_60(text: &str) -> bool {
    let Some(rest) = text
        .strip_prefix(['-', '+'])
        .or(Some(text))
        .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    else {
        return false;
    };
    let mut parts = rest.split(':');
    let first = parts.next().unwrap_or_default();
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return false;
    };
    let (last, fraction) = last.split_once('.').unwrap_or((last, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let sixty = |part: &&str| match part.as_bytes() {
        [one] => one.is_ascii_digit(),
        [ten, one] => (b'0'..=b'5').contains(ten) && one.is_ascii_digit(),
        _ => false,
    };
    digits(first) && digits(fraction) && parts.iter().all(sixty) && sixty(&last)
}

/// The style in the end, which depends on the characters.
fn select(text: &str, wanted: Style, simple_key: bool) -> Style {
    let facts = Facts::of(text);
    let mut style = wanted;
    if simple_key && facts.multiline {
        style = Style::Double;
    }
    if style == Style::Plain && (!facts.plain || text.is_empty() && simple_key) {
        style = Style::Single;
    }
    if style == Style::Single && !facts.single
        || style == Style::Literal && (!facts.literal || simple_key)
    {
        style = Style::Double;
    }
    style
}

/// Which styles a text can be written in.
struct Facts {
    multiline: bool,
    plain: bool,
    single: bool,
    literal: bool,
}

impl Facts {
    fn of(text: &str) -> Self {
        let mut facts = Self {
            multiline: false,
            plain: !text.starts_with("---") && !text.starts_with("..."),
            single: true,
            literal: !text.is_empty(),
        };
        let is_white = |c: char| matches!(c, ' ' | '\t');
        let (mut was_blank, mut was_space, mut was_break) = (true, false, false);
        let mut chars = text.chars().peekable();
        let mut first = true;
        while let Some(c) = chars.next() {
            let followed = chars.peek().is_none_or(|next| is_white(*next));
            let last = chars.peek().is_none();
            let indicator = match c {
                '#' if first => true,
                ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%'
                | '@' | '`' => first,
                '?' | '-' => first && followed,
                ':' => followed,
                '#' => was_blank,
                _ => false,
            };
            facts.plain &= !indicator;
            if !is_printable(c) {
                facts.nothing_but_double();
            }
            let (space, breaks) = (c == ' ', is_break(c));
            facts.multiline |= breaks;
            if (space || breaks) && (first || last) || breaks {
                facts.plain = false;
            }
            facts.literal &= !(space && last);
            if space && was_break {
                (facts.plain, facts.single) = (false, false);
            }
            if breaks && was_space {
                facts.nothing_but_double();
            }
            (was_space, was_break) = (space, breaks);
            was_blank = is_white(c) || breaks;
            first = false;
        }
        facts
    }

    fn nothing_but_double(&mut self) {
        (self.plain, self.single, self.literal) = (false, false, false);
    }
}

fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// What go-yaml v2 writes as it is; it escapes everything beyond the basic plane.
fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && c != '\u{feff}'
}
