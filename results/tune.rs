//! The choice of settings for presets/tuned-mnist.toml: as many for each method, judged by the validation loss alone.

use std::{collections::BTreeMap, error::Error, fmt::Write as _, fs, path::PathBuf};

use super::experiment::trained;

/// Learning rates of methods that have a radius as well.
const RATES: [f64; 4] = [0.02, 0.03, 0.05, 0.1];
/// Learning rates of SGD, which has none: as many as the others have settings.
const RATES_ALONE: [f64; 12] = [0.005, 0.007, 0.01, 0.015, 0.02, 0.03, 0.05, 0.07, 0.09, 0.1, 0.11, 0.15];
/// Scales of the noise of WP-SGD and NSO.
const SIGMAS: [f64; 3] = [0.03, 0.05, 0.08];
/// Radii of SAM.
const RHOS: [f64; 3] = [0.1, 0.2, 0.4];

/// Seeds that choose; those of the results are others.
const SEEDS: [u64; 3] = [101, 102, 103];

/// A method with its settings, as a preset has them.
pub struct Setting {
    /// Its name.
    pub name: String,
    /// Its method.
    pub method: &'static str,
    /// Its lines in the preset.
    pub lines: String,
}

/// All settings, method by method.
pub fn settings() -> Vec<Setting> {
    let mut all = Vec::new();
    for lr in RATES_ALONE {
        all.push(Setting { name: format!("SGD lr {lr}"), method: "sgd", lines: format!("lr = {lr:?}\n") });
    }
    for (label, method, key, values, more) in [
        ("WP-SGD", "wp-sgd", "sigma", SIGMAS, "k = 2\n"),
        ("SAM", "sam", "rho", RHOS, ""),
        ("NSO", "nso", "sigma", SIGMAS, "k = 1\n"),
    ] {
        for (lr, value) in RATES.into_iter().flat_map(|lr| values.map(|value| (lr, value))) {
            let name = format!("{label} lr {lr} {key} {value}");
            all.push(Setting { name, method, lines: format!("lr = {lr:?}\n{key} = {value:?}\n{more}") });
        }
    }
    all
}

/// The training of presets/tuned-mnist.toml with all settings as its runs.
fn preset() -> String {
    let mut text = String::from(
        "[problem]\nkind = \"mnist-mlp\"\nvalidation_share = 0.1\n[train]\ngradients = 4000\nbatch = 128\nevaluate_every = \"80 gradients\"\nprobe_every = \"never\"\n[defaults]\nmomentum = 0.9\n",
    );
    for Setting { name, method, lines } in settings() {
        // Writing to a String cannot fail.
        let _ = write!(text, "[[run]]\nname = \"{name}\"\nmethod = \"{method}\"\n{lines}");
    }
    text
}

fn path() -> PathBuf {
    super::home().join("results").join("tuning.tsv")
}

/// Trains all settings with each seed, writes their lowest validation losses to results/tuning.tsv, and says what is chosen.
pub fn tune() -> Result<(), Box<dyn Error>> {
    let mut table = String::from("setting\tseed\tlowest validation loss\tat gradient evaluation\n");
    for seed in SEEDS {
        for run in trained("tuning", &preset(), (&[], seed), "flex")? {
            let best = run.history.best().ok_or("a run without validation")?;
            let loss = best.metrics.validation_loss.unwrap_or(f64::NAN);
            let _ = writeln!(table, "{}\t{seed}\t{loss}\t{}", run.name, best.at.gradients);
        }
    }
    fs::write(path(), table)?;
    for Chosen { setting, loss } in chosen()? {
        println!("{}: {} ({loss:.4})", setting.method, setting.name);
    }
    Ok(())
}

/// The setting that is chosen for a method.
pub struct Chosen {
    /// The setting.
    pub setting: Setting,
    /// Its lowest validation loss, the mean over seeds.
    pub loss: f64,
}

/// For each method the setting of the lowest validation loss in the mean over seeds, as results/tuning.tsv has it.
pub fn chosen() -> Result<Vec<Chosen>, Box<dyn Error>> {
    let mut sums: BTreeMap<String, f64> = BTreeMap::new();
    for line in fs::read_to_string(path())?.lines().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let [name, _, loss, _] = cells[..] else { return Err("a line of results/tuning.tsv has four cells".into()) };
        *sums.entry(name.to_owned()).or_default() += loss.parse::<f64>()? / SEEDS.len() as f64;
    }
    let mut best: Vec<Chosen> = Vec::new();
    for setting in settings() {
        let loss = *sums.get(&setting.name).ok_or("results/tuning.tsv lacks a setting")?;
        match best.iter_mut().find(|known| known.setting.method == setting.method) {
            None => best.push(Chosen { setting, loss }),
            Some(known) if loss < known.loss => *known = Chosen { setting, loss },
            Some(_) => {}
        }
    }
    Ok(best)
}
