//! Conditions: what a controller says about an object, and how they are set.

use crate::names::{READY, RECONCILING, STALLED};
use crate::schema::{choice, object};
use crate::time::Time;

/// The longest message; a longer one ends in `...`.
const MAX_MESSAGE: usize = 32_768;

choice! {
    /// Whether a condition holds.
    ConditionStatus {
        /// It holds.
        True = "True",
        /// It does not.
        False = "False",
        /// Nobody knows (yet).
        Unknown = "Unknown",
    }
}

object! {
    /// One observation about an object.
    Condition {
        required {
            /// Since when `status`, `reason` and `message` are what they are.
            last_transition_time: Time;
            /// For humans.
            message: String => max_length(32768);
            /// For programs, in CamelCase.
            reason: String => length(1, 1024).pattern(r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$");
            /// Whether it holds.
            status: ConditionStatus;
            /// Which condition.
            r#type: String => max_length(316).pattern(
                r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
            );
        }
        optional {
            /// The generation that this was observed at.
            observed_generation: i64 => minimum(0);
        }
    }
}

/// A condition to be set: everything but time and generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Which condition.
    pub r#type: String,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// For programs.
    pub reason: String,
    /// For humans.
    pub message: String,
}

impl Mark {
    /// It holds.
    pub fn yes(r#type: &str, reason: &str, message: impl Into<String>) -> Self {
        Self::new(r#type, ConditionStatus::True, reason, message)
    }

    /// It does not hold.
    pub fn no(r#type: &str, reason: &str, message: impl Into<String>) -> Self {
        Self::new(r#type, ConditionStatus::False, reason, message)
    }

    /// Not known.
    pub fn unknown(r#type: &str, reason: &str, message: impl Into<String>) -> Self {
        Self::new(r#type, ConditionStatus::Unknown, reason, message)
    }

    fn new(
        r#type: &str,
        status: ConditionStatus,
        reason: &str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            r#type: r#type.into(),
            status,
            reason: reason.into(),
            message: trimmed(message.into()),
        }
    }
}

/// The condition of a type.
pub fn get<'a>(conditions: &'a [Condition], r#type: &str) -> Option<&'a Condition> {
    conditions
        .iter()
        .find(|condition| condition.r#type == r#type)
}

/// Whether the condition of a type is there and `True`.
pub fn is_true(conditions: &[Condition], r#type: &str) -> bool {
    has_status(conditions, r#type, ConditionStatus::True)
}

/// Whether the condition of a type is there and `False`.
pub fn is_false(conditions: &[Condition], r#type: &str) -> bool {
    has_status(conditions, r#type, ConditionStatus::False)
}

/// Sets a condition as fluxcd/pkg/runtime does: the transition time moves only when status, reason or message change;
/// `observedGeneration` always does; the order is Stalled, Reconciling, Ready, then the rest by generation and type.
pub fn set(conditions: &mut Vec<Condition>, mark: Mark, generation: i64, now: Time) {
    let existing = conditions
        .iter()
        .position(|condition| condition.r#type == mark.r#type);
    let mut condition = Condition {
        r#type: mark.r#type,
        status: mark.status,
        reason: mark.reason,
        message: mark.message,
        observed_generation: generation,
        last_transition_time: now,
    };
    match existing {
        Some(at) => {
            let old = &conditions[at];
            if old.status == condition.status
                && old.reason == condition.reason
                && old.message == condition.message
            {
                condition.last_transition_time = old.last_transition_time;
            }
            conditions[at] = condition;
        }
        None => conditions.push(condition),
    }
    conditions.sort_by(|a, b| {
        let key = |condition: &Condition| (weight(condition), -condition.observed_generation);
        match (weight(a), weight(b)) {
            (3, 3) => key(a).cmp(&key(b)).then_with(|| a.r#type.cmp(&b.r#type)),
            (a, b) => a.cmp(&b),
        }
    });
}

/// Removes the condition of a type.
pub fn remove(conditions: &mut Vec<Condition>, r#type: &str) {
    conditions.retain(|condition| condition.r#type != r#type);
}

fn has_status(conditions: &[Condition], r#type: &str, status: ConditionStatus) -> bool {
    get(conditions, r#type).is_some_and(|condition| condition.status == status)
}

fn weight(condition: &Condition) -> u8 {
    match condition.r#type.as_str() {
        STALLED => 0,
        RECONCILING => 1,
        READY => 2,
        _ => 3,
    }
}

/// The message within its limit of bytes, never cut inside a character.
fn trimmed(mut message: String) -> String {
    const SUFFIX: &str = "...";
    if message.len() > MAX_MESSAGE {
        message.truncate(message.floor_char_boundary(MAX_MESSAGE - SUFFIX.len()));
        message.push_str(SUFFIX);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Time {
        jiff::Timestamp::from_second(second).unwrap().into()
    }

    #[test]
    fn the_transition_time_moves_only_with_the_state() {
        let mut conditions = Vec::new();
        set(&mut conditions, Mark::no(READY, "Failed", "no"), 1, at(10));
        set(&mut conditions, Mark::no(READY, "Failed", "no"), 2, at(20));
        let ready = get(&conditions, READY).unwrap();
        assert_eq!(ready.last_transition_time, at(10));
        assert_eq!(ready.observed_generation, 2);
        set(
            &mut conditions,
            Mark::yes(READY, "Succeeded", "ok"),
            2,
            at(30),
        );
        assert!(is_true(&conditions, READY) && !is_false(&conditions, READY));
        assert_eq!(
            get(&conditions, READY).unwrap().last_transition_time,
            at(30)
        );
    }

    #[test]
    fn the_order_is_for_humans() {
        let mut conditions = Vec::new();
        for name in ["Healthy", READY, "ArtifactInStorage", RECONCILING, STALLED] {
            set(&mut conditions, Mark::yes(name, "R", ""), 1, at(1));
        }
        set(&mut conditions, Mark::yes("Zoo", "R", ""), 2, at(1));
        let names: Vec<_> = conditions.iter().map(|c| c.r#type.as_str()).collect();
        assert_eq!(
            names,
            [
                STALLED,
                RECONCILING,
                READY,
                "Zoo",
                "ArtifactInStorage",
                "Healthy"
            ]
        );
        remove(&mut conditions, STALLED);
        assert!(get(&conditions, STALLED).is_none());
    }

    #[test]
    fn a_message_has_a_limit() {
        let mark = Mark::no(READY, "Failed", "ä".repeat(20_000));
        assert!(mark.message.len() <= MAX_MESSAGE && mark.message.ends_with("ä..."));
        assert_eq!(
            serde_json::to_value(Condition {
                r#type: "Ready".into(),
                reason: "R".into(),
                last_transition_time: at(0),
                ..Condition::default()
            })
            .unwrap(),
            krm::json!({"type": "Ready", "status": "True", "reason": "R", "message": "",
                "lastTransitionTime": "1970-01-01T00:00:00Z"})
        );
    }
}
