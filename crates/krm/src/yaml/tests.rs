//! Reading and writing held against recorded answers of the real libraries.

use super::*;
use serde_json::{Value, json};

fn read(text: &str, dialect: Dialect) -> Result<Value, String> {
    let duplicates = match dialect {
        Dialect::Kyaml => Duplicates::Refuse,
        Dialect::Sigs => Duplicates::LastWins,
    };
    let limits = Limits {
        duplicates,
        ..Limits::default()
    };
    let document = parse_first(text, &limits).map_err(|error| error.to_string())?;
    document
        .map_or(Ok(Value::Null), |document| document.to_value(dialect))
        .map_err(|error| error.to_string())
}

#[track_caller]
fn check(text: &str, dialect: Dialect, expect: Value) {
    assert_eq!(read(text, dialect), Ok(expect), "{text}");
}

#[track_caller]
fn refuse(text: &str, expect: &str) {
    assert_eq!(read(text, Dialect::Kyaml), Err(expect.to_owned()), "{text}");
}

/// `tests/yaml/sigs.txt`: inputs and what the real library makes of them.
#[test]
fn sigs_writes_what_the_real_one_writes() {
    let cases = include_str!("../../tests/yaml/sigs.txt");
    let mut count = 0;
    let mut wrong = Vec::new();
    for case in cases.split("\n=== ").skip(1) {
        let (input, expected) = case.split_once("\n--- out\n").unwrap();
        let (name, input) = input.split_once('\n').unwrap();
        let value: Value = serde_json::from_str(input).unwrap();
        let text = value["text"].as_str().unwrap();
        let expected: Value = serde_json::from_str(expected.lines().next().unwrap()).unwrap();
        let got = read(text, Dialect::Sigs).map(|value| emit(&value));
        let same = match expected["err"].as_str() {
            Some(_) => got.is_err(),
            None => got.as_deref() == Ok(expected["out"].as_str().unwrap()),
        };
        if !same {
            wrong.push(format!("{name}:\n got {got:?}\nreal {expected}"));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 50, "only {count} cases");
}

#[test]
fn the_dialects_differ_in_words_and_times() {
    let text = "a: yes\nb: on\nc: 2001-01-01\nd: 0777\ne: 0o17\nf: 1_000\ng: ~\nh: n";
    check(
        text,
        Dialect::Kyaml,
        json!({"a": "yes", "b": "on", "c": "2001-01-01T00:00:00Z", "d": 511, "e": 15, "f": 1000, "g": null, "h": "n"}),
    );
    check(
        text,
        Dialect::Sigs,
        json!({"a": true, "b": true, "c": "2001-01-01", "d": 511, "e": 15, "f": 1000, "g": null, "h": false}),
    );
}

#[test]
fn keys_are_strings() {
    check(
        "1: a\ntrue: b\n1.5: c\nyes: d",
        Dialect::Sigs,
        json!({"1": "a", "true": "d", "1.5": "c"}),
    );
    refuse(
        "a:\n  1: b",
        "2:3: unsupported map key 1: keys must be strings",
    );
    check("on: push", Dialect::Kyaml, json!({"on": "push"}));
}

#[test]
fn anchors_aliases_and_merge_keys() {
    let text = "base: &b {x: 1, y: 2}\nmine:\n  <<: *b\n  y: 3\nlist: [*b]\nmany:\n  <<: [{a: 1}, {a: 2, b: 2}]\n";
    let expect = json!({
        "base": {"x": 1, "y": 2}, "mine": {"x": 1, "y": 3}, "list": [{"x": 1, "y": 2}], "many": {"a": 1, "b": 2}
    });
    check(text, Dialect::Kyaml, expect);
    refuse("a: &a [*a]", "1:8: the anchor's value contains itself");
    refuse(
        "a:\n  <<: 3",
        "2:7: map merge requires map or sequence of maps as the value",
    );
}

#[test]
fn errors_have_a_place() {
    refuse(
        "a: 1\nb: 2\na: 3",
        "3:1: mapping key \"a\" already defined at line 1",
    );
    refuse("a: .inf", "1:4: json: unsupported value: .inf");
    refuse("a: !!int x", "1:10: cannot decode !!str `x` as a !!int");
    refuse("a: [1,\n}", "1:4: mismatched bracket '[' closed by '}'");
    let limits = Limits {
        depth: 3,
        ..Limits::default()
    };
    assert!(parse("[[[[1]]]]", &limits).is_err());
    assert!(parse("[[[1]]]", &limits).is_ok());
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..9 {
        let alias = format!("*a{}", n - 1);
        text += &format!("a{n}: &a{n} [{}]\n", vec![alias; 10].join(", "));
    }
    let limits = Limits {
        nodes: 50_000,
        ..Limits::default()
    };
    let error = parse(&text, &limits).unwrap_err();
    assert!(error.message.contains("more than 50000 nodes"), "{error}");
}

#[test]
fn documents() {
    let text = "\u{feff}# nothing\r\n---\r\na: 1\r\n---\r\n# only a comment\r\n---\r\nb: 2\r\n";
    let documents = parse(text, &Limits::default()).unwrap();
    let values: Vec<Value> = documents
        .iter()
        .map(|document| document.to_value(Dialect::Kyaml).unwrap())
        .collect();
    assert_eq!(values, [json!({"a": 1}), json!({"b": 2})]);
    assert_eq!(documents[1].root.mark, Mark { line: 7, column: 1 });
}

#[test]
fn places_are_found() {
    let text = "spec:\n  list:\n  - name: a\n  - name: b\n";
    assert_eq!(locate(text, "/spec/list/1/name"), Some((4, 11)));
    assert_eq!(locate(text, "/spec/nothing"), Some((2, 3)));
}

#[test]
fn numbers_as_go_writes_them() {
    for (number, text) in [
        (json!(1.0), "1\n"),
        (json!(1e20), "1e+20\n"),
        (json!(1_234_567.5), "1.2345675e+06\n"),
        (json!(123_456.25), "123456.25\n"),
        (json!(0.000_01), "1e-05\n"),
        (json!(-0.5), "-0.5\n"),
        (json!(u64::MAX), "18446744073709551615\n"),
    ] {
        assert_eq!(emit(&number), text);
    }
}
