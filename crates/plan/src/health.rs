//! Health: what a set of objects adds up to.

use std::collections::BTreeMap;

use krm::ObjectId;
use krm::status::{Status, Verdict};

/// What a set of objects adds up to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// Every object is current.
    Healthy,
    /// Some are not yet; these.
    Waiting(Vec<ObjectId>),
    /// Some never will be; upstream's message.
    Failed(String),
}

/// The state of every object that is waited for, by its identity.
pub type States = BTreeMap<ObjectId, Verdict>;

/// Adds up. With `fail_fast` one failed object is enough; without, failure waits until nothing is in progress.
pub fn judge(states: &States, fail_fast: bool) -> Health {
    let late: Vec<_> = with(states, |status| status != Status::Current);
    if late.is_empty() {
        return Health::Healthy;
    }
    let failed: Vec<_> = with(states, |status| status == Status::Failed);
    let terminal = failed.len() == late.len();
    if !failed.is_empty() && (fail_fast || terminal) {
        return Health::Failed(format!(
            "failed early due to stalled resources: [{}]",
            list(states, &failed)
        ));
    }
    Health::Waiting(late)
}

/// The message once the deadline has passed.
pub fn timed_out(states: &States) -> String {
    let late = with(states, |status| status != Status::Current);
    format!("timeout waiting for: [{}]", list(states, &late))
}

fn with(states: &States, wanted: impl Fn(Status) -> bool) -> Vec<ObjectId> {
    states
        .iter()
        .filter(|(_, verdict)| wanted(verdict.status))
        .map(|(id, _)| id.clone())
        .collect()
}

fn list(states: &States, ids: &[ObjectId]) -> String {
    let one = |id: &ObjectId| {
        let verdict = &states[id];
        match verdict.status {
            // What could not be read says why, as upstream's poller does.
            Status::Unknown => format!("{id} status: '{}': {}", verdict.status, verdict.message),
            status => format!("{id} status: '{status}'"),
        }
    };
    ids.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(list: &[(&str, Status)]) -> States {
        let id = |name: &str| ObjectId {
            group: "apps".into(),
            kind: "Deployment".into(),
            namespace: "team".into(),
            name: name.into(),
        };
        list.iter()
            .map(|(name, status)| {
                (
                    id(name),
                    Verdict {
                        status: *status,
                        message: "m".into(),
                    },
                )
            })
            .collect()
    }

    #[test]
    fn one_failed_object_is_enough_unless_told_otherwise() {
        let mixed = states(&[
            ("a", Status::Failed),
            ("b", Status::InProgress),
            ("c", Status::Current),
        ]);
        assert_eq!(
            judge(&mixed, true),
            Health::Failed(
                "failed early due to stalled resources: [Deployment/team/a status: 'Failed']"
                    .into()
            )
        );
        assert!(matches!(judge(&mixed, false), Health::Waiting(late) if late.len() == 2));
        assert_eq!(
            judge(&states(&[("c", Status::Current)]), true),
            Health::Healthy
        );
        assert_eq!(judge(&States::new(), true), Health::Healthy);
    }

    #[test]
    fn a_timeout_names_what_is_late() {
        let late = states(&[
            ("a", Status::NotFound),
            ("b", Status::Current),
            ("c", Status::Unknown),
        ]);
        assert_eq!(
            timed_out(&late),
            "timeout waiting for: [Deployment/team/a status: 'NotFound', Deployment/team/c status: 'Unknown': m]"
        );
    }
}
