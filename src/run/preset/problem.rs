//! The section [problem]: what is trained.

use super::Fault;
use super::images::{fine_tune, validation_share};
use crate::{
    data::Augmentation,
    problem::{Activation, Digits, ProblemConfig},
    run::section::Section,
};

/// Most measurements' bytes that matrix sensing may take.
const MOST_BYTES: u64 = 8 << 30;

/// The problem, and the augmentation of the runs that say nothing of it.
pub(super) fn problem(mut section: Section) -> Result<(ProblemConfig, Augmentation), Fault> {
    const KINDS: [&str; 7] =
        ["quadratic", "valley", "matrix-sensing", "mnist-softmax", "mnist-mlp", "fashion-cnn", "fine-tune"];
    let kind = section.required_choice("kind", &KINDS)?;
    let mut augmentation = Augmentation::default();
    let problem = match kind {
        "quadratic" => {
            let h = section.numbers("h")?.ok_or_else(|| section.fault("h", "missing: the list of curvatures"))?;
            let b = section.numbers("b")?.unwrap_or_else(|| vec![0.0; h.len()]);
            let start = section.numbers("start")?.unwrap_or_else(|| vec![1.0; h.len()]);
            if h.is_empty() || h.len() > 1_000_000 {
                return Err(section.fault("h", "expected 1 to 1,000,000 curvatures"));
            }
            for (key, list) in [("b", &b), ("start", &start)] {
                if list.len() != h.len() {
                    return Err(section.fault(key, format!("has {} numbers where h has {}", list.len(), h.len())));
                }
            }
            ProblemConfig::Quadratic { h, b, start }
        }
        "valley" => match section.numbers("start")?.unwrap_or_else(|| vec![1.0, 2.0])[..] {
            [x, y] => ProblemConfig::Valley { start: [x, y] },
            _ => return Err(section.fault("start", "expected two numbers, [x, y]")),
        },
        "matrix-sensing" => {
            let [d, r, n] = [
                section.count("d", 1..=2_000)?.unwrap_or(100),
                section.count("r", 1..=2_000)?.unwrap_or(5),
                section.count("n", 1..=10_000_000)?.unwrap_or(2_500),
            ];
            if r > d {
                return Err(section.fault("r", format!("a rank of {r} does not fit dimension d = {d}")));
            }
            let bytes = 4 * n * d * (d + 1);
            if bytes > MOST_BYTES {
                return Err(section
                    .fault("n", format!("{n} measurements of dimension {d} take {} GiB; at most 8", bytes >> 30)));
            }
            let [d, r, n] = [d, r, n].map(|count| usize::try_from(count).unwrap_or(usize::MAX));
            ProblemConfig::MatrixSensing { d, r, n }
        }
        "fashion-cnn" => {
            let channels = section.count("channels", 1..=1_024)?.unwrap_or(8);
            let channels = usize::try_from(channels).unwrap_or(usize::MAX);
            ProblemConfig::FashionCnn { channels, digits: digits(&mut section)? }
        }
        "fine-tune" => {
            let (config, usual) = fine_tune(&mut section)?;
            augmentation = usual;
            ProblemConfig::FineTune(Box::new(config))
        }
        "mnist-softmax" => ProblemConfig::MnistSoftmax(digits(&mut section)?),
        _ => {
            let hidden = section.count("hidden", 1..=65_536)?.unwrap_or(128);
            let hidden = usize::try_from(hidden).unwrap_or(usize::MAX);
            let activation = section.choice("activation", &Activation::ALL.map(Activation::key))?;
            let activation = Activation::ALL.into_iter().find(|one| Some(one.key()) == activation).unwrap_or_default();
            ProblemConfig::MnistMlp { hidden, activation, digits: digits(&mut section)? }
        }
    };
    section.finish()?;
    Ok((problem, augmentation))
}

fn digits(section: &mut Section) -> Result<Digits, Fault> {
    let data_dir = section.text("data_dir")?.map(Into::into);
    let train_samples = section.count("train_samples", 1..=60_000)?;
    let train_samples = train_samples.and_then(|count| usize::try_from(count).ok());
    Ok(Digits { train_samples, validation_share: validation_share(section, 0.0)?, data_dir })
}
