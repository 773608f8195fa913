//! Random questions, put to the oracle and to krm.

#[path = "fuzz/patches.rs"]
mod patches;
#[path = "fuzz/values.rs"]
mod values;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use krm::{Value, json};

use crate::answer;
use values::{Dice, Values};

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
    let mut zero = managed.clone();
    zero["empty"] = json!({"metadata": {}, "spec": {"containers": null, "nested": {}, "selector": null}, "status": {}});
    let patch = json!({"topic": "patch"});
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
        let (context, question) = match at % 5 {
            0 => (&merge, values.value_question()),
            1 | 2 => (managed, values.steps()),
            3 => (&zero, values.steps()),
            _ => (&patch, patches::question(&mut values)),
        };
        let theirs = oracle.ask(context, &question);
        // Of several things wrong with a value upstream names those it meets first, in no order.
        let is_several = theirs.to_string().contains("errors:\\n");
        if is_several || theirs.get("panic").is_some() {
            refused += 1;
            continue;
        }
        let ours = answer(context, &question);
        // Of several mistakes in a patch upstream names the one it meets first, in no order.
        let are_refusals = ours.get("error").is_some() && theirs.get("error").is_some();
        let is_alike =
            krm::fields::same_value(&ours, &theirs) || (context == &patch && are_refusals);
        if !is_alike {
            wrong.push(difference(&question, &ours, &theirs));
            if wrong.len() == 3 {
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "of {questions}:\n{}", wrong.join("\n"));
    eprintln!("{questions} questions answered alike, {refused} of them left out");
}
