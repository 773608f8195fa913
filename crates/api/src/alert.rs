//! `Alert`: which events go to a provider.

use std::collections::BTreeMap;

use crate::kind::{Column, Kind, StatusForm, Words, resource};
use crate::reference::{EventSourceKind, LocalObjectReference};
use crate::schema::{Schema, choice, object};

resource! {
    /// Which events go to a provider.
    Alert: ALERT, AlertSpec
}

/// The row of [`Alert`].
pub static ALERT: Kind = Kind {
    group: "notification.toolkit.fluxcd.io",
    version: "v1beta3",
    legacy: &[],
    kind: "Alert",
    plural: "alerts",
    singular: "alert",
    short_names: &[],
    category: "fluxcd-notifications",
    columns: &[Column::AGE],
    status: StatusForm::Absent,
    substitute_disabled: true,
    cli: Words {
        noun: "alert",
        aliases: &[],
        get: "alerts",
        human: "alert",
        controller: "notification-controller",
        is_static: true,
    },
    spec_schema: AlertSpec::schema,
    status_schema: None,
};

object! {
    /// What an Alert wants.
    AlertSpec {
        required {
            /// Whose events.
            event_sources: Vec<CrossNamespaceObjectReference>;
            /// Where they go.
            provider_ref: LocalObjectReference;
        }
        optional {
            /// What every event carries on top.
            event_metadata: BTreeMap<String, String>;
            /// The least severity.
            event_severity: Option<EventSeverity> => default("info");
            /// Regular expressions of messages to leave out.
            exclusion_list: Vec<String>;
            /// Regular expressions of messages to take.
            inclusion_list: Vec<String>;
            /// A few words for every event.
            summary: String => max_length(255);
            /// Do nothing.
            suspend: bool;
        }
    }

    /// Objects of a kind, by name or by labels.
    CrossNamespaceObjectReference {
        required {
            /// Their kind.
            kind: EventSourceKind;
            /// The name, or `*` for all.
            name: String => length(1, 253);
        }
        optional {
            /// Their API version.
            api_version: String;
            /// Labels, where the name is `*`.
            match_labels: BTreeMap<String, String>;
            /// Their namespace.
            namespace: String => length(1, 253);
        }
    }
}

choice! {
    /// How bad an event is.
    EventSeverity {
        /// Not at all.
        Info = "info",
        /// Something failed.
        Error = "error",
    }
}
