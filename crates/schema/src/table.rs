//! The table of built-in types: read once from the generated data file, looked up by kind and by resource.

use std::collections::HashMap;
use std::sync::OnceLock;

use krm::{Gvk, Value};
use serde::Deserialize;

use crate::kind::Kind;
use crate::resource::{Column, Resource, Subresource};

/// The generated data, see `tools/apitypes`.
const DATA: &str = include_str!("../data/types.json");

/// Every kind and resource that the API server compiles in.
#[derive(Debug)]
pub struct Types {
    structs: Vec<Struct>,
    by_name: HashMap<String, StructId>,
    kinds: HashMap<String, StructId>,
    resources: Vec<Resource>,
    reset: Vec<HashMap<String, Vec<String>>>,
    by_resource: HashMap<String, usize>,
}

/// A struct's place in [`Types`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct StructId(pub(crate) usize);

/// A Go struct as JSON and protobuf show it.
#[derive(Debug, Default)]
pub(crate) struct Struct {
    /// `io.k8s.api.core.v1.Container`.
    pub(crate) name: String,
    /// Whether OpenAPI calls the map atomic.
    pub(crate) atomic: bool,
    /// Fields, those of inlined structs among them.
    pub(crate) fields: Vec<Field>,
    /// Index into `fields` by JSON name.
    pub(crate) index: HashMap<String, usize>,
    /// Inlined structs that are messages of their own in protobuf.
    pub(crate) inlined: Vec<(u32, StructId)>,
    /// Indices of the `fields` that are the struct's own.
    pub(crate) own: Vec<usize>,
}

/// One JSON field.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) shape: Shape,
    pub(crate) omit_empty: bool,
    pub(crate) omit_zero: bool,
    pub(crate) number: u32,
    pub(crate) strategy: Option<String>,
    pub(crate) merge_key: Option<String>,
    pub(crate) list_type: Option<String>,
    pub(crate) list_keys: Vec<String>,
    pub(crate) map_type: Option<String>,
    pub(crate) default: Option<Value>,
}

/// A Go type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    String,
    Bool,
    Int32,
    Int64,
    Float,
    Bytes,
    Quantity,
    Time,
    MicroTime,
    Duration,
    IntOrString,
    Raw,
    FieldsV1,
    Json,
    SchemaOrBool,
    SchemaOrArray,
    SchemaOrStrings,
    Pointer(Box<Shape>),
    List(Box<Shape>),
    /// A list that is a protobuf message of its own.
    Wrapped(Box<Shape>),
    Map(Box<Shape>),
    Struct(StructId),
    /// A named scalar, list or map, as Go prints the name.
    Named(String, Box<Shape>),
}

impl Shape {
    /// Without its name.
    pub(crate) fn bare(&self) -> &Self {
        match self {
            Self::Named(_, inner) => inner.bare(),
            _ => self,
        }
    }

    /// Without its name and pointers.
    pub(crate) fn target(&self) -> &Self {
        match self {
            Self::Named(_, inner) | Self::Pointer(inner) => inner.target(),
            _ => self,
        }
    }
}

impl Struct {
    /// The type as Go prints it: `v1.Container`.
    pub(crate) fn go_name(&self) -> &str {
        let mut dots = self.name.rmatch_indices('.').map(|(at, _)| at);
        dots.next();
        dots.next().map_or(&self.name, |at| &self.name[at + 1..])
    }

    /// The name alone: `Container`.
    pub(crate) fn short_name(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or(&self.name)
    }

    /// The field of that JSON name.
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.index.get(name).map(|&at| &self.fields[at])
    }
}

#[derive(Deserialize)]
struct RawTable {
    types: HashMap<String, Vec<RawField>>,
    kinds: HashMap<String, String>,
    resources: Vec<RawResource>,
}

#[derive(Deserialize)]
struct RawField {
    #[serde(default)]
    n: String,
    t: String,
    #[serde(default)]
    o: String,
    #[serde(default)]
    p: u32,
    ps: Option<String>,
    mk: Option<String>,
    lt: Option<String>,
    #[serde(default)]
    lk: Vec<String>,
    mt: Option<String>,
    d: Option<Value>,
}

