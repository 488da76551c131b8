//! Whether the program does on this machine and device what it promises: figures against bars.
//!
//! Every check is a function of its subject: an objective, an estimator, a path, a source of noise, a terminal. So a
//! test can hand it a broken one and see it fail. The truth that curvature is held against is a Hessian in closed form,
//! worked out on the host without the tensor library: nothing that could be wrong on the device is in it.

mod check;
mod curvature;
mod noise;
mod specimen;
mod speed;
mod terminal;
mod walk;

use std::panic::{self, AssertUnwindSafe};

use burn::tensor::Device;

pub use check::{Bar, Check, Judgement, Section, Verdict};
pub use terminal::Environment;

use curvature::PRECISIONS;

use crate::run::device;

/// Makes every check and reports each section when it is done. Takes seconds. `seed` is that of noise and probe vectors.
///
/// A section that panics is a failure and keeps none of the others from being made.
pub fn examine(device: &Device, seed: u64, environment: &Environment<'_>, report: &mut dyn FnMut(Section)) {
    for precision in PRECISIONS {
        let title = format!("Curvature of a network of 238 parameters in {}", precision.name);
        report(section(title, || {
            if device::computes_in(device, precision.format) {
                curvature::curvature(device, precision, seed)
            } else {
                vec![Check::fact(precision.name, "this device does not have it", Verdict::Note)]
            }
        }));
    }
    report(section("Paths that must be that of SGD to the bit", || walk::identities(device)));
    report(section("The same seed twice, at the same time on two threads", || walk::determinism(device, seed)));
    report(section("Noise distributions: mean, variance, kurtosis", || noise::noise(device, seed)));
    report(section("Speed on mnist-mlp, batch 128", || speed::speed(device, seed)));
    report(section("Terminal", || terminal::terminal(environment)));
}

/// The checks that `make` makes, or its panic.
fn section(title: impl Into<String>, make: impl FnOnce() -> Vec<Check>) -> Section {
    let checks = panic::catch_unwind(AssertUnwindSafe(make)).unwrap_or_else(|payload| {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        vec![Check::fact("panicked", text.unwrap_or_else(|| "no reason given".to_owned()), Verdict::Fail)]
    });
    Section { title: title.into(), checks }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_that_panics_is_a_failure_with_its_reason() {
        let section = section("device", || panic!("lost {}", "device"));
        assert_eq!(section.checks, [Check::fact("panicked", "lost device", Verdict::Fail)]);
    }
}
