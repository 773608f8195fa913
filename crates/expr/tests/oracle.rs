//! Every case of `cases/*.txt` against what cel-go answers (`tools/cel-oracle` writes the right-hand sides).
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test reads its own case files"
)]

use std::fmt::Write as _;

use expr::value::Map;
use expr::{Bindings, Budget, Env, Place, Type, Value};

mod schema;

/// One environment of a case file, from its `#!` lines.
struct Setting {
    env: Env,
    parsed: bool,
    vars: Vec<(String, serde_json::Value, Type)>,
}

fn build(header: &[String]) -> Setting {
    let mut kind = Place::Flux;
    let mut parsed = false;
    let mut vars = Vec::new();
    for line in header {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "env" if rest == "crd" => kind = Place::Kubernetes,
            "parsed" => parsed = true,
            "dyn" => {
                let (name, json) = rest.split_once(' ').unwrap();
                vars.push((
                    name.to_owned(),
                    serde_json::from_str(json).unwrap(),
                    Type::Dyn,
                ));
            }
            "self" => {
                let (schema, json) = rest.split_once(" => ").unwrap();
                let ty = schema::type_of(&serde_json::from_str(schema).unwrap(), "selfType.X");
                for name in ["self", "oldSelf"] {
                    vars.push((
                        name.to_owned(),
                        serde_json::from_str(json).unwrap(),
                        ty.clone(),
                    ));
                }
            }
            _ => {}
        }
    }
    let env = vars.iter().fold(Env::new(kind), |env, (name, _, ty)| {
        env.declare(name, ty.clone())
    });
    Setting { env, parsed, vars }
}

fn text(v: &Value<'_>) -> String {
    match v {
        Value::Null => "null".into(),
        Value::Bool(b) => b.to_string(),
        Value::Int(i) => i.to_string(),
        Value::Uint(u) => format!("{u}u"),
        Value::Double(d) => format!("double({})", go(*d)),
        Value::String(s) => quoted(s.chars()),
        Value::Bytes(b) => format!("b{}", quoted_bytes(b)),
        Value::Timestamp(t) => format!("timestamp({t})"),
        Value::Duration(d) => format!("duration({})", go_duration(*d)),
        Value::Optional(None) => "optional.none()".into(),
        Value::Optional(Some(v)) => format!("optional.of({})", text(v)),
        Value::Type(t) => format!("type({})", runtime(t)),
        Value::List(l) => format!(
            "[{}]",
            l.iter().map(|v| text(&v)).collect::<Vec<_>>().join(", ")
        ),
        Value::Map(m) => {
            let mut parts: Vec<_> = m
                .keys()
                .iter()
                .map(|k| format!("{}: {}", text(k), text(&m.get(k).unwrap())))
                .collect();
            parts.sort();
            let _: &Map<'_> = m;
            format!("{{{}}}", parts.join(", "))
        }
        Value::Ext(e) => format!("{}({e})", e.type_name()),
    }
}

fn runtime(t: &Type) -> String {
    match t {
        Type::Null => "null_type".into(),
        Type::Timestamp => "google.protobuf.Timestamp".into(),
        Type::Duration => "google.protobuf.Duration".into(),
        other => other.to_string().split('(').next().unwrap().to_owned(),
    }
}

fn quoted(chars: impl Iterator<Item = char>) -> String {
    let mut out = String::from("\"");
    for c in chars {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => {
                write!(out, "\\x{:02x}", c as u32).unwrap()
            }
            c => out.push(c),
        }
    }
    out + "\""
}

fn quoted_bytes(b: &[u8]) -> String {
    match std::str::from_utf8(b) {
        Ok(s) => quoted(s.chars()),
        Err(_) => format!(
            "\"{}\"",
            b.iter()
                .map(|b| if b.is_ascii_graphic() {
                    char::from(*b).to_string()
                } else {
                    format!("\\x{b:02x}")
                })
                .collect::<String>()
        ),
    }
}

fn go(d: f64) -> String {
    if d.is_nan() {
        return "NaN".into();
    }
    if d.is_infinite() {
        return if d > 0.0 {
            "+Inf".into()
        } else {
            "-Inf".into()
        };
    }
    let text = format!("{d:e}");
    let (m, e) = text.split_once('e').unwrap();
    let e: i32 = e.parse().unwrap();
    if d != 0.0 && !(-4..21).contains(&e) {
        format!("{m}e{}{:02}", if e < 0 { '-' } else { '+' }, e.abs())
    } else {
        d.to_string()
    }
}

