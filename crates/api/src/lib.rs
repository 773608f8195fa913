//! The toolkit's kinds: Rust types and CRD schemas from one source, and the names, durations, conditions and references
//! that go with them.
//!
//! Each kind is one file: its row ([`Kind`]), its spec and its status. [`KINDS`] lists them, [`crds`] makes their CRDs.
//! Those equal upstream's but for descriptions; `contract/` holds upstream's, stripped, and a test compares. [`install`]
//! makes the objects of an installation.

pub mod alert;
pub mod artifact_generator;
pub mod bucket;
pub mod condition;
pub mod duration;
pub mod external_artifact;
pub mod fleet;
pub mod git_reference;
pub mod git_repository;
pub mod helm_chart;
pub mod helm_release;
pub mod helm_repository;
pub mod image_policy;
pub mod image_repository;
pub mod image_update_automation;
pub mod install;
pub mod kind;
pub mod kustomization;
pub mod metadata;
pub mod names;
pub mod oci_repository;
pub mod provider;
pub mod receiver;
pub mod reference;
pub mod schema;
pub mod time;

use krm::{Gvk, Value};

pub use alert::Alert;
pub use artifact_generator::ArtifactGenerator;
pub use bucket::Bucket;
pub use condition::{Condition, ConditionStatus, Mark};
pub use duration::GoDuration;
pub use external_artifact::ExternalArtifact;
pub use git_repository::GitRepository;
pub use helm_chart::HelmChart;
pub use helm_release::HelmRelease;
pub use helm_repository::HelmRepository;
pub use image_policy::ImagePolicy;
pub use image_repository::ImageRepository;
pub use image_update_automation::ImageUpdateAutomation;
pub use kind::{Kind, ParseError, Resource, parse, to_object};
pub use kustomization::Kustomization;
pub use metadata::Metadata;
pub use oci_repository::OciRepository;
pub use provider::Provider;
pub use receiver::Receiver;
pub use reference::{Artifact, ResourceInventory, ResourceRef};
pub use time::Time;

/// Every kind, in the order of `get all`; ArtifactGenerator, which it leaves out, is last.
pub static KINDS: [&Kind; 15] = [
    &oci_repository::OCI_REPOSITORY,
    &bucket::BUCKET,
    &git_repository::GIT_REPOSITORY,
    &helm_repository::HELM_REPOSITORY,
    &helm_chart::HELM_CHART,
    &external_artifact::EXTERNAL_ARTIFACT,
    &image_repository::IMAGE_REPOSITORY,
    &image_policy::IMAGE_POLICY,
    &image_update_automation::IMAGE_UPDATE_AUTOMATION,
    &helm_release::HELM_RELEASE,
    &kustomization::KUSTOMIZATION,
    &receiver::RECEIVER,
    &provider::PROVIDER,
    &alert::ALERT,
    &artifact_generator::ARTIFACT_GENERATOR,
];

/// The CustomResourceDefinitions of every kind, by name.
pub fn crds() -> Vec<Value> {
    let mut kinds = KINDS;
    kinds.sort_by_key(|kind| (kind.group, kind.plural));
    kinds.iter().map(|kind| kind.crd()).collect()
}

/// The kind of an object, if it is one of the toolkit's.
pub fn kind_of(gvk: &Gvk) -> Option<&'static Kind> {
    KINDS.into_iter().find(|kind| kind.is_kind_of(gvk))
}
