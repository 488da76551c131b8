//! What a process owes to the terminal or pipe that it writes to and to the signals that it gets: output that never blocks,
//! and an end in order.

mod outlet;
mod signals;

pub use outlet::{Outlet, is_gone, standard_error, standard_output, width_of_standard_error};
pub use signals::has_job_control;
pub use signals::{HANG_UP, Leaving, Signals, Waited, how_to_resume, quoted};
#[cfg(unix)]
pub use signals::{survive_file_size_limit, suspend};