fn go_duration(n: i64) -> String {
    let (sign, n) = (if n < 0 { "-" } else { "" }, n.unsigned_abs());
    if n == 0 {
        return "0s".into();
    }
    let frac = |n: u64, unit: u64| {
        let s = format!(
            "{}.{:09}",
            n / unit,
            (n % unit) as u128 * 1_000_000_000 / u128::from(unit)
        );
        s.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    if n < 1_000 {
        return format!("{sign}{n}ns");
    }
    if n < 1_000_000 {
        return format!("{sign}{}µs", frac(n, 1_000));
    }
    if n < 1_000_000_000 {
        return format!("{sign}{}ms", frac(n, 1_000_000));
    }
    let (h, m) = (n / 3_600_000_000_000, n / 60_000_000_000 % 60);
    let s = frac(n % 60_000_000_000, 1_000_000_000);
    match (h, m) {
        (0, 0) => format!("{sign}{s}s"),
        (0, m) => format!("{sign}{m}m{s}s"),
        (h, m) => format!("{sign}{h}h{m}m{s}s"),
    }
}

fn answer(place: &Setting, src: &str) -> String {
    let flat = |s: String| s.replace('\n', "\\n");
    let compiled = if place.parsed {
        place.env.parse(src)
    } else {
        place.env.compile(src)
    };
    let program = match compiled {
        Ok(p) => p,
        Err(e) => return format!("refused {}", flat(e.to_string())),
    };
    let vars = place
        .vars
        .iter()
        .fold(Bindings::new(), |b, (name, json, ty)| {
            b.json(name, json, ty)
        });
    let (out, cost) = program.eval_counted(&vars, Budget::default());
    match out {
        Ok(v) => format!("{} : {} cost {cost}", flat(text(&v)), program.output_type()),
        Err(e) => format!("error {}", flat(e.to_string())),
    }
}

/// The file's lines with our answers; the static estimate is compared elsewhere.
fn run(file: &str) -> (usize, Vec<(String, String)>) {
    let (mut header, mut place, mut count, mut wrong) = (Vec::new(), None, 0, Vec::new());
    for line in file.lines() {
        if let Some(rest) = line.strip_prefix("#! ") {
            if place.take().is_some() {
                header.clear();
            }
            header.push(rest.to_owned());
            continue;
        }
        if line.is_empty() || line.starts_with("# ") {
            continue;
        }
        let place = place.get_or_insert_with(|| build(&header));
        let (src, expected) = line.split_once(" ==> ").unwrap();
        let (expected, estimate) = expected.split_once(" est ").unwrap_or((expected, ""));
        if header.iter().any(|h| h == "env crd")
            && let Some((_, max)) = estimate.split_once("..")
            && let Ok(program) = place.env.compile(src)
        {
            let got = program.estimated_cost(None);
            // Only the bound matters: "unbounded" upstream is a tenth or a multiple of the largest number.
            let same = got.to_string() == max || got > 1 << 60 && max.len() > 17;
            if !same {
                wrong.push((
                    format!("est {src}"),
                    format!("   want {max}\n   got  {got}"),
                ));
            }
        }
        // Upstream folds constants before it runs; an error there is the same error a moment earlier.
        let expected = &*expected.replacen("unplanned ", "error ", 1);
        count += 1;
        let got = answer(place, src);
        // Where cost is not what upstream's place of use counts, only the value is compared.
        let same =
            got == expected || !header.iter().any(|h| h == "env crd") && cut(&got) == cut(expected);
        if !same {
            wrong.push((src.to_owned(), format!("   want {expected}\n   got  {got}")));
        }
    }
    (count, wrong)
}

fn cut(s: &str) -> &str {
    s.rsplit_once(" cost ").map_or(s, |(s, _)| s)
}

/// The cases whose answers are meant to differ, each with its reason, from `differences.txt`.
fn known() -> std::collections::BTreeSet<String> {
    let text = include_str!("differences.txt");
    text.lines()
        .filter(|l| !l.starts_with("# ") && !l.is_empty())
        .map(String::from)
        .collect()
}

#[test]
fn answers_are_upstreams() {
    let (mut total, mut wrong, mut known) = (0, Vec::new(), known());
    let mut seen = std::collections::BTreeSet::new();
    let mut files: Vec<_> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases"))
        .unwrap()
        .map(|f| f.unwrap().path())
        .collect();
    files.sort();
    for path in files {
        let (count, bad) = run(&std::fs::read_to_string(&path).unwrap());
        total += count;
        for (src, why) in bad {
            let name = format!("{}: {src}", path.file_stem().unwrap().to_string_lossy());
            if known.contains(&name) {
                seen.insert(name);
            } else {
                wrong.push(format!("{name}\n{why}"));
            }
        }
    }
    known.retain(|k| !seen.contains(k));
    assert!(
        wrong.is_empty(),
        "{} of {total} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(known.is_empty(), "no longer different: {known:?}");
}
