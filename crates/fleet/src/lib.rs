//! A fleet repository as a whole: its clusters, its sources as local directories, and one of its clusters run on an embedded API.
//!
//! What runs is what would run on a cluster: the same controllers, each as its own ServiceAccount with the rights that the fleet's manifests bind
//! to it, and with the flags that the fleet's Deployments give it.

mod bootstrap;
pub mod load;
mod outside;
mod reload;
pub mod rows;
mod supervise;
pub mod up;

pub use load::{Cluster, Fleet};
pub use rows::{Row, State};
pub use up::{Options, Running};
