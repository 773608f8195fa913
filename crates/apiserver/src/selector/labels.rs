//! The grammar of label selectors.

/// One term of a label selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Requirement {
    key: String,
    operator: Operator,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Operator {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Absent,
    Above(i64),
    Below(i64),
}

impl Requirement {
    /// The label's key.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// Whether an object with that value of the label is selected.
    pub(super) fn matches(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match &self.operator {
            Operator::In(values) => value.is_some_and(|own| values.iter().any(|v| v == own)),
            Operator::NotIn(values) => value.is_none_or(|own| values.iter().all(|v| v != own)),
            Operator::Exists => value.is_some(),
            Operator::Absent => value.is_none(),
            Operator::Above(bound) => number().is_some_and(|own| own > *bound),
            Operator::Below(bound) => number().is_some_and(|own| own < *bound),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Symbol(&'static str),
    End,
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Word(word) => f.write_str(word),
            Self::Symbol(symbol) => f.write_str(symbol),
            Self::End => Ok(()),
        }
    }
}

const SYMBOLS: &[&str] = &["==", "!=", "=", "!", "(", ")", ",", ">", "<"];

fn tokens(text: &str) -> Vec<Token> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            out.push(Token::Symbol(symbol));
            rest = &rest[symbol.len()..];
        } else {
            let end = rest
                .find(|c: char| c.is_whitespace() || "=!(),><".contains(c))
                .unwrap_or(rest.len());
            out.push(Token::Word(rest[..end].to_owned()));
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    out
}

struct Parser {
    tokens: std::vec::IntoIter<Token>,
}

impl Parser {
    fn peek(&self) -> Token {
        self.tokens
            .as_slice()
            .first()
            .cloned()
            .unwrap_or(Token::End)
    }

    fn next(&mut self) -> Token {
        self.tokens.next().unwrap_or(Token::End)
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let is_absent = self.peek() == Token::Symbol("!");
        if is_absent {
            self.next();
        }
        let key = match self.next() {
            Token::Word(word) => word,
            other => return Err(format!("found '{other}', expected: identifier")),
        };
        check_key(&key)?;
        let operator = match self.peek() {
            _ if is_absent => Operator::Absent,
            Token::End | Token::Symbol(",") => Operator::Exists,
            found => {
                self.next();
                self.operator(&found)?
            }
        };
        Ok(Requirement { key, operator })
    }

    fn operator(&mut self, found: &Token) -> Result<Operator, String> {
        Ok(match found {
            Token::Symbol("=" | "==") => Operator::In(vec![self.exact()?]),
            Token::Symbol("!=") => Operator::NotIn(vec![self.exact()?]),
            Token::Word(word) if word == "in" => Operator::In(self.values()?),
            Token::Word(word) if word == "notin" => Operator::NotIn(self.values()?),
            Token::Symbol(">") => Operator::Above(self.number()?),
            Token::Symbol("<") => Operator::Below(self.number()?),
            other => {
                return Err(format!(
                    "found '{other}', expected: in, notin, =, ==, !=, gt, lt"
                ));
            }
        })
    }

    fn exact(&mut self) -> Result<String, String> {
        match self.peek() {
            Token::End | Token::Symbol(",") => Ok(String::new()),
            Token::Word(word) => {
                self.next();
                check_value(&word)?;
                Ok(word)
            }
            other => Err(format!("found '{other}', expected: identifier")),
        }
    }

    fn number(&mut self) -> Result<i64, String> {
        let text = self.exact()?;
        text.parse().map_err(|_| {
            format!("for 'Gt', 'Lt' operators, the value must be an integer: \"{text}\"")
        })
    }

    /// `(a, b)`; a comma with nothing beside it stands for the empty value.
    fn values(&mut self) -> Result<Vec<String>, String> {
        match self.next() {
            Token::Symbol("(") => {}
            other => return Err(format!("found '{other}' expected: '('")),
        }
        let mut out = Vec::new();
        let mut wants_value = true;
        loop {
            match self.next() {
                Token::Word(word) if wants_value => {
                    check_value(&word)?;
                    out.push(word);
                    wants_value = false;
                }
                Token::Symbol(",") => {
                    if wants_value {
                        out.push(String::new());
                    }
                    wants_value = true;
                }
                Token::Symbol(")") => {
                    if wants_value {
                        out.push(String::new());
                    }
                    return Ok(out);
                }
                other if wants_value => {
                    return Err(format!("found '{other}', expected: ',', ')' or identifier"));
                }
                other => return Err(format!("found '{other}', expected: ',' or ')'")),
            }
        }
    }
}

