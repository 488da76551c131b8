//! What a run does about losses that are not finite.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantNames};

/// What a run does at a loss that is NaN or infinite. The loss is logged whatever it does.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, EnumString, IntoStaticStr, VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum NonFinitePolicy {
    /// It ends as diverged.
    #[default]
    Stop,
    /// It holds, and a user decides.
    Pause,
    /// The step is not taken: weights, optimizer state and buffers stay as they were before it, and the next minibatch is drawn. Each
    /// step then waits for the device.
    Skip,
    /// It goes on as if nothing had happened.
    Continue,
}
