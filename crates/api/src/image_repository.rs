//! `ImageRepository`: an image's tags.

use crate::condition::Condition;
use crate::duration::{ANY_UNIT, GoDuration, NO_HOURS};
use crate::kind::{Column, Kind, Legacy, StatusForm, Words, resource};
use crate::reference::{AccessFrom, LocalObjectReference, OciProvider};
use crate::schema::{Schema, object};
use crate::time::Time;

resource! {
    /// An image's tags.
    ImageRepository: IMAGE_REPOSITORY, ImageRepositorySpec, ImageRepositoryStatus
}

/// The row of [`ImageRepository`].
pub static IMAGE_REPOSITORY: Kind = Kind {
    group: "image.toolkit.fluxcd.io",
    version: "v1",
    legacy: &[Legacy {
        version: "v1beta2",
        extra_status: &[],
    }],
    kind: "ImageRepository",
    plural: "imagerepositories",
    singular: "imagerepository",
    short_names: &["imgrepo", "imagerepo"],
    category: "fluxcd-images",
    columns: &[
        Column::text("Image", ".spec.image"),
        Column::text("Tags", ".status.lastScanResult.tagCount"),
        Column::READY,
        Column::STATUS,
        Column::text("Last scan", ".status.lastScanResult.scanTime").wide(),
        Column::AGE,
    ],
    status: StatusForm::Observed,
    substitute_disabled: false,
    cli: Words {
        noun: "image repository",
        aliases: &[],
        get: "images repository",
        human: "image repository",
        controller: "image-reflector-controller",
        is_static: false,
    },
    spec_schema: ImageRepositorySpec::schema,
    status_schema: Some(ImageRepositoryStatus::schema),
};

object! {
    /// What an ImageRepository wants.
    ImageRepositorySpec {
        required {
            /// The image, without a tag.
            image: String;
            /// How often to look for new tags.
            interval: GoDuration => pattern(ANY_UNIT);
        }
        optional {
            /// Whose policies may refer to it.
            access_from: Option<AccessFrom>;
            /// The Secret with certificates.
            cert_secret_ref: Option<LocalObjectReference>;
            /// Regular expressions of tags to leave out.
            exclusion_list: Vec<String> => default(krm::json!([r"^.*\.sig$"])).max_items(25);
            /// Plain HTTP is fine.
            insecure: bool;
            /// Whose credentials it takes.
            provider: Option<OciProvider> => default("generic");
            /// The Secret with a proxy's address and credentials.
            proxy_secret_ref: Option<LocalObjectReference>;
            /// The Secret with credentials.
            secret_ref: Option<LocalObjectReference>;
            /// The ServiceAccount whose image pull secrets or cloud identity are used.
            service_account_name: String => max_length(253);
            /// Do nothing.
            suspend: bool;
            /// How long scanning may take.
            timeout: Option<GoDuration> => pattern(NO_HOURS);
        }
    }

    /// What an ImageRepository's controller says.
    ImageRepositoryStatus {
        optional {
            /// The image's full name.
            canonical_image_name: String;
            /// Conditions.
            conditions: Vec<Condition>;
            /// The request that was handled last.
            last_handled_reconcile_at: String;
            /// What was found last.
            last_scan_result: Option<ScanResult>;
            /// `exclusionList` as it was for the scan.
            observed_exclusion_list: Vec<String>;
            /// The generation that was handled last.
            observed_generation: i64;
        }
    }

    /// What a scan found.
    ScanResult {
        required {
            /// How many tags.
            tag_count: i64 => any_width();
        }
        optional {
            /// Some of them, the highest first.
            latest_tags: Vec<String>;
            /// Digest of all of them.
            revision: String;
            /// When.
            scan_time: Option<Time>;
        }
    }
}
