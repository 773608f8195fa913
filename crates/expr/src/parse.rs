//! Tokens → tree, by the grammar of the CEL specification, with cel-go's limits.

use crate::ast::{Entry, Expr, Kind};
use crate::error::{CompileError, Issue};
use crate::lex::{self, Tok, Token};
use crate::value::Value;

/// Code points an expression may have.
const SIZE_LIMIT: usize = 100_000;
/// How deep expressions may nest.
const DEPTH_LIMIT: usize = 250;

const RESERVED: [&str; 18] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
    "in",
];

const STARTS: &str = "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";
const STARTS_OR_CLOSE: &str = "{'[', '{', '(', ')', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";

/// The parser's state; macros build their nodes through it.
pub(crate) struct Parser {
    tokens: Vec<Token>,
    pos: usize,
    nest: usize,
    next_id: usize,
    pub(crate) issues: Vec<Issue>,
    pub(crate) two_variables: bool,
    pub(crate) lists: bool,
}

/// Parsing stops: what is wrong stands in the issues.
pub(crate) struct Stop;
type Parsed = Result<Expr, Stop>;

/// Which macros a place of use knows beside the standard ones.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Macros {
    pub(crate) two_variables: bool,
    pub(crate) lists: bool,
}

/// Parses the source; also returns how many node numbers were given out.
pub(crate) fn parse(src: &[char], macros: Macros) -> Result<(Expr, usize), CompileError> {
    if src.len() > SIZE_LIMIT {
        let message = format!(
            "expression code point size exceeds limit: size: {}, limit {SIZE_LIMIT}",
            src.len()
        );
        return Err(CompileError::plain(format!(
            "ERROR: <input>:-1:0: {message}"
        )));
    }
    let mut issues = Vec::new();
    let tokens = lex::lex(src, &mut issues);
    let (two_variables, lists) = (macros.two_variables, macros.lists);
    let mut p = Parser {
        tokens,
        pos: 0,
        nest: 0,
        next_id: 0,
        issues,
        two_variables,
        lists,
    };
    let parsed = p.start();
    match parsed {
        Ok(expr) if p.issues.is_empty() => Ok((expr, p.next_id)),
        _ => Err(CompileError::new(src, p.issues)),
    }
}

impl Parser {
    fn start(&mut self) -> Parsed {
        let expr = self.expr()?;
        let tok = self.peek().clone();
        if tok.kind != Tok::Eof {
            let next_is_eof = self.tokens[self.pos + 1].kind == Tok::Eof;
            let word = if next_is_eof {
                "extraneous"
            } else {
                "mismatched"
            };
            self.issue(
                tok.at,
                format!("Syntax error: {word} input '{}' expecting <EOF>", tok.text),
            );
            return Err(Stop);
        }
        Ok(expr)
    }

    fn peek(&self) -> &Token {
        &self.tokens[self.pos]
    }

    fn next(&mut self) -> Token {
        let tok = self.tokens[self.pos].clone();
        if tok.kind != Tok::Eof {
            self.pos += 1;
        }
        tok
    }

    fn is(&self, text: &str) -> bool {
        let tok = self.peek();
        tok.kind == Tok::Punct && tok.text == text
    }

    fn take(&mut self, text: &str) -> Option<usize> {
        self.is(text).then(|| self.next().at)
    }

    fn expect(&mut self, text: &str) -> Result<usize, Stop> {
        if let Some(at) = self.take(text) {
            return Ok(at);
        }
        let tok = self.peek().clone();
        let missing = text == ":" && self.starts(self.pos) || matches!(text, ")" | "]" | "}");
        let message = if missing {
            format!("Syntax error: missing '{text}' at '{}'", tok.text)
        } else {
            format!(
                "Syntax error: mismatched input '{}' expecting '{text}'",
                tok.text
            )
        };
        self.issue(tok.at, message);
        Err(Stop)
    }

