//! `HelmRepository`: a repository of charts.

use crate::condition::Condition;
use crate::duration::{ANY_UNIT, GoDuration, NO_HOURS};
use crate::kind::{Column, Kind, StatusForm, Words, resource};
use crate::reference::{AccessFrom, Artifact, LocalObjectReference, OciProvider};
use crate::schema::{Schema, choice, object};

resource! {
    /// A repository of charts.
    HelmRepository: HELM_REPOSITORY, HelmRepositorySpec, HelmRepositoryStatus
}

/// The row of [`HelmRepository`].
pub static HELM_REPOSITORY: Kind = Kind {
    group: "source.toolkit.fluxcd.io",
    version: "v1",
    legacy: &[],
    kind: "HelmRepository",
    plural: "helmrepositories",
    singular: "helmrepository",
    short_names: &["helmrepo"],
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
        noun: "source helm",
        aliases: &[],
        get: "sources helm",
        human: "source helm",
        controller: "source-controller",
        is_static: false,
    },
    spec_schema: HelmRepositorySpec::schema,
    status_schema: Some(HelmRepositoryStatus::schema),
};

object! {
    /// What a HelmRepository wants.
    HelmRepositorySpec {
        required {
            /// Where it is.
            url: String => pattern("^(http|https|oci)://.*$");
        }
        optional {
            /// Accepted, never looked at.
            access_from: Option<AccessFrom>;
            /// The Secret with certificates.
            cert_secret_ref: Option<LocalObjectReference>;
            /// Plain HTTP is fine; for OCI.
            insecure: bool;
            /// How often to look for something new; not for OCI.
            interval: Option<GoDuration> => pattern(ANY_UNIT);
            /// Credentials go to other hosts too.
            pass_credentials: bool;
            /// Whose credentials it takes; for OCI.
            provider: Option<OciProvider> => default("generic");
            /// The Secret with credentials.
            secret_ref: Option<LocalObjectReference>;
            /// Do nothing.
            suspend: bool;
            /// How long fetching may take.
            timeout: Option<GoDuration> => pattern(NO_HOURS);
            /// An index over HTTP, or an OCI registry.
            r#type: Option<HelmRepositoryType>;
        }
    }

    /// What a HelmRepository's controller says.
    HelmRepositoryStatus {
        optional {
            /// The index that was fetched last.
            artifact: Option<Artifact>;
            /// Conditions.
            conditions: Vec<Condition>;
            /// The request that was handled last.
            last_handled_reconcile_at: String;
            /// The generation that was handled last.
            observed_generation: i64;
            /// Where the newest index is served.
            url: String;
        }
    }
}

choice! {
    /// How a repository of charts is spoken to.
    HelmRepositoryType {
        /// An index over HTTP.
        Default = "default",
        /// An OCI registry; the object is data, nothing is fetched for it.
        Oci = "oci",
    }
}
