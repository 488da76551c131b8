//! The memory that this machine has left, and whether what is planned fits it.

use sysinfo::System;

/// More is needed than there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shortage {
    /// Bytes.
    pub needed: u64,
    /// Bytes.
    pub available: u64,
}

/// Bytes that may still be taken: what the system has, and what the limit of a container leaves; `None` where the system does not
/// say. What else the machine does meanwhile is not known.
pub(crate) fn available() -> Option<u64> {
    let mut system = System::new();
    system.refresh_memory();
    // What a container counts as used has the disk's cache in it, which gives way.
    let contained = system.cgroup_limits().map(|limits| limits.total_memory.saturating_sub(limits.rss));
    let free = contained.map_or(system.available_memory(), |contained| contained.min(system.available_memory()));
    (free > 0).then_some(free)
}

/// Whether so many bytes may be taken.
///
/// # Errors
/// [`Shortage`].
pub(crate) fn check(needed: u64) -> Result<(), Shortage> {
    match available() {
        Some(available) if needed > available => Err(Shortage { needed, available }),
        Some(_) | None => Ok(()),
    }
}

/// In units of 10^9 bytes, rounded up to a tenth.
pub(crate) fn gigabytes(bytes: u64) -> f64 {
    bytes.div_ceil(100_000_000) as f64 / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_machine_has_room_for_everything_and_each_for_a_byte() {
        assert_eq!(check(1), Ok(()));
        assert!(check(u64::MAX).is_err_and(|shortage| shortage.available > 0));
        assert_eq!(gigabytes(1_250_000_000), 1.3);
    }
}