#[derive(Deserialize)]
struct RawResource {
    #[serde(default)]
    g: String,
    v: String,
    r: String,
    #[serde(default)]
    s: String,
    k: String,
    #[serde(default)]
    l: String,
    #[serde(default)]
    ns: bool,
    #[serde(default)]
    sn: Vec<String>,
    #[serde(default)]
    c: Vec<String>,
    vb: Vec<String>,
    #[serde(default)]
    h: String,
    #[serde(default)]
    sub: Vec<RawSubresource>,
    #[serde(default)]
    col: Vec<(String, String, String, i32)>,
    #[serde(default)]
    rs: HashMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct RawSubresource {
    n: String,
    #[serde(default)]
    g: String,
    v: String,
    k: String,
    vb: Vec<String>,
}

/// The built-in kinds.
#[expect(
    clippy::expect_used,
    reason = "the data is compiled in and a test reads it"
)]
pub fn builtin() -> &'static Types {
    static TYPES: OnceLock<Types> = OnceLock::new();
    TYPES.get_or_init(|| {
        Types::from_raw(serde_json::from_str(DATA).expect("the generated table is JSON"))
    })
}

impl Types {
    fn from_raw(raw: RawTable) -> Self {
        let mut names: Vec<&String> = raw.types.keys().collect();
        names.sort();
        let by_name: HashMap<String, StructId> = names
            .iter()
            .enumerate()
            .map(|(at, name)| ((*name).clone(), StructId(at)))
            .collect();
        let mut types = Self {
            structs: names
                .iter()
                .map(|n| Struct {
                    name: (*n).clone(),
                    ..Struct::default()
                })
                .collect(),
            kinds: raw
                .kinds
                .iter()
                .map(|(kind, name)| (kind.clone(), by_name[name]))
                .collect(),
            by_name,
            resources: Vec::new(),
            reset: Vec::new(),
            by_resource: HashMap::new(),
        };
        let mut done = vec![false; types.structs.len()];
        for id in 0..types.structs.len() {
            types.fill(StructId(id), &raw.types, &mut done);
        }
        for resource in raw.resources {
            let key = resource_key(&resource.g, &resource.v, &resource.r);
            types.by_resource.insert(key, types.resources.len());
            types.reset.push(resource.rs.clone());
            types.resources.push(resource.into());
        }
        types
    }

    /// Reads a struct's fields, those of the structs it inlines first.
    fn fill(&mut self, id: StructId, raw: &HashMap<String, Vec<RawField>>, done: &mut [bool]) {
        if std::mem::replace(&mut done[id.0], true) {
            return;
        }
        let mut of = Struct {
            name: self.structs[id.0].name.clone(),
            ..Struct::default()
        };
        for field in &raw[&of.name] {
            if field.t.is_empty() {
                of.atomic = field.mt.as_deref() == Some("atomic");
                continue;
            }
            let shape = self.shape(&field.t);
            match shape.target() {
                Shape::Struct(inner) if field.n.is_empty() => {
                    let inner = *inner;
                    self.fill(inner, raw, done);
                    for field in self.structs[inner.0].fields.clone() {
                        of.index.insert(field.name.clone(), of.fields.len());
                        of.fields.push(field);
                    }
                    if field.p > 0 {
                        of.inlined.push((field.p, inner));
                    }
                }
                _ => {
                    of.index.insert(field.n.clone(), of.fields.len());
                    of.own.push(of.fields.len());
                    of.fields.push(field_of(field, shape));
                }
            }
        }
        self.structs[id.0] = of;
    }

    /// Reads the table's notation of a type, see `shapeOf` in `tools/apitypes`.
    fn shape(&self, text: &str) -> Shape {
        if let Some(named) = text.strip_prefix('@') {
            let (name, inner) = named.split_once('|').unwrap_or((named, "s"));
            return Shape::Named(name.to_owned(), Box::new(self.shape(inner)));
        }
        let inner = || Box::new(self.shape(&text[1..]));
        match text.as_bytes()[0] {
            b'b' => Shape::Bool,
            b'i' => Shape::Int32,
            b'l' => Shape::Int64,
            b'f' => Shape::Float,
            b'y' => Shape::Bytes,
            b'q' => Shape::Quantity,
            b't' => Shape::Time,
            b'm' => Shape::MicroTime,
            b'd' => Shape::Duration,
            b'x' => Shape::IntOrString,
            b'r' => Shape::Raw,
            b'F' => Shape::FieldsV1,
            b'j' => Shape::Json,
            b'B' => Shape::SchemaOrBool,
            b'A' => Shape::SchemaOrArray,
            b'S' => Shape::SchemaOrStrings,
            b'*' => Shape::Pointer(inner()),
            b'[' => Shape::List(inner()),
            b'(' => Shape::Wrapped(inner()),
            b'{' => Shape::Map(inner()),
            b':' => Shape::Struct(self.by_name[&text[1..]]),
            _ => Shape::String,
        }
    }

