//! What one frame of the dashboard costs, whatever the length of its runs: four charts of four runs on a 200 x 60 terminal,
//! with everything around them, drawn from scratch. The bar is 4 ms in the median for 100,000 points a curve.

use std::path::PathBuf;

use divan::{Bencher, black_box};
use nso_tui::{
    figure::{History, RecordedRun},
    problem::Metrics,
    run::{Eigenvalue, Estimate, Event, Plan, Position, Probe, RunHeader, WeightStats, preset},
    tui::{
        App, Recording, Setup, Writer,
        print::{Size, frame},
    },
};

fn main() {
    divan::main();
}

fn plan() -> Plan {
    let plan = preset::find("mnist-mlp").and_then(|text| preset::parse("mnist-mlp", &text, &[]));
    plan.unwrap_or_else(|error| panic!("{error}"))
}

/// A run of so many steps, with a point of every quantity that the charts show at each of them.
fn events(plan: &Plan, slot: usize, points: u64) -> Vec<Event> {
    let run = &plan.runs[slot];
    let mut events = vec![Event::Start(RunHeader {
        run: run.name.clone(),
        hyperparameters: run.hyperparameters,
        seed: 1,
        device: "flex".into(),
        parameters: 101_770,
        budget: plan.train.budget,
        steps_per_epoch: 32,
        probe_examples: 512,
        test_examples: 1_000,
        fork: None,
    })];
    for step in 1..=points {
        let at = Position { step, gradients: 2 * step, seconds: step as f64 * 1e-3 };
        let noise = (step.wrapping_mul(2_654_435_761 + slot as u64) % 1000) as f64 / 1000.0;
        let value = 2.3 * (-5.0 * step as f64 / points as f64).exp() * (1.0 + 0.5 * noise);
        let metrics = Metrics { train_loss: Some(value), gap: Some(0.3 - value / 10.0), ..Metrics::default() };
        events.push(Event::Step { at, loss: 1.1 * value });
        events.push(Event::Eval {
            at,
            examples: 5000,
            forward_passes: 0,
            took: 0.01,
            metrics,
            weight_stats: WeightStats::default(),
        });
        let trace = Estimate::new(value, 0.1 * value, 30);
        let lambda_max = Eigenvalue { value: 10.0 * value, residual: 0.01, products: 20 };
        let probe = Probe::new(at, trace, lambda_max);
        events.push(Event::Probe(Box::new(Probe { examples: 512, took: 0.2, ..probe })));
    }
    events
}

#[divan::bench(args = [1_000, 100_000, 1_000_000], sample_count = 200)]
fn four_charts_of_four_runs(bencher: Bencher<'_, '_>, points: u64) {
    let plan = plan();
    let events: Vec<_> = (0..plan.runs.len()).map(|slot| events(&plan, slot, points)).collect();
    let runs = RecordedRun::of(&plan, &events);
    let app = App::replay(
        Recording { plan, runs, directory: PathBuf::new(), writer: Writer::Gone, damage: None },
        Setup::default(),
    );
    let size = Size { columns: 200, rows: 60 };
    bencher.bench_local(|| frame(black_box(&app), size));
}

#[divan::bench(sample_count = 20)]
fn a_hundred_thousand_events_into_a_history(bencher: Bencher<'_, '_>) {
    let events = events(&plan(), 0, 33_333);
    bencher.bench_local(|| black_box(&events).iter().collect::<History>());
}