/// Reads a label selector.
pub(super) fn parse(text: &str) -> Result<Vec<Requirement>, String> {
    let mut parser = Parser {
        tokens: tokens(text).into_iter(),
    };
    let mut out = Vec::new();
    if parser.peek() == Token::End {
        return Ok(out);
    }
    loop {
        let requirement = parser.requirement();
        out.push(requirement.map_err(|why| format!("unable to parse requirement: {why}"))?);
        match parser.next() {
            Token::End => return Ok(out),
            Token::Symbol(",") => {
                if !matches!(parser.peek(), Token::Word(_) | Token::Symbol("!")) {
                    let found = parser.peek();
                    return Err(format!("found '{found}', expected: identifier after ','"));
                }
            }
            other => return Err(format!("found '{other}', expected: ',' or 'end of string'")),
        }
    }
}

fn is_name_part(text: &str) -> bool {
    let end = |b: &u8| b.is_ascii_alphanumeric();
    let inner = |b: &u8| end(b) || matches!(b, b'-' | b'_' | b'.');
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && bytes.first().is_some_and(end)
        && bytes.last().is_some_and(end)
        && bytes.iter().all(inner)
}

const NAME_RULE: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
    alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
    '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

const VALUE_RULE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must \
    start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is \
    '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

fn check_key(key: &str) -> Result<(), String> {
    let name = key.rsplit_once('/').map_or(key, |(_, name)| name);
    if is_name_part(name) {
        return Ok(());
    }
    let key = schema::error::go_quote(key);
    Err(format!("key: Invalid value: {key}: {NAME_RULE}"))
}

fn check_value(value: &str) -> Result<(), String> {
    if value.is_empty() || is_name_part(value) {
        return Ok(());
    }
    let value = schema::error::go_quote(value);
    Err(format!(
        "values[0][key]: Invalid value: {value}: {VALUE_RULE}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether `selector` matches labels written `a=1,b=2`.
    fn check(selector: &str, labels: &str, expect: bool) {
        let terms = parse(selector).unwrap();
        let pairs: Vec<(&str, &str)> = labels
            .split(',')
            .filter_map(|pair| pair.split_once('='))
            .collect();
        let found = |key: &str| {
            let pair = pairs.iter().find(|(own, _)| *own == key);
            pair.map(|(_, value)| *value)
        };
        let got = terms.iter().all(|term| term.matches(found(&term.key)));
        assert_eq!(got, expect, "{selector} on {labels}");
    }

    #[test]
    fn the_whole_grammar_matches() {
        check("", "a=1", true);
        check("a=1", "a=1", true);
        check("a==1,b!=2", "a=1,b=3", true);
        check("a==1,b!=2", "a=1,b=2", false);
        check("b!=2", "a=1", true);
        check("a in (1, 2)", "a=2", true);
        check("a notin (1,2)", "a=2", false);
        check("a notin (1,2)", "b=2", true);
        check("a in (,1)", "a=", true);
        check("a", "a=", true);
        check("!a", "b=1", true);
        check("! a", "a=1", false);
        check("a>3", "a=4", true);
        check("a<3", "a=4", false);
        check(
            "app.kubernetes.io/name in (x),tier",
            "app.kubernetes.io/name=x,tier=",
            true,
        );
        check("a=", "a=", true);
        check("a=,b", "a=1,b=1", false);
    }

    #[test]
    fn what_does_not_parse_says_where() {
        let check = |selector: &str, expect: &str| {
            assert_eq!(parse(selector).unwrap_err(), expect);
        };
        check("a=1 b", "found 'b', expected: ',' or 'end of string'");
        check("a=1,", "found '', expected: identifier after ','");
        check(
            "a b",
            "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt",
        );
    }
}
