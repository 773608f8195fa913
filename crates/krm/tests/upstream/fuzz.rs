//! Random questions, put to the oracle and to krm.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use krm::{Map, Value, json};

use crate::answer;

/// A small generator of numbers; the same seed asks the same questions.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % limit
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

struct Oracle {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Oracle {
    #[expect(clippy::disallowed_methods, reason = "a test starts its oracle")]
    fn start(program: &str) -> Self {
        let mut child = Command::new(program)
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            input: child.stdin.take().unwrap(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    fn ask(&mut self, context: &Value, question: &Value) -> Value {
        let asked = json!({"context": context, "case": question});
        writeln!(self.input, "{asked}").unwrap();
        self.input.flush().unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Values of a context's types.
struct Values<'a> {
    types: &'a [Value],
    dice: Dice,
    /// Whether null and duplicate items come up.
    is_wild: bool,
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

    fn anything(&mut self, depth: usize) -> Value {
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

    fn value_question(&mut self) -> Value {
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

    fn steps(&mut self) -> Value {
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

/// The question with the first answer that differs.
fn difference(question: &Value, ours: &Value, theirs: &Value) -> String {
    let (Some(a), Some(b)) = (ours.as_array(), theirs.as_array()) else {
        return format!("{question}\n ours   {ours}\n theirs {theirs}");
    };
    let at = a
        .iter()
        .zip(b)
        .position(|(a, b)| !krm::fields::same_value(a, b));
    let at = at.unwrap_or_default();
    let live = at.checked_sub(1).map(|before| &theirs[before]);
    let step = &question["steps"][at];
    format!(
        "step {at} {step}\n live   {}\n ours   {}\n theirs {}",
        json!(live),
        ours[at],
        theirs[at]
    )
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test asks whether its oracle is at hand"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[test]
fn random_questions() {
    let Some(program) = variable("KRM_SMD_ORACLE") else {
        return;
    };
    let number = |name| variable(name).and_then(|text| text.parse().ok());
    let questions = number("KRM_SMD_QUESTIONS").unwrap_or(2000);
    let seed: usize = number("KRM_SMD_SEED").unwrap_or(1);
    let whole: Value = serde_json::from_str(include_str!("../cases/managed/thing.json")).unwrap();
    let managed = &whole["context"];
    let mut merge = managed.clone();
    merge["topic"] = "merge".into();
    merge["type"] = "thing".into();
    let types = managed["types"].as_array().unwrap();
    let mut values = Values {
        types,
        dice: Dice(0x9e37_79b9_7f4a_7c15 ^ u64::try_from(seed).unwrap()),
        is_wild: false,
    };
    let mut oracle = Oracle::start(&program);
    let (mut refused, mut wrong) = (0, Vec::new());
    for at in 0..questions {
        let (context, question) = match at % 2 {
            0 => (&merge, values.value_question()),
            _ => (managed, values.steps()),
        };
        let theirs = oracle.ask(context, &question);
        // Of several things wrong with a value upstream names those it meets first, in no order.
        let is_several = theirs.to_string().contains("errors:\\n");
        if is_several || theirs.get("panic").is_some() {
            refused += 1;
            continue;
        }
        let ours = answer(context, &question);
        if !krm::fields::same_value(&ours, &theirs) {
            wrong.push(difference(&question, &ours, &theirs));
            if wrong.len() == 3 {
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "of {questions}:\n{}", wrong.join("\n"));
    eprintln!("{questions} questions answered alike, {refused} of them left out");
}
