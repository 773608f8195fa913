//! `ImageUpdateAutomation`: chosen tags written back to Git.

use std::collections::BTreeMap;

use crate::condition::Condition;
use crate::duration::{ANY_UNIT, GoDuration};
use crate::image_policy::ImageRef;
use crate::kind::{Column, Kind, Legacy, StatusForm, Words, resource};
use crate::reference::{GitRepositoryRef, LocalObjectReference};
use crate::schema::{Schema, choice, object};
use crate::time::Time;

resource! {
    /// Chosen tags written back to Git.
    ImageUpdateAutomation: IMAGE_UPDATE_AUTOMATION, ImageUpdateAutomationSpec, ImageUpdateAutomationStatus
}

/// The row of [`ImageUpdateAutomation`].
pub static IMAGE_UPDATE_AUTOMATION: Kind = Kind {
    group: "image.toolkit.fluxcd.io",
    version: "v1",
    legacy: &[Legacy {
        version: "v1beta1",
        extra_status: &[],
    }],
    kind: "ImageUpdateAutomation",
    plural: "imageupdateautomations",
    singular: "imageupdateautomation",
    short_names: &["iua", "imgupd", "imgauto"],
    category: "fluxcd-images",
    columns: &[
        Column::READY,
        Column::STATUS,
        Column::text("Last run", ".status.lastAutomationRunTime").wide(),
        Column::AGE,
    ],
    status: StatusForm::Observed,
    substitute_disabled: true,
    cli: Words {
        noun: "image update",
        aliases: &[],
        get: "images update",
        human: "image update automation",
        controller: "image-automation-controller",
        is_static: false,
    },
    spec_schema: ImageUpdateAutomationSpec::schema,
    status_schema: Some(ImageUpdateAutomationStatus::schema),
};

object! {
    /// What an ImageUpdateAutomation wants.
    ImageUpdateAutomationSpec {
        required {
            /// How often to look.
            interval: GoDuration => pattern(ANY_UNIT);
            /// The Git repository.
            source_ref: AutomationSourceReference;
        }
        optional {
            /// What to check out, how to commit, where to push.
            git: Option<GitSpec>;
            /// Which policies; by default all of the namespace.
            policy_selector: Option<LabelSelector> => atomic();
            /// Do nothing.
            suspend: bool;
            /// What to change; nothing changes without it.
            update: Option<UpdateStrategy> => default(krm::json!({"strategy": "Setters"}));
        }
    }

    /// A Git repository.
    AutomationSourceReference {
        required {
            /// GitRepository.
            kind: AutomationSourceKind => default("GitRepository");
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

    /// What to check out, how to commit, where to push.
    GitSpec {
        required {
            /// How to commit.
            commit: CommitSpec;
        }
        optional {
            /// What to check out; by default what the source says.
            checkout: Option<GitCheckoutSpec>;
            /// Where to push; by default to what was checked out.
            push: Option<PushSpec>;
        }
    }

    /// What to check out.
    GitCheckoutSpec {
        required {
            /// The reference.
            r#ref: GitRepositoryRef;
        }
    }

    /// How to commit.
    CommitSpec {
        required {
            /// Who.
            author: CommitUser;
        }
        optional {
            /// The message, a template.
            message_template: String;
            /// Values for the template.
            message_template_values: BTreeMap<String, String>;
            /// The key to sign with.
            signing_key: Option<SigningKey>;
        }
    }

    /// Who commits.
    CommitUser {
        required {
            /// The address.
            email: String;
        }
        optional {
            /// The name.
            name: String;
        }
    }

    /// The key to sign with.
    SigningKey {
        required {
            /// The Secret that holds it.
            secret_ref: LocalObjectReference;
        }
        optional {
            /// Of what kind it is.
            r#type: Option<SigningKeyType>;
        }
    }

    /// Where to push.
    PushSpec {
        optional {
            /// The branch.
            branch: String;
            /// Push options.
            options: BTreeMap<String, String>;
            /// The refspec.
            refspec: String;
        }
    }

    /// What to change.
    UpdateStrategy {
        optional {
            /// The directory; by default the root.
            path: String;
            /// How.
            strategy: Option<UpdateStrategyName> => default("Setters");
        }
    }

    /// Objects by their labels.
    LabelSelector {
        optional {
            /// Conditions that must all hold.
            match_expressions: Vec<LabelSelectorRequirement> => atomic();
            /// Labels that must all be there.
            match_labels: BTreeMap<String, String>;
        }
    }

    /// A condition on a label.
    LabelSelectorRequirement {
        required {
            /// The label.
            key: String;
            /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
            operator: String;
        }
        optional {
            /// Values for `In` and `NotIn`.
            values: Vec<String> => atomic();
        }
    }

    /// What an ImageUpdateAutomation's controller says.
    ImageUpdateAutomationStatus {
        optional {
            /// Conditions.
            conditions: Vec<Condition>;
            /// When it ran last.
            last_automation_run_time: Option<Time>;
            /// The request that was handled last.
            last_handled_reconcile_at: String;
            /// The commit that was pushed last.
            last_push_commit: String;
            /// When.
            last_push_time: Option<Time>;
            /// The generation that was handled last.
            observed_generation: i64;
            /// The policies and what they chose, as they were.
            observed_policies: BTreeMap<String, ImageRef>;
            /// The source's revision, as it was.
            observed_source_revision: String;
        }
    }
}

choice! {
    /// A source of an ImageUpdateAutomation.
    AutomationSourceKind {
        /// GitRepository.
        GitRepository = "GitRepository",
    }

    /// Of what kind a signing key is.
    SigningKeyType {
        /// GPG.
        Gpg = "gpg",
        /// SSH.
        Ssh = "ssh",
    }

    /// How manifests are changed.
    UpdateStrategyName {
        /// At setter comments.
        Setters = "Setters",
    }
}
