//! What `krm::fields` promises, as cases.

use super::*;

fn set(text: &str) -> FieldSet {
    serde_json::from_str(text).unwrap()
}

#[test]
fn bytes_survive() {
    for text in [
        "{}",
        r#"{"f:a":{}}"#,
        r#"{"f:metadata":{"f:labels":{".":{},"f:app":{}}},"f:spec":{"f:ports":{"k:{\"port\":80}":{".":{},"f:name":{}},"k:{\"port\":443}":{}}}}"#,
        r#"{"f:x":{"v:1":{},"v:1.5":{},"v:\"a\\u003cb\"":{},"v:true":{}},"k:{\"a\":null}":{},"v:1":{},"i:2":{},"i:10":{}}"#,
    ] {
        assert_eq!(set(text).to_json(), text);
        assert_eq!(serde_json::to_string(&set(text)).unwrap(), text);
    }
}

#[test]
fn order_and_strangers_do_not_matter_on_reading() {
    assert_eq!(
        set(r#"{"f:b":{},"x:later":{"f:a":1},"f:a":{"f:c":null,".":{}}}"#).to_json(),
        r#"{"f:a":{".":{},"f:c":{}},"f:b":{}}"#
    );
    assert!(serde_json::from_str::<FieldSet>(r#"{"fa":{}}"#).is_err());
    assert!(serde_json::from_str::<FieldSet>(r#"{"k:x":{}}"#).is_err());
    assert!(serde_json::from_str::<FieldSet>(r#"{"f:a":1}"#).is_err());
}

#[test]
fn sets_do_what_sets_do() {
    let a = set(r#"{"f:a":{".":{},"f:x":{},"f:y":{}},"f:b":{}}"#);
    let b = set(r#"{"f:a":{"f:x":{},"f:z":{}},"f:c":{}}"#);
    assert_eq!(
        a.union(&b).to_json(),
        r#"{"f:a":{".":{},"f:x":{},"f:y":{},"f:z":{}},"f:b":{},"f:c":{}}"#
    );
    assert_eq!(a.intersection(&b).to_json(), r#"{"f:a":{"f:x":{}}}"#);
    assert_eq!(
        a.difference(&b).to_json(),
        r#"{"f:a":{".":{},"f:y":{}},"f:b":{}}"#
    );
    let above = set(r#"{"f:a":{}}"#);
    assert_eq!(
        a.difference(&above).to_json(),
        r#"{"f:a":{"f:x":{},"f:y":{}},"f:b":{}}"#
    );
    assert_eq!(a.recursive_difference(&above).to_json(), r#"{"f:b":{}}"#);
    assert_eq!(
        a.leaves().to_json(),
        r#"{"f:a":{"f:x":{},"f:y":{}},"f:b":{}}"#
    );
    assert!(set(r#"{"f:a":{"f:x":{}}}"#).is_subset(&a) && !b.is_subset(&a));
    assert_eq!(a.len(), 4);
    let paths: Vec<_> = a.paths().iter().map(ToString::to_string).collect();
    assert_eq!(paths, [".a", ".b", ".a.x", ".a.y"]);
}

#[test]
fn paths_print_as_upstream_prints_them() {
    let set = set(
        r#"{"f:l":{"k:{\"name\":\"a\\\"b\",\"port\":80}":{"f:x":{}},"v:\"s\"":{},"v:1000000":{},"i:3":{}}}"#,
    );
    let paths: Vec<_> = set.paths().iter().map(ToString::to_string).collect();
    assert_eq!(
        paths,
        [
            ".l[=1e+06]",
            ".l[=\"s\"]",
            ".l[3]",
            ".l[name=\"a\\\"b\",port=80].x"
        ]
    );
}

#[test]
fn filters_exclude_and_include() {
    let owned = set(r#"{"f:spec":{"f:a":{},"f:b":{"f:c":{}}},"f:status":{"f:x":{}}}"#);
    let exclude = Filter::Exclude(FieldSet::of_names([["status"].as_slice()]));
    assert_eq!(
        exclude.apply(&owned).to_json(),
        r#"{"f:spec":{"f:a":{},"f:b":{"f:c":{}}}}"#
    );
    let include = Filter::Include(Matcher::below([
        Some(PathElement::field("spec")),
        None,
        Some(PathElement::field("c")),
    ]));
    assert_eq!(
        include.apply(&owned).to_json(),
        r#"{"f:spec":{"f:a":{},"f:b":{"f:c":{}}}}"#
    );
}
