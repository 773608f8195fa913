//! krm held against upstream's own code: recorded answers always, random questions where the oracle is at hand.
//!
//! The cases lie under `cases/`; `smd-oracle record FILE…` (tools/smd-oracle) writes their `expect`. With `KRM_SMD_ORACLE` naming the built
//! oracle, `random_questions` asks it as many questions as `KRM_SMD_QUESTIONS` says.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "upstream/fuzz.rs"]
mod fuzz;
#[path = "upstream/managed.rs"]
mod managed;
#[path = "upstream/merge.rs"]
mod merge;
#[path = "upstream/patch.rs"]
mod patch;
#[path = "upstream/types.rs"]
mod types;

use krm::{Value, json};

/// What krm answers to a question.
fn answer(context: &Value, question: &Value) -> Value {
    match context["topic"].as_str() {
        Some("merge") => merge::answer(context, question),
        Some("managed") => managed::answer(context, question),
        Some("patch") => patch::answer(question),
        other => panic!("unknown topic {other:?}"),
    }
}

fn error(error: impl std::fmt::Display) -> Value {
    json!({"error": error.to_string()})
}

#[expect(clippy::disallowed_methods, reason = "a test reads its cases")]
fn run(topic: &str) {
    let directory = format!("{}/tests/cases/{topic}", env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> = std::fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let (mut count, mut wrong) = (0, Vec::new());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let whole: Value = serde_json::from_str(&text).unwrap();
        for case in whole["cases"].as_array().unwrap() {
            count += 1;
            let answer = answer(&whole["context"], case);
            if !krm::fields::same_value(&answer, &case["expect"]) {
                let name = &case["name"];
                wrong.push(format!(
                    "{} {name}:\n ours   {answer}\n theirs {}",
                    file.display(),
                    case["expect"]
                ));
            }
        }
    }
    assert!(count > 0, "no cases in {directory}");
    assert!(
        wrong.is_empty(),
        "{} of {count} differ\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn merges_as_upstream() {
    run("merge");
}

#[test]
fn manages_fields_as_upstream() {
    run("managed");
}

#[test]
fn patches_as_upstream() {
    run("patch");
}
