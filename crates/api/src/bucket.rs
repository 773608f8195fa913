//! `Bucket`: an object store's bucket as a source.

use crate::condition::Condition;
use crate::duration::{ANY_UNIT, GoDuration, NO_HOURS};
use crate::kind::{Column, Kind, StatusForm, Words, resource};
use crate::reference::{Artifact, LocalObjectReference};
use crate::schema::{Schema, choice, object};

resource! {
    /// An object store's bucket as a source.
    Bucket: BUCKET, BucketSpec, BucketStatus
}

/// The row of [`Bucket`].
pub static BUCKET: Kind = Kind {
    group: "source.toolkit.fluxcd.io",
    version: "v1",
    legacy: &[],
    kind: "Bucket",
    plural: "buckets",
    singular: "bucket",
    short_names: &[],
    category: "fluxcd-sources",
    columns: &[
        Column::text("Endpoint", ".spec.endpoint"),
        Column::AGE,
        Column::READY,
        Column::STATUS,
    ],
    status: StatusForm::Observed,
    substitute_disabled: true,
    cli: Words {
        noun: "source bucket",
        aliases: &[],
        get: "sources bucket",
        human: "source bucket",
        controller: "source-controller",
        is_static: false,
    },
    spec_schema: BucketSpec::schema,
    status_schema: Some(BucketStatus::schema),
};

object! {
    /// What a Bucket wants.
    BucketSpec {
        required {
            /// The bucket's name.
            bucket_name: String;
            /// The object store's address.
            endpoint: String;
            /// How often to look for something new.
            interval: GoDuration => pattern(ANY_UNIT);
        }
        optional {
            /// The Secret with certificates.
            cert_secret_ref: Option<LocalObjectReference>;
            /// What to leave out, in the form of `.gitignore`; `None` means the default list.
            ignore: Option<String>;
            /// Plain HTTP is fine.
            insecure: bool;
            /// Only objects whose keys start so.
            prefix: String;
            /// Whose object store it is.
            provider: Option<BucketProvider> => default("generic");
            /// The Secret with a proxy's address and credentials.
            proxy_secret_ref: Option<LocalObjectReference>;
            /// The region.
            region: String;
            /// The Secret with credentials.
            secret_ref: Option<LocalObjectReference>;
            /// The ServiceAccount whose cloud identity is used.
            service_account_name: String;
            /// Where temporary credentials come from.
            sts: Option<BucketSts>;
            /// Do nothing.
            suspend: bool;
            /// How long fetching may take.
            timeout: Option<GoDuration> => default("60s").pattern(NO_HOURS);
        }
        rules {
            "STS configuration is only supported for the 'aws' and 'generic' Bucket providers"
                => "self.provider == 'aws' || self.provider == 'generic' || !has(self.sts)";
            "'aws' is the only supported STS provider for the 'aws' Bucket provider"
                => "self.provider != 'aws' || !has(self.sts) || self.sts.provider == 'aws'";
            "'ldap' is the only supported STS provider for the 'generic' Bucket provider"
                => "self.provider != 'generic' || !has(self.sts) || self.sts.provider == 'ldap'";
            "spec.sts.secretRef is not required for the 'aws' STS provider"
                => "!has(self.sts) || self.sts.provider != 'aws' || !has(self.sts.secretRef)";
            "spec.sts.certSecretRef is not required for the 'aws' STS provider"
                => "!has(self.sts) || self.sts.provider != 'aws' || !has(self.sts.certSecretRef)";
            "ServiceAccountName is not supported for the 'generic' Bucket provider"
                => "self.provider != 'generic' || !has(self.serviceAccountName)";
            "cannot set both .spec.secretRef and .spec.serviceAccountName"
                => "!has(self.secretRef) || !has(self.serviceAccountName)";
        }
    }

    /// Where temporary credentials come from.
    BucketSts {
        required {
            /// The service's address.
            endpoint: String => pattern("^(http|https)://.*$");
            /// Whose service it is.
            provider: StsProvider;
        }
        optional {
            /// The Secret with certificates.
            cert_secret_ref: Option<LocalObjectReference>;
            /// The Secret with credentials.
            secret_ref: Option<LocalObjectReference>;
        }
    }

    /// What a Bucket's controller says.
    BucketStatus {
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
            /// Where the newest artifact is served.
            url: String;
        }
    }
}

choice! {
    /// Whose object store it is.
    BucketProvider {
        /// Anybody's that speaks S3.
        Generic = "generic",
        /// AWS.
        Aws = "aws",
        /// Google Cloud.
        Gcp = "gcp",
        /// Azure.
        Azure = "azure",
    }

    /// Whose service of temporary credentials it is.
    StsProvider {
        /// AWS.
        Aws = "aws",
        /// LDAP.
        Ldap = "ldap",
    }
}
