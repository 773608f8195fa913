//! `Kustomization`: a directory of a source, built and applied.

use std::collections::BTreeMap;

use crate::condition::Condition;
use crate::duration::{ANY_UNIT, GoDuration};
use crate::kind::{Column, Kind, StatusForm, Words, resource};
use crate::reference::{
    CommonMetadata, CustomHealthCheck, DependencyReference, IgnoreRule, Image, KubeConfigReference,
    LocalObjectReference, NamespacedObjectKindReference, Patch, ResourceInventory, ValuesSource,
};
use crate::schema::{Schema, choice, object};
use crate::time::Time;

resource! {
    /// A directory of a source, built and applied.
    Kustomization: KUSTOMIZATION, KustomizationSpec, KustomizationStatus
}

/// The row of [`Kustomization`].
pub static KUSTOMIZATION: Kind = Kind {
    group: "kustomize.toolkit.fluxcd.io",
    version: "v1",
    legacy: &[],
    kind: "Kustomization",
    plural: "kustomizations",
    singular: "kustomization",
    short_names: &["ks"],
    category: "fluxcd-appliers",
    columns: &[Column::AGE, Column::READY, Column::STATUS],
    status: StatusForm::Observed,
    substitute_disabled: true,
    cli: Words {
        noun: "kustomization",
        aliases: &["ks"],
        get: "kustomizations",
        human: "kustomization",
        controller: "kustomize-controller",
        is_static: false,
    },
    spec_schema: KustomizationSpec::schema,
    status_schema: Some(KustomizationStatus::schema),
};

object! {
    /// What a Kustomization wants.
    KustomizationSpec {
        required {
            /// How often everything is looked at again; the safety net behind events.
            interval: GoDuration => pattern(ANY_UNIT);
            /// Whether objects that left the build are deleted.
            prune: bool;
            /// The source.
            source_ref: CrossNamespaceSourceReference;
        }
        optional {
            /// What kustomize notes about where an object came from.
            build_metadata: Vec<BuildMetadata>;
            /// Labels and annotations for everything.
            common_metadata: Option<CommonMetadata>;
            /// Components, relative to `path`.
            components: Vec<String>;
            /// How encrypted files are read.
            decryption: Option<Decryption>;
            /// What becomes of the objects when the Kustomization goes.
            deletion_policy: Option<DeletionPolicy>;
            /// Kustomizations that must be ready first.
            depends_on: Vec<DependencyReference>;
            /// Recreate objects whose immutable fields change.
            force: bool => default(false);
            /// How to tell the health of custom resources.
            health_check_exprs: Vec<CustomHealthCheck>;
            /// Objects to wait for; `wait` makes them moot.
            health_checks: Vec<NamespacedObjectKindReference>;
            /// Fields that are left alone.
            ignore: Vec<IgnoreRule>;
            /// A component that is not there is no error.
            ignore_missing_components: bool;
            /// Images to replace.
            images: Vec<Image>;
            /// Another cluster to apply to.
            kube_config: Option<KubeConfigReference>;
            /// Prefix of all names.
            name_prefix: String => length(1, 200);
            /// Suffix of all names.
            name_suffix: String => length(1, 200);
            /// Patches.
            patches: Vec<Patch>;
            /// The directory within the source; by default its root.
            path: String;
            /// Substitution of variables after the build.
            post_build: Option<PostBuild>;
            /// How soon to try again after a failure; by default `interval`.
            retry_interval: Option<GoDuration> => pattern(ANY_UNIT);
            /// The ServiceAccount to act as.
            service_account_name: String;
            /// Do nothing.
            suspend: bool;
            /// Namespace for everything.
            target_namespace: String => length(1, 63);
            /// How long building, applying and waiting may take; by default a little less than `interval`.
            timeout: Option<GoDuration> => pattern(ANY_UNIT);
            /// Wait for everything that was applied.
            wait: bool;
        }
    }

    /// How encrypted files are read.
    Decryption {
        required {
            /// With what.
            provider: DecryptionProvider;
        }
        optional {
            /// The Secret with the keys.
            secret_ref: Option<LocalObjectReference>;
            /// The ServiceAccount whose cloud identity may use the keys.
            service_account_name: String;
        }
    }

    /// Substitution of variables after the build.
    PostBuild {
        optional {
            /// Values.
            substitute: BTreeMap<String, String>;
            /// Objects that hold values; the later wins, `substitute` over all.
            substitute_from: Vec<SubstituteReference>;
            /// When to substitute.
            substitute_strategy: Option<SubstituteStrategy>;
        }
    }

    /// An object that holds values.
    SubstituteReference {
        required {
            /// ConfigMap or Secret.
            kind: ValuesSource;
            /// Its name.
            name: String => length(1, 253);
        }
        optional {
            /// It need not be there.
            optional: bool => default(false);
        }
    }

    /// A source, by default of the same namespace.
    CrossNamespaceSourceReference {
        required {
            /// Its kind.
            kind: KustomizationSourceKind;
            /// Its name.
            name: String;
        }
        optional {
            /// Its API version.
            api_version: String;
            /// Its namespace.
            namespace: String;
        }
    }

    /// What a Kustomization's controller says.
    KustomizationStatus {
        optional {
            /// Conditions.
            conditions: Vec<Condition>;
            /// The last results, newest first.
            history: Vec<Snapshot>;
            /// What was applied.
            inventory: Option<ResourceInventory>;
            /// The revision at the source's origin that was applied last.
            last_applied_origin_revision: String;
            /// The revision that was applied last.
            last_applied_revision: String;
            /// The revision that was tried last.
            last_attempted_revision: String;
            /// The request that was handled last.
            last_handled_reconcile_at: String;
            /// The generation that was handled last.
            observed_generation: i64;
        }
    }

    /// A result, and how often it came in a row.
    Snapshot {
        required {
            /// Digest of what was built.
            digest: String;
            /// When it came first.
            first_reconciled: Time;
            /// When it came last.
            last_reconciled: Time;
            /// How long that took.
            last_reconciled_duration: GoDuration;
            /// The reason of the Ready condition.
            last_reconciled_status: String;
            /// How often it came.
            total_reconciliations: i64;
        }
        optional {
            /// Revisions.
            metadata: BTreeMap<String, String>;
        }
    }
}

choice! {
    /// What kustomize notes.
    BuildMetadata {
        /// Where it was read.
        OriginAnnotations = "originAnnotations",
        /// What changed it.
        TransformerAnnotations = "transformerAnnotations",
    }

    /// With what files are encrypted.
    DecryptionProvider {
        /// SOPS.
        Sops = "sops",
    }

    /// What becomes of the objects when the Kustomization goes.
    DeletionPolicy {
        /// What `prune` says.
        MirrorPrune = "MirrorPrune",
        /// They are deleted.
        Delete = "Delete",
        /// They are deleted, and their end is waited for.
        WaitForTermination = "WaitForTermination",
        /// They stay.
        Orphan = "Orphan",
    }

    /// A source of a Kustomization.
    KustomizationSourceKind {
        /// OCIRepository.
        OciRepository = "OCIRepository",
        /// GitRepository.
        GitRepository = "GitRepository",
        /// Bucket.
        Bucket = "Bucket",
        /// ExternalArtifact.
        ExternalArtifact = "ExternalArtifact",
    }

    /// When to substitute.
    SubstituteStrategy {
        /// When there is a variable.
        WithVariables = "WithVariables",
        /// Always.
        Always = "Always",
    }
}
