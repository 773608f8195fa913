//! `ArtifactGenerator`: new artifacts out of others.

use crate::condition::Condition;
use crate::kind::{Column, Kind, StatusForm, Words, resource};
use crate::reference::CommonMetadata;
use crate::schema::{Schema, choice, object};

/// `@alias`.
const ALIAS: &str = "^@([a-z0-9]([a-z0-9_-]*[a-z0-9])?)$";
/// `@alias/path`.
const ALIAS_PATH: &str = "^@([a-z0-9]([a-z0-9_-]*[a-z0-9])?)/(.*)$";

resource! {
    /// New artifacts out of others.
    ArtifactGenerator: ARTIFACT_GENERATOR, ArtifactGeneratorSpec, ArtifactGeneratorStatus
}

/// The row of [`ArtifactGenerator`].
pub static ARTIFACT_GENERATOR: Kind = Kind {
    group: "source.extensions.fluxcd.io",
    version: "v1beta1",
    legacy: &[],
    kind: "ArtifactGenerator",
    plural: "artifactgenerators",
    singular: "artifactgenerator",
    short_names: &["ag"],
    category: "fluxcd-sources",
    columns: &[Column::AGE, Column::READY, Column::STATUS],
    status: StatusForm::Plain,
    substitute_disabled: true,
    cli: Words {
        noun: "artifact generator",
        aliases: &[],
        get: "artifacts generators",
        human: "artifactgenerator",
        controller: "source-watcher",
        is_static: false,
    },
    spec_schema: ArtifactGeneratorSpec::schema,
    status_schema: Some(ArtifactGeneratorStatus::schema),
};

object! {
    /// What an ArtifactGenerator wants.
    ArtifactGeneratorSpec {
        required {
            /// What to make.
            artifacts: Vec<OutputArtifact> => min_items(1).max_items(1000);
            /// What to make it of.
            sources: Vec<SourceReference> => min_items(1).max_items(1000);
        }
        optional {
            /// Labels and annotations for what is made.
            common_metadata: Option<CommonMetadata>;
            /// Directories, one artifact each.
            path_pattern: String => max_length(1024).pattern(ALIAS_PATH);
        }
        rules {
            "artifact names must be valid Kubernetes object names when pathPattern is not set"
                => r"has(self.pathPattern) && size(self.pathPattern) > 0 || self.artifacts.all(a, a.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$'))";
        }
    }

    /// A source and what copies call it.
    SourceReference {
        required {
            /// What copies call it.
            alias: String => max_length(63).pattern("^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$");
            /// Its kind.
            kind: GeneratorSourceKind;
            /// Its name.
            name: String => max_length(253).pattern("^[a-z0-9]([a-z0-9-]*[a-z0-9])?$");
        }
        optional {
            /// Its namespace.
            namespace: String => length(1, 63).pattern("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$");
        }
    }

    /// An artifact to make.
    OutputArtifact {
        required {
            /// What to copy into it, in order.
            copy: Vec<CopyOperation> => min_items(1);
            /// The ExternalArtifact's name.
            name: String => length(1, 253);
        }
        optional {
            /// The source whose origin's revision it takes.
            origin_revision: String => max_length(64).pattern(ALIAS);
            /// The source whose revision it takes.
            revision: String => max_length(64).pattern(ALIAS);
        }
    }

    /// Something to copy.
    CopyOperation {
        required {
            /// `@alias/pattern`.
            from: String => length(1, 1024).pattern(ALIAS_PATH);
            /// `@artifact/path`.
            to: String => length(1, 1024).pattern("^@(artifact)/(.*)$");
        }
        optional {
            /// Patterns to leave out.
            exclude: Vec<String> => max_items(100);
            /// What to do where something is already.
            strategy: Option<CopyStrategy>;
        }
    }

    /// What an ArtifactGenerator's controller says.
    ArtifactGeneratorStatus {
        optional {
            /// Conditions.
            conditions: Vec<Condition>;
            /// What was made.
            inventory: Vec<ExternalArtifactReference>;
            /// The request that was handled last.
            last_handled_reconcile_at: String;
            /// Digest of all sources as they were.
            observed_sources_digest: String;
        }
    }

    /// An ExternalArtifact that was made.
    ExternalArtifactReference {
        required {
            /// Digest of its file.
            digest: String;
            /// Its file.
            filename: String;
            /// Its name.
            name: String;
            /// Its namespace.
            namespace: String;
        }
    }
}

choice! {
    /// A source to make artifacts of.
    GeneratorSourceKind {
        /// Bucket.
        Bucket = "Bucket",
        /// GitRepository.
        GitRepository = "GitRepository",
        /// OCIRepository.
        OciRepository = "OCIRepository",
        /// HelmChart.
        HelmChart = "HelmChart",
        /// ExternalArtifact.
        ExternalArtifact = "ExternalArtifact",
    }

    /// What to do where something is already.
    CopyStrategy {
        /// Write over it.
        Overwrite = "Overwrite",
        /// Merge YAML.
        Merge = "Merge",
        /// Unpack an archive there.
        Extract = "Extract",
    }
}
