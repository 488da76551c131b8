//! Tests of the dashboard: what is on the screen after which keys, what it asks of the world, and that nothing breaks it.

mod drive;
mod keys;
mod many;
mod mash;
mod scene;
mod screens;
mod updates;
