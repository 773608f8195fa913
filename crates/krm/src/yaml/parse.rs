//! Reading a text into documents.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, Span, StrInput};

use super::anchors::{self, Anchors};
use super::{Document, Duplicates, Error, Kind, Limits, Mark, Node, Scalar, Style, Tag, resolve};

/// Reads every document of a text; one that holds nothing, or comments only, is left out. A byte-order mark and CRLF are understood.
///
/// # Errors
/// The first thing that is no YAML, a repeated key, or more than `limits` allow; with its place.
pub fn parse(text: &str, limits: &Limits) -> Result<Vec<Document>, Error> {
    let mut reader = Reader::new(text, limits)?;
    let mut documents = Vec::new();
    while let Some(document) = reader.document()? {
        documents.push(document);
    }
    Ok(documents)
}

/// Reads the first document of a text that holds something and does not look at what follows, as Go's `Unmarshal` does.
///
/// # Errors
/// As [`parse`], up to the end of that document.
pub fn parse_first(text: &str, limits: &Limits) -> Result<Option<Document>, Error> {
    Reader::new(text, limits)?.document()
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    limits: &'a Limits,
    anchors: Anchors,
    stack: Vec<Frame>,
    nodes: usize,
}

/// A collection that is still open.
struct Frame {
    mark: Mark,
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map {
        entries: Vec<(Node, Node)>,
        key: Option<Node>,
    },
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, limits: &'a Limits) -> Result<Self, Error> {
        if text.len() > limits.bytes {
            let message = format!("the text has more than {} bytes", limits.bytes);
            return Err(Error::at(Mark { line: 1, column: 1 }, message));
        }
        let options = granit_parser::options! {
            emit_comments: false,
            block_scalar_eof_without_line_feed: true,
            flow_nesting_limit: limits.depth,
            block_nesting_limit: limits.depth,
        };
        Ok(Self {
            parser: Parser::new_from_str_with_options(text, options),
            limits,
            anchors: Anchors::default(),
            stack: Vec::new(),
            nodes: 0,
        })
    }

    /// The next document that holds something.
    fn document(&mut self) -> Result<Option<Document>, Error> {
        let mut root = None;
        while let Some(next) = self.parser.next_event() {
            let (event, span) =
                next.map_err(|error| Error::at(mark_of(error.marker()), error.kind().to_string()))?;
            match event {
                Event::DocumentStart(..) => self.anchors.clear(),
                Event::DocumentEnd => match root.take() {
                    Some(root) if !is_nothing(&root) => return Ok(Some(Document { root })),
                    _ => {}
                },
                event => {
                    if let Some(node) = self.node(event, &span)? {
                        root = self.put(node)?;
                    }
                }
            }
        }
        Ok(None)
    }

    /// The node that an event finishes, if it finishes one.
    fn node(&mut self, event: Event<'a>, span: &Span) -> Result<Option<Node>, Error> {
        let mark = mark_of(&span.start);
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.count(mark, 1)?;
                // The parser writes nothing as `~`.
                let nothing = span.is_empty() && style == ScalarStyle::Plain;
                let text = if nothing {
                    String::new()
                } else {
                    text.into_owned()
                };
                let scalar = scalar(text, style, tag.as_deref());
                let kind = Kind::Scalar(scalar);
                (Node { mark, kind }, anchor)
            }
            Event::SequenceStart(_, anchor, _) => {
                self.open(mark, anchor, Content::List(Vec::new()))?;
                return Ok(None);
            }
            Event::MappingStart(_, anchor, _) => {
                let entries = Vec::new();
                self.open(mark, anchor, Content::Map { entries, key: None })?;
                return Ok(None);
            }
            Event::SequenceEnd | Event::MappingEnd => match self.stack.pop() {
                Some(frame) => self.close(frame)?,
                None => return Ok(None),
            },
            Event::Alias(id) => (self.alias(mark, id)?, 0),
            _ => return Ok(None),
        };
        self.anchors.define(anchor, &node);
        Ok(Some(node))
    }

    fn open(&mut self, mark: Mark, anchor: usize, content: Content) -> Result<(), Error> {
        self.count(mark, 1)?;
        self.check_depth(mark, 1)?;
        self.stack.push(Frame {
            mark,
            anchor,
            content,
        });
        Ok(())
    }

    fn close(&mut self, frame: Frame) -> Result<(Node, usize), Error> {
        let kind = match frame.content {
            Content::List(items) => Kind::List(items),
            Content::Map { mut entries, .. } => {
                check_duplicates(&mut entries, self.limits.duplicates)?;
                anchors::merge(&mut entries, self.limits.duplicates)?;
                Kind::Map(entries)
            }
        };
        let mark = frame.mark;
        Ok((Node { mark, kind }, frame.anchor))
    }

    fn alias(&mut self, mark: Mark, id: usize) -> Result<Node, Error> {
        let Some(size) = self.anchors.get(id).map(|(_, size)| size) else {
            return Err(Error::at(mark, "the anchor's value contains itself"));
        };
        self.count(mark, size.nodes)?;
        self.check_depth(mark, size.depth)?;
        let node = self.anchors.get(id).map(|(node, _)| node.clone());
        Ok(node.unwrap_or_else(Node::map))
    }

    /// Puts a finished node where it belongs; gives it back where it is the root.
    fn put(&mut self, node: Node) -> Result<Option<Node>, Error> {
        let Some(frame) = self.stack.last_mut() else {
            return Ok(Some(node));
        };
        match &mut frame.content {
            Content::List(items) => items.push(node),
            Content::Map { entries, key } => match key.take() {
                Some(key) => entries.push((key, node)),
                None if node.as_scalar().is_some() => *key = Some(node),
                None => return Err(Error::at(node.mark, "a mapping key must be a scalar")),
            },
        }
        Ok(None)
    }

    fn count(&mut self, mark: Mark, nodes: usize) -> Result<(), Error> {
        self.nodes += nodes;
        if self.nodes > self.limits.nodes {
            let message = format!("the text holds more than {} nodes", self.limits.nodes);
            return Err(Error::at(mark, message));
        }
        Ok(())
    }

    fn check_depth(&self, mark: Mark, more: usize) -> Result<(), Error> {
        if self.stack.len() + more > self.limits.depth {
            let message = format!("nested deeper than {}", self.limits.depth);
            return Err(Error::at(mark, message));
        }
        Ok(())
    }
}