    /// The bracket behind the elements of an aggregate; a comma before it is allowed.
    fn close(&mut self, text: &str, elements: usize) -> Result<usize, Stop> {
        let comma = self.pos > 0 && self.tokens[self.pos - 1].text == ",";
        let tok = self.peek().clone();
        if self.is(text) || comma || elements == 0 {
            return self.expect(text);
        }
        self.issue(
            tok.at,
            format!(
                "Syntax error: mismatched input '{}' expecting {{'{text}', ','}}",
                tok.text
            ),
        );
        Err(Stop)
    }

    pub(crate) fn issue(&mut self, at: usize, message: impl Into<String>) {
        self.issues.push(Issue::new(at, message));
    }

    /// A node with its number; `depth` is the deepest of its recursive parts, itself included.
    pub(crate) fn node(&mut self, at: usize, depth: usize, kind: Kind) -> Expr {
        let id = self.next_id;
        self.next_id += 1;
        Expr {
            at,
            id,
            depth,
            kind,
        }
    }

    /// Counts one level of a recursive rule above `depth`.
    fn deeper(&mut self, depth: usize) -> Result<usize, Stop> {
        if depth >= DEPTH_LIMIT {
            self.internal("max recursion depth exceeded");
            return Err(Stop);
        }
        Ok(depth + 1)
    }

    fn internal(&mut self, message: &str) {
        self.issues.push(Issue {
            at: None,
            message: message.into(),
        });
    }

    fn expr(&mut self) -> Parsed {
        self.nest += 1;
        if self.nest > DEPTH_LIMIT {
            self.internal(&format!(
                "expression recursion limit exceeded: {DEPTH_LIMIT}"
            ));
            return Err(Stop);
        }
        let cond = self.binary(1)?;
        let out = if let Some(at) = self.take("?") {
            let yes = self.binary(1)?;
            self.expect(":")?;
            let no = self.expr()?;
            let depth = self.deeper(cond.depth.max(yes.depth).max(no.depth))?;
            self.call_node(at, depth, "_?_:_", vec![cond, yes, no])
        } else {
            cond
        };
        self.nest -= 1;
        Ok(out)
    }

    fn call_node(&mut self, at: usize, depth: usize, name: &str, args: Vec<Expr>) -> Expr {
        self.node(
            at,
            depth,
            Kind::Call {
                name: name.into(),
                target: None,
                args,
            },
        )
    }

    /// The operator at hand: how tightly it binds, and the function it calls.
    fn operator(&self) -> Option<(u8, &'static str)> {
        let tok = self.peek();
        Some(match (tok.kind, tok.text.as_str()) {
            (Tok::Punct, "||") => (1, "||"),
            (Tok::Punct, "&&") => (2, "&&"),
            (Tok::Punct, "<") => (3, "_<_"),
            (Tok::Punct, "<=") => (3, "_<=_"),
            (Tok::Punct, ">") => (3, "_>_"),
            (Tok::Punct, ">=") => (3, "_>=_"),
            (Tok::Punct, "==") => (3, "_==_"),
            (Tok::Punct, "!=") => (3, "_!=_"),
            (Tok::Ident, "in") => (3, "@in"),
            (Tok::Punct, "+") => (4, "_+_"),
            (Tok::Punct, "-") => (4, "_-_"),
            (Tok::Punct, "*") => (5, "_*_"),
            (Tok::Punct, "/") => (5, "_/_"),
            (Tok::Punct, "%") => (5, "_%_"),
            _ => return None,
        })
    }

    /// A chain of operators that bind at least as tightly as `level`. One function for all levels keeps the stack flat.
    fn binary(&mut self, level: u8) -> Parsed {
        let mut left = self.unary()?;
        while let Some((tightness, name)) = self.operator().filter(|(t, _)| *t >= level) {
            let at = self.next().at;
            let right = self.binary(tightness + 1)?;
            left = self.combine(at, name, left, right)?;
        }
        Ok(left)
    }

