//! What the merge must know of a type: which lists and maps are merged item by item, and by which keys.

use crate::Value;

/// A type's place in a [`Schema`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeId(u32);

/// Types by their [`TypeId`]. Ids of one schema mean nothing in another.
///
/// Every schema begins with [`Schema::UNTYPED_ATOMIC`] and [`Schema::DEDUCED`].
#[derive(Clone, Debug)]
pub struct Schema {
    types: Vec<Type>,
}

/// The shapes a value of this type may have; the merge takes the one the value at hand has.
///
/// Most types have one shape. `None` everywhere is a type that no value has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Type {
    /// As a scalar.
    pub scalar: Option<Scalar>,
    /// As a list.
    pub list: Option<List>,
    /// As a map.
    pub map: Option<Map>,
}

/// Which scalars a type takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// Integers and floats.
    Numeric,
    /// Strings.
    String,
    /// Booleans.
    Boolean,
    /// Any of them.
    Untyped,
}

/// A list: of what, and how two of them merge.
#[derive(Clone, Debug, PartialEq)]
pub struct List {
    /// The items' type.
    pub element: TypeId,
    /// How two lists merge.
    pub relation: ListRelation,
}

/// How two lists merge: OpenAPI's `x-kubernetes-list-type`.
#[derive(Clone, Debug, PartialEq)]
pub enum ListRelation {
    /// As a whole: the later list stands.
    Atomic,
    /// As a set of scalars.
    Set,
    /// As maps, told apart by the values of these fields (`x-kubernetes-list-map-keys`), at least one.
    Map(Box<[ListKey]>),
}

/// A field that tells a list's items apart.
#[derive(Clone, Debug, PartialEq)]
pub struct ListKey {
    /// The field's name.
    pub name: Box<str>,
    /// What an item that lacks the field counts as having.
    pub default: Option<Value>,
}

/// A map or struct: its fields, and how two of them merge.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    fields: Vec<(Box<str>, TypeId)>,
    /// The type of keys that are no named field; `None` refuses them.
    pub element: Option<TypeId>,
    /// How two maps merge.
    pub relation: MapRelation,
}

/// How two maps merge: OpenAPI's `x-kubernetes-map-type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapRelation {
    /// Key by key.
    Granular,
    /// As a whole: the later map stands.
    Atomic,
}

impl ListKey {
    /// A key without a default.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            default: None,
        }
    }

    /// With what an item that lacks the field counts as having; null counts as no default.
    #[must_use]
    pub fn with_default(mut self, default: Value) -> Self {
        self.default = (!default.is_null()).then_some(default);
        self
    }
}

impl Map {
    /// A granular map with these named fields that refuses any other key.
    pub fn of_fields<N: Into<Box<str>>>(fields: impl IntoIterator<Item = (N, TypeId)>) -> Self {
        let mut fields: Vec<(Box<str>, TypeId)> = fields
            .into_iter()
            .map(|(name, id)| (name.into(), id))
            .collect();
        fields.sort_by(|a, b| a.0.cmp(&b.0));
        Self {
            fields,
            element: None,
            relation: MapRelation::Granular,
        }
    }

    /// A granular map from any key to this type.
    pub fn of_elements(element: TypeId) -> Self {
        Self::of_fields::<Box<str>>([]).with_element(element)
    }

    /// With a type for keys that are no named field.
    #[must_use]
    pub fn with_element(mut self, element: TypeId) -> Self {
        self.element = Some(element);
        self
    }

    /// With this way to merge.
    #[must_use]
    pub fn with_relation(mut self, relation: MapRelation) -> Self {
        self.relation = relation;
        self
    }

    /// The named fields, sorted by name.
    pub fn fields(&self) -> &[(Box<str>, TypeId)] {
        &self.fields
    }

    /// The type of a named field.
    pub fn field(&self, name: &str) -> Option<TypeId> {
        self.fields
            .binary_search_by(|(field, _)| (**field).cmp(name))
            .ok()
            .map(|at| self.fields[at].1)
    }

