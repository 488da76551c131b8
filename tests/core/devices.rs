//! Devices: a run's own, those of a session, those that are not there, and each that is against flex.

use nso_tui::{
    autodiff::{Vector, values},
    optimizer::{Noise, NoiseDistribution, NoiseSource},
    run::{
        Engine, Event, Metrics, Plan,
        device::{self, DeviceName, Devices},
        log::Destination,
        preset,
    },
};

use crate::sessions::{block_on, plan, until_over};

/// Each run's device as its log says, and its last metrics.
fn run_on(plan: &Plan, devices: &Devices) -> Vec<(String, Metrics)> {
    let events = block_on(async {
        let mut engine = Engine::start(plan.clone(), &Destination::Nowhere, devices).unwrap();
        let events = until_over(&mut engine, plan.runs.len()).await;
        engine.close().await;
        events
    });
    let of_run = |events: &Vec<Event>| {
        let device = events.iter().find_map(|event| match event {
            Event::Start(start) => Some(start.device.clone()),
            _ => None,
        });
        let metrics = events.iter().rev().find_map(|event| match event {
            Event::Eval { metrics, .. } => Some(*metrics),
            _ => None,
        });
        (device.unwrap(), metrics.unwrap())
    };
    events.iter().map(of_run).collect()
}

/// The devices of this binary and machine.
fn present() -> Vec<DeviceName> {
    let there = device::offers().into_iter().filter(|offer| offer.about.is_ok());
    there.map(|offer| offer.name.parse().unwrap()).collect()
}

#[test]
fn a_run_may_have_a_device_of_its_own_which_the_session_file_keeps() {
    let plan = plan("quadratic", &["run.NSO.device=\"tch:cuda:1\"", "run.SAM.device=wgpu"]);
    let own: Vec<Option<DeviceName>> = plan.runs.iter().map(|run| run.device).collect();
    assert_eq!(own, [None, None, Some(DeviceName::Wgpu(0)), Some(DeviceName::TorchCuda(1))]);
    let resolved = preset::to_toml(&plan);
    assert_eq!(preset::parse("session.toml", &resolved, &[]).unwrap(), plan, "{resolved}");
    let text = preset::find("quadratic").unwrap();
    for (bad, expected) in [
        ("run.NSO.device=\"wgpo\"", "run.NSO.device: no device 'wgpo'"),
        ("run.NSO.device=\"wgpo\"", "did you mean 'wgpu'?"),
        ("run.NSO.device=\"tch:cuda\"", "did you mean 'tch:cuda:0'?"),
        ("run.NSO.device=3", "run.NSO.device: expected a string"),
        ("defaults.device=\"flex\"", "defaults.device: unknown key"),
    ] {
        let error = preset::parse("quadratic", &text, &[bad.to_owned()]).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_slow_or_rounding_device_gives_a_warning() {
    let warning = |preset: &str, sets: &[&str], device: DeviceName| plan(preset, sets).warning(&device.into());
    let slow = warning("clipart-mobilenet", &[], DeviceName::Flex).unwrap();
    assert!(slow.starts_with("slow on flex (8 min on LibTorch, hours on flex)"), "{slow}");
    assert_eq!(warning("clipart-mobilenet", &[], DeviceName::Torch), None);
    assert_eq!(warning("clipart-mobilenet", &["run.SAM.device=flex"], DeviceName::Torch), Some(slow));
    assert_eq!(warning("fashion-cnn", &[], DeviceName::Flex), None);
    assert_eq!(warning("mnist-mlp", &[], DeviceName::TorchCuda(0)), None);
    let rounds = warning("fashion-cnn", &[], DeviceName::TorchCuda(0)).unwrap();
    assert!(rounds.contains("NVIDIA_TF32_OVERRIDE=0"), "{rounds}");
}

#[test]
fn a_device_that_is_not_there_stops_the_session_before_it_has_a_directory() {
    let folder = tempfile::tempdir().unwrap();
    let destination = Destination::Exactly(folder.path().join("session"));
    for missing in ["wgpu:200", "tch:cuda:200"] {
        let plan = plan("quadratic", &[&format!("run.NSO.device=\"{missing}\"")]);
        let error = Engine::start(plan, &destination, &DeviceName::Flex.into()).unwrap_err().to_string();
        assert!(error.starts_with(&format!("device {missing} cannot be used: ")), "{error}");
    }
    assert!(!folder.path().join("session").exists());
}

/// Four runs over all devices of this machine, and again each by itself; SGD draws nothing at random but its batches, so that it
/// must come to the same losses, but for rounding.
#[test]
fn runs_spread_over_the_devices_train_as_on_flex_alone() {
    let sets = ["train.gradients=40", "train.probe_every=never", "train.evaluate_every=\"40 gradients\""];
    let short = plan("mnist-mlp", &sets);
    let alone = run_on(&short, &DeviceName::Flex.into());
    assert_eq!(alone.iter().map(|(device, _)| device.as_str()).collect::<Vec<_>>(), ["flex"; 4]);
    let names: Vec<String> = present().iter().map(ToString::to_string).collect();
    let devices = Devices::choose(Some(&names.join(","))).unwrap();
    let spread = run_on(&short, &devices);
    for (run, (device, metrics)) in spread.iter().enumerate() {
        assert_eq!(*device, names[run % names.len()]);
        assert!(metrics.train_loss.unwrap() < 1.5, "{device}: {metrics:?}");
    }
    for name in present() {
        let (device, metrics) = run_on(&short, &name.into()).remove(0);
        assert_eq!(device, name.to_string());
        let (found, expected) = (metrics.train_loss.unwrap(), alone[0].1.train_loss.unwrap());
        assert!((found / expected - 1.0).abs() < 1e-3, "{device}: {found} {expected}");
    }
}

/// The moments of `optimizer::noise`, as each device draws them; and of CPUs the very numbers of flex.
#[test]
fn noise_has_its_moments_on_each_device_and_is_a_function_of_the_seed() {
    let numbers = |name: DeviceName, distribution, count: usize| {
        let device = device::open(name).unwrap();
        let mut noise = device::noise(7, &device);
        values(&noise.draw(&Vector::zeros([count], &device), Noise { distribution, ..Noise::gaussian(1.0) }))
    };
    for name in present() {
        for (distribution, mean, kurtosis) in [
            (NoiseDistribution::Gaussian, 0.0, 3.0),
            (NoiseDistribution::Laplace, 0.0, 6.0),
            (NoiseDistribution::Uniform, 0.0, 1.8),
            (NoiseDistribution::Binomial, 0.0, 2.5),
            (NoiseDistribution::BinomialUncentred, 2.0, 2.5),
        ] {
            let draws = numbers(name, distribution, 400_000);
            let moment = |power| draws.iter().map(|x| (x - mean).powi(power)).sum::<f64>() / 400_000.0;
            assert!(moment(1).abs() < 0.008, "{name}, {distribution:?}: mean {}", moment(1));
            assert!((moment(2) - 1.0).abs() < 0.02, "{name}, {distribution:?}: variance {}", moment(2));
            assert!((moment(4) / kurtosis - 1.0).abs() < 0.06, "{name}, {distribution:?}: fourth moment {}", moment(4));
            assert!(draws == numbers(name, distribution, 400_000), "{name}, {distribution:?}: twice the same");
            let same = draws == numbers(DeviceName::Flex, distribution, 400_000);
            assert!(same != name.is_gpu(), "{name}, {distribution:?}: CPUs have the host's numbers, GPUs their own");
        }
    }
}
