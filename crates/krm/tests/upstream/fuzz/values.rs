//! Random values of given types, and questions about them.

use krm::{Map, Value, json};

/// A small generator of numbers; the same seed asks the same questions.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % limit
    }

    pub(crate) fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// Values of a context's types.
pub(crate) struct Values<'a> {
    pub(crate) types: &'a [Value],
    pub(crate) dice: Dice,
    /// Whether null and duplicate items come up.
    pub(crate) is_wild: bool,
}

impl Values<'_> {
    fn of(&mut self, reference: &Value, depth: usize) -> Value {
        let types = self.types;
        let atom = match reference["namedType"].as_str() {
            Some(name) if name.starts_with("__untyped") => return self.anything(depth.min(3)),
            Some(name) => types.iter().find(|one| one["name"] == name).unwrap(),
            None => reference,
        };
        if self.is_wild && self.dice.one_in(25) {
            return Value::Null;
        }
        if let Some(map) = atom.get("map") {
            return self.map(map, depth);
        }
        if let Some(list) = atom.get("list") {
            return self.list(list, depth);
        }
        self.scalar(&atom["scalar"])
    }

    fn scalar(&mut self, of: &Value) -> Value {
        match of.as_str() {
            Some("numeric") => json!(self.dice.pick(&[1, 2, 80, 443])),
            Some("boolean") => json!(self.dice.one_in(2)),
            Some("string") => json!(self.dice.pick(&["a", "b", "c", "TCP"])),
            _ => self
                .dice
                .pick(&[json!(1), json!("x"), json!(true), json!(1.5)])
                .clone(),
        }
    }

    fn map(&mut self, map: &Value, depth: usize) -> Value {
        let mut out = Map::new();
        for field in map["fields"].as_array().into_iter().flatten() {
            if depth > 0 && self.dice.one_in(2) {
                let value = self.of(&field["type"], depth - 1);
                out.insert(field["name"].as_str().unwrap().into(), value);
            }
        }
        if let Some(element) = map.get("elementType") {
            for _ in 0..self.dice.below(3) {
                let key = *self.dice.pick(&["a", "b", "c"]);
                out.insert(key.into(), self.of(element, depth.saturating_sub(1)));
            }
        }
        Value::Object(out)
    }

    fn list(&mut self, list: &Value, depth: usize) -> Value {
        let mut items: Vec<Value> = Vec::new();
        let keys: Vec<&str> = list["keys"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        for _ in 0..self.dice.below(5) {
            let mut item = self.of(&list["elementType"], depth.max(1) - 1);
            if list["elementRelationship"] == "associative" {
                if item.is_null() {
                    continue;
                }
                if let Some(map) = item.as_object_mut() {
                    for (at, key) in keys.iter().enumerate() {
                        if at == 0 || self.dice.one_in(2) {
                            let value = match *key {
                                "containerPort" => json!(self.dice.pick(&[80, 443, 1_000_000])),
                                "protocol" => json!(self.dice.pick(&["TCP", "UDP"])),
                                _ => json!(self.dice.pick(&["a", "b", "c", "d"])),
                            };
                            map.insert((*key).into(), value);
                        } else {
                            map.remove(*key);
                        }
                    }
                }
                let same = |other: &Value| match keys.is_empty() {
                    true => krm::fields::same_value(other, &item),
                    false => keys.iter().all(|key| {
                        let default = json!("TCP");
                        let of = |value: &Value| {
                            value.get(*key).cloned().unwrap_or_else(|| {
                                if *key == "protocol" {
                                    default.clone()
                                } else {
                                    Value::Null
                                }
                            })
                        };
                        of(other) == of(&item)
                    }),
                };
                if items.iter().any(same) && !(self.is_wild && self.dice.one_in(3)) {
                    continue;
                }
            }
            items.push(item);
        }
        Value::Array(items)
    }

    pub(crate) fn anything(&mut self, depth: usize) -> Value {
        match self.dice.below(if depth == 0 { 3 } else { 6 }) {
            0 => json!(self.dice.below(3)),
            1 => json!(self.dice.pick(&["x", "y"])),
            2 if self.is_wild => Value::Null,
            2 => json!(true),
            3 => (0..self.dice.below(3))
                .map(|_| self.anything(depth - 1))
                .collect(),
            _ => {
                let mut map = Map::new();
                for _ in 0..self.dice.below(3) {
                    let key = *self.dice.pick(&["a", "b", "c"]);
                    map.insert(key.into(), self.anything(depth - 1));
                }
                Value::Object(map)
            }
        }
    }

    fn object(&mut self, version: &str, wild: bool) -> Value {
        self.is_wild = wild;
        let mut object = json!({"apiVersion": version, "kind": "Thing", "metadata": {"name": "n", "namespace": "ns"}});
        for part in ["spec", "status"] {
            if !self.dice.one_in(4) {
                object[part] = self.of(&json!({"namedType": part}), 5);
            }
        }
        for (name, of) in [
            (
                "labels",
                json!({"map": {"elementType": {"scalar": "string"}}}),
            ),
            (
                "finalizers",
                json!({"list": {"elementType": {"scalar": "string"}, "elementRelationship": "associative"}}),
            ),
        ] {
            if self.dice.one_in(2) {
                object["metadata"][name] = self.of(&of, 2);
            }
        }
        object
    }

    pub(crate) fn value_question(&mut self) -> Value {
        let root = json!({"namedType": "thing"});
        let mut value = |wild| {
            self.is_wild = wild;
            self.of(&root, 7)
        };
        match value(false)["status"]["ready"].as_u64() {
            Some(1) => json!({"do": "merge", "live": value(true), "applied": value(false)}),
            Some(2) => json!({"do": "field set", "value": value(true)}),
            Some(80) => json!({"do": "validate", "value": value(true)}),
            _ => json!({"do": "compare", "old": value(true), "new": value(true)}),
        }
    }

    pub(crate) fn steps(&mut self) -> Value {
        let mut steps = Vec::new();
        for at in 0..1 + self.dice.below(7) {
            let version = if self.dice.one_in(6) {
                "example.com/v1beta1"
            } else {
                "example.com/v1"
            };
            let manager = *self.dice.pick(&["one", "two", "three", "kubectl"]);
            let subresource = if self.dice.one_in(6) { "status" } else { "" };
            let step = if self.dice.one_in(3) {
                let mut object = self.object(version, true);
                if at > 0 {
                    object["metadata"]["uid"] = "u".into();
                }
                json!({"do": "update", "manager": manager, "object": object, "subresource": subresource})
            } else {
                let wild = self.dice.one_in(12);
                json!({"do": "apply", "manager": manager, "object": self.object(version, wild),
                    "subresource": subresource, "force": self.dice.one_in(2)})
            };
            steps.push(step);
        }
        json!({"do": "steps", "steps": steps})
    }
}