    /// The type of the value at a key, named field or not.
    pub(crate) fn at(&self, key: &str) -> Option<TypeId> {
        self.field(key).or(self.element)
    }
}

impl List {
    /// A list that merges as a whole.
    pub fn atomic(element: TypeId) -> Self {
        Self {
            element,
            relation: ListRelation::Atomic,
        }
    }

    /// A set of scalars.
    pub fn set(element: TypeId) -> Self {
        Self {
            element,
            relation: ListRelation::Set,
        }
    }

    /// A list of maps told apart by keys. Without keys it is a set, as upstream reads it.
    pub fn map(element: TypeId, keys: impl IntoIterator<Item = ListKey>) -> Self {
        let keys: Box<[ListKey]> = keys.into_iter().collect();
        Self {
            element,
            relation: if keys.is_empty() {
                ListRelation::Set
            } else {
                ListRelation::Map(keys)
            },
        }
    }
}

impl From<Scalar> for Type {
    fn from(scalar: Scalar) -> Self {
        Self {
            scalar: Some(scalar),
            ..Self::default()
        }
    }
}

impl From<List> for Type {
    fn from(list: List) -> Self {
        Self {
            list: Some(list),
            ..Self::default()
        }
    }
}

impl From<Map> for Type {
    fn from(map: Map) -> Self {
        Self {
            map: Some(map),
            ..Self::default()
        }
    }
}

impl Schema {
    /// Anything; maps and lists merge as a whole. Upstream's `__untyped_atomic_`, its type of lists without `items`.
    pub const UNTYPED_ATOMIC: TypeId = TypeId(0);
    /// Anything; maps merge key by key, lists as a whole. Upstream's `__untyped_deduced_`: what objects without a schema, objects without
    /// properties and unknown fields under `x-kubernetes-preserve-unknown-fields` have.
    pub const DEDUCED: TypeId = TypeId(1);

    /// A schema of the two untyped types.
    pub fn new() -> Self {
        let untyped = |element, relation| Type {
            scalar: Some(Scalar::Untyped),
            list: Some(List::atomic(Self::UNTYPED_ATOMIC)),
            map: Some(Map::of_elements(element).with_relation(relation)),
        };
        Self {
            types: vec![
                untyped(Self::UNTYPED_ATOMIC, MapRelation::Atomic),
                untyped(Self::DEDUCED, MapRelation::Granular),
            ],
        }
    }

    /// Adds a type.
    pub fn add(&mut self, of: impl Into<Type>) -> TypeId {
        let id = self.reserve();
        self.define(id, of);
        id
    }

    /// Makes an id whose type follows with [`Schema::define`]: for types that refer to themselves.
    pub fn reserve(&mut self) -> TypeId {
        let id = u32::try_from(self.types.len()).unwrap_or(u32::MAX);
        self.types.push(Type::default());
        TypeId(id)
    }

    /// Says what a type is.
    pub fn define(&mut self, id: TypeId, of: impl Into<Type>) {
        self.types[id.0 as usize] = of.into();
    }

    /// Adds a copy of a type whose map merges otherwise: `x-kubernetes-map-type` beside a `$ref`.
    pub fn with_map_relation(&mut self, id: TypeId, relation: MapRelation) -> TypeId {
        let mut of = self.get(id).clone();
        if let Some(map) = &mut of.map {
            map.relation = relation;
        }
        self.add(of)
    }

    /// A type.
    pub fn get(&self, id: TypeId) -> &Type {
        &self.types[id.0 as usize]
    }

    /// The number of types.
    pub fn len(&self) -> usize {
        self.types.len()
    }

    /// Whether there is no type; never so.
    pub fn is_empty(&self) -> bool {
        self.types.is_empty()
    }
}

impl Default for Schema {
    fn default() -> Self {
        Self::new()
    }
}
