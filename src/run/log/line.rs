//! One line of a log: an event as a JSON object whose last field, `crc32`, is the CRC-32 of all that stands before it.
//! It finds every damage of up to 32 bits in a row. Lines of earlier versions have none and are read without.

use serde::Deserialize;

use crate::{
    number,
    run::{Event, Position},
    text::write_json,
};

/// What stands between the event and the eight hexadecimal digits of its checksum.
const KEY: &[u8] = br#","crc32":""#;
/// What stands after them.
const END: &[u8] = br#""}"#;
/// Hexadecimal digits of a checksum.
const DIGITS: usize = 8;

/// A line that is an event.
#[derive(Debug, PartialEq)]
pub(super) struct Line {
    pub event: Event,
    pub checksum: Checksum,
}

/// Whether a line carries its checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checksum {
    /// It does, and it is right.
    Right,
    /// It carries none, as lines of earlier versions.
    Absent,
}

/// How the line of a step begins.
const STEP: &[u8] = br#"{"event":"step","#;

/// The fields of a step. Most lines of a log are steps, which serde reads several times faster so than as one variant of many with
/// flattened fields.
#[derive(Deserialize)]
struct StepFields {
    #[serde(rename = "step")]
    steps: u64,
    gradients: u64,
    seconds: f64,
    #[serde(with = "number")]
    loss: f64,
}

/// Appends the line of an event, with its line feed.
pub(super) fn encode(event: &Event, lines: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    let start = lines.len();
    write_json(&mut *lines, event).inspect_err(|_| lines.truncate(start))?;
    // The closing brace comes after the checksum.
    lines.pop();
    let checksum = checksum_of(&lines[start..]);
    lines.extend_from_slice(KEY);
    lines.extend_from_slice(checksum.as_bytes());
    lines.extend_from_slice(END);
    lines.push(b'\n');
    Ok(())
}

/// Reads a line, with or without its line feed.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn decode(line: &[u8]) -> Result<Line, String> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let checksum = match stated_checksum(line) {
        None => Checksum::Absent,
        Some((before, stated)) if *stated == *checksum_of(before).as_bytes() => Checksum::Right,
        Some(_) => return Err("its checksum is wrong".to_owned()),
    };
    let event = match read_step(line) {
        Some(event) => event,
        None => serde_json::from_slice(line).map_err(|fault| fault.to_string())?,
    };
    Ok(Line { event, checksum })
}

/// The step of a line; `None` where it is none, or not as it was written.
fn read_step(line: &[u8]) -> Option<Event> {
    line.starts_with(STEP).then_some(())?;
    let StepFields { steps: step, gradients, seconds, loss } = serde_json::from_slice(line).ok()?;
    Some(Event::Step { at: Position { step, gradients, seconds }, loss })
}

fn checksum_of(bytes: &[u8]) -> String {
    format!("{:0DIGITS$x}", crc32fast::hash(bytes))
}

/// What a checksum is of, and the digits of the checksum, where the line ends with one.
fn stated_checksum(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = line.strip_suffix(END)?;
    let (rest, digits) = rest.split_at_checked(rest.len().checked_sub(DIGITS)?)?;
    Some((rest.strip_suffix(KEY)?, digits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Position;

    fn step() -> Event {
        Event::Step { at: Position { step: 12, gradients: 24, seconds: 0.125 }, loss: 0.75 }
    }

    #[test]
    fn a_line_ends_with_the_checksum_of_what_stands_before_it() {
        let mut line = Vec::new();
        encode(&step(), &mut line).unwrap();
        // The checksum is zlib.crc32 of Python 3.13.
        let expected = concat!(
            r#"{"event":"step","step":12,"gradients":24,"seconds":0.125,"loss":0.75,"crc32":"32118a44"}"#,
            "\n"
        );
        assert_eq!(String::from_utf8(line.clone()).unwrap(), expected);
        assert_eq!(decode(&line), Ok(Line { event: step(), checksum: Checksum::Right }));
    }

    /// The short way reads what the long way reads, and leaves what is no step to it.
    #[test]
    fn a_step_is_read_as_any_event_is() {
        let longest = Position { step: u64::MAX, gradients: u64::MAX, seconds: 1e-310 };
        for (at, loss) in
            [(Position::default(), -0.0), (longest, 0.1 + 0.2), (longest, f64::NAN), (longest, f64::INFINITY)]
        {
            let mut line = Vec::new();
            encode(&Event::Step { at, loss }, &mut line).unwrap();
            let [short, long] = [read_step(&line).unwrap(), serde_json::from_slice(&line).unwrap()];
            let bits = |event: &Event| match event {
                Event::Step { at, loss } => (at.step, at.gradients, [at.seconds.to_bits(), loss.to_bits()]),
                other => panic!("{other:?}"),
            };
            assert_eq!(bits(&short), bits(&long));
        }
        for other in [r#"{"event":"pause","step":3}"#, r#"{"event":"step","step":3}"#, r#"{"event":"step","step":-1"#] {
            assert_eq!(read_step(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn a_line_of_an_earlier_version_is_read_without_a_checksum() {
        let line = br#"{"event":"step","step":12,"gradients":24,"seconds":0.125,"loss":0.75}"#;
        assert_eq!(decode(line), Ok(Line { event: step(), checksum: Checksum::Absent }));
    }

    #[test]
    fn no_flipped_bit_is_taken_for_another_value() {
        let mut line = Vec::new();
        encode(&step(), &mut line).unwrap();
        let mut unseen = 0;
        for bit in 0..8 * (line.len() - 1) {
            let mut flipped = line.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Ok(read) = decode(&flipped) {
                assert_eq!((read.event, read.checksum), (step(), Checksum::Absent), "bit {bit}");
                unseen += 1;
            }
        }
        // A flip in the key of the checksum hides it, and nothing else.
        assert!(unseen <= 8 * "crc32".len(), "{unseen}");
    }
}
