//! What a call costs when run: cel-go's rules and the API server's for its libraries.

use crate::ast::{Expr, Kind};
use crate::value::Value;

/// A call that was made.
pub(crate) struct Call<'c> {
    pub(crate) name: &'c str,
    /// The overload, where the checker left just one.
    pub(crate) id: &'c str,
    pub(crate) sizes: &'c [u64],
    /// Whether the first argument is a value of one of Kubernetes' libraries.
    pub(crate) ext: bool,
    /// What walking the first argument costs, where that counts.
    pub(crate) walk: u64,
    /// Whether the keys that get compared are strings or bytes.
    pub(crate) texts: bool,
    /// How deep `flatten` goes.
    pub(crate) depth: u64,
    /// The size of a named format's regular expression.
    pub(crate) regex_size: Option<u64>,
}

fn tenth(n: u64) -> u64 {
    (n as f64 * 0.1).ceil() as u64
}

fn regex(text: u64, pattern: u64) -> u64 {
    ((1.0 + text as f64) * 0.1).ceil() as u64 * (pattern as f64 * 0.25).ceil() as u64
}

/// The cost of a call, from its arguments' sizes and its result.
pub(crate) fn of_call(call: &Call<'_>, result: &Value<'_>) -> u64 {
    let size = |i: usize| call.sizes.get(i).copied().unwrap_or(1);
    match call.name {
        "isSorted" | "sum" | "max" | "min" | "indexOf" | "lastIndexOf" => return call.walk,
        "url" | "lowerAscii" | "upperAscii" | "substring" | "trim" | "cidr" | "isIP" | "isCIDR"
        | "quantity" | "isQuantity" | "semver" | "isSemver" => return tenth(size(0)),
        "ip" => {
            return if call.id == "cidr_ip" {
                1
            } else {
                tenth(size(0))
            };
        }
        "sets.contains" | "sets.intersects" => return 1 + size(0) * size(1),
        "sets.equivalent" => return 1 + 2 * size(0) * size(1),
        "slice" | "lists.range" => return 11 + result.cost_size(),
        "reverse" if call.id == "list_reverse" => return 11 + result.cost_size(),
        "flatten" => return 11 + call.depth.saturating_mul(size(0)),
        "distinct" | "sort" => return compared(size(0), call.texts),
        "@sortByAssociatedKeys" => return compared(size(1), call.texts),
        "replace" | "split" | "ip.isCanonical" => {
            return (size(0) as f64 * 2.0 * 0.1).ceil() as u64;
        }
        "join" => return (result.cost_size() as f64 * 2.0 * 0.1).ceil() as u64,
        "find" | "findAll" => return regex(size(0), size(1)),
        "containsIP" => {
            return tenth(2 * size(0))
                + if call.id == "cidr_contains_ip_string" {
                    tenth(size(1))
                } else {
                    0
                };
        }
        "containsCIDR" => {
            let parse = if call.id == "cidr_contains_cidr_string" {
                tenth(size(1))
            } else {
                0
            };
            return tenth(2 * size(0)) + tenth(size(0)) + 1 + parse;
        }
        "validate" => {
            if let Some(pattern) = call.regex_size {
                return regex(size(1), pattern);
            }
        }
        "_==_" if call.ext => return 1,
        _ => {}
    }
    match call.id {
        "starts_with_string" | "ends_with_string" | "string_to_bytes" | "bytes_to_string"
        | "strings_quote" | "string_format" => tenth(size(0)),
        "in_list" => size(1),
        "less_string"
        | "greater_string"
        | "less_equals_string"
        | "greater_equals_string"
        | "less_bytes"
        | "greater_bytes"
        | "less_equals_bytes"
        | "greater_equals_bytes"
        | "equals"
        | "not_equals" => tenth(size(0).min(size(1))),
        "add_string" | "add_bytes" => tenth(size(0) + size(1)),
        "matches_string" => regex(size(0), size(1)),
        "contains_string" => tenth(size(0)) * tenth(size(1)),
        _ => 1,
    }
}

/// Comparing all of `n` elements with one another, and a new list of them.
fn compared(n: u64, texts: bool) -> u64 {
    ((n * n) as f64 * if texts { 2.1 } else { 2.0 }) as u64 + 11
}

/// What walking a value costs.
pub(crate) fn walk(v: &Value<'_>) -> u64 {
    match v {
        Value::String(s) => (s.len() as f64 * 0.1) as u64,
        Value::Bytes(b) => (b.len() as f64 * 0.1) as u64,
        Value::List(l) => l.iter().map(|v| walk(&v)).sum(),
        Value::Map(m) => m
            .keys()
            .iter()
            .map(|k| walk(k) + m.get(k).as_ref().map_or(0, walk))
            .sum(),
        _ => 1,
    }
}

/// Whether the API server's planner folds the node into a constant, which costs nothing to evaluate.
pub(crate) fn is_constant(e: &Expr) -> bool {
    match &e.kind {
        Kind::Literal(_) => true,
        Kind::List { elems, optional } => optional.is_empty() && elems.iter().all(is_constant),
        Kind::Map(entries) => entries
            .iter()
            .all(|n| !n.optional && is_constant(&n.key) && is_constant(&n.value)),
        Kind::Call {
            name,
            target: None,
            args,
        } => {
            let conversion = matches!(
                name.as_str(),
                "bool"
                    | "bytes"
                    | "double"
                    | "duration"
                    | "dyn"
                    | "int"
                    | "string"
                    | "timestamp"
                    | "type"
                    | "uint"
            );
            conversion && args.len() == 1 && args.iter().all(is_constant)
        }
        _ => false,
    }
}
