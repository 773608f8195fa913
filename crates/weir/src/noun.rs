//! The nouns of the command line: which kinds of [`api::KINDS`] words mean.

use anyhow::bail;
use api::{KINDS, Kind};

/// What words select.
pub(crate) enum Selection {
    /// One kind.
    One(&'static Kind),
    /// A group, or everything: what was said, and its kinds in order.
    All(&'static str, Vec<&'static Kind>),
}

/// Reads the noun at the head of `words`; what follows it are names.
pub(crate) fn select<'a>(
    words: &'a [String],
    verb: &str,
) -> anyhow::Result<(Selection, &'a [String])> {
    let first = words.first().map(String::as_str);
    let second = words.get(1).map(String::as_str);
    match (first, second) {
        (Some("all"), _) => {
            // `get all` leaves ArtifactGenerators out.
            let kinds = KINDS
                .into_iter()
                .filter(|kind| kind.kind != "ArtifactGenerator")
                .collect();
            return Ok((Selection::All("all", kinds), &words[1..]));
        }
        (Some("source" | "sources"), Some("all")) => {
            return Ok((Selection::All("all", group("source ")), &words[2..]));
        }
        (Some("image" | "images"), Some("all")) => {
            return Ok((Selection::All("all", group("image ")), &words[2..]));
        }
        _ => {}
    }
    let (kind, names) = one(words, verb)?;
    Ok((Selection::One(kind), names))
}

fn group(prefix: &str) -> Vec<&'static Kind> {
    KINDS
        .into_iter()
        .filter(|kind| kind.cli.noun.starts_with(prefix))
        .collect()
}

/// Reads the noun of one kind at the head of `words`; what follows it are names.
pub(crate) fn one<'a>(
    words: &'a [String],
    verb: &str,
) -> anyhow::Result<(&'static Kind, &'a [String])> {
    if words.is_empty() {
        bail!("what to {verb} is required: {}", nouns().join(", "));
    }
    for kind in KINDS {
        if let Some(length) = matched(kind, words) {
            return Ok((kind, &words[length..]));
        }
    }
    let said = match words[0].as_str() {
        "source" | "sources" | "image" | "images" | "artifact" | "artifacts" => {
            words[..words.len().min(2)].join(" ")
        }
        _ => words[0].clone(),
    };
    bail!(
        "unknown command {said:?} for \"flux {verb}\": it knows {}",
        nouns().join(", ")
    )
}

/// How many words name the kind, if they do: each word may be the singular's or the plural's.
fn matched(kind: &Kind, words: &[String]) -> Option<usize> {
    if kind.cli.aliases.contains(&words[0].as_str()) {
        return Some(1);
    }
    let pairs = kind.cli.noun.split(' ').zip(kind.cli.get.split(' '));
    let mut length = 0;
    for (singular, plural) in pairs {
        let word = words.get(length)?;
        if word != singular && word != plural {
            return None;
        }
        length += 1;
    }
    Some(length)
}

/// Every noun.
pub(crate) fn nouns() -> Vec<&'static str> {
    KINDS.iter().map(|kind| kind.cli.noun).collect()
}

/// The help's list of nouns.
pub(crate) fn help() -> String {
    let mut text = String::from("Kinds:\n");
    for kind in KINDS {
        let mut words = vec![kind.cli.noun];
        words.extend(kind.cli.aliases);
        words.extend(Some(kind.cli.get).filter(|plural| *plural != kind.cli.noun));
        text.push_str(&format!("  {:<24}{}\n", kind.kind, words.join(", ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expect: &str) {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let got = match select(&words, "get") {
            Ok((Selection::One(kind), names)) => format!("{} {}", kind.kind, names.join(" ")),
            Ok((Selection::All(_, kinds), names)) => {
                format!("{} kinds {}", kinds.len(), names.join(" "))
            }
            Err(error) => error
                .to_string()
                .split(':')
                .next()
                .unwrap_or_default()
                .to_owned(),
        };
        assert_eq!(got.trim_end(), expect, "{line}");
    }

    #[test]
    fn nouns_are_upstreams() {
        check("kustomizations", "Kustomization");
        check("kustomization apps", "Kustomization apps");
        check("ks apps", "Kustomization apps");
        check("hr", "HelmRelease");
        check("sources git", "GitRepository");
        check("source git podinfo", "GitRepository podinfo");
        check("sources all", "6 kinds");
        check("image policy", "ImagePolicy");
        check("images all", "3 kinds");
        check("all", "14 kinds");
        check("alert-providers slack", "Provider slack");
        check("artifacts generators", "ArtifactGenerator");
        check("artifact generator", "ArtifactGenerator");
        check(
            "sources svn",
            "unknown command \"sources svn\" for \"flux get\"",
        );
        check("pods", "unknown command \"pods\" for \"flux get\"");
    }
}
