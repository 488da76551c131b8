//! Tests of the dashboard: what is on the screen after which keys, what it asks of the world, and that nothing breaks it.

mod adding;
mod average;
mod comparison;
mod keys;
mod many;
mod palette;
mod random_keys;
pub(crate) mod scene;
mod screens;
mod updates;
mod window;
