//! Writes as data.

use krm::Object;

/// One write to the API.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Act {
    /// Create it.
    Create(Object),
    /// Replace it, at the version it carries.
    Replace(Object),
    /// Replace its status, at the version it carries.
    Status(Object),
    /// Ask for its end, as its kind ends.
    Delete(Object),
    /// End it now, whatever it asked for.
    Kill(Object),
    /// Assign this Pod to the node.
    Bind(Object),
}

/// What a controller wants for one object.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Decision {
    /// In order; the rest is not tried once one is refused.
    pub(crate) acts: Vec<Act>,
    /// The step that takes its time now; the object is looked at again after it.
    pub(crate) step: Option<Step>,
}

/// A step of an object's life that takes simulated time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Step {
    /// Whose.
    pub(crate) uid: String,
    /// Which.
    pub(crate) name: &'static str,
}

impl Decision {
    /// Nothing to do.
    pub(crate) fn nothing() -> Self {
        Self::default()
    }

    /// These writes.
    pub(crate) fn acts(acts: impl IntoIterator<Item = Act>) -> Self {
        Self {
            acts: acts.into_iter().collect(),
            step: None,
        }
    }
}
