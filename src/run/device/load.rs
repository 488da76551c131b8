//! What the process and the GPUs are busy with: processor time, memory, and what NVIDIA's driver reports.

use nvml_wrapper::Nvml;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// The load since the last sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// Processor time of this process, in per cent of one core: two busy cores are 200.
    pub cpu_percent: f32,
    /// Resident memory of this process, in bytes.
    pub memory: u64,
    /// The NVIDIA cards of the machine, where their driver reports them.
    pub gpu: Option<GpuLoad>,
}

/// The load of the NVIDIA cards of the machine, by all processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GpuLoad {
    /// The busiest card's share of time with a kernel at work, in per cent.
    pub busy_percent: u32,
    /// Memory in use on all cards, in bytes.
    pub memory: u64,
    /// Memory of all cards, in bytes.
    pub memory_total: u64,
}

/// What a [`Meter`] samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampled {
    Process,
    /// This process and the GPUs, where one is in use.
    ProcessAndGpus,
}

/// Samples the load. A sample takes milliseconds.
pub struct Meter {
    system: System,
    process: Option<Pid>,
    nvml: Option<Nvml>,
}

impl Meter {
    /// A meter of `sampled`; of GPUs as far as NVIDIA's driver is there.
    pub fn new(sampled: Sampled) -> Self {
        let nvml = match sampled {
            Sampled::Process => None,
            Sampled::ProcessAndGpus => Nvml::init().ok(),
        };
        let mut meter = Self { system: System::new(), process: sysinfo::get_current_pid().ok(), nvml };
        // Processor time is that since the sample before.
        meter.sample();
        meter
    }

    /// The load since the last sample; `None` where the system does not report it.
    pub fn sample(&mut self) -> Option<Load> {
        let process = self.process?;
        let what = ProcessRefreshKind::nothing().with_cpu().with_memory();
        self.system.refresh_processes_specifics(ProcessesToUpdate::Some(&[process]), false, what);
        let process = self.system.process(process)?;
        let gpu = self.nvml.as_ref().and_then(gpu_load);
        Some(Load { cpu_percent: process.cpu_usage(), memory: process.memory(), gpu })
    }
}

/// The load of all cards; `None` if no card reports its own.
fn gpu_load(nvml: &Nvml) -> Option<GpuLoad> {
    let count = nvml.device_count().ok()?;
    let loads = (0..count).filter_map(|index| {
        let card = nvml.device_by_index(index).ok()?;
        let memory = card.memory_info().ok()?;
        // Some cards report their memory but not their load.
        let busy_percent = card.utilization_rates().map_or(0, |rates| rates.gpu);
        Some(GpuLoad { busy_percent, memory: memory.used, memory_total: memory.total })
    });
    loads.reduce(|all, one| GpuLoad {
        busy_percent: all.busy_percent.max(one.busy_percent),
        memory: all.memory + one.memory,
        memory_total: all.memory_total + one.memory_total,
    })
}

#[cfg(test)]
mod tests {
    use std::{
        hint::black_box,
        time::{Duration, Instant},
    };

    use super::*;

    /// One thread that does nothing but count for half a second keeps at most one core of this test's own busy; other tests in this
    /// process may add theirs. What it allocates shows in the memory.
    #[test]
    fn work_and_memory_of_this_process_are_seen() {
        let mut meter = Meter::new(Sampled::Process);
        let before = meter.sample().unwrap();
        let held = black_box(vec![1u8; 256 << 20]);
        let begin = Instant::now();
        let mut count = 0u64;
        while begin.elapsed() < Duration::from_millis(500) {
            count = black_box(count + 1);
        }
        let after = meter.sample().unwrap();
        assert!(after.cpu_percent > 10.0, "{after:?}");
        assert!(after.memory > before.memory + (200 << 20), "{before:?} {after:?}");
        assert_eq!(after.gpu, None);
        drop(held);
    }
}
