//! `OCIRepository`: an OCI artifact as a source.

use crate::condition::Condition;
use crate::duration::{ANY_UNIT, GoDuration, NO_HOURS};
use crate::kind::{Column, Kind, StatusForm, Words, resource};
use crate::reference::{
    Artifact, LocalObjectReference, OciProvider, OidcIdentityMatch, VerificationProvider,
};
use crate::schema::{Schema, choice, object};

resource! {
    /// An OCI artifact as a source.
    OciRepository: OCI_REPOSITORY, OciRepositorySpec, OciRepositoryStatus
}

/// The row of [`OciRepository`].
pub static OCI_REPOSITORY: Kind = Kind {
    group: "source.toolkit.fluxcd.io",
    version: "v1",
    legacy: &[],
    kind: "OCIRepository",
    plural: "ocirepositories",
    singular: "ocirepository",
    short_names: &["ocirepo"],
    category: "fluxcd-sources",
    columns: &[
        Column::text("URL", ".spec.url"),
        Column::READY,
        Column::STATUS,
        Column::AGE,
    ],
    status: StatusForm::Observed,
    substitute_disabled: true,
    cli: Words {
        noun: "source oci",
        aliases: &[],
        get: "sources oci",
        human: "source oci",
        controller: "source-controller",
        is_static: false,
    },
    spec_schema: OciRepositorySpec::schema,
    status_schema: Some(OciRepositoryStatus::schema),
};

object! {
    /// What an OCIRepository wants.
    OciRepositorySpec {
        required {
            /// How often to look for something new.
            interval: GoDuration => pattern(ANY_UNIT);
            /// Where it is.
            url: String => pattern("^oci://.*$");
        }
        optional {
            /// The Secret with certificates.
            cert_secret_ref: Option<LocalObjectReference>;
            /// What to leave out, in the form of `.gitignore`; `None` means the default list.
            ignore: Option<String>;
            /// Plain HTTP is fine.
            insecure: bool;
            /// Which layer, and what to do with it; by default the first, unpacked.
            layer_selector: Option<OciLayerSelector>;
            /// Whose credentials it takes.
            provider: Option<OciProvider> => default("generic");
            /// The Secret with a proxy's address and credentials.
            proxy_secret_ref: Option<LocalObjectReference>;
            /// What to pull; by default the tag `latest`.
            r#ref: Option<OciRepositoryRef>;
            /// The Secret with credentials.
            secret_ref: Option<LocalObjectReference>;
            /// The ServiceAccount whose image pull secrets or cloud identity are used.
            service_account_name: String;
            /// Do nothing.
            suspend: bool;
            /// How long pulling may take.
            timeout: Option<GoDuration> => default("60s").pattern(NO_HOURS);
            /// Whose signatures are wanted.
            verify: Option<OciVerification>;
        }
    }

    /// What to pull; `digest` wins over `semver` over `tag`.
    OciRepositoryRef {
        optional {
            /// A digest.
            digest: String;
            /// A range of versions; the highest tag within wins.
            semver: String;
            /// A regular expression that tags must match.
            semver_filter: String;
            /// A tag.
            tag: String;
        }
    }

    /// Which layer, and what to do with it.
    OciLayerSelector {
        optional {
            /// The first of this media type.
            media_type: String;
            /// What to do with it.
            operation: Option<OciLayerOperation>;
        }
    }

    /// Whose signatures are wanted on an OCI artifact.
    OciVerification {
        required {
            /// Who signs.
            provider: VerificationProvider => default("cosign");
        }
        optional {
            /// Identities, any of which is enough; without keys.
            match_oidc_identity as "matchOIDCIdentity": Vec<OidcIdentityMatch>;
            /// The Secret with the public keys.
            secret_ref: Option<LocalObjectReference>;
            /// The Secret with a trusted root of one's own.
            trusted_root_secret_ref: Option<LocalObjectReference>;
        }
    }

    /// What an OCIRepository's controller says.
    OciRepositoryStatus {
        optional {
            /// What was made last.
            artifact: Option<Artifact>;
            /// Conditions.
            conditions: Vec<Condition>;
            /// The request that was handled last.
            last_handled_reconcile_at: String;
            /// The generation that was handled last.
            observed_generation: i64;
            /// `ignore` as it was for the artifact.
            observed_ignore: Option<String>;
            /// `layerSelector` as it was for the artifact.
            observed_layer_selector: Option<OciLayerSelector>;
            /// Where the newest artifact is served.
            url: String;
        }
    }
}

choice! {
    /// What to do with a layer.
    OciLayerOperation {
        /// Unpack it.
        Extract = "extract",
        /// Take it as it is.
        Copy = "copy",
    }
}
