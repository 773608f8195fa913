//! Source text → tokens, by the lexical grammar of the CEL specification.

use crate::error::Issue;

/// What a token is; the text is cut from the source by its span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tok {
    Int,
    Uint,
    Float,
    Str,
    Bytes,
    Ident,
    Escaped,
    Punct,
    Eof,
}

/// One token: its kind, where it begins and ends in code points, and its text.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) kind: Tok,
    pub(crate) at: usize,
    pub(crate) text: String,
}

const PUNCTS: [&str; 24] = [
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "[", "]", "{", "}", "(", ")", ".", ",", "-", "!",
    "?", ":", "+", "*", "/", "%",
];

/// Cuts the source into tokens. What no rule matches is reported and skipped, so parsing goes on behind it.
pub(crate) fn lex(src: &[char], issues: &mut Vec<Issue>) -> Vec<Token> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < src.len() {
        let c = src[at];
        if matches!(c, ' ' | '\t' | '\r' | '\n' | '\u{c}') {
            at += 1;
        } else if c == '/' && src.get(at + 1) == Some(&'/') {
            while at < src.len() && src[at] != '\n' {
                at += 1;
            }
        } else {
            match token(&src[at..]) {
                Ok((kind, len)) => {
                    out.push(Token {
                        kind,
                        at,
                        text: src[at..at + len].iter().collect(),
                    });
                    at += len;
                }
                Err(len) => {
                    let text: String = src[at..at + len].iter().collect();
                    let shown = text
                        .replace('\n', "\\n")
                        .replace('\t', "\\t")
                        .replace('\r', "\\r");
                    issues.push(Issue::new(
                        at,
                        format!("Syntax error: token recognition error at: '{shown}'"),
                    ));
                    at += len;
                }
            }
        }
    }
    out.push(Token {
        kind: Tok::Eof,
        at: src.len(),
        text: "<EOF>".into(),
    });
    out
}

/// The longest token at the head of `s`, or how many code points to give up on.
fn token(s: &[char]) -> Result<(Tok, usize), usize> {
    let c = s[0];
    if let Some((tok, body)) = string_prefix(s) {
        return string(s, body).map(|len| (tok, len));
    }
    if c.is_ascii_alphabetic() || c == '_' {
        return Ok((
            Tok::Ident,
            run(s, 0, |c| c.is_ascii_alphanumeric() || c == '_'),
        ));
    }
    if c.is_ascii_digit() || (c == '.' && s.get(1).is_some_and(char::is_ascii_digit)) {
        return Ok(number(s));
    }
    if c == '`' {
        let end = run(s, 1, |c| {
            c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '/' | ' ')
        });
        return if end > 1 && s.get(end) == Some(&'`') {
            Ok((Tok::Escaped, end + 1))
        } else {
            Err(end.min(s.len()))
        };
    }
    for p in PUNCTS {
        if p.chars().enumerate().all(|(i, c)| s.get(i) == Some(&c)) {
            return Ok((Tok::Punct, p.len()));
        }
    }
    // The first half of an operator takes the character that should have been its second.
    Err(if matches!(c, '&' | '|' | '=') && s.len() > 1 {
        2
    } else {
        1
    })
}

/// Whether a string or bytes literal begins here, and after how many prefix letters.
fn string_prefix(s: &[char]) -> Option<(Tok, usize)> {
    let quote = |i: usize| matches!(s.get(i), Some('"' | '\''));
    let raw = |i: usize| matches!(s.get(i), Some('r' | 'R'));
    let bytes = matches!(s[0], 'b' | 'B');
    if quote(0) || (raw(0) && quote(1)) {
        return Some((Tok::Str, usize::from(raw(0))));
    }
    if bytes && (quote(1) || (raw(1) && quote(2))) {
        return Some((Tok::Bytes, 1 + usize::from(raw(1))));
    }
    None
}

fn string(s: &[char], body: usize) -> Result<usize, usize> {
    let raw = body > 0 && matches!(s[body - 1], 'r' | 'R');
    let quote = s[body];
    let triple = s.get(body + 1) == Some(&quote) && s.get(body + 2) == Some(&quote);
    if triple && let Some(end) = string_end(s, body + 3, quote, true, raw).ok() {
        return Ok(end);
    }
    string_end(s, body + 1, quote, false, raw).or_else(|at| {
        // An empty string is what remains of an unterminated triple one.
        if triple {
            Ok(body + 2)
        } else {
            Err(at.min(s.len()).max(1))
        }
    })
}

fn string_end(
    s: &[char],
    mut at: usize,
    quote: char,
    triple: bool,
    raw: bool,
) -> Result<usize, usize> {
    loop {
        match s.get(at) {
            None => return Err(at),
            Some(&c) if c == quote => {
                if !triple {
                    return Ok(at + 1);
                }
                if s.get(at + 1) == Some(&quote) && s.get(at + 2) == Some(&quote) {
                    return Ok(at + 3);
                }
                at += 1;
            }
            Some('\n' | '\r') if !triple => return Err(at + 1),
            Some('\\') if !raw => at += escape(&s[at..]).map_err(|n| (at + n).min(s.len()))?,
            Some(_) => at += 1,
        }
    }
}

