//! Forks: runs that go on from where another run was.

use serde::{Deserialize, Serialize};

/// Where a run branched off another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fork {
    /// The name of the run that it goes on from.
    pub of: String,
    /// How many steps that run had taken.
    pub step: u64,
}
