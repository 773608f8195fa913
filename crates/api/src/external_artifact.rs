//! `ExternalArtifact`: an artifact that somebody else made.

use crate::condition::Condition;
use crate::kind::{Column, Kind, StatusForm, Words, resource};
use crate::reference::{Artifact, NamespacedObjectKindReference};
use crate::schema::{Schema, object};

resource! {
    /// An artifact that somebody else made.
    ExternalArtifact: EXTERNAL_ARTIFACT, ExternalArtifactSpec, ExternalArtifactStatus
}

/// The row of [`ExternalArtifact`].
pub static EXTERNAL_ARTIFACT: Kind = Kind {
    group: "source.toolkit.fluxcd.io",
    version: "v1",
    legacy: &[],
    kind: "ExternalArtifact",
    plural: "externalartifacts",
    singular: "externalartifact",
    short_names: &["ea"],
    category: "fluxcd-sources",
    columns: &[
        Column::AGE,
        Column::READY,
        Column::STATUS,
        Column::text("Source", ".spec.sourceRef.name"),
    ],
    status: StatusForm::Plain,
    substitute_disabled: true,
    cli: Words {
        noun: "source external",
        aliases: &[],
        get: "sources external",
        human: "source external-artifact",
        controller: "source-controller",
        is_static: false,
    },
    spec_schema: ExternalArtifactSpec::schema,
    status_schema: Some(ExternalArtifactStatus::schema),
};

object! {
    /// Who makes an ExternalArtifact.
    ExternalArtifactSpec {
        optional {
            /// The object it is made from.
            source_ref: Option<NamespacedObjectKindReference>;
        }
    }

    /// What an ExternalArtifact's maker says.
    ExternalArtifactStatus {
        optional {
            /// What was made last.
            artifact: Option<Artifact>;
            /// Conditions.
            conditions: Vec<Condition>;
        }
    }
}