/// The length of the escape sequence at the head of `s`, or how far it could be read.
fn escape(s: &[char]) -> Result<usize, usize> {
    let digits = |from: usize, n: usize, radix: u32| {
        let bad = (from..from + n).find(|&i| !s.get(i).is_some_and(|c| c.is_digit(radix)));
        bad.map_or(Ok(from + n), |i| Err(i + 1))
    };
    match s.get(1) {
        Some('a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '"' | '\'' | '\\' | '?' | '`') => Ok(2),
        Some('x' | 'X') => digits(2, 2, 16),
        Some('u') => digits(2, 4, 16),
        Some('U') => digits(2, 8, 16),
        Some('0'..='3') => digits(2, 2, 8),
        _ => Err(2),
    }
}

fn run(s: &[char], from: usize, ok: impl Fn(char) -> bool) -> usize {
    s[from..]
        .iter()
        .position(|&c| !ok(c))
        .map_or(s.len(), |n| from + n)
}

fn number(s: &[char]) -> (Tok, usize) {
    let digit = |c: char| c.is_ascii_digit();
    let unsigned = |end: usize| matches!(s.get(end), Some('u' | 'U'));
    if s[0] == '0' && s.get(1) == Some(&'x') && s.get(2).is_some_and(char::is_ascii_hexdigit) {
        let end = run(s, 2, |c| c.is_ascii_hexdigit());
        return if unsigned(end) {
            (Tok::Uint, end + 1)
        } else {
            (Tok::Int, end)
        };
    }
    let whole = run(s, 0, digit);
    let mut end = whole;
    if s.get(end) == Some(&'.') && s.get(end + 1).is_some_and(char::is_ascii_digit) {
        end = run(s, end + 1, digit);
    }
    if matches!(s.get(end), Some('e' | 'E')) {
        let sign = usize::from(matches!(s.get(end + 1), Some('+' | '-')));
        if s.get(end + 1 + sign).is_some_and(char::is_ascii_digit) {
            end = run(s, end + 1 + sign, digit);
        }
    }
    if end > whole {
        (Tok::Float, end)
    } else if unsigned(end) {
        (Tok::Uint, end + 1)
    } else {
        (Tok::Int, end)
    }
}

/// The characters a string literal stands for. `None` when an escape names no character.
pub(crate) fn unquote(text: &str) -> Option<String> {
    let (body, raw) = strip(text);
    if raw {
        return Some(body.to_owned());
    }
    let mut out = String::with_capacity(body.len());
    each_escape(body, |piece| match piece {
        Piece::Char(c) | Piece::Code(c) => {
            out.push(c);
            true
        }
        Piece::Byte(b) => {
            out.push(char::from(b));
            true
        }
        Piece::Bad => false,
    })
    .then_some(out)
}

/// The bytes a bytes literal (without its `b`) stands for. `None` on an escape that bytes do not have.
pub(crate) fn unquote_bytes(text: &str) -> Option<Vec<u8>> {
    let (body, raw) = strip(text);
    if raw {
        return Some(body.as_bytes().to_vec());
    }
    let mut out = Vec::with_capacity(body.len());
    each_escape(body, |piece| match piece {
        Piece::Char(c) => {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            true
        }
        Piece::Byte(b) => {
            out.push(b);
            true
        }
        Piece::Code(_) | Piece::Bad => false,
    })
    .then_some(out)
}

enum Piece {
    Char(char),
    Code(char),
    Byte(u8),
    Bad,
}

fn strip(text: &str) -> (&str, bool) {
    let raw = text.starts_with(['r', 'R']);
    let text = if raw { &text[1..] } else { text };
    let n = if text.len() >= 6 && (text.starts_with("\"\"\"") || text.starts_with("'''")) {
        3
    } else {
        1
    };
    (&text[n..text.len() - n], raw)
}

fn each_escape(body: &str, mut put: impl FnMut(Piece) -> bool) -> bool {
    let mut chars = body.chars();
    while let Some(c) = chars.next() {
        let piece = if c == '\\' {
            escaped(&mut chars)
        } else {
            Piece::Char(c)
        };
        if !put(piece) {
            return false;
        }
    }
    true
}

/// What stands behind a backslash.
fn escaped(chars: &mut std::str::Chars<'_>) -> Piece {
    let Some(c) = chars.next() else {
        return Piece::Bad;
    };
    let mut code = |n: usize, radix: u32, first: u32| {
        chars
            .by_ref()
            .take(n)
            .try_fold(first, |v, c| c.to_digit(radix).map(|d| v * radix + d))
    };
    let byte = |v: Option<u32>| {
        v.and_then(|v| u8::try_from(v).ok())
            .map_or(Piece::Bad, Piece::Byte)
    };
    let scalar = |v: Option<u32>| v.and_then(char::from_u32).map_or(Piece::Bad, Piece::Code);
    match c {
        'a' => Piece::Char('\u{7}'),
        'b' => Piece::Char('\u{8}'),
        'f' => Piece::Char('\u{c}'),
        'n' => Piece::Char('\n'),
        'r' => Piece::Char('\r'),
        't' => Piece::Char('\t'),
        'v' => Piece::Char('\u{b}'),
        '"' | '\'' | '\\' | '?' | '`' => Piece::Char(c),
        'x' | 'X' => byte(code(2, 16, 0)),
        'u' => scalar(code(4, 16, 0)),
        'U' => scalar(code(8, 16, 0)),
        '0'..='3' => byte(code(2, 8, c as u32 - '0' as u32)),
        _ => Piece::Bad,
    }
}
