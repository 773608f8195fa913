//! `ImagePolicy`: which of an image's tags.

use crate::condition::Condition;
use crate::duration::{ANY_UNIT, GoDuration};
use crate::kind::{Column, Kind, Legacy, StatusForm, Words, resource};
use crate::reference::NamespacedObjectReference;
use crate::schema::{Schema, choice, object};

resource! {
    /// Which of an image's tags.
    ImagePolicy: IMAGE_POLICY, ImagePolicySpec, ImagePolicyStatus
}

/// The row of [`ImagePolicy`].
pub static IMAGE_POLICY: Kind = Kind {
    group: "image.toolkit.fluxcd.io",
    version: "v1",
    legacy: &[Legacy {
        version: "v1beta2",
        extra_status: &["latestImage", "observedPreviousImage"],
    }],
    kind: "ImagePolicy",
    plural: "imagepolicies",
    singular: "imagepolicy",
    short_names: &["imgpol", "imagepol"],
    category: "fluxcd-images",
    columns: &[
        Column::text("Image", ".status.latestRef.name"),
        Column::text("Tag", ".status.latestRef.tag"),
        Column::READY,
        Column::STATUS,
        Column::AGE,
    ],
    status: StatusForm::Observed,
    substitute_disabled: false,
    cli: Words {
        noun: "image policy",
        aliases: &[],
        get: "images policy",
        human: "image policy",
        controller: "image-reflector-controller",
        is_static: false,
    },
    spec_schema: ImagePolicySpec::schema,
    status_schema: Some(ImagePolicyStatus::schema),
};

object! {
    /// What an ImagePolicy wants.
    ImagePolicySpec {
        required {
            /// The image.
            image_repository_ref: NamespacedObjectReference;
            /// How tags are ordered; exactly one way.
            policy: ImagePolicyChoice;
        }
        optional {
            /// When the tag's digest is told too.
            digest_reflection_policy: Option<DigestReflectionPolicy> => default("Never");
            /// Which tags, and what part of them is ordered.
            filter_tags: Option<TagFilter>;
            /// How often the digest is looked at again.
            interval: Option<GoDuration> => pattern(ANY_UNIT);
            /// Do nothing.
            suspend: bool;
        }
        rules {
            "spec.interval is only accepted when spec.digestReflectionPolicy is set to 'Always'"
                => "!has(self.interval) || (has(self.digestReflectionPolicy) && self.digestReflectionPolicy == 'Always')";
            "spec.interval must be set when spec.digestReflectionPolicy is set to 'Always'"
                => "has(self.interval) || !has(self.digestReflectionPolicy) || self.digestReflectionPolicy != 'Always'";
        }
    }

    /// How tags are ordered; exactly one.
    ImagePolicyChoice {
        optional {
            /// As text.
            alphabetical: Option<OrderPolicy>;
            /// As numbers.
            numerical: Option<OrderPolicy>;
            /// As versions.
            semver: Option<SemverPolicy>;
        }
    }

    /// An order.
    OrderPolicy {
        optional {
            /// Which end wins.
            order: Option<PolicyOrder> => default("asc");
        }
    }

    /// A range of versions; the highest wins.
    SemverPolicy {
        required {
            /// The range.
            range: String;
        }
    }

    /// Which tags, and what part of them is ordered.
    TagFilter {
        optional {
            /// What is ordered, from the pattern's groups.
            extract: String;
            /// A regular expression.
            pattern: String;
        }
    }

    /// An image that was chosen.
    ImageRef {
        required {
            /// Its name.
            name: String;
            /// Its tag.
            tag: String;
        }
        optional {
            /// Its digest.
            digest: String;
        }
    }

    /// What an ImagePolicy's controller says.
    ImagePolicyStatus {
        optional {
            /// Conditions.
            conditions: Vec<Condition>;
            /// The request that was handled last.
            last_handled_reconcile_at: String;
            /// What is chosen.
            latest_ref: Option<ImageRef>;
            /// The generation that was handled last.
            observed_generation: i64;
            /// What was chosen before.
            observed_previous_ref: Option<ImageRef>;
        }
    }
}

choice! {
    /// Which end wins.
    PolicyOrder {
        /// The last.
        Ascending = "asc",
        /// The first.
        Descending = "desc",
    }

    /// When the tag's digest is told too.
    DigestReflectionPolicy {
        /// Always the newest.
        Always = "Always",
        /// The one it had when the tag was chosen.
        IfNotPresent = "IfNotPresent",
        /// Never.
        Never = "Never",
    }
}