fn mark_of(marker: &granit_parser::Marker) -> Mark {
    Mark {
        line: marker.line(),
        column: marker.col() + 1,
    }
}

/// Whether a document holds nothing at all (an explicit `null` is something).
fn is_nothing(root: &Node) -> bool {
    root.as_scalar()
        .is_some_and(|scalar| scalar.text.is_empty() && scalar.tag == Tag::Null && !scalar.tagged)
}

fn scalar(text: String, style: ScalarStyle, tag: Option<&granit_parser::Tag>) -> Scalar {
    let style = match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted => Style::Single,
        ScalarStyle::DoubleQuoted => Style::Double,
        ScalarStyle::Literal => Style::Literal,
        ScalarStyle::Folded => Style::Folded,
    };
    let named = tag.map(named_tag);
    let tag = match (named, style) {
        (Some(tag), _) => tag,
        (None, Style::Plain) => resolve::kyaml(&text).tag(),
        (None, _) => Tag::Str,
    };
    Scalar {
        text,
        tag,
        style,
        tagged: named.is_some(),
        link: 0,
    }
}

fn named_tag(tag: &granit_parser::Tag) -> Tag {
    let core = tag.handle() == "tag:yaml.org,2002:" || tag.handle() == "!!";
    match (core, tag.suffix()) {
        (true, "null") => Tag::Null,
        (true, "bool") => Tag::Bool,
        (true, "int") => Tag::Int,
        (true, "float") => Tag::Float,
        (true, "str") => Tag::Str,
        (true, "timestamp") => Tag::Timestamp,
        (true, "binary") => Tag::Binary,
        (true, "merge") => Tag::Merge,
        (false, "") => Tag::Str,
        _ => Tag::Other,
    }
}

fn check_duplicates(entries: &mut Vec<(Node, Node)>, rule: Duplicates) -> Result<(), Error> {
    // Most mappings are short: comparing is cheaper than hashing.
    if entries.len() <= 8 {
        let text = |at: usize| entries[at].0.text();
        let unique = (0..entries.len()).all(|a| (0..a).all(|b| text(a) != text(b)));
        if unique {
            return Ok(());
        }
    }
    let mut first: HashMap<&str, usize> = HashMap::with_capacity(entries.len());
    let mut dropped = Vec::new();
    for (at, (key, _)) in entries.iter().enumerate() {
        let Some(earlier) = first.insert(key.text().unwrap_or_default(), at) else {
            continue;
        };
        if rule == Duplicates::Refuse {
            let message = format!(
                "mapping key {:?} already defined at line {}",
                key.text().unwrap_or_default(),
                entries[earlier].0.mark.line
            );
            return Err(Error::at(key.mark, message));
        }
        dropped.push(earlier);
    }
    dropped.sort_unstable();
    let mut at = 0;
    entries.retain(|_| {
        at += 1;
        dropped.binary_search(&(at - 1)).is_err()
    });
    Ok(())
}
