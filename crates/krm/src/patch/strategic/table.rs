//! Types for strategic merge patches, written down.

use super::{Field, Kind, Schema, Strategy};

/// A type's place in a [`Table`].
pub type TypeId = usize;

/// Types by their place.
#[derive(Clone, Debug, Default)]
pub struct Table {
    types: Vec<Type>,
}

#[derive(Clone, Debug)]
struct Type {
    kind: Kind,
    name: String,
    element: Option<TypeId>,
    fields: Vec<NamedField>,
}

#[derive(Clone, Debug)]
struct NamedField {
    name: String,
    of: TypeId,
    strategy: Strategy,
    merge_key: String,
}

/// A type of a table.
#[derive(Clone, Copy, Debug)]
pub struct TypeRef<'a> {
    table: &'a Table,
    id: TypeId,
}

impl Table {
    /// Adds a type: of a struct its Go name, of a scalar its Go kind, of a list its element.
    pub fn add(&mut self, kind: Kind, name: &str, element: Option<TypeId>) -> TypeId {
        self.types.push(Type {
            kind,
            name: name.into(),
            element,
            fields: Vec::new(),
        });
        self.types.len() - 1
    }

    /// Adds a field to a struct; `tags` are Go's `patchStrategy` and `patchMergeKey`.
    pub fn add_field(&mut self, to: TypeId, name: &str, of: TypeId, tags: (&str, &str)) {
        self.types[to].fields.push(NamedField {
            name: name.into(),
            of,
            strategy: Strategy::parse(tags.0),
            merge_key: tags.1.into(),
        });
    }

    /// Says what a list's element is, where it was not known before.
    pub fn set_element(&mut self, of: TypeId, element: TypeId) {
        self.types[of].element = Some(element);
    }

    /// The type at a place.
    pub fn get(&self, id: TypeId) -> TypeRef<'_> {
        TypeRef { table: self, id }
    }
}

impl<'a> TypeRef<'a> {
    fn of(self) -> &'a Type {
        &self.table.types[self.id]
    }
}

impl<'a> Schema<'a> for TypeRef<'a> {
    fn kind(self) -> Kind {
        self.of().kind
    }

    fn name(self) -> &'a str {
        &self.of().name
    }

    fn field(self, name: &str) -> Option<Field<'a, Self>> {
        let fields = &self.of().fields;
        let exact = fields.iter().find(|field| field.name == name);
        let field = exact.or_else(|| {
            fields
                .iter()
                .find(|field| field.name.eq_ignore_ascii_case(name))
        })?;
        Some(Field {
            of: self.table.get(field.of),
            strategy: field.strategy,
            merge_key: &field.merge_key,
        })
    }

    fn element(self) -> Option<Self> {
        self.of().element.map(|id| self.table.get(id))
    }
}
