//! `metadata.managedFields` as they are read and written.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::Value;
use crate::fields::FieldSet;
use crate::golang::{Html, write_json_string};

/// How a manager came to own fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// By server-side apply.
    Apply,
    /// By any other write.
    Update,
}

/// What one manager owns.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The manager's name.
    pub manager: String,
    /// How it came to own the fields.
    pub operation: Operation,
    /// The version in whose terms the fields are.
    pub api_version: String,
    /// The subresource it wrote through, `""` for the object itself.
    pub subresource: String,
    /// When the object last changed by it.
    pub time: Option<Timestamp>,
    /// The fields.
    pub fields: FieldSet,
}

/// Every manager's entry, by its identity: manager, operation, subresource, and for updates the version.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ManagedFields {
    entries: BTreeMap<String, Entry>,
}

/// Why `managedFields` cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEntries {
    /// An entry's operation is neither.
    #[error("operation must be `Apply` or `Update`")]
    Operation,
    /// An entry has no version.
    #[error("apiVersion must not be empty")]
    ApiVersion,
    /// An entry does not say how its fields are written.
    #[error("missing fieldsType in managed fields entry {0}")]
    NoFieldsType(usize),
    /// An entry's fields are written in a form that is not known.
    #[error("invalid fieldsType {0:?} in managed fields entry {1}")]
    FieldsType(String, usize),
    /// An entry is no entry.
    #[error("error decoding versioned set: error decoding set: {0}")]
    Malformed(String),
}

/// An entry as it is on the wire.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Wire {
    manager: String,
    operation: String,
    api_version: String,
    time: Option<String>,
    fields_type: String,
    fields_v1: Option<FieldSet>,
    subresource: String,
}

impl Entry {
    /// The text that tells managers apart, by which upstream sorts them: the entry as JSON without time, fields and, for applies, version.
    pub fn id(&self) -> String {
        let version = match self.operation {
            Operation::Apply => "",
            Operation::Update => &self.api_version,
        };
        let parts = [
            ("manager", self.manager.as_str()),
            ("operation", self.operation.name()),
            ("apiVersion", version),
            ("subresource", &self.subresource),
        ];
        let mut out = String::from("{");
        for (name, value) in parts.into_iter().filter(|(_, value)| !value.is_empty()) {
            if out.len() > 1 {
                out.push(',');
            }
            write_json_string(&mut out, name, Html::Escaped);
            out.push(':');
            write_json_string(&mut out, value, Html::Escaped);
        }
        out.push('}');
        out
    }

    /// `"kubectl" with subresource "status" using apps/v1`.
    pub(super) fn described(&self) -> String {
        let mut out = crate::golang::quote(&self.manager);
        if !self.subresource.is_empty() {
            let subresource = crate::golang::quote(&self.subresource);
            out.push_str(&format!(" with subresource {subresource}"));
        }
        if self.operation == Operation::Update {
            out.push_str(&format!(" using {}", self.api_version));
        }
        out
    }

    fn order(&self) -> (Operation, i64, [&str; 3]) {
        let names = [&self.manager, &self.api_version, &self.subresource];
        (self.operation, seconds(self), names.map(String::as_str))
    }

    fn from_wire(wire: Wire, index: usize) -> Result<Self, InvalidEntries> {
        let operation = match wire.operation.as_str() {
            "Apply" => Operation::Apply,
            "Update" => Operation::Update,
            _ => return Err(InvalidEntries::Operation),
        };
        if wire.api_version.is_empty() {
            return Err(InvalidEntries::ApiVersion);
        }
        match wire.fields_type.as_str() {
            "FieldsV1" => {}
            "" => return Err(InvalidEntries::NoFieldsType(index)),
            _ => return Err(InvalidEntries::FieldsType(wire.fields_type, index)),
        }
        Ok(Self {
            manager: wire.manager,
            operation,
            api_version: wire.api_version,
            subresource: wire.subresource,
            time: wire.time.and_then(|time| time.parse().ok()),
            fields: wire.fields_v1.unwrap_or_default(),
        })
    }
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

impl ManagedFields {
    /// From `metadata.managedFields`; null is none.
    ///
    /// # Errors
    /// [`InvalidEntries`] names the first entry's fault.
    pub fn from_value(entries: &Value) -> Result<Self, InvalidEntries> {
        Self::from_wire(Option::deserialize(entries))
    }