    fn combine(&mut self, at: usize, name: &str, mut left: Expr, right: Expr) -> Parsed {
        if !matches!(name, "||" | "&&") {
            let depth = self.deeper(left.depth.max(right.depth))?;
            return Ok(self.call_node(at, depth, name, vec![left, right]));
        }
        let depth = left.depth.max(right.depth);
        if let Kind::Logic { and, terms } = &mut left.kind
            && *and == (name == "&&")
        {
            terms.push(right);
            left.depth = depth;
            return Ok(left);
        }
        Ok(self.node(
            at,
            depth,
            Kind::Logic {
                and: name == "&&",
                terms: vec![left, right],
            },
        ))
    }

    fn unary(&mut self) -> Parsed {
        let op = if self.is("!") { "!" } else { "-" };
        let number = matches!(
            self.tokens.get(self.pos + 1).map(|t| t.kind),
            Some(Tok::Int | Tok::Float)
        );
        if !self.is(op) || (op == "-" && number) {
            return self.member();
        }
        let at = self.peek().at;
        let mut odd = false;
        while self.take(op).is_some() {
            odd = !odd;
        }
        let operand = self.member()?;
        if !odd {
            return Ok(operand);
        }
        let depth = operand.depth;
        Ok(self.call_node(
            at,
            depth,
            if op == "!" { "!_" } else { "-_" },
            vec![operand],
        ))
    }

    fn member(&mut self) -> Parsed {
        let mut left = self.primary()?;
        loop {
            if let Some(at) = self.take(".") {
                left = self.dotted(left, at)?;
            } else if let Some(at) = self.take("[") {
                let optional = self.take("?").is_some();
                if !optional && !self.starts(self.pos) {
                    let tok = self.peek().clone();
                    let expected = STARTS.replace("'!', ", "'!', '?', ");
                    self.issue(
                        tok.at,
                        format!(
                            "Syntax error: mismatched input '{}' expecting {expected}",
                            tok.text
                        ),
                    );
                    return Err(Stop);
                }
                let index = self.expr()?;
                self.expect("]")?;
                let depth = self.deeper(left.depth.max(index.depth))?;
                left = self.call_node(
                    at,
                    depth,
                    if optional { "_[?_]" } else { "_[_]" },
                    vec![left, index],
                );
            } else {
                return Ok(left);
            }
        }
    }

    fn dotted(&mut self, left: Expr, at: usize) -> Parsed {
        let optional = self.take("?").is_some();
        let tok = self.peek().clone();
        let word = tok.kind == Tok::Ident
            && !matches!(tok.text.as_str(), "in" | "true" | "false" | "null");
        if tok.kind == Tok::Escaped {
            self.next();
            self.issue(tok.at, "unsupported syntax: '`'");
            return Err(Stop);
        }
        if !word {
            let opt = if optional { "?" } else { "" };
            let message = if tok.kind == Tok::Eof {
                format!("Syntax error: no viable alternative at input '.{opt}'")
            } else {
                format!(
                    "Syntax error: no viable alternative at input '.{opt}{}'",
                    tok.text
                )
            };
            self.issue(tok.at, message);
            return Err(Stop);
        }
        self.next();
        let depth = self.deeper(left.depth)?;
        if optional {
            let field = self.node(tok.at, 0, Kind::Literal(Value::string(tok.text)));
            return Ok(self.call_node(at, depth, "_?._", vec![left, field]));
        }
        if let Some(open) = self.take("(") {
            let args = self.args()?;
            let depth = args.iter().map(|a| a.depth + 1).fold(depth, usize::max);
            if depth > DEPTH_LIMIT {
                self.deeper(depth)?;
            }
            return self.receiver_macro(open, depth, (tok.text, left, args));
        }
        Ok(self.node(
            at,
            depth,
            Kind::Select {
                operand: Box::new(left),
                field: tok.text,
                test: false,
            },
        ))
    }

