//! Tables: every value as one CSV row, and every event as one JSON line. Numbers are written so that they read back to the same bits.

use std::{
    borrow::Cow,
    io::{self, BufWriter, Write},
    path::Path,
};

use serde_json::{Map, Value};

use super::{
    export::{Session, SessionRun},
    history::Best,
    quantity::{ErrorKind, Quantity},
    recorded::Extent,
    series::{Point, XAxis},
};
use crate::{
    file,
    run::{
        Estimate, Event, Position,
        log::{DamagedLine, SessionLog},
    },
    text::{printable, write_json},
};

/// The columns of the CSV file. `sigma`, `eigenvalue` and `tensor` say where a value
/// of a [snapshot](super::Snapshots) belongs and are empty elsewhere; `residual` is that of an eigenvalue, which has no `std_error`.
pub const COLUMNS: [&str; 12] = [
    "run",
    "quantity",
    "step",
    "gradients",
    "epoch",
    "seconds",
    "value",
    "std_error",
    "sigma",
    "eigenvalue",
    "tensor",
    "residual",
];

/// One value with what is known of it.
struct Row<'a> {
    quantity: Cow<'static, str>,
    at: Position,
    value: f64,
    std_error: f64,
    residual: f64,
    coordinate: Coordinate<'a>,
}

impl Row<'_> {
    /// A value that has no error and belongs to its time alone.
    fn plain(quantity: &'static str, at: Position, value: f64) -> Self {
        Self {
            quantity: quantity.into(),
            at,
            value,
            std_error: f64::NAN,
            residual: f64::NAN,
            coordinate: Coordinate::None,
        }
    }
}

/// Where along an axis of its own a value was measured, besides its position along training.
#[derive(Clone, Copy)]
enum Coordinate<'a> {
    None,
    Sigma(f64),
    Eigenvalue(f64),
    Tensor(&'a str),
}

impl<'a> Coordinate<'a> {
    fn sigma(self) -> f64 {
        if let Self::Sigma(sigma) = self { sigma } else { f64::NAN }
    }

    fn eigenvalue(self) -> f64 {
        if let Self::Eigenvalue(eigenvalue) = self { eigenvalue } else { f64::NAN }
    }

    fn tensor(self) -> &'a str {
        if let Self::Tensor(tensor) = self { tensor } else { "" }
    }
}

/// Writes one row for each value of each quantity of each run, under [`COLUMNS`], then the newest of each run's measurements that are
/// whole curves: `density` at each eigenvalue (the unbroadened weights of the quadrature, which sum to 1), `layer_trace` of each
/// tensor, at each sigma `perturbation_gap` with `gap_from_trace`, which is sigma^2 / 2 times the exact trace, `gap_from_smoothed_trace`,
/// which is half the integral of `smoothed_trace` over sigma^2, and what the bound is made of: `bound_a`, `bound_r`, `bound_c`,
/// `bound_n`, `bound_best_sigma`, and 1 or 0 for `bound_vacuous` and `bound_exceeded` (by the test loss); and what its evaluation of the lowest validation loss found: `best_validation_loss`,
/// `best_test_loss`, `best_test_accuracy`. The `std_error` of `trace` is over probe vectors and examples together; the part of the
/// examples is `trace_examples_std_error`.
///
/// Values that are not finite are written NaN, inf and -inf; `std_error` is empty where there is
/// none. Names that a spreadsheet would run as formulas get an apostrophe.
///
/// # Errors
/// Whatever the file system says.
pub fn write_csv(session: &Session, path: &Path) -> io::Result<()> {
    file::replace(path, |file| {
        let mut rows = csv::Writer::from_writer(BufWriter::new(file));
        rows.write_record(COLUMNS)?;
        for run in &session.runs {
            let name = harmless(&run.name);
            for row in series(run).chain(snapshots(run)).chain(averages(run)) {
                let optional = |value: f64| if value.is_nan() { String::new() } else { number(value) };
                let coordinate = row.coordinate;
                rows.write_record([
                    name.as_ref(),
                    row.quantity.as_ref(),
                    &row.at.step.to_string(),
                    &row.at.gradients.to_string(),
                    &number(XAxis::Epoch.of(row.at, run.history.steps_per_epoch())),
                    &number(row.at.seconds),
                    &number(row.value),
                    &optional(row.std_error),
                    &optional(coordinate.sigma()),
                    &optional(coordinate.eigenvalue()),
                    harmless(coordinate.tensor()).as_ref(),
                    &optional(row.residual),
                ])?;
            }
        }
        rows.flush()
    })
}