    /// Every served resource.
    pub fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// The resource of that group, version and plural name.
    pub fn resource(&self, group: &str, version: &str, plural: &str) -> Option<&Resource> {
        self.by_resource
            .get(&resource_key(group, version, plural))
            .map(|&at| &self.resources[at])
    }

    /// The resource whose objects are of that kind.
    pub fn resource_of(&self, gvk: &Gvk) -> Option<&Resource> {
        self.resources
            .iter()
            .find(|r| r.kind == gvk.kind && r.version == gvk.version && r.group == gvk.group)
    }

    /// The paths that a write of the resource (`""`) or of a subresource leaves as they are.
    pub fn reset_fields(&self, resource: &Resource, subresource: &str) -> &[String] {
        self.by_resource
            .get(&resource_key(
                &resource.group,
                &resource.version,
                &resource.plural,
            ))
            .and_then(|&at| self.reset[at].get(subresource))
            .map_or(&[], Vec::as_slice)
    }

    /// The kind, also of lists, reviews and options. What every group takes (`DeleteOptions`, `Status`, …) is found
    /// under any group.
    pub fn kind(&'static self, gvk: &Gvk) -> Option<Kind> {
        let id = self
            .kinds
            .get(&format!("{}/{}", gvk.api_version(), gvk.kind))
            .or_else(|| self.kinds.get(&format!("meta.k8s.io/v1/{}", gvk.kind)))?;
        Some(Kind::builtin(self, *id, gvk.clone()))
    }

    /// Every group, version and kind in the table.
    pub fn kinds(&self) -> impl Iterator<Item = Gvk> + '_ {
        self.kinds.keys().filter_map(|key| {
            let (api_version, kind) = key.rsplit_once('/')?;
            Some(Gvk::new(api_version, kind))
        })
    }

    pub(crate) fn get(&self, id: StructId) -> &Struct {
        &self.structs[id.0]
    }

    pub(crate) fn named(&self, name: &str) -> Option<StructId> {
        self.by_name.get(name).copied()
    }

    /// The struct of a name's end: `core.v1.Container`.
    pub(crate) fn named_short(&self, name: &str) -> Option<StructId> {
        let end = format!(".{name}");
        self.structs
            .iter()
            .position(|of| of.name.ends_with(&end))
            .map(StructId)
    }

    /// The type of a field at a path below a struct.
    pub(crate) fn shape_at(&self, id: StructId, path: &[String]) -> Option<&Shape> {
        let (name, rest) = path.split_first()?;
        let shape = &self.get(id).field(name)?.shape;
        match (rest.is_empty(), shape.target()) {
            (true, _) => Some(shape),
            (false, Shape::Struct(inner)) => self.shape_at(*inner, rest),
            (false, _) => None,
        }
    }

    pub(crate) fn structs(&self) -> &[Struct] {
        &self.structs
    }
}

fn resource_key(group: &str, version: &str, plural: &str) -> String {
    format!("{group}/{version}/{plural}")
}

fn field_of(raw: &RawField, shape: Shape) -> Field {
    Field {
        name: raw.n.clone(),
        shape,
        omit_empty: raw.o.contains('e'),
        omit_zero: raw.o.contains('z'),
        number: raw.p,
        strategy: raw.ps.clone(),
        merge_key: raw.mk.clone(),
        list_type: raw.lt.clone(),
        list_keys: raw.lk.clone(),
        map_type: raw.mt.clone(),
        default: raw.d.clone(),
    }
}

impl From<RawResource> for Resource {
    fn from(raw: RawResource) -> Self {
        Self {
            group: raw.g,
            version: raw.v,
            plural: raw.r,
            singular: raw.s,
            kind: raw.k,
            list_kind: raw.l,
            namespaced: raw.ns,
            short_names: raw.sn,
            categories: raw.c,
            verbs: raw.vb,
            storage_version_hash: raw.h,
            subresources: raw
                .sub
                .into_iter()
                .map(|s| Subresource {
                    name: s.n,
                    kind: Gvk {
                        group: s.g,
                        version: s.v,
                        kind: s.k,
                    },
                    verbs: s.vb,
                })
                .collect(),
            columns: raw
                .col
                .into_iter()
                .map(|(name, type_, format, priority)| Column {
                    name,
                    type_,
                    format,
                    priority,
                })
                .collect(),
        }
    }
}
