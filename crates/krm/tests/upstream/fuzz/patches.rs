//! Random patches.

use krm::{Map, Value, json};

use super::values::{Dice, Values};

/// A JSON, merge or strategic merge patch and what to lay it on.
pub(crate) fn question(values: &mut Values<'_>) -> Value {
    match values.dice.below(4) {
        0 => {
            let operations = (0..1 + values.dice.below(4)).map(|_| operation(values));
            let patch: Value = operations.collect();
            json!({"do": "json", "document": document(values), "patch": patch})
        }
        1 => json!({"do": "merge", "document": document(values), "patch": document(values)}),
        _ => {
            let dice = &mut values.dice;
            json!({"do": "strategic", "kind": "Pod", "document": pod(dice, false), "patch": pod(dice, true)})
        }
    }
}

fn document(values: &mut Values<'_>) -> Value {
    values.is_wild = true;
    let fields = ["a", "b", "c"].map(|name| (name.to_owned(), values.anything(3)));
    Value::Object(fields.into_iter().collect())
}

fn operation(values: &mut Values<'_>) -> Value {
    let dice = &mut values.dice;
    let mut path = || {
        let steps =
            (0..1 + dice.below(3)).map(|_| *dice.pick(&["a", "b", "c", "0", "1", "-", "-1"]));
        steps.fold(String::new(), |path, step| format!("{path}/{step}"))
    };
    let (path, from) = (path(), path());
    let op = *dice.pick(&["add", "remove", "replace", "move", "test", "copy"]);
    let value = values.anything(1);
    json!({"op": op, "path": path, "from": from, "value": value})
}

/// Names in some order, each once.
fn some<'a>(dice: &mut Dice, of: &[&'a str]) -> Vec<&'a str> {
    let mut left = of.to_vec();
    let count = dice.below(of.len() + 1);
    (0..count)
        .map(|_| left.remove(dice.below(left.len())))
        .collect()
}

fn pod(dice: &mut Dice, is_patch: bool) -> Value {
    let mut spec = Map::new();
    let containers = keyed(dice, "name", is_patch, |dice| container(dice, is_patch));
    ordered(
        dice,
        (&mut spec, "containers", "name"),
        containers,
        is_patch,
    );
    let volumes = keyed(dice, "name", is_patch, |dice| {
        let source = *dice.pick(&["emptyDir", "configMap", "secret"]);
        let mut volume = Map::from_iter([(source.to_owned(), json!({}))]);
        if is_patch && dice.one_in(4) {
            volume.insert("$retainKeys".into(), json!(["name", source]));
        }
        volume
    });
    ordered(dice, (&mut spec, "volumes", "name"), volumes, false);
    if dice.one_in(2) {
        spec.insert("nodeSelector".into(), labels(dice, is_patch));
    }
    if dice.one_in(3) {
        spec.insert(
            "tolerations".into(),
            json!([{"key": dice.pick(&["a", "b"])}]),
        );
    }
    if is_patch && dice.one_in(20) {
        spec.insert("$patch".into(), (*dice.pick(&["replace", "delete"])).into());
    }
    let mut metadata = Map::from_iter([("labels".to_owned(), labels(dice, is_patch))]);
    let finalizers = some(dice, &["f1", "f2", "f3", "f4"])
        .into_iter()
        .map(Value::from)
        .collect();
    ordered(
        dice,
        (&mut metadata, "finalizers", ""),
        finalizers,
        is_patch,
    );
    if is_patch && dice.one_in(3) {
        let gone = some(dice, &["f5", "f1"]);
        let kept = metadata
            .get("finalizers")
            .map(Value::to_string)
            .unwrap_or_default();
        let gone: Vec<_> = gone.into_iter().filter(|one| !kept.contains(one)).collect();
        metadata.insert("$deleteFromPrimitiveList/finalizers".into(), json!(gone));
    }
    json!({"metadata": metadata, "spec": spec})
}

/// Puts a list in its place, with an order for it now and then.
fn ordered(
    dice: &mut Dice,
    (map, name, key): (&mut Map<String, Value>, &str, &str),
    items: Vec<Value>,
    is_patch: bool,
) {
    if is_patch && dice.one_in(2) {
        let mut order: Vec<Value> = items
            .iter()
            .filter(|item| item.get("$patch").is_none())
            .map(|item| match key {
                "" => item.clone(),
                key => json!({key: item[key]}),
            })
            .collect();
        for other in some(dice, &["a", "c", "e", "f1", "f3"]) {
            let at = dice.below(order.len() + 1);
            let other = if key.is_empty() {
                json!(other)
            } else {
                json!({key: other})
            };
            if !order.contains(&other) {
                order.insert(at, other);
            }
        }
        map.insert(format!("$setElementOrder/{name}"), Value::Array(order));
    }
    if !items.is_empty() || dice.one_in(2) {
        map.insert(name.into(), Value::Array(items));
    }
}

/// Items by key, with directives among them in a patch.
fn keyed(
    dice: &mut Dice,
    key: &str,
    is_patch: bool,
    mut item: impl FnMut(&mut Dice) -> Map<String, Value>,
) -> Vec<Value> {
    let names = some(dice, &["a", "b", "c", "d", "e"]);
    let mut items: Vec<Value> = Vec::new();
    for name in names {
        let mut map = item(dice);
        map.insert(key.into(), name.into());
        if is_patch && dice.one_in(5) {
            map.insert("$patch".into(), "delete".into());
        }
        items.push(Value::Object(map));
    }
    if is_patch && dice.one_in(10) {
        items.push(json!({"$patch": "replace"}));
    }
    items
}

fn container(dice: &mut Dice, is_patch: bool) -> Map<String, Value> {
    let mut map = Map::new();
    if dice.one_in(2) {
        map.insert("image".into(), (*dice.pick(&["x", "y"])).into());
    }
    if dice.one_in(2) {
        map.insert("args".into(), json!(some(dice, &["x", "y"])));
    }
    let env = keyed(dice, "name", is_patch, |dice| {
        Map::from_iter([("value".to_owned(), json!(dice.pick(&["1", "2"])))])
    });
    ordered(dice, (&mut map, "env", "name"), env, is_patch);
    if is_patch && dice.one_in(6) {
        map.insert("resources".into(), Value::Null);
    } else if dice.one_in(2) {
        map.insert(
            "resources".into(),
            json!({"limits": labels(dice, is_patch)}),
        );
    }
    map
}

fn labels(dice: &mut Dice, is_patch: bool) -> Value {
    let mut map = Map::new();
    for name in some(dice, &["a", "b", "c"]) {
        let value = if is_patch && dice.one_in(3) {
            Value::Null
        } else {
            json!(dice.pick(&["1", "2"]))
        };
        map.insert(name.into(), value);
    }
    if is_patch && dice.one_in(10) {
        map.insert("$patch".into(), "replace".into());
    }
    Value::Object(map)
}