/// Every value of every quantity.
fn series(run: &SessionRun) -> impl Iterator<Item = Row<'_>> {
    Quantity::all().flat_map(|quantity| {
        run.history.series(quantity).points().map(move |point| row_of(quantity, quantity.key().into(), point))
    })
}

/// Every value of every quantity at the average of the weights: `average_test_loss` and so on.
fn averages(run: &SessionRun) -> impl Iterator<Item = Row<'_>> {
    let average = run.history.average();
    average.quantities().flat_map(move |quantity| {
        let points = average.series(quantity).points();
        points.map(move |point| row_of(quantity, format!("average_{}", quantity.key()).into(), point))
    })
}

fn row_of(quantity: Quantity, key: Cow<'static, str>, point: Point) -> Row<'static> {
    let (std_error, residual) = match quantity.error_kind() {
        ErrorKind::StdError => (point.error, f64::NAN),
        ErrorKind::Residual => (f64::NAN, point.error),
    };
    Row { quantity: key, at: point.at, value: point.value, std_error, residual, coordinate: Coordinate::None }
}

/// The newest measurements that are whole curves.
fn snapshots(run: &SessionRun) -> impl Iterator<Item = Row<'_>> {
    let snapshots = run.history.snapshots();
    let measured_at = snapshots.measured_at.unwrap_or_default();
    let estimated = |quantity, at, estimate: Estimate| Row {
        std_error: estimate.std_error,
        ..Row::plain(quantity, at, estimate.mean)
    };
    let density = snapshots.density.iter().flat_map(move |density| {
        density.nodes.iter().zip(&density.weights).map(move |(&node, &weight)| Row {
            coordinate: Coordinate::Eigenvalue(node),
            ..Row::plain("density_weight", measured_at, weight)
        })
    });
    let layers = snapshots.layers.iter().map(move |layer| Row {
        coordinate: Coordinate::Tensor(&layer.name),
        ..estimated("layer_trace", measured_at, layer.estimate)
    });
    let gaps = snapshots.gap.iter().flat_map(move |gap| {
        let at = gap.at;
        let predictions = gap.from_trace().into_iter().zip(gap.from_smoothed_traces());
        gap.points.iter().zip(predictions).flat_map(move |(point, (exact, smoothed))| {
            [
                ("perturbation_gap", point.gap),
                ("gap_from_trace", exact),
                ("gap_from_smoothed_trace", smoothed),
                ("smoothed_trace", point.smoothed_trace),
            ]
            .map(|(quantity, estimate)| Row {
                coordinate: Coordinate::Sigma(point.sigma),
                ..estimated(quantity, at, estimate)
            })
        })
    });
    #[expect(clippy::cast_precision_loss, reason = "a count stays far below 2^53")]
    let bound = snapshots.bound.iter().flat_map(|bound| {
        let at = bound.at;
        [
            ("bound_a", bound.largest_trace.mean),
            ("bound_r", bound.distance_from_init),
            ("bound_c", bound.largest_loss),
            ("bound_n", bound.examples as f64),
            ("bound_best_sigma", bound.best_sigma),
            ("bound_vacuous", f64::from(u8::from(bound.vacuous))),
            ("bound_exceeded", f64::from(u8::from(bound.exceeded))),
        ]
        .map(|(quantity, value)| Row::plain(quantity, at, value))
    });
    let best = run.history.best().into_iter().flat_map(|Best { at, metrics }| {
        let values = [
            ("best_validation_loss", metrics.validation_loss),
            ("best_test_loss", metrics.test_loss),
            ("best_test_accuracy", metrics.test_accuracy),
        ];
        values.into_iter().filter_map(move |(quantity, value)| Some(Row::plain(quantity, at, value?)))
    });
    density.chain(layers).chain(gaps).chain(bound).chain(best)
}

