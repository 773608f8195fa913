//! What to fetch of a Git repository, read from `spec.ref`.

use crate::reference::GitRepositoryRef;

/// The strongest part of a [`GitRepositoryRef`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// A branch's head.
    Branch(String),
    /// A tag.
    Tag(String),
    /// The highest tag within a range of versions.
    Semver(String),
    /// A full reference name.
    Name(String),
    /// A commit, on this branch where one is named.
    Commit {
        /// Its hash.
        hash: String,
        /// The branch it must lie on.
        branch: Option<String>,
    },
}

impl Reference {
    /// Commit over name over semver over tag over branch; the branch `master` where nothing is said.
    pub fn of(reference: Option<&GitRepositoryRef>) -> Self {
        let part = |field: fn(&GitRepositoryRef) -> &String| {
            reference
                .map(field)
                .filter(|text| !text.is_empty())
                .cloned()
        };
        let branch = part(|reference| &reference.branch);
        if let Some(hash) = part(|reference| &reference.commit) {
            Self::Commit { hash, branch }
        } else if let Some(name) = part(|reference| &reference.name) {
            Self::Name(name)
        } else if let Some(range) = part(|reference| &reference.semver) {
            Self::Semver(range)
        } else if let Some(tag) = part(|reference| &reference.tag) {
            Self::Tag(tag)
        } else {
            Self::Branch(branch.unwrap_or_else(|| "master".into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use krm::json;

    #[test]
    fn the_strongest_reference_wins() {
        for (reference, expect) in [
            (json!({}), Reference::Branch("master".into())),
            (json!({"branch": "main"}), Reference::Branch("main".into())),
            (
                json!({"branch": "main", "tag": "v1"}),
                Reference::Tag("v1".into()),
            ),
            (
                json!({"tag": "v1", "semver": ">=1.0.0"}),
                Reference::Semver(">=1.0.0".into()),
            ),
            (
                json!({"semver": ">=1.0.0", "name": "refs/pull/1/head"}),
                Reference::Name("refs/pull/1/head".into()),
            ),
            (
                json!({"name": "x", "commit": "abc", "branch": "main"}),
                Reference::Commit {
                    hash: "abc".into(),
                    branch: Some("main".into()),
                },
            ),
        ] {
            assert_eq!(
                Reference::of(serde_json::from_value(reference).ok().as_ref()),
                expect
            );
        }
        assert_eq!(Reference::of(None), Reference::Branch("master".into()));
    }
}
