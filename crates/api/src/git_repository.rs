//! `GitRepository`: a Git repository as a source.

use crate::condition::Condition;
use crate::duration::{ANY_UNIT, GoDuration, NO_HOURS};
use crate::kind::{Column, Kind, StatusForm, Words, resource};
use crate::reference::{Artifact, GitRepositoryRef, LocalObjectReference};
use crate::schema::{Schema, choice, object};

resource! {
    /// A Git repository as a source.
    GitRepository: GIT_REPOSITORY, GitRepositorySpec, GitRepositoryStatus
}

/// The row of [`GitRepository`].
pub static GIT_REPOSITORY: Kind = Kind {
    group: "source.toolkit.fluxcd.io",
    version: "v1",
    legacy: &[],
    kind: "GitRepository",
    plural: "gitrepositories",
    singular: "gitrepository",
    short_names: &["gitrepo"],
    category: "fluxcd-sources",
    columns: &[
        Column::text("URL", ".spec.url"),
        Column::AGE,
        Column::READY,
        Column::STATUS,
    ],
    status: StatusForm::Observed,
    substitute_disabled: true,
    cli: Words {
        noun: "source git",
        aliases: &[],
        get: "sources git",
        human: "source git",
        controller: "source-controller",
        is_static: false,
    },
    spec_schema: GitRepositorySpec::schema,
    status_schema: Some(GitRepositoryStatus::schema),
};

object! {
    /// What a GitRepository wants.
    GitRepositorySpec {
        required {
            /// How often to look for something new.
            interval: GoDuration => pattern(ANY_UNIT);
            /// Where it is.
            url: String => pattern("^(http|https|ssh)://.*$");
        }
        optional {
            /// What to leave out, in the form of `.gitignore`; `None` means the default list.
            ignore: Option<String>;
            /// Other repositories to lay into this one.
            include: Vec<GitRepositoryInclude>;
            /// Whose credentials it takes.
            provider: Option<GitProvider>;
            /// The Secret with a proxy's address and credentials.
            proxy_secret_ref: Option<LocalObjectReference>;
            /// Fetch submodules too.
            recurse_submodules: bool;
            /// What to fetch; by default the branch `master`.
            r#ref: Option<GitRepositoryRef>;
            /// The Secret with credentials.
            secret_ref: Option<LocalObjectReference>;
            /// The ServiceAccount whose cloud identity is used.
            service_account_name: String;
            /// The only directories to keep.
            sparse_checkout: Vec<String>;
            /// Do nothing.
            suspend: bool;
            /// How long fetching may take.
            timeout: Option<GoDuration> => default("60s").pattern(NO_HOURS);
            /// Whose signatures are wanted.
            verify: Option<GitRepositoryVerification>;
        }
        rules {
            "serviceAccountName can only be set when provider is 'azure' or 'aws'"
                => "!has(self.serviceAccountName) || (has(self.provider) && (self.provider == 'azure' || self.provider == 'aws'))";
        }
    }

    /// Another repository to lay into this one.
    GitRepositoryInclude {
        required {
            /// Which; of the same namespace.
            repository: LocalObjectReference;
        }
        optional {
            /// The directory to take; by default all of it.
            from_path: String;
            /// The directory to lay it in; by default the other's name.
            to_path: String;
        }
    }

    /// Whose signatures are wanted.
    GitRepositoryVerification {
        required {
            /// The Secret with the public keys.
            secret_ref: LocalObjectReference;
        }
        optional {
            /// Of what.
            mode: Option<GitVerificationMode> => default("HEAD");
        }
    }

    /// What a GitRepository's controller says.
    GitRepositoryStatus {
        optional {
            /// What was made last.
            artifact: Option<Artifact>;
            /// Conditions.
            conditions: Vec<Condition>;
            /// What was laid into it.
            included_artifacts: Vec<Artifact>;
            /// The request that was handled last.
            last_handled_reconcile_at: String;
            /// The generation that was handled last.
            observed_generation: i64;
            /// `ignore` as it was for the artifact.
            observed_ignore: Option<String>;
            /// `include` as it was for the artifact.
            observed_include: Vec<GitRepositoryInclude>;
            /// `recurseSubmodules` as it was for the artifact.
            observed_recurse_submodules: bool;
            /// `sparseCheckout` as it was for the artifact.
            observed_sparse_checkout: Vec<String>;
            /// Of what the signature was verified.
            source_verification_mode: Option<String>;
        }
    }
}

choice! {
    /// Whose credentials a Git server takes.
    GitProvider {
        /// Those of a Secret, or none.
        Generic = "generic",
        /// AWS CodeCommit.
        Aws = "aws",
        /// Azure DevOps.
        Azure = "azure",
        /// A GitHub App.
        Github = "github",
    }

    /// Of what the signature is wanted.
    GitVerificationMode {
        /// The commit; the old spelling.
        LowerHead = "head",
        /// The commit.
        Head = "HEAD",
        /// The tag.
        Tag = "Tag",
        /// Both.
        TagAndHead = "TagAndHEAD",
    }
}
