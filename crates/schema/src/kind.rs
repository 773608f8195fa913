//! The one handle on a kind, built in or custom.

use std::sync::Arc;

use krm::fields::{FieldSet, Filter, PathElement};
use krm::merge;
use krm::{Gvk, Map, Value};

use crate::custom::Custom;
use crate::decode::Walk;
use crate::error::{DecodeError, FieldError};
use crate::json::{self, Node};
use crate::merge::builtin_schema;
use crate::strategic::StrategicType;
use crate::structural::Schema;
use crate::table::{StructId, Types};
use crate::{defaults, openapi, proto, validation};

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// `application/json`.
    Json,
    /// `application/yaml`.
    Yaml,
    /// `application/vnd.kubernetes.protobuf`.
    Protobuf,
}

/// What unknown and duplicate fields lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldValidation {
    /// They are errors.
    Strict,
    /// They are dropped, with a warning each.
    Warn,
    /// They are dropped.
    Ignore,
}

/// A decoded body.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// The object, normalised as a Go server would read and write it.
    pub object: Value,
    /// Texts for the `Warning` header.
    pub warnings: Vec<String>,
}

/// A kind: how its bodies are read, completed, judged and merged. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Kind(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    gvk: Gvk,
    of: Of,
}

#[derive(Debug)]
enum Of {
    Builtin(&'static Types, StructId),
    Custom(Box<Custom>),
}

/// What a CustomResourceDefinition says of one of its versions.
#[derive(Clone, Debug)]
pub struct CustomKind {
    /// Group, version and kind.
    pub gvk: Gvk,
    /// `openAPIV3Schema` of the version.
    pub schema: Value,
    /// Whether the objects live in namespaces.
    pub namespaced: bool,
    /// Whether the version has the status subresource.
    pub status: bool,
}

impl Kind {
    pub(crate) fn builtin(types: &'static Types, id: StructId, gvk: Gvk) -> Self {
        Self(Arc::new(Inner {
            gvk,
            of: Of::Builtin(types, id),
        }))
    }

    /// A kind that a CustomResourceDefinition defines. The schema should have passed
    /// [`structural::Schema::check`](crate::structural::Schema::check).
    pub fn custom(of: CustomKind) -> Self {
        let schema = Schema::parse(&of.schema);
        Self(Arc::new(Inner {
            gvk: of.gvk,
            of: Of::Custom(Box::new(Custom::new(schema, of.namespaced, of.status))),
        }))
    }

    /// Its group, version and kind.
    pub fn gvk(&self) -> &Gvk {
        &self.0.gvk
    }

    /// Reads a body: parses, checks types, drops or refuses unknown fields, normalises. Sets nothing.
    ///
    /// An absent `apiVersion` or `kind` is filled in; another kind is [`DecodeError::WrongKind`].
    pub fn decode(
        &self,
        bytes: &[u8],
        media: Media,
        validation: FieldValidation,
    ) -> Result<Decoded, DecodeError> {
        match media {
            Media::Json => {
                let node = json::parse(bytes).map_err(|error| self.unrecognized(bytes, &error))?;
                self.needs_kind(&node, bytes)?;
                self.read(&node, Vec::new(), validation)
            }
            Media::Yaml => self.decode_yaml(bytes, validation),
            Media::Protobuf => self.decode_protobuf(bytes),
        }
    }

    /// Reads an object that a patch made, as [`Kind::decode`] reads a body.
    pub fn decode_value(
        &self,
        object: &Value,
        validation: FieldValidation,
    ) -> Result<Decoded, DecodeError> {
        self.read(&Node::from(object), Vec::new(), validation)
    }

    /// Brings an object into the form in which the server stores it: unknown fields and empties dropped, quantities
    /// and times canonical. For objects known to be of this kind; what does not fit its type becomes zero.
    pub fn normalize(&self, object: &mut Value) {
        match &self.0.of {
            Of::Builtin(types, id) => *object = Walk::new(types).object(*id, &Node::from(&*object)),
            Of::Custom(custom) => custom.normalize(object),
        }
    }

    /// Sets defaults. The object has to be normalised.
    pub fn default(&self, object: &mut Value) {
        match &self.0.of {
            Of::Builtin(types, id) => defaults::apply(types, *id, object),
            Of::Custom(custom) => custom.default(object),
        }
    }

    /// Judges a new object, defaults and metadata set.
    pub fn validate_create(&self, object: &Value) -> Vec<FieldError> {
        match &self.0.of {
            Of::Builtin(types, id) => validation::create(types, *id, &self.0.gvk, object),
            Of::Custom(custom) => custom.validate(&self.0.gvk, object, None),
        }
    }

