//! The tree that a YAML text is read into.

/// A place in a text: line and column, both from 1. `0:0` is nowhere: made, not read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Mark {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// A node with its place. Two nodes are equal when they hold the same, wherever they stand.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it starts.
    pub mark: Mark,
    /// What it holds.
    pub kind: Kind,
}

/// What a node holds. Aliases and merge keys are resolved while reading.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A scalar.
    Scalar(Scalar),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the text.
    Map(Vec<(Node, Node)>),
}

/// A scalar as it is written, which says more than its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar {
    /// The content, after escapes and folding.
    pub text: String,
    /// The type: as tagged, else as go-yaml v3 resolves it; [`Tag::Unset`] for text that is to be resolved when it is written.
    pub tag: Tag,
    /// How it is written.
    pub style: Style,
    /// Whether the tag stands in the text.
    pub tagged: bool,
    /// Scalars of one tree with the same number change together; 0 for none. Reading never sets it.
    pub link: u32,
}

/// A scalar's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// Not decided yet.
    Unset,
    /// `!!null`.
    Null,
    /// `!!bool`.
    Bool,
    /// `!!int`.
    Int,
    /// `!!float`.
    Float,
    /// `!!str`.
    Str,
    /// `!!timestamp`.
    Timestamp,
    /// `!!binary`.
    Binary,
    /// `!!merge`, the type of a plain `<<`.
    Merge,
    /// Any other: the content is text.
    Other,
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Bare.
    Plain,
    /// `'…'`.
    Single,
    /// `"…"`.
    Double,
    /// `|`.
    Literal,
    /// `>`.
    Folded,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl Scalar {
    /// Plain text whose type is decided when it is written.
    pub fn plain(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            tag: Tag::Unset,
            style: Style::Plain,
            tagged: false,
            link: 0,
        }
    }

    /// A string, whatever it looks like.
    pub fn string(text: impl Into<String>) -> Self {
        Self {
            tag: Tag::Str,
            ..Self::plain(text)
        }
    }
}

impl Node {
    /// A node that was made, not read.
    pub fn new(kind: Kind) -> Self {
        Self {
            mark: Mark::default(),
            kind,
        }
    }

    /// Plain text whose type is decided when it is written.
    pub fn plain(text: impl Into<String>) -> Self {
        Self::new(Kind::Scalar(Scalar::plain(text)))
    }

    /// A string, whatever it looks like.
    pub fn string(text: impl Into<String>) -> Self {
        Self::new(Kind::Scalar(Scalar::string(text)))
    }

    /// An empty mapping.
    pub fn map() -> Self {
        Self::new(Kind::Map(Vec::new()))
    }

    /// The scalar, where this is one.
    pub fn as_scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            Kind::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// A scalar's text.
    pub fn text(&self) -> Option<&str> {
        self.as_scalar().map(|scalar| scalar.text.as_str())
    }

    /// The elements, where this is a sequence.
    pub fn as_list(&self) -> Option<&[Node]> {
        match &self.kind {
            Kind::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries, where this is a mapping.
    pub fn as_map(&self) -> Option<&[(Node, Node)]> {
        match &self.kind {
            Kind::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// Whether this is a null.
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar(scalar) if scalar.tag == Tag::Null)
    }

    /// A mapping's value for a key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_map()?
            .iter()
            .find(|(name, _)| name.text() == Some(key))
            .map(|(_, value)| value)
    }

    /// A mapping's value for a key, to change.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        match &mut self.kind {
            Kind::Map(entries) => entries
                .iter_mut()
                .find(|(name, _)| name.text() == Some(key))
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// Takes a key out of a mapping.
    pub fn remove(&mut self, key: &str) -> Option<Node> {
        let Kind::Map(entries) = &mut self.kind else {
            return None;
        };
        let at = entries
            .iter()
            .position(|(name, _)| name.text() == Some(key))?;
        Some(entries.remove(at).1)
    }

    /// Moves the places of a tree whose text starts `lines` lines further down.
    pub fn move_down(&mut self, lines: usize) {
        if lines == 0 {
            return;
        }
        self.mark.line += lines;
        match &mut self.kind {
            Kind::Scalar(_) => {}
            Kind::List(items) => items.iter_mut().for_each(|item| item.move_down(lines)),
            Kind::Map(entries) => {
                for (key, value) in entries {
                    key.move_down(lines);
                    value.move_down(lines);
                }
            }
        }
    }

    /// The place of the node at an RFC 6901 pointer, or of the nearest node above it that exists.
    pub fn mark_of(&self, pointer: &str) -> Mark {
        self.marks_of(pointer).1
    }

    /// The same, but where the pointer ends at a field, the place of its key.
    pub fn key_mark_of(&self, pointer: &str) -> Mark {
        self.marks_of(pointer).0
    }

    fn marks_of(&self, pointer: &str) -> (Mark, Mark) {
        let (mut node, mut key_mark) = (self, self.mark);
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            let next = match &node.kind {
                Kind::Map(entries) => entries
                    .iter()
                    .find(|(key, _)| key.text() == Some(&token))
                    .map(|(key, value)| (value, key.mark)),
                Kind::List(items) => {
                    let item = token.parse().ok().and_then(|at: usize| items.get(at));
                    item.map(|item| (item, item.mark))
                }
                Kind::Scalar(_) => None,
            };
            match next {
                Some((next, mark)) => (node, key_mark) = (next, mark),
                None => break,
            }
        }
        (key_mark, node.mark)
    }
}
