//! Tables: every value as one CSV row, and every event as one JSON line. Numbers are written so that they read back to the same bits.

use std::{
    borrow::Cow,
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};

use serde_json::{Map, Value};

use super::{export::Session, file, quantity::Quantity, series::XAxis};

/// The columns of the CSV file.
pub const COLUMNS: [&str; 8] = ["run", "quantity", "step", "gradients", "epoch", "seconds", "value", "std_error"];

/// Writes one row for each value of each quantity of each run, under [`COLUMNS`]. Values that are not finite are written
/// NaN, inf and -inf; `std_error` (for lambda_max the residual) is empty where there is none. Names that a spreadsheet
/// would run as formulas get an apostrophe.
///
/// # Errors
/// Whatever the file system says.
pub fn write_csv(session: &Session, path: &Path) -> io::Result<()> {
    file::replace(path, |sibling| {
        let mut rows = csv::Writer::from_writer(BufWriter::new(File::create(sibling)?));
        rows.write_record(COLUMNS)?;
        for run in &session.runs {
            let name = harmless(&run.name);
            for quantity in Quantity::ALL {
                let series = run.history.series(quantity);
                for (index, point) in series.points().enumerate() {
                    rows.write_record([
                        name.as_ref(),
                        quantity.key(),
                        &point.at.step.to_string(),
                        &point.at.gradients.to_string(),
                        &number(series.x(index, XAxis::Epoch)),
                        &number(point.at.seconds),
                        &number(point.value),
                        &if point.std_error.is_nan() { String::new() } else { number(point.std_error) },
                    ])?;
                }
            }
        }
        rows.flush()
    })
}

/// Writes the events of all runs, run after run, each as a JSON object that begins with the name of its run.
///
/// # Errors
/// Whatever the file system says.
pub fn write_jsonl(session: &Session, path: &Path) -> io::Result<()> {
    file::replace(path, |sibling| {
        let mut lines = BufWriter::new(File::create(sibling)?);
        for run in &session.runs {
            for event in &run.events {
                let mut line = Map::from_iter([("run".to_owned(), Value::from(run.name.as_str()))]);
                if let Value::Object(mut fields) = serde_json::to_value(event)? {
                    fields.remove("run");
                    line.append(&mut fields);
                }
                serde_json::to_writer(&mut lines, &line)?;
                lines.write_all(b"\n")?;
            }
        }
        lines.flush()
    })
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

/// A name as a spreadsheet may see it: one that begins like a formula is quoted by an apostrophe.
fn harmless(name: &str) -> Cow<'_, str> {
    if name.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { format!("'{name}").into() } else { name.into() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::sample, *};
    use crate::run::Event;

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
            for quantity in Quantity::ALL {
                for point in run.history.series(quantity).points() {
                    let row = row.next().unwrap();
                    assert_eq!(row[0].trim_start_matches('\''), run.name);
                    assert_eq!(&row[1], quantity.key());
                    assert_eq!(row[2].parse(), Ok(point.at.step));
                    assert_eq!(row[3].parse(), Ok(point.at.gradients));
                    assert_eq!(row[6].parse().map(f64::to_bits), Ok(point.value.to_bits()));
                    assert_eq!(row[7].parse().unwrap_or(f64::NAN).to_bits(), point.std_error.to_bits());
                }
            }
        }
        assert_eq!(row.next(), None);
        assert!(rows.iter().all(|row| !row[0].starts_with('=')));
        assert!(rows.iter().any(|row| &row[6] == "NaN"), "the diverged run's last loss");
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
