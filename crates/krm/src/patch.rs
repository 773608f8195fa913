//! The patches of the Kubernetes API but for apply: JSON patch, merge patch, strategic merge patch, as lenient as upstream is and in its words.

pub mod json6902;
pub mod merge;
pub mod strategic;
