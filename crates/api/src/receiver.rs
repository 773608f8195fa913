//! `Receiver`: a webhook that makes others reconcile.

use std::collections::BTreeMap;

use crate::condition::Condition;
use crate::duration::{ANY_UNIT, GoDuration};
use crate::kind::{Column, Kind, StatusForm, Words, resource};
use crate::reference::{EventSourceKind, LocalObjectReference};
use crate::schema::{Schema, choice, object};

resource! {
    /// A webhook that makes others reconcile.
    Receiver: RECEIVER, ReceiverSpec, ReceiverStatus
}

/// The row of [`Receiver`].
pub static RECEIVER: Kind = Kind {
    group: "notification.toolkit.fluxcd.io",
    version: "v1",
    legacy: &[],
    kind: "Receiver",
    plural: "receivers",
    singular: "receiver",
    short_names: &[],
    category: "fluxcd-notifications",
    columns: &[Column::AGE, Column::READY, Column::STATUS],
    status: StatusForm::Observed,
    substitute_disabled: true,
    cli: Words {
        noun: "receiver",
        aliases: &[],
        get: "receivers",
        human: "receiver",
        controller: "notification-controller",
        is_static: false,
    },
    spec_schema: ReceiverSpec::schema,
    status_schema: Some(ReceiverStatus::schema),
};

object! {
    /// What a Receiver wants.
    ReceiverSpec {
        required {
            /// What to reconcile.
            resources: Vec<ReceiverResource>;
            /// Who calls.
            r#type: ReceiverType;
        }
        optional {
            /// Which of the caller's events.
            events: Vec<String>;
            /// How often to look at it again.
            interval: Option<GoDuration> => default("10m").pattern(ANY_UNIT);
            /// Who may call, for `generic-oidc`.
            oidc_providers: Vec<OidcProvider> => keyed_by("issuerURL");
            /// CEL over request and resource that says which.
            resource_filter: String;
            /// The Secret with the token.
            secret_ref: Option<LocalObjectReference>;
            /// Do nothing.
            suspend: bool;
        }
        rules {
            "generic-oidc receivers must define at least one oidcProvider"
                => "self.type != 'generic-oidc' || (has(self.oidcProviders) && size(self.oidcProviders) > 0)";
            "oidcProviders can only be set when type is generic-oidc"
                => "self.type == 'generic-oidc' || !has(self.oidcProviders) || size(self.oidcProviders) == 0";
            "secretRef cannot be set when type is generic-oidc"
                => "self.type != 'generic-oidc' || !has(self.secretRef)";
            "secretRef is required when type is not generic-oidc"
                => "self.type == 'generic-oidc' || has(self.secretRef)";
        }
    }

    /// Objects to reconcile, by name or by labels.
    ReceiverResource {
        required {
            /// Their kind.
            kind: EventSourceKind;
            /// The name, or `*` for all.
            name: String => length(1, 253);
        }
        optional {
            /// Their API version.
            api_version: String;
            /// CEL over request and resource that says which.
            filter: String;
            /// Labels, where the name is `*`.
            match_labels: BTreeMap<String, String>;
            /// Their namespace.
            namespace: String => length(1, 253);
        }
    }

    /// An issuer of tokens, and which of them are good.
    OidcProvider {
        required {
            /// The issuer.
            issuer_url as "issuerURL": String => pattern("^https?://");
            /// What must hold.
            validations: Vec<OidcValidation> => min_items(1);
        }
        optional {
            /// For whom tokens must be.
            audience: String;
            /// Names for parts of the claims.
            variables: Vec<OidcVariable>;
        }
    }

    /// What must hold of a token.
    OidcValidation {
        required {
            /// CEL over claims and variables.
            expression: String;
            /// What to say when it does not hold.
            message: String;
        }
    }

    /// A name for a part of the claims.
    OidcVariable {
        required {
            /// CEL over claims.
            expression: String;
            /// The name.
            name: String;
        }
    }

    /// What a Receiver's controller says.
    ReceiverStatus {
        optional {
            /// Conditions.
            conditions: Vec<Condition>;
            /// The request that was handled last.
            last_handled_reconcile_at: String;
            /// The generation that was handled last.
            observed_generation: i64;
            /// The path to call.
            webhook_path: String;
        }
    }
}

choice! {
    /// Who calls a webhook.
    ReceiverType {
        /// Anybody with the path.
        Generic = "generic",
        /// Anybody with the path and the key.
        GenericHmac = "generic-hmac",
        /// Anybody with the path and a token of an issuer.
        GenericOidc = "generic-oidc",
        /// GitHub.
        Github = "github",
        /// GitLab.
        Gitlab = "gitlab",
        /// Bitbucket Server.
        Bitbucket = "bitbucket",
        /// Harbor.
        Harbor = "harbor",
        /// Docker Hub.
        DockerHub = "dockerhub",
        /// Quay.
        Quay = "quay",
        /// Google Container Registry.
        Gcr = "gcr",
        /// Nexus.
        Nexus = "nexus",
        /// Azure Container Registry.
        Acr = "acr",
        /// CDEvents.
        CdEvents = "cdevents",
    }
}
