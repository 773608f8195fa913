//! What tenants may send: nothing panics, and everything ends within its budget.

use expr::crd::{Node, Rules, Shape, Source, escape};
use expr::health::{Evaluator, Health};
use expr::{Bindings, Budget, Env, Place, Type};
use serde_json::json;

fn run(src: &str) -> String {
    match Env::new(Place::Kubernetes).compile(src) {
        Ok(p) => p
            .eval(&Bindings::new(), Budget::default())
            .map_or_else(|e| e.to_string(), |_| "value".into()),
        Err(e) => e.message.lines().next().unwrap_or_default().to_owned(),
    }
}

#[test]
fn budgets_hold() {
    const SPENT: &str = "operation cancelled: actual cost limit exceeded";
    let thousand = "lists.range(1000)";
    assert_eq!(
        run(&format!(
            "{thousand}.map(a, {thousand}.map(b, {thousand}.map(c, a * b * c)))"
        )),
        SPENT
    );
    let double = ".map(l, l + l)".repeat(60);
    assert_eq!(run(&format!("[[1]]{double}")), SPENT);
    let text = ".map(s, s + s)".repeat(60);
    assert_eq!(run(&format!("['a']{text}")), SPENT);
    assert_eq!(run("lists.range(9223372036854775807)"), SPENT);
    assert!(run(&"1+".repeat(500_000)).contains("expression code point size exceeds limit"));
    assert_eq!(
        run(&format!("{}1{}", "(".repeat(251), ")".repeat(251))),
        "expression recursion limit exceeded: 250"
    );
    assert_eq!(
        run(&format!("1{}", "+1".repeat(400))),
        "max recursion depth exceeded"
    );
    assert_eq!(run(&format!("true{}", " && true".repeat(5000))), "value");
    assert_eq!(
        run(&format!("{}1{}", "[".repeat(240), "]".repeat(240))),
        "value"
    );
    assert!(run(&format!("[1]{}", ".map(a, {a: a})".repeat(60))).contains("too complex"));
    assert_eq!(
        run("'aaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'.matches('^(a+)+$')"),
        "value"
    );
    assert!(run("'a'.matches('(a{1000}){1000}')").contains("invalid matches argument"));
}

#[test]
fn no_bytes_make_it_panic() {
    let corpus = [
        include_str!("cases/core.txt"),
        include_str!("cases/kubernetes.txt"),
        include_str!("cases/flux.txt"),
    ];
    let json = json!({"a": 1, "l": [1, "x"], "m": {"k": null}});
    let vars = Bindings::new().json("self", &json, &Type::Dyn);
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |n: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % n as u64).unwrap()
    };
    let alphabet: Vec<char> = "()[]{}.,?:!&|=<>+-*/%'\"\\`abx019 re\u{e9}\u{1f600}\n@#$_"
        .chars()
        .collect();
    for line in corpus
        .iter()
        .flat_map(|f| f.lines())
        .filter(|l| l.contains(" ==> "))
    {
        for _ in 0..6 {
            let mut src: Vec<char> = line.split(" ==> ").next().unwrap().chars().collect();
            for _ in 0..=random(3) {
                let at = random(src.len() + 1);
                match random(3) {
                    0 => src.insert(at, alphabet[random(alphabet.len())]),
                    1 if at < src.len() => src[at] = alphabet[random(alphabet.len())],
                    _ if at < src.len() => drop(src.remove(at)),
                    _ => {}
                }
            }
            let src: String = src.into_iter().collect();
            for place in [Place::Kubernetes, Place::Flux] {
                let env = Env::new(place).declare("self", Type::Dyn);
                for program in [env.compile(&src), env.parse(&src)].into_iter().flatten() {
                    let _ = program.eval(&vars, Budget::default());
                    let _ = program.estimated_cost(None);
                }
            }
        }
    }
}

#[test]
fn health_is_said_in_order() {
    let e = Evaluator::new(
        "status.phase == 'ok'",
        "status.phase == 'busy'",
        "status.phase == 'bad'",
    )
    .unwrap();
    let health = |object| e.evaluate(&object, Budget::default());
    assert_eq!(
        health(json!({"status": {"phase": "ok"}})),
        Ok(Health::Current)
    );
    assert_eq!(
        health(json!({"status": {"phase": "busy"}})),
        Ok(Health::InProgress)
    );
    assert_eq!(
        health(json!({"status": {"phase": "bad"}})),
        Ok(Health::Failed)
    );
    assert_eq!(
        health(json!({"status": {"phase": "?"}})),
        Ok(Health::InProgress)
    );
    let stale =
        json!({"metadata": {"generation": 2}, "status": {"observedGeneration": 1, "phase": "bad"}});
    assert_eq!(health(stale), Ok(Health::InProgress));
    let failed = health(json!({"status": {}})).unwrap_err().to_string();
    assert_eq!(
        failed,
        "failed to evaluate the CEL expression 'status.phase == 'busy'': no such key: phase"
    );
    assert_eq!(
        Evaluator::new("", "", "").unwrap_err().to_string(),
        "expression Current not specified"
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
fn rules_are_compiled_and_run() {
    let text = || Node {
        max: Some(10),
        ..Node::new(Shape::String(String::new()))
    };
    let fields = [
        ("name".to_owned(), (text(), true)),
        ("namespace".to_owned(), (text(), false)),
        ("n".to_owned(), (Node::new(Shape::Integer), false)),
    ];
    let node = Node::new(Shape::Object(fields.into()));
    let sources = [
        Source {
            rule: "self.name == oldSelf.name",
            message: "name is immutable",
            ..Source::default()
        },
        Source {
            rule: "!has(self.__namespace__) || self.__namespace__ != ''",
            ..Source::default()
        },
        Source {
            rule: "self.n < 3",
            message_expression: "self.name + ' is too big'",
            ..Source::default()
        },
    ];
    let rules = Rules::compile(&node, &sources, 1).unwrap();
    let check = |new, old: Option<serde_json::Value>| {
        let mut budget = expr::crd::OBJECT_BUDGET;
        rules
            .evaluate(&new, old.as_ref(), &mut budget)
            .into_iter()
            .map(|v| v.message)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        check(json!({"name": "a", "n": 1}), None),
        Vec::<String>::new()
    );
    assert_eq!(
        check(json!({"name": "a", "n": 5}), Some(json!({"name": "b"}))),
        ["name is immutable", "a is too big"]
    );
    assert_eq!(
        check(json!({"name": "a", "namespace": ""}), None),
        [
            "failed rule: !has(self.__namespace__) || self.__namespace__ != ''",
            "no such key: n evaluating rule: self.n < 3"
        ]
    );
    let bad = Rules::compile(
        &node,
        &[Source {
            rule: "self.name",
            ..Source::default()
        }],
        1,
    )
    .unwrap_err();
    assert_eq!(bad[0].message, "cel expression must evaluate to a bool");
    let list = Node::new(Shape::List(Box::new(Node::new(Shape::String(
        String::new(),
    )))));
    let dear = Rules::compile(
        &list,
        &[Source {
            rule: "self.all(x, self.all(y, x != y))",
            ..Source::default()
        }],
        1,
    )
    .unwrap_err();
    assert!(
        dear[0].forbidden
            && dear[0]
                .message
                .starts_with("estimated rule cost exceeds budget by factor of more than 100x"),
        "{dear:?}"
    );
    assert_eq!(
        escape("a-b.c/d__e").as_deref(),
        Some("a__dash__b__dot__c__slash__d__underscores__e")
    );
    assert_eq!(escape("1a"), None);
}