    /// Judges a changed object.
    pub fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        match &self.0.of {
            Of::Builtin(types, id) => validation::update(types, *id, new, old),
            Of::Custom(custom) => custom.validate(&self.0.gvk, new, Some(old)),
        }
    }

    /// The schema of structured merges, and the place of this kind's objects in it.
    pub fn merge_schema(&self) -> (&merge::Schema, merge::TypeId) {
        match &self.0.of {
            Of::Builtin(_, id) => {
                let all = builtin_schema();
                (&all.schema, all.of(*id))
            }
            Of::Custom(custom) => custom.merge_schema(),
        }
    }

    /// The type for strategic merge patches; custom kinds have none and answer 415.
    pub fn strategic_schema(&self) -> Option<StrategicType> {
        match &self.0.of {
            Of::Builtin(types, id) => Some(StrategicType::of_struct(types, *id)),
            Of::Custom(_) => None,
        }
    }

    /// What a write of the object (`""`) or of a subresource may not own, as [`krm::managed`] takes it.
    pub fn reset_fields(&self, subresource: &str) -> Option<Filter> {
        let paths: Vec<Vec<String>> = match &self.0.of {
            Of::Builtin(types, _) => {
                let resource = types.resource_of(&self.0.gvk)?;
                let split = |path: &String| path.split('.').map(str::to_owned).collect();
                types
                    .reset_fields(resource, subresource)
                    .iter()
                    .map(split)
                    .collect()
            }
            Of::Custom(custom) if custom.has_status() => match subresource {
                "" => vec![vec!["status".to_owned()]],
                "status" => vec![vec!["metadata".to_owned()], vec!["spec".to_owned()]],
                _ => Vec::new(),
            },
            Of::Custom(_) => Vec::new(),
        };
        if paths.is_empty() {
            return None;
        }
        let mut set = FieldSet::new();
        for path in paths {
            let elements: Vec<PathElement> = path
                .into_iter()
                .map(|name| PathElement::Field(name.into()))
                .collect();
            set.insert(&elements);
        }
        Some(Filter::Exclude(set))
    }

    /// What an object is before anything is set: Go's zero value for built-in kinds, else `apiVersion` and `kind`.
    pub fn empty(&self) -> Value {
        let mut object = Value::Object(Map::new());
        self.normalize(&mut object);
        self.stamp(&mut object);
        object
    }

    /// Adds the OpenAPI v3 schemas of a built-in kind and of every type in it, by model name, and says its own. Custom kinds
    /// have none but their definition's.
    pub fn publish(&self, schemas: &mut Map<String, Value>) -> Option<&str> {
        match &self.0.of {
            Of::Builtin(types, id) => {
                openapi::publish(types, *id, schemas);
                Some(&types.get(*id).name)
            }
            Of::Custom(_) => None,
        }
    }

    /// The structural schema of a custom kind.
    pub fn structural(&self) -> Option<&Schema> {
        match &self.0.of {
            Of::Builtin(..) => None,
            Of::Custom(custom) => Some(custom.schema()),
        }
    }

    fn read(
        &self,
        node: &Node,
        strict: Vec<String>,
        validation: FieldValidation,
    ) -> Result<Decoded, DecodeError> {
        self.check_kind(node)?;
        let (types, id) = match &self.0.of {
            Of::Builtin(types, id) => (types, id),
            Of::Custom(custom) => {
                let mut decoded = custom.read(node, strict, validation)?;
                self.stamp(&mut decoded.object);
                return Ok(decoded);
            }
        };
        let mut walk = Walk::new(types);
        walk.strict = strict;
        let mut object = walk.object(*id, node);
        if let Some(error) = walk.error {
            return Err(DecodeError::Malformed(error));
        }
        if validation == FieldValidation::Strict && !walk.strict.is_empty() {
            return Err(DecodeError::Strict(walk.strict));
        }
        self.stamp(&mut object);
        let warnings = if validation == FieldValidation::Warn {
            walk.strict
        } else {
            Vec::new()
        };
        Ok(Decoded { object, warnings })
    }

    fn stamp(&self, object: &mut Value) {
        if let Value::Object(map) = object {
            map.insert("apiVersion".into(), self.0.gvk.api_version().into());
            map.insert("kind".into(), self.0.gvk.kind.clone().into());
        }
    }

