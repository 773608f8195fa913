//! How many replicas each ReplicaSet of a Deployment is to have next: arithmetic alone.

use krm::Value;

/// What a rollout may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// `spec.replicas`.
    pub(crate) replicas: i64,
    /// Replicas above that, for a while.
    pub(crate) surge: i64,
    /// Replicas that may be unavailable.
    pub(crate) unavailable: i64,
}

/// A ReplicaSet's counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// `spec.replicas`.
    pub(crate) wanted: i64,
    /// `status.availableReplicas`.
    pub(crate) available: i64,
}

impl Limits {
    /// From a Deployment's strategy.
    pub(crate) fn of(strategy: Option<&Value>, replicas: i64) -> Self {
        let rolling = strategy.and_then(|strategy| strategy.get("rollingUpdate"));
        let recreate = strategy.is_some_and(|strategy| strategy["type"] == "Recreate");
        if recreate {
            return Self {
                replicas,
                surge: 0,
                unavailable: 0,
            };
        }
        let bound = |field: &str, up| {
            let value = rolling.and_then(|rolling| rolling.get(field));
            scaled(value.unwrap_or(&Value::from("25%")), replicas, up)
        };
        let surge = bound("maxSurge", true);
        let mut unavailable = bound("maxUnavailable", false);
        if surge == 0 && unavailable == 0 {
            unavailable = 1;
        }
        Self {
            replicas,
            surge,
            unavailable: unavailable.min(replicas),
        }
    }

    /// How many replicas the new ReplicaSet gets next.
    pub(crate) fn grow(&self, new: Counts, all: i64) -> i64 {
        if new.wanted >= self.replicas {
            return self.replicas;
        }
        let room = self.replicas + self.surge - all;
        if room <= 0 {
            new.wanted
        } else {
            (new.wanted + room).min(self.replicas)
        }
    }

    /// How many replicas each old ReplicaSet, the oldest first, keeps while the new one stands at `new`.
    pub(crate) fn shrink(&self, old: &[Counts], new: Counts) -> Vec<i64> {
        let mut kept: Vec<i64> = old.iter().map(|counts| counts.wanted).collect();
        let least = self.replicas - self.unavailable;
        let all: i64 = kept.iter().sum::<i64>() + new.wanted;
        let mut surplus = all - least - (new.wanted - new.available);
        if surplus <= 0 {
            return kept;
        }
        // Replicas that are not available hold nothing up; they go first.
        for (kept, counts) in kept.iter_mut().zip(old) {
            let gone = surplus.min(*kept - counts.available).max(0);
            *kept -= gone;
            surplus -= gone;
        }
        let available = old.iter().map(|counts| counts.available).sum::<i64>() + new.available;
        let mut surplus = available - least;
        for kept in &mut kept {
            let gone = surplus.min(*kept).max(0);
            *kept -= gone;
            surplus -= gone;
        }
        kept
    }
}

/// A number, or a percentage of `total`.
pub(crate) fn scaled(value: &Value, total: i64, up: bool) -> i64 {
    if let Some(number) = value.as_i64() {
        return number;
    }
    let percent = value
        .as_str()
        .and_then(|text| text.strip_suffix('%')?.parse::<i64>().ok())
        .unwrap_or_default();
    let product = total * percent;
    if up {
        (product + 99) / 100
    } else {
        product / 100
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use krm::json;

    const fn counts(wanted: i64, available: i64) -> Counts {
        Counts { wanted, available }
    }

    #[test]
    fn percentages_round_towards_availability() {
        let of = |replicas| {
            Limits::of(
                Some(&json!({"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}})),
                replicas,
            )
        };
        assert_eq!(
            of(1),
            Limits {
                replicas: 1,
                surge: 1,
                unavailable: 0
            }
        );
        assert_eq!(
            of(10),
            Limits {
                replicas: 10,
                surge: 3,
                unavailable: 2
            }
        );
        let none = Limits::of(
            Some(&json!({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "10%"}})),
            3,
        );
        assert_eq!(none.unavailable, 1);
    }

    #[test]
    fn a_rollout_goes_up_and_down_within_its_limits() {
        let limits = Limits {
            replicas: 10,
            surge: 3,
            unavailable: 2,
        };
        assert_eq!(limits.grow(counts(0, 0), 10), 3);
        assert_eq!(limits.shrink(&[counts(10, 10)], counts(3, 0)), [8]);
        assert_eq!(limits.grow(counts(3, 0), 11), 5);
        assert_eq!(limits.shrink(&[counts(8, 8)], counts(5, 0)), [8]);
        assert_eq!(limits.shrink(&[counts(8, 8)], counts(5, 5)), [3]);
        assert_eq!(limits.grow(counts(5, 5), 8), 10);
        assert_eq!(limits.shrink(&[counts(3, 3)], counts(10, 10)), [0]);
    }

    #[test]
    fn what_is_not_available_goes_first() {
        let limits = Limits {
            replicas: 4,
            surge: 1,
            unavailable: 1,
        };
        assert_eq!(
            limits.shrink(&[counts(2, 2), counts(2, 0)], counts(1, 1)),
            [2, 0]
        );
    }
}
