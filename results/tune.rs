//! Searches: the settings of a preset whose methods are each tuned. As many settings for each method, judged by the
//! validation loss alone, with seeds that the results do not use.

use std::{collections::BTreeMap, error::Error, fmt::Write as _, fs, path::PathBuf};

use super::experiment::trained;

/// A grid of settings for one problem.
pub struct Search {
    /// Its table in results/ is `tuning-{name}.tsv`.
    pub name: &'static str,
    /// The preset whose runs have the chosen settings.
    pub preset: &'static str,
    /// Everything of the preset but its runs.
    head: &'static str,
    /// Learning rates of SGD, which has no radius: as many as the others have settings.
    sgd_rates: &'static [f64],
    /// Learning rates of the other methods.
    rates: &'static [f64],
    /// Scales of the noise of WP-SGD and NSO.
    sigmas: &'static [f64],
    /// Radii of SAM.
    rhos: &'static [f64],
    /// Seeds that choose; those of the results are others.
    seeds: &'static [u64],
    /// The device, as by `--device`.
    device: &'static str,
    /// How long all of it takes on two cores.
    pub takes: &'static str,
}

/// All searches.
pub const SEARCHES: &[Search] = &[
    Search {
        name: "mnist",
        preset: "tuned-mnist",
        head: r#"
[problem]
kind = "mnist-mlp"
validation_share = 0.1
[train]
gradients = 4000
batch = 128
evaluate_every = "80 gradients"
probe_every = "never"
[defaults]
momentum = 0.9
"#,
        sgd_rates: &[0.005, 0.007, 0.01, 0.015, 0.02, 0.03, 0.05, 0.07, 0.09, 0.1, 0.11, 0.15],
        rates: &[0.02, 0.03, 0.05, 0.1],
        sigmas: &[0.03, 0.05, 0.08],
        rhos: &[0.1, 0.2, 0.4],
        seeds: &[101, 102, 103],
        device: "flex",
        takes: "8 min",
    },
    Search {
        name: "clipart",
        preset: "clipart-mobilenet",
        head: r#"
[problem]
kind = "fine-tune"
network = "mobilenet-v2"
stem_stride = 1
weights = "embedded"
batch_norm = "batch"
data = "clipart"
validation_share = 0.2
[train]
gradients = 440
batch = 32
evaluate_every = "22 gradients"
probe_every = "never"
[defaults]
lr_schedule = "cosine"
momentum = 0.9
weight_decay = 0.0001
"#,
        sgd_rates: &[0.002, 0.005, 0.01, 0.02],
        rates: &[0.002, 0.005],
        sigmas: &[0.01, 0.02],
        rhos: &[0.05, 0.1],
        seeds: &[101, 102],
        device: "tch",
        takes: "40 min with LibTorch",
    },
];

/// A method with its settings, as a preset has them.
pub struct Setting {
    /// Its name.
    pub name: String,
    /// Its method.
    pub method: &'static str,
    /// Its lines in the preset.
    pub lines: String,
}

/// The setting that is chosen for a method.
pub struct Chosen {
    /// The setting.
    pub setting: Setting,
    /// Its lowest validation loss, the mean over seeds.
    pub loss: f64,
}

impl Search {
    /// All settings, method by method.
    pub fn settings(&self) -> Vec<Setting> {
        let mut all = Vec::new();
        for lr in self.sgd_rates {
            all.push(Setting { name: format!("SGD lr {lr}"), method: "sgd", lines: format!("lr = {lr:?}\n") });
        }
        for (label, method, key, values, more) in [
            ("WP-SGD", "wp-sgd", "sigma", self.sigmas, "k = 2\n"),
            ("SAM", "sam", "rho", self.rhos, ""),
            ("NSO", "nso", "sigma", self.sigmas, "k = 1\n"),
        ] {
            for (lr, value) in self.rates.iter().flat_map(|lr| values.iter().map(move |value| (lr, value))) {
                let name = format!("{label} lr {lr} {key} {value}");
                all.push(Setting { name, method, lines: format!("lr = {lr:?}\n{key} = {value:?}\n{more}") });
            }
        }
        all
    }

    /// The training of the preset with all settings as its runs.
    fn preset(&self) -> String {
        let mut text = self.head.to_owned();
        for Setting { name, method, lines } in self.settings() {
            // Writing to a String cannot fail.
            let _ = write!(text, "[[run]]\nname = \"{name}\"\nmethod = \"{method}\"\n{lines}");
        }
        text
    }

    fn path(&self) -> PathBuf {
        super::home().join("results").join(format!("tuning-{}.tsv", self.name))
    }

    /// Trains all settings with each seed, writes their lowest validation losses, and prints the choice.
    pub fn run(&self) -> Result<(), Box<dyn Error>> {
        let mut table = String::from("setting\tseed\tlowest validation loss\tat gradient evaluation\n");
        for &seed in self.seeds {
            for run in trained("tuning", &self.preset(), (&[], seed), self.device)? {
                let best = run.history.best().ok_or("a run without validation")?;
                let loss = best.metrics.validation_loss.unwrap_or(f64::NAN);
                let _ = writeln!(table, "{}\t{seed}\t{loss}\t{}", run.name, best.at.gradients);
            }
            // What is done so far stays if the rest is interrupted; `chosen` wants all of it.
            fs::write(self.path(), &table)?;
        }
        for Chosen { setting, loss } in self.chosen()? {
            println!("{}: {} ({loss:.4})", setting.method, setting.name);
        }
        Ok(())
    }

    /// For each method the setting of the lowest validation loss in the mean over seeds, as the search's table has it.
    pub fn chosen(&self) -> Result<Vec<Chosen>, Box<dyn Error>> {
        let (path, seeds) = (self.path(), self.seeds.len());
        let mut losses: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for line in fs::read_to_string(&path)?.lines().skip(1) {
            let cells: Vec<&str> = line.split('\t').collect();
            let [name, _, loss, _] = cells[..] else {
                return Err(format!("{}: a line has four cells", path.display()).into());
            };
            losses.entry(name.to_owned()).or_default().push(loss.parse()?);
        }
        let mut best: Vec<Chosen> = Vec::new();
        for setting in self.settings() {
            let found = losses.get(&setting.name).filter(|found| found.len() == seeds);
            let found =
                found.ok_or_else(|| format!("{}: '{}' is not there {seeds} times", path.display(), setting.name))?;
            let loss = found.iter().sum::<f64>() / seeds as f64;
            match best.iter_mut().find(|known| known.setting.method == setting.method) {
                None => best.push(Chosen { setting, loss }),
                Some(known) if loss < known.loss => *known = Chosen { setting, loss },
                Some(_) => {}
            }
        }
        Ok(best)
    }
}