    fn decode_yaml(
        &self,
        bytes: &[u8],
        validation: FieldValidation,
    ) -> Result<Decoded, DecodeError> {
        let text = String::from_utf8_lossy(bytes);
        let (value, duplicates) =
            crate::yaml::read(&text).map_err(|error| self.unrecognized(bytes, &error))?;
        self.read(&Node::from(&value), duplicates, validation)
    }

    fn decode_protobuf(&self, bytes: &[u8]) -> Result<Decoded, DecodeError> {
        let Of::Builtin(types, id) = &self.0.of else {
            return Err(DecodeError::UnsupportedMedia(
                "application/json, application/yaml".to_owned(),
            ));
        };
        let envelope = proto::open(bytes).map_err(|error| self.kindless(bytes, error))?;
        self.check_names(&envelope.api_version, &envelope.kind)?;
        let map = proto::message(types, *id, envelope.body).map_err(DecodeError::Malformed)?;
        let mut walk = Walk::new(types);
        let mut object = walk.object(*id, &Node::from(&Value::Object(map)));
        if let Some(error) = walk.error {
            return Err(DecodeError::Malformed(error));
        }
        self.stamp(&mut object);
        Ok(Decoded {
            object,
            warnings: Vec::new(),
        })
    }

    /// Of a custom kind nobody knows what an object is that does not say so.
    fn needs_kind(&self, node: &Node, bytes: &[u8]) -> Result<(), DecodeError> {
        let is_custom = matches!(self.0.of, Of::Custom(_));
        match node.get("kind") {
            None | Some(Node::Null) if is_custom && matches!(node, Node::Object(_)) => {
                let body = String::from_utf8_lossy(bytes);
                let error = format!("Object 'Kind' is missing in '{body}'");
                Err(self.kindless(bytes, error))
            }
            _ => Ok(()),
        }
    }

    fn check_kind(&self, node: &Node) -> Result<(), DecodeError> {
        if !matches!(node, Node::Object(_) | Node::Null) {
            let error = format!(
                "json: cannot unmarshal {} into Go value of type struct {{ APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; \
                 Kind string \"json:\\\"kind,omitempty\\\"\" }}",
                node.word()
            );
            return Err(self.unrecognized(node.to_value().to_string().as_bytes(), &error));
        }
        let text = |name| match node.get(name) {
            Some(Node::String(text)) => text.clone(),
            _ => String::new(),
        };
        self.check_names(&text("apiVersion"), &text("kind"))
    }

    fn check_names(&self, api_version: &str, kind: &str) -> Result<(), DecodeError> {
        let own = &self.0.gvk;
        let found = Gvk::new(api_version, kind);
        if !api_version.is_empty() && own.api_version() != api_version && !self.is_option() {
            return Err(DecodeError::WrongKind(format!(
                "the API version in the data ({api_version}) does not match the expected API version ({})",
                own.api_version()
            )));
        }
        if !kind.is_empty() && own.kind != kind {
            let version = if api_version.is_empty() {
                &own.version
            } else {
                &found.version
            };
            return Err(DecodeError::WrongKind(format!(
                "{kind} in version {version:?} cannot be handled as a {}: converting ({version}.{kind}) to ({}.{}): unknown conversion",
                own.kind,
                self.package(),
                own.kind
            )));
        }
        Ok(())
    }

    /// Where Go keeps the kind as the server works on it: objects in a package named after the group, options in their version's.
    fn package(&self) -> &str {
        let own = &self.0.gvk;
        match own.group.split('.').next() {
            _ if self.is_option() => &own.version,
            None | Some("") => "core",
            Some(group) => group,
        }
    }

    /// Options come under every group's version.
    fn is_option(&self) -> bool {
        self.0.gvk.kind.ends_with("Options")
    }

    /// A body that cannot be read far enough to show its kind.
    fn unrecognized(&self, body: &[u8], error: &str) -> DecodeError {
        let error = format!("couldn't get version/kind; json parse error: {error}");
        self.kindless(body, error)
    }

    /// A body that shows no kind.
    fn kindless(&self, body: &[u8], error: String) -> DecodeError {
        const SHOWN: usize = 30;
        let more = if body.len() > SHOWN { " ..." } else { "" };
        let shown = &body[..body.len().min(SHOWN)];
        let summary = match body.first() {
            None => "<empty>".to_owned(),
            Some(b'{') => format!("{}{more}", String::from_utf8_lossy(shown)),
            Some(_) => {
                let hex: String = shown.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("{hex}{more}")
            }
        };
        DecodeError::Unrecognized {
            kind: self.0.gvk.kind.clone(),
            error,
            summary,
        }
    }
}
