//! Shell patterns for trimming: `*`, `?`, classes and escapes; `*` crosses slashes.

/// Takes the shortest or longest start of `text` that matches `pattern` away. (What is called shortest is the shortest that is not empty.)
pub(super) fn trim_prefix(text: &str, pattern: &str, longest: bool) -> String {
    let Some(tokens) = parse(pattern) else {
        return text.into();
    };
    let ends = ends(&tokens, text);
    let end = if longest { ends.last() } else { ends.first() };
    end.map_or(text, |end| &text[*end..]).into()
}

enum Token {
    Any,
    One,
    Literal(char),
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

fn parse(pattern: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        tokens.push(match c {
            '*' => Token::Any,
            '?' => Token::One,
            '\\' => Token::Literal(chars.next()?),
            '[' => {
                let negated = chars.next_if_eq(&'^').is_some();
                let mut ranges = Vec::new();
                let one =
                    |chars: &mut std::iter::Peekable<std::str::Chars<'_>>| match chars.next()? {
                        '\\' => chars.next(),
                        c => Some(c),
                    };
                loop {
                    if chars.peek() == Some(&']') && !ranges.is_empty() {
                        chars.next();
                        break;
                    }
                    let low = one(&mut chars)?;
                    let high = if chars.next_if_eq(&'-').is_some() {
                        one(&mut chars)?
                    } else {
                        low
                    };
                    ranges.push((low, high));
                }
                Token::Class { negated, ranges }
            }
            c => Token::Literal(c),
        });
    }
    Some(tokens)
}

/// Every end of a start of `text` that matches the whole pattern, without the empty one; by one pass over all states at once.
fn ends(tokens: &[Token], text: &str) -> Vec<usize> {
    let mut states = vec![false; tokens.len() + 1];
    states[0] = true;
    close(tokens, &mut states);
    let mut ends = Vec::new();
    for (at, c) in text.char_indices() {
        let mut next = vec![false; tokens.len() + 1];
        for (state, token) in tokens
            .iter()
            .enumerate()
            .filter(|(state, _)| states[*state])
        {
            let fits = match token {
                Token::Any => {
                    next[state] = true;
                    continue;
                }
                Token::One => true,
                Token::Literal(literal) => *literal == c,
                Token::Class { negated, ranges } => {
                    ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated
                }
            };
            next[state + 1] |= fits;
        }
        close(tokens, &mut next);
        states = next;
        if states[tokens.len()] {
            ends.push(at + c.len_utf8());
        }
    }
    ends
}

/// A `*` may also match nothing.
fn close(tokens: &[Token], states: &mut [bool]) {
    for (state, token) in tokens.iter().enumerate() {
        if states[state] && matches!(token, Token::Any) {
            states[state + 1] = true;
        }
    }
}
