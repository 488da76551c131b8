//! An experiment: a preset, what is changed in it, and the seeds that it is run with.

use std::{
    error::Error,
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    path::PathBuf,
};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use nso_tui::{
    figure::History,
    run::{
        Engine, Event,
        device::Devices,
        log::{Destination, SessionLog},
        preset,
    },
};
use serde_json::{Map, Value};

/// An experiment whose logs are kept.
pub struct Experiment {
    /// Its folder in results/.
    pub name: &'static str,
    /// The preset.
    pub preset: &'static str,
    /// What is changed in it, as by `--set`.
    pub changes: &'static [&'static str],
    /// The seeds.
    pub seeds: &'static [u64],
    /// The device, as by `--device`.
    pub device: &'static str,
    /// How long all seeds take on two cores.
    pub takes: &'static str,
}

const ONE: &[u64] = &[1];
const THREE: &[u64] = &[1, 2, 3];
const FIVE: &[u64] = &[1, 2, 3, 4, 5];

const fn on_flex(
    name: &'static str,
    changes: &'static [&'static str],
    seeds: &'static [u64],
    takes: &'static str,
) -> Experiment {
    Experiment { name, preset: name, changes, seeds, device: "flex", takes }
}

/// Curvature on so many training examples alone, balanced and drawn by the seed.
const FEWER: &str = "train.probe_examples=1000";
/// Losses on whole splits less often than on the screen.
const SELDOM: &str = "train.evaluate_every=200 gradients";

/// All experiments.
pub const EXPERIMENTS: &[Experiment] = &[
    on_flex("mnist-mlp", &[], FIVE, "5 min"),
    on_flex("tuned-mnist", &[FEWER], FIVE, "3 min"),
    on_flex("methods", &["train.measure=[]", FEWER], THREE, "4 min"),
    on_flex("k-sweep", &[FEWER, SELDOM], THREE, "2 min"),
    on_flex("noise-schedule", &[FEWER, SELDOM], THREE, "2 min"),
    on_flex("no-momentum", &[FEWER, SELDOM], THREE, "1 min"),
    on_flex("matrix-sensing-small", &["train.probe_every=never", "train.evaluate_every=200 gradients"], FIVE, "10 s"),
    on_flex("matrix-sensing", &["train.probe_every=never", "train.evaluate_every=500 gradients"], ONE, "4 min"),
    on_flex("perturbation-gap", &[], ONE, "75 s"),
    Experiment {
        name: "clipart-mobilenet",
        preset: "clipart-mobilenet",
        changes: &[],
        seeds: THREE,
        device: "tch",
        takes: "25 min with LibTorch",
    },
];

/// One run of an experiment with one seed.
pub struct Run {
    /// Its name in the preset.
    pub name: String,
    /// All that its log tells.
    pub history: History,
    /// Its events.
    pub events: Vec<Event>,
}

impl Experiment {
    /// The log of a seed.
    fn path(&self, seed: u64) -> PathBuf {
        super::home().join("results").join(self.name).join(format!("seed-{seed}.jsonl.gz"))
    }

    /// Trains every seed and writes its log.
    pub fn run(&self) -> Result<(), Box<dyn Error>> {
        for &seed in self.seeds {
            println!("{}, seed {seed}", self.name);
            let text = preset::find(self.preset)?;
            let logs = trained(self.preset, &text, (self.changes, seed), self.device)?;
            let path = self.path(seed);
            fs::create_dir_all(path.parent().ok_or("a log has a folder")?)?;
            let mut file = GzEncoder::new(File::create(path)?, Compression::best());
            for run in logs {
                for event in &run.events {
                    writeln!(file, "{}", line(&run.name, event)?)?;
                }
            }
            file.finish()?.sync_all()?;
        }
        Ok(())
    }

    /// The runs of each seed, read from the logs: seed by seed, in the order of the preset.
    pub fn logs(&self) -> Result<Vec<Vec<Run>>, Box<dyn Error>> {
        self.seeds.iter().map(|&seed| read(&self.path(seed))).collect()
    }
}

/// Trains the runs of a preset to their ends. Events of single steps are left out.
pub fn trained(
    name: &str,
    text: &str,
    (changes, seed): (&[&str], u64),
    device: &str,
) -> Result<Vec<Run>, Box<dyn Error>> {
    let mut sets: Vec<String> = changes.iter().map(|&change| change.to_owned()).collect();
    sets.extend([format!("train.seed={seed}"), "train.record_every=1000000000".to_owned()]);
    let plan = preset::parse(name, text, &sets)?;
    let folder = tempfile::tempdir()?;
    let destination = Destination::Exactly(folder.path().join("session"));
    let count = plan.runs.len();
    let mut engine = Engine::start(plan, &destination, &Devices::choose(Some(device))?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut over = 0;
        while over < count {
            let Some(batch) = engine.next().await else { break };
            over += batch.events.iter().filter(|event| matches!(event, Event::Finish { .. })).count();
        }
        engine.close().await
    });
    let mut session = SessionLog::open(&folder.path().join("session"))?;
    let logs = session.read_new()?.runs;
    let runs = session.plan.runs.iter().zip(logs).map(|(run, events)| Run::new(run.name.clone(), events));
    Ok(runs.collect())
}

impl Run {
    fn new(name: String, events: Vec<Event>) -> Self {
        let events: Vec<Event> = events
            .into_iter()
            .filter(|event| {
                !matches!(event, Event::Step { .. } | Event::FreeTrace { .. } | Event::AscentCurvature { .. })
            })
            .collect();
        Self { name, history: events.iter().collect(), events }
    }
}

/// An event as a JSON object that begins with the name of its run.
fn line(run: &str, event: &Event) -> Result<String, serde_json::Error> {
    let mut line = Map::from_iter([("run".to_owned(), Value::from(run))]);
    if let Value::Object(mut fields) = serde_json::to_value(event)? {
        fields.remove("run");
        line.append(&mut fields);
    }
    serde_json::to_string(&line)
}

fn read(path: &PathBuf) -> Result<Vec<Run>, Box<dyn Error>> {
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut runs: Vec<(String, Vec<Event>)> = Vec::new();
    for line in BufReader::new(GzDecoder::new(file)).lines() {
        let line = line?;
        let value: Value = serde_json::from_str(&line)?;
        let name = value["run"].as_str().ok_or("an event without a run")?.to_owned();
        let event: Event = serde_json::from_str(&line)?;
        match runs.last_mut().filter(|(last, _)| *last == name) {
            Some((_, events)) => events.push(event),
            None => runs.push((name, vec![event])),
        }
    }
    Ok(runs.into_iter().map(|(name, events)| Run::new(name, events)).collect())
}
