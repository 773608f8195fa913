//! Every controller over a view that does what it is told, so that whole rollouts are pure tests.