/// Writes the events of all runs, run after run, each as a JSON object that begins with the name of its run.
///
/// # Errors
/// Whatever the file system says.
pub fn write_jsonl(session: &Session, path: &Path) -> io::Result<()> {
    file::replace(path, |file| {
        let mut lines = BufWriter::new(file);
        for run in &session.runs {
            for event in &run.events {
                write_line(&mut lines, &run.name, event)?;
            }
        }
        lines.flush()
    })
}

/// The same for a session that is read meanwhile. The damaged lines of its logs are left out and returned.
///
/// # Errors
/// Whatever the file system says, and a log that cannot be read.
pub(super) fn write_recorded_jsonl(
    log: &mut SessionLog,
    extent: Extent<'_>,
    path: &Path,
) -> io::Result<Vec<DamagedLine>> {
    let names: Vec<String> = log.plan.runs.iter().map(|run| run.name.clone()).collect();
    let mut damaged = Vec::new();
    file::replace(path, |file| {
        let mut lines = BufWriter::new(file);
        let mut written = vec![0; names.len()];
        let mut failed = Ok(());
        let read = log.read_each(&mut |run, event| {
            if failed.is_ok() && extent.has(run, written[run]) {
                written[run] += 1;
                failed = write_line(&mut lines, &names[run], event);
            }
        });
        damaged = read.map_err(io::Error::other)?;
        failed?;
        lines.flush()
    })?;
    Ok(damaged)
}

fn write_line(lines: &mut impl Write, run: &str, event: &Event) -> io::Result<()> {
    let mut line = Map::from_iter([("run".to_owned(), Value::from(run))]);
    if let Value::Object(mut fields) = serde_json::to_value(event)? {
        fields.remove("run");
        line.append(&mut fields);
    }
    write_json(&mut *lines, &line)?;
    lines.write_all(b"\n")
}

/// A float in the fewest digits that read back to the same bits.
fn number(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || !value.is_finite() || (1e-5..1e16).contains(&size) {
        value.to_string()
    } else {
        format!("{value:e}")
    }
}