    /// The arguments behind an opening parenthesis, and the closing one.
    fn args(&mut self) -> Result<Vec<Expr>, Stop> {
        let mut out = Vec::new();
        if self.take(")").is_some() {
            return Ok(out);
        }
        if !self.starts(self.pos) {
            let tok = self.peek().clone();
            self.issue(
                tok.at,
                format!(
                    "Syntax error: mismatched input '{}' expecting {STARTS_OR_CLOSE}",
                    tok.text
                ),
            );
            return Err(Stop);
        }
        loop {
            out.push(self.expr()?);
            if self.take(",").is_none() {
                self.expect(")")?;
                return Ok(out);
            }
        }
    }

    fn starts(&self, pos: usize) -> bool {
        let Some(tok) = self.tokens.get(pos) else {
            return false;
        };
        match tok.kind {
            Tok::Eof | Tok::Escaped => false,
            Tok::Punct => matches!(tok.text.as_str(), "[" | "{" | "(" | "." | "-" | "!"),
            Tok::Ident => tok.text != "in",
            _ => true,
        }
    }

    fn primary(&mut self) -> Parsed {
        if !self.starts(self.pos) {
            let tok = self.peek().clone();
            let extra = tok.kind != Tok::Eof && self.starts(self.pos + 1);
            let word = if extra { "extraneous" } else { "mismatched" };
            self.issue(
                tok.at,
                format!(
                    "Syntax error: {word} input '{}' expecting {STARTS}",
                    tok.text
                ),
            );
            return Err(Stop);
        }
        let tok = self.next();
        match tok.kind {
            Tok::Punct => self.bracketed(&tok),
            Tok::Ident if !matches!(tok.text.as_str(), "true" | "false" | "null") => {
                self.named(tok, false)
            }
            _ => Ok(self.literal(&tok, tok.at, false)),
        }
    }

    fn bracketed(&mut self, tok: &Token) -> Parsed {
        match tok.text.as_str() {
            "(" => {
                let inner = self.expr()?;
                self.expect(")")?;
                Ok(inner)
            }
            "[" => self.list(tok.at),
            "{" => self.map(tok.at),
            "-" => {
                let number = self.next();
                Ok(self.literal(&number, tok.at, true))
            }
            "." => {
                let name = self.next();
                if name.kind == Tok::Ident {
                    return self.named(name, true);
                }
                self.issue(
                    name.at,
                    format!(
                        "Syntax error: no viable alternative at input '.{}'",
                        name.text
                    ),
                );
                Err(Stop)
            }
            _ => Err(Stop),
        }
    }

    fn list(&mut self, at: usize) -> Parsed {
        let (mut elems, mut optional) = (Vec::new(), Vec::new());
        while !self.is("]") {
            if self.take("?").is_some() {
                optional.push(elems.len());
            }
            elems.push(self.expr()?);
            if self.take(",").is_none() {
                break;
            }
            if self.peek().kind == Tok::Eof {
                break;
            }
        }
        self.close("]", elems.len())?;
        let depth = elems.iter().map(|e| e.depth).max().unwrap_or(0);
        Ok(self.node(at, depth, Kind::List { elems, optional }))
    }

    fn map(&mut self, at: usize) -> Parsed {
        let (mut entries, mut depth) = (Vec::new(), 0);
        while !self.is("}") {
            let optional = self.take("?").is_some();
            let key = self.expr()?;
            self.expect(":")?;
            let value = self.expr()?;
            depth = depth.max(key.depth).max(value.depth);
            entries.push(Entry {
                key,
                value,
                optional,
            });
            if self.take(",").is_none() {
                break;
            }
        }
        self.close("}", entries.len())?;
        Ok(self.node(at, depth, Kind::Map(entries)))
    }

