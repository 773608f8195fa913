//! Questions about patches.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use krm::Value;
use krm::patch::strategic::{self, Kind, Table, TypeId};
use krm::patch::{json6902, merge};

use crate::error;

struct Types {
    table: Table,
    roots: BTreeMap<String, TypeId>,
}

/// The oracle's answer to `{"do": "table"}`.
static TYPES: LazyLock<Types> = LazyLock::new(|| {
    let all: Value = serde_json::from_str(include_str!("patch-types.json")).unwrap();
    let types = all["types"].as_object().unwrap();
    let mut table = Table::default();
    let mut ids = BTreeMap::new();
    for (id, of) in types {
        let kind = match of["kind"].as_str().unwrap() {
            "struct" => Kind::Struct,
            "slice" => Kind::List,
            "map" => Kind::Map,
            _ => Kind::Scalar,
        };
        let name = match kind {
            Kind::Struct => &of["name"],
            _ => &of["kind"],
        };
        ids.insert(id.as_str(), table.add(kind, name.as_str().unwrap(), None));
    }
    for (id, of) in types {
        let id = ids[id.as_str()];
        if let Some(element) = of["element"].as_str() {
            table.set_element(id, ids[element]);
        }
        for field in of["fields"].as_array().into_iter().flatten() {
            let text = |at: usize| field[at].as_str().unwrap();
            table.add_field(id, text(0), ids[text(1)], (text(2), text(3)));
        }
    }
    let roots = all["roots"].as_object().unwrap().iter();
    let roots = roots.map(|(kind, id)| (kind.clone(), ids[id.as_str().unwrap()]));
    Types {
        roots: roots.collect(),
        table,
    }
});

pub(crate) fn answer(question: &Value) -> Value {
    let (document, patch) = (question["document"].clone(), question["patch"].clone());
    match question["do"].as_str().unwrap() {
        "json" => json6902::apply(document, &patch).unwrap_or_else(error),
        "merge" => merge::apply(document, patch).unwrap_or_else(error),
        "strategic" => {
            let kind = question["kind"].as_str().unwrap();
            let of = TYPES.table.get(TYPES.roots[kind]);
            let (Value::Object(document), Value::Object(patch)) = (document, patch) else {
                panic!("a strategic merge patch is about maps");
            };
            strategic::apply(document, patch, of).map_or_else(error, Value::Object)
        }
        other => panic!("unknown question {other}"),
    }
}