    /// From the JSON of `metadata.managedFields`.
    ///
    /// # Errors
    /// [`InvalidEntries`] names the first entry's fault.
    pub fn from_json(entries: &[u8]) -> Result<Self, InvalidEntries> {
        Self::from_wire(serde_json::from_slice(entries))
    }

    fn from_wire(
        entries: Result<Option<Vec<Wire>>, serde_json::Error>,
    ) -> Result<Self, InvalidEntries> {
        let entries = entries.map_err(|error| InvalidEntries::Malformed(error.to_string()))?;
        let mut managed = Self::default();
        for (index, wire) in entries.into_iter().flatten().enumerate() {
            let entry = Entry::from_wire(wire, index)?;
            managed.entries.insert(entry.id(), entry);
        }
        Ok(managed)
    }

    /// Which entries count for an update: see [`super::update`].
    pub fn of_update(live: Option<&Value>, new: Option<&Value>, subresource: &str) -> Self {
        let of_live = || {
            live.and_then(|live| Self::from_value(live).ok())
                .unwrap_or_default()
        };
        if !subresource.is_empty() {
            return of_live();
        }
        match new.and_then(Value::as_array).map(Vec::as_slice) {
            None => of_live(),
            Some([]) => Self::default(),
            Some([Value::Object(entry)]) if entry.is_empty() => Self::default(),
            Some(entries) => Self::from_wire(Option::deserialize(&Value::from(entries)))
                .ok()
                .filter(|managed| !managed.is_empty())
                .unwrap_or_else(of_live),
        }
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries in upstream's order: applies first, then by time, manager, version, subresource.
    pub fn entries(&self) -> Vec<&Entry> {
        let mut entries: Vec<_> = self.entries.values().collect();
        entries.sort_by(|a, b| a.order().cmp(&b.order()));
        entries
    }

    /// `metadata.managedFields` in the bytes that upstream writes for built-in kinds: fields in the order of sets, where ports sort by number.
    ///
    /// Custom resources pass through maps, which sort everything by name: their bytes are those of [`Self::to_value`].
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// `metadata.managedFields` as a value, whose maps are sorted by name.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The entries by their identity.
    pub(super) fn map(&self) -> &BTreeMap<String, Entry> {
        &self.entries
    }

    /// The entries by their identity, to change.
    pub(super) fn map_mut(&mut self) -> &mut BTreeMap<String, Entry> {
        &mut self.entries
    }

    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut Entry> {
        self.entries.get_mut(id)
    }

    /// The entry of the same identity, or this one put there.
    pub(super) fn entry(&mut self, entry: Entry) -> &mut Entry {
        self.entries.entry(entry.id()).or_insert(entry)
    }

    /// Puts an entry in its place.
    pub(super) fn insert(&mut self, entry: Entry) -> Option<Entry> {
        self.entries.insert(entry.id(), entry)
    }

    /// Drops entries that own nothing.
    pub(super) fn drop_empty(&mut self) {
        self.entries.retain(|_, entry| !entry.fields.is_empty());
    }
}

/// When, in seconds; 0 where it is not known.
pub(super) fn seconds(entry: &Entry) -> i64 {
    entry.time.map(Timestamp::as_second).unwrap_or_default()
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if !self.manager.is_empty() {
            map.serialize_entry("manager", &self.manager)?;
        }
        map.serialize_entry("operation", self.operation.name())?;
        map.serialize_entry("apiVersion", &self.api_version)?;
        if let Some(time) = self.time {
            let second = Timestamp::from_second(time.as_second()).unwrap_or(time);
            map.serialize_entry("time", &second.to_string())?;
        }
        map.serialize_entry("fieldsType", "FieldsV1")?;
        map.serialize_entry("fieldsV1", &self.fields)?;
        if !self.subresource.is_empty() {
            map.serialize_entry("subresource", &self.subresource)?;
        }
        map.end()
    }
}

impl Serialize for ManagedFields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.entries())
    }
}