    /// An identifier, a call, or a message literal such as `a.b.C{…}`.
    fn named(&mut self, tok: Token, dot: bool) -> Parsed {
        if let Some(open) = self.message_brace() {
            return self.message(&tok, open);
        }
        if RESERVED.contains(&tok.text.as_str()) {
            self.issue(tok.at, format!("reserved identifier: {}", tok.text));
            return Ok(self.node(tok.at, 0, Kind::Bad));
        }
        let name = if dot {
            format!(".{}", tok.text)
        } else {
            tok.text
        };
        if let Some(open) = self.take("(") {
            let args = self.args()?;
            let depth = args.iter().map(|a| a.depth).max().unwrap_or(0);
            return Ok(self.global_macro(open, depth, (name, args)));
        }
        Ok(self.node(tok.at, 0, Kind::Ident(name)))
    }

    fn message_brace(&self) -> Option<usize> {
        let mut pos = self.pos;
        loop {
            let tok = self.tokens.get(pos)?;
            if tok.kind != Tok::Punct {
                return None;
            }
            match tok.text.as_str() {
                "{" => return Some(pos),
                "." if self.tokens.get(pos + 1)?.kind == Tok::Ident => pos += 2,
                _ => return None,
            }
        }
    }

    fn message(&mut self, first: &Token, open: usize) -> Parsed {
        let rest: String = self.tokens[self.pos..open]
            .iter()
            .map(|t| t.text.as_str())
            .collect();
        let name = format!("{}{rest}", first.text);
        self.pos = open;
        let at = self.next().at;
        let (mut fields, mut depth) = (Vec::new(), 0);
        while !self.is("}") {
            let field = self.next();
            if field.kind != Tok::Ident {
                self.issue(
                    field.at,
                    format!(
                        "Syntax error: mismatched input '{}' expecting IDENTIFIER",
                        field.text
                    ),
                );
                return Err(Stop);
            }
            let colon = self.expect(":")?;
            let value = self.expr()?;
            depth = depth.max(value.depth);
            fields.push((colon, field.text, value));
            if self.take(",").is_none() {
                break;
            }
        }
        self.expect("}")?;
        Ok(self.node(at, depth, Kind::Struct { name, fields }))
    }

    fn literal(&mut self, tok: &Token, at: usize, minus: bool) -> Expr {
        let text = if minus {
            format!("-{}", tok.text)
        } else {
            tok.text.clone()
        };
        let (value, what) = match tok.kind {
            Tok::Int => (int(&text).map(Value::Int), "invalid int literal"),
            Tok::Uint => (uint(&text).map(Value::Uint), "invalid uint literal"),
            Tok::Float => (
                text.parse()
                    .ok()
                    .filter(|f: &f64| f.is_finite())
                    .map(Value::Double),
                "invalid double literal",
            ),
            Tok::Str => (
                lex::unquote(&text).map(Value::string),
                "unable to unescape string",
            ),
            Tok::Bytes => (
                lex::unquote_bytes(&text[1..]).map(Value::bytes),
                "unable to unescape string",
            ),
            _ => {
                let word = match text.as_str() {
                    "true" => Value::Bool(true),
                    "false" => Value::Bool(false),
                    _ => Value::Null,
                };
                (Some(word), "")
            }
        };
        let kind = if let Some(value) = value {
            Kind::Literal(value)
        } else {
            self.issue(at, what);
            Kind::Bad
        };
        self.node(at, 0, kind)
    }
}

fn int(text: &str) -> Option<i64> {
    match text
        .strip_prefix("0x")
        .map(|t| ("", t))
        .or_else(|| text.strip_prefix("-0x").map(|t| ("-", t)))
    {
        Some((sign, digits)) => i64::from_str_radix(&format!("{sign}{digits}"), 16).ok(),
        None => text.parse().ok(),
    }
}

fn uint(text: &str) -> Option<u64> {
    let text = &text[..text.len() - 1];
    text.strip_prefix("0x").map_or_else(
        || text.parse().ok(),
        |digits| u64::from_str_radix(digits, 16).ok(),
    )
}
