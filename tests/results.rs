//! The tables of docs/src/results.md are what the committed logs make, byte for byte.

#[path = "../results/tables.rs"]
mod tables;

#[test]
fn the_tables_of_the_results_are_made_of_the_logs() {
    let written = std::fs::read_to_string(tables::page()).unwrap();
    let made = tables::replaced(&written).unwrap();
    for (line, (made, written)) in made.lines().zip(written.lines()).enumerate() {
        assert_eq!(made, written, "line {}: `cargo run --release --example tables -- write` mends it", line + 1);
    }
    assert_eq!(made, written);
    let places = tables::TABLES.iter().filter(|(name, _)| written.contains(&format!("<!-- table {name} -->")));
    assert_eq!(places.count(), tables::TABLES.len(), "each table has a place");
}
