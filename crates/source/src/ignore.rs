//! What a source leaves out: `.sourceignore` files and `spec.ignore`.

use ::ignore::gitignore::{Gitignore, GitignoreBuilder};
use krm::Tree;

/// Never part of an artifact.
const VERSION_CONTROL: [&str; 4] = [".git/", ".gitignore", ".gitmodules", ".gitattributes"];

/// Left out as long as no rule is given at all.
const DEFAULTS: [&str; 21] = [
    "*.jpg",
    "*.jpeg",
    "*.gif",
    "*.png",
    "*.wmv",
    "*.flv",
    "*.tar.gz",
    "*.zip",
    ".github/",
    ".circleci/",
    ".travis.yml",
    ".gitlab-ci.yml",
    "appveyor.yml",
    ".drone.yml",
    "cloudbuild.yaml",
    "codeship-services.yml",
    "codeship-steps.yml",
    "**/.goreleaser.yml",
    "**/.sops.yaml",
    "**/.flux.yaml",
    ".git",
];

/// A tree without what its own `.sourceignore` files and `spec` leave out; `spec` comes last and so wins.
///
/// As upstream does, the built-in list drops out as soon as any pattern is given, a comment in `spec` included.
pub fn filter(tree: &Tree, spec: Option<&str>) -> Tree {
    let rules = rules(tree, spec);
    let mut kept = Tree::new();
    for (path, file) in tree.files() {
        let left_out = rules.matched_path_or_any_parents(path, false).is_ignore();
        if !left_out {
            // The path comes from a tree and so is legal.
            let _ = kept.insert(path, file.clone());
        }
    }
    kept
}

fn rules(tree: &Tree, spec: Option<&str>) -> Gitignore {
    let mut builder = GitignoreBuilder::new("");
    let mut add = |line: &str| {
        // A pattern that cannot be read matches nothing, as in Git.
        let _ = builder.add_line(None, line);
    };
    VERSION_CONTROL.iter().for_each(|line| add(line));
    let mut given = false;
    for (path, file) in tree.files() {
        let Some(directory) = path.strip_suffix(".sourceignore") else {
            continue;
        };
        if !directory.is_empty() && !directory.ends_with('/') {
            continue;
        }
        for line in String::from_utf8_lossy(&file.bytes).lines() {
            if let Some(line) = below(directory.trim_end_matches('/'), line) {
                given = true;
                add(&line);
            }
        }
    }
    if let Some(spec) = spec {
        given = true;
        spec.lines().for_each(&mut add);
    }
    if !given {
        DEFAULTS.iter().for_each(|line| add(line));
    }
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}

/// A line of a directory's file as a line of the root's; `None` for blank lines and comments.
fn below(directory: &str, line: &str) -> Option<String> {
    let line = line.trim_end_matches('\r');
    if line.trim().is_empty() || line.starts_with('#') {
        return None;
    }
    if directory.is_empty() {
        return Some(line.into());
    }
    let (not, pattern) = line
        .strip_prefix('!')
        .map_or(("", line), |rest| ("!", rest));
    let anchored = pattern.trim_end_matches('/').contains('/');
    let pattern = pattern.trim_start_matches('/');
    Some(if anchored || line.starts_with('/') {
        format!("{not}/{directory}/{pattern}")
    } else {
        format!("{not}/{directory}/**/{pattern}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(files: &[(&str, &str)], spec: Option<&str>, expect: &[&str]) {
        let tree = Tree::from_texts(files.iter().copied()).unwrap();
        let kept = filter(&tree, spec);
        let paths: Vec<_> = kept.files().map(|(path, _)| path).collect();
        assert_eq!(paths, expect);
    }

    #[test]
    fn the_built_in_list_holds_until_a_rule_is_given() {
        let files = [
            ("a.png", ""),
            ("a.yaml", ""),
            (".github/x.yml", ""),
            (".gitignore", ""),
        ];
        check(&files, None, &["a.yaml"]);
        check(&files, Some("#"), &[".github/x.yml", "a.png", "a.yaml"]);
    }

    #[test]
    fn a_nested_file_rules_its_own_directory_and_the_spec_wins() {
        let files = [
            ("apps/.sourceignore", "*.md\n/secret\n"),
            ("apps/x/a.md", ""),
            ("b.md", ""),
            ("apps/secret", ""),
            ("apps/x/secret", ""),
        ];
        check(
            &files,
            None,
            &["apps/.sourceignore", "apps/x/secret", "b.md"],
        );
        check(
            &files,
            Some("!*.md"),
            &["apps/.sourceignore", "apps/x/a.md", "apps/x/secret", "b.md"],
        );
    }
}