/// A name as a terminal and a spreadsheet may see it: free of what a terminal acts on, and one that begins like a formula is quoted by
/// an apostrophe.
fn harmless(name: &str) -> Cow<'_, str> {
    let name = printable(name);
    if name.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { format!("'{name}").into() } else { name }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::sample, *};
    use crate::run::Event;

    #[test]
    fn a_name_in_a_cell_steers_neither_a_terminal_nor_a_spreadsheet() {
        assert_eq!(harmless("a\u{1b}[2J\u{202e}b"), "a[2Jb");
        assert_eq!(harmless("\u{200b}=1+1"), "'=1+1");
        assert_eq!(harmless("NSO"), "NSO");
    }

    #[test]
    fn a_csv_file_reads_back_to_the_same_values() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("session.csv");
        let mut session = sample::session();
        session.runs[1].name = "=cmd|' /C calc'!A0".into();
        write_csv(&session, &path).unwrap();

        let mut rows = csv::Reader::from_path(&path).unwrap();
        assert_eq!(rows.headers().unwrap(), &csv::StringRecord::from(COLUMNS.to_vec()));
        let rows: Vec<csv::StringRecord> = rows.records().map(Result::unwrap).collect();
        let mut row = rows.iter();
        for run in &session.runs {
            for quantity in Quantity::all() {
                for point in run.history.series(quantity).points() {
                    let row = row.next().unwrap();
                    assert_eq!(row[0].trim_start_matches('\''), run.name);
                    assert_eq!(&row[1], quantity.key());
                    assert_eq!(row[2].parse(), Ok(point.at.step));
                    assert_eq!(row[3].parse(), Ok(point.at.gradients));
                    assert_eq!(row[6].parse().map(f64::to_bits), Ok(point.value.to_bits()));
                    let eigenvalue = matches!(quantity, Quantity::LambdaMax | Quantity::LambdaMin);
                    let (error, empty) = if eigenvalue { (&row[11], &row[7]) } else { (&row[7], &row[11]) };
                    assert_eq!(error.parse().unwrap_or(f64::NAN).to_bits(), point.error.to_bits());
                    assert_eq!(empty, "");
                }
            }
            // 11 points of a density, 4 tensors, 5 scales four times, 5 ingredients and 2 verdicts.
            let whole: Vec<_> = row.by_ref().take(11 + 4 + 20 + 7).collect();
            let starts = [0, 11, 15, 35].map(|row| whole[row][1].to_owned());
            assert_eq!(starts, ["density_weight", "layer_trace", "perturbation_gap", "bound_a"]);
        }
        assert_eq!(row.next(), None);
        assert!(rows.iter().all(|row| !row[0].starts_with('=')));
        assert!(rows.iter().any(|row| &row[6] == "NaN"), "the diverged run's last loss");
    }

    #[test]
    fn whole_curves_can_be_plotted_from_their_rows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("session.csv");
        let session = sample::session();
        write_csv(&session, &path).unwrap();
        let rows: Vec<csv::StringRecord> = csv::Reader::from_path(&path)
            .unwrap()
            .records()
            .map(Result::unwrap)
            .filter(|row| &row[0] == "NSO")
            .collect();
        let of = |quantity: &str, column: usize| -> Vec<String> {
            rows.iter().filter(|row| &row[1] == quantity).map(|row| row[column].to_owned()).collect()
        };
        let numbers = |cells: Vec<String>| cells.iter().map(|cell| cell.parse().unwrap()).collect::<Vec<f64>>();
        let snapshots = session.runs[3].history.snapshots();
        let density = snapshots.density.as_ref().unwrap();
        assert_eq!(
            (numbers(of("density_weight", 9)), numbers(of("density_weight", 6))),
            (density.nodes.clone(), density.weights.clone())
        );
        assert_eq!(of("layer_trace", 10), ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]);
        assert_eq!(of("layer_trace", 2), ["2000"; 4], "when curvature was last measured");
        assert_eq!(numbers(of("layer_trace", 7))[1], snapshots.layers[1].estimate.std_error);
        assert_eq!(numbers(of("gap_from_trace", 8)), [0.02, 0.025, 0.03, 0.035, 0.04]);
        let gap = snapshots.gap.as_ref().unwrap();
        assert!((numbers(of("gap_from_trace", 6))[4] / (0.0008 * gap.trace.mean) - 1.0).abs() < 1e-12);
        assert_eq!(of("bound_n", 6), ["4000"]);
        assert_eq!(of("one_sided_trace", 6).len(), 0, "NSO's pairs are two-point");
        assert!(of("train_loss", 8).iter().all(String::is_empty));
    }

    #[test]
    fn json_lines_are_the_events_with_their_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("session.jsonl");
        let session = sample::session();
        write_jsonl(&session, &path).unwrap();

        let text = std::fs::read_to_string(&path).unwrap();
        let mut lines = text.lines();
        for run in &session.runs {
            for event in &run.events {
                let line = lines.next().unwrap();
                assert!(line.starts_with(&format!("{{\"run\":\"{}\",", run.name)), "{line}");
                let read: Event = serde_json::from_str(line).unwrap();
                assert_eq!(format!("{read:?}"), format!("{event:?}"));
            }
        }
        assert_eq!(lines.next(), None);
    }

    proptest! {
        #[test]
        fn numbers_read_back_to_the_same_bits(value in any::<f64>()) {
            let read: f64 = number(value).parse().unwrap();
            prop_assert!(read.to_bits() == value.to_bits() || (read.is_nan() && value.is_nan()));
        }
    }
}
