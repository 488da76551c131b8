//! Files that are cut off, flipped, or lie about where things are and how large.

use std::{collections::HashSet, io::Write};

use flate2::{Compression, write::DeflateEncoder};
use nso_tui::problem::checkpoint::Checkpoint;
use proptest::prelude::*;

use crate::{
    Turn,
    bytes::{Entry, GOOD, archived, legacy, safetensors, stored, word, zip},
    fixture_bytes,
};

/// Whether a model that wants the tensors of `good` gets other numbers from `read`.
fn differs(good: &Checkpoint, read: &Checkpoint) -> bool {
    good.names().any(|name| {
        let shape = good.shape(name).unwrap();
        read.tensor(name, shape).is_ok_and(|values| values != good.tensor(name, shape).unwrap())
    })
}

#[test]
fn every_truncation_and_every_appended_byte_is_refused() {
    let turn = Turn::take();
    let mut cases = HashSet::new();
    for name in ["zip.pth", "legacy.pth", "wrapped.pt", "views.pth", "views.safetensors", "types.safetensors"] {
        let good = fixture_bytes(name);
        for part in 0..50 {
            cases.insert((name, good[..good.len() * part / 50].to_vec()));
        }
        cases.insert((name, good[..good.len() - 1].to_vec()));
        cases.insert((name, [&good[..], &[0]].concat()));
        cases.insert((name, [&[0], &good[..]].concat()));
        cases.insert((name, [&good[..], &good].concat()));
    }
    assert!(cases.len() > 300, "{}", cases.len());
    for (name, bytes) in &cases {
        turn.refused(name, bytes);
    }
}

/// What a flip changes unseen would be wrong numbers. Numbers of the zip archive have checksums, so none may change.
#[test]
fn no_flipped_bit_of_an_archive_changes_a_number() {
    let turn = Turn::take();
    for name in ["zip.pth", "views.pth"] {
        let good = fixture_bytes(name);
        let whole = turn.read(name, &good).unwrap();
        let mut harmless = 0;
        for at in 0..good.len() {
            let mut flipped = good.clone();
            flipped[at] ^= 1 << (at % 8);
            match turn.parse(name, flipped) {
                Ok(read) => {
                    // Dates, versions, padding, copies of sizes that the directory has too.
                    harmless += 1;
                    assert!(read.names().eq(whole.names()) && !differs(&whole, &read), "byte {at} of {name}");
                }
                Err(error) => assert!(error.to_string().contains(name), "{error}"),
            }
        }
        assert!(harmless < good.len() * 3 / 4, "{harmless} of {}", good.len());
    }
}

/// Neither safetensors nor the older container has checksums: a flip among the numbers, or in the older container in a
/// stride or offset, cannot be seen, not by PyTorch either. A flip in the header of safetensors must never move numbers.
#[test]
fn no_flipped_bit_of_a_header_moves_a_number() {
    let turn = Turn::take();
    for name in ["views.safetensors", "types.safetensors"] {
        let good = fixture_bytes(name);
        let whole = turn.read(name, &good).unwrap();
        let header = 8 + usize::from(u16::from_le_bytes([good[0], good[1]]));
        for at in 0..header {
            for bit in 0..8 {
                let mut flipped = good.clone();
                flipped[at] ^= 1 << bit;
                match turn.parse(name, flipped) {
                    Ok(read) => assert!(!differs(&whole, &read), "bit {bit} of byte {at} of {name}"),
                    Err(error) => assert!(error.to_string().contains(name), "{error}"),
                }
            }
        }
    }
    let good = fixture_bytes("legacy.pth");
    for at in 0..good.len() {
        let mut flipped = good.clone();
        flipped[at] ^= 1 << (at % 8);
        if let Err(error) = turn.parse("legacy.pth", flipped) {
            assert!(error.to_string().contains("legacy.pth"), "{error}");
        }
    }
}

/// Two entries of a good checkpoint, and its storage.
fn entries() -> Vec<Entry> {
    let numbers: Vec<u8> = [1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0].iter().flat_map(|number| number.to_le_bytes()).collect();
    vec![stored("net/data.pkl", &GOOD.state_dict()), stored("net/byteorder", b"little"), stored("net/data/0", &numbers)]
}

/// The archive with one entry changed.
fn changed(index: usize, change: impl Fn(&mut Entry)) -> Vec<u8> {
    let mut entries = entries();
    change(&mut entries[index]);
    zip(&entries)
}

/// The archive with these bytes in its end record, so many before its last.
fn ending(before: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = zip(&entries());
    let start = file.len() - before;
    file[start..start + bytes.len()].copy_from_slice(bytes);
    file
}

/// An entry of `size` zeros, packed a thousandfold.
fn bomb(name: &str, size: usize) -> Entry {
    let mut packer = DeflateEncoder::new(Vec::new(), Compression::best());
    for _ in 0..size >> 20 {
        packer.write_all(&vec![0; 1 << 20]).unwrap();
    }
    Entry { method: 8, size, ..stored(name, &packer.finish().unwrap()) }
}

#[test]
fn archives_that_lie_about_their_entries_are_refused() {
    let turn = Turn::take();
    let good = zip(&entries());
    let directory = good.len() - 22 - entries().iter().map(|entry| 46 + entry.name.len()).sum::<usize>();
    let no_end = "no end record";
    let absent = "which is not there";
    let mut cases = vec![
        ("bomb", "net/data/0 is compressed", zip(&[entries().remove(0), bomb("net/data/0", 300 << 20)])),
        ("bomb-pickle", "net/data.pkl is compressed", zip(&[bomb("net/data.pkl", 300 << 20)])),
        ("bomb-aside", "readme is compressed", zip(&[entries(), vec![bomb("readme", 300 << 20)]].concat_entries())),
        ("encrypted", "net/data/0 is compressed or encrypted", changed(2, |entry| entry.flags = 1)),
        ("method", "net/data/0 is compressed", changed(2, |entry| entry.method = 99)),
        ("size-claimed", "net/data/0 is compressed", changed(2, |entry| entry.size = 0xffff_fffe)),
        ("size-zip64", "net/data/0 is compressed", changed(2, |entry| entry.size = 0xffff_ffff)),
        ("longer", "storage 0 does not hold", changed(2, |entry| *entry = stored("net/data/0", &[0; 28]))),
        ("shorter", "storage 0 does not hold", changed(2, |entry| *entry = stored("net/data/0", &[0; 20]))),
        ("checksum", "net/data/0 is damaged", changed(2, |entry| entry.checksum ^= 4)),
        ("checksum-pickle", "net/data.pkl is damaged", changed(0, |entry| entry.checksum ^= 4)),
        ("data", "net/data/0 is damaged", changed(2, |entry| entry.data[3] ^= 1)),
        ("byte-order", "not little-endian", changed(1, |entry| *entry = stored("net/byteorder", b"big"))),
        ("other-key", "no entry net/data/0", changed(2, |entry| entry.name = "net/data/1".into())),
        ("other-root", "no entry net/data/0", changed(2, |entry| entry.name = "data/0".into())),
        ("no-pickle", "has 0 entries named data.pkl", changed(0, |entry| entry.name = "net/data.pickle".into())),
        ("two-pickles", "has 2 entries named data.pkl", changed(1, |entry| entry.name = "other/data.pkl".into())),
        ("same-name", "overlap or have the same name", changed(1, |entry| entry.name = "net/data/0".into())),
        ("not-utf8", absent, {
            let mut file = good.clone();
            file[directory + 46] = 0xff;
            file
        }),
        ("renamed", "is not at byte 0", {
            let mut file = good.clone();
            file[30] = b'N';
            file
        }),
        ("moved", "net/data.pkl is not at byte 1", {
            let mut file = good.clone();
            file[directory + 42] = 1;
            file
        }),
        ("moved-far", "net/data.pkl is not at byte 4294967295", {
            let mut file = good.clone();
            file[directory + 42..directory + 46].fill(0xff);
            file
        }),
        ("into-the-directory", "net/data/0 is not at byte", {
            let mut file = good.clone();
            let last = good.len() - 22 - 46 - "net/data/0".len();
            file[last + 20..last + 24].copy_from_slice(&word(26));
            file[last + 24..last + 28].copy_from_slice(&word(26));
            file
        }),
        ("over-its-neighbour", "overlap", {
            let mut file = good.clone();
            let long = GOOD.state_dict().len() + 8;
            file[directory + 20..directory + 24].copy_from_slice(&word(long));
            file[directory + 24..directory + 28].copy_from_slice(&word(long));
            file
        }),
        ("end-cut", no_end, good[..good.len() - 22].to_vec()),
        ("only-end", "neither safetensors nor", good[good.len() - 22..].to_vec()),
        ("comment", no_end, ending(2, &[1, 0])),
        ("disk", no_end, ending(18, &[1])),
        ("more-entries", absent, ending(14, &[4, 0, 4, 0])),
        ("fewer-entries", absent, ending(14, &[2, 0, 2, 0])),
        ("counts-differ", absent, ending(14, &[3, 0, 2, 0])),
        ("all-entries", absent, ending(14, &[0xff; 4])),
        ("directory-later", absent, ending(6, &word(directory + 1))),
        ("directory-elsewhere", absent, ending(6, &word(0))),
        ("directory-outside", absent, ending(6, &[0xff; 4])),
        ("directory-huge", absent, ending(10, &[0xff; 4])),
        ("directory-short", absent, ending(10, &word(46))),
    ];
    cases.push(("nothing", "has 0 entries named data.pkl", zip(&[stored("readme", b"")])));
    for (name, part, file) in &cases {
        let error = turn.refused(&format!("{name}.pth"), file);
        assert!(error.contains(part), "{name}: {error}");
    }
    assert!(turn.read("good.pth", &good).is_ok());
}

/// Joins entries that own their bytes.
trait ConcatEntries {
    fn concat_entries(self) -> Vec<Entry>;
}

impl<const N: usize> ConcatEntries for [Vec<Entry>; N] {
    fn concat_entries(self) -> Vec<Entry> {
        self.into_iter().flatten().collect()
    }
}

#[test]
fn an_archive_without_checksums_is_read() {
    let turn = Turn::take();
    let file = zip(&entries().into_iter().map(|entry| Entry { checksum: 0, ..entry }).collect::<Vec<_>>());
    assert!(turn.read("good.pth", &file).unwrap().tensor("weight", &[2, 3]).is_ok());
}

#[test]
fn the_older_container_must_hold_together() {
    let turn = Turn::take();
    let good = legacy(&GOOD.state_dict());
    let with = |before: usize, byte: u8| {
        let mut file = good.clone();
        let at = file.len() - before;
        file[at] = byte;
        file
    };
    let without_endianness = {
        let at = good.windows(13).position(|window| window == b"little_endian").unwrap();
        let mut file = good.clone();
        // NEWTRUE becomes NEWFALSE.
        file[at + 13] = 0x89;
        file
    };
    for (name, part, file) in [
        ("big-endian", "not little-endian", without_endianness),
        ("count", "storage 0 does not hold the 6 numbers", with(32, 7)),
        ("count-huge", "storage 0 does not hold the 6 numbers", with(25, 0xff)),
        ("key", "its list of storages", with(35, b'1')),
        ("appended", "1 bytes follow the last storage", [&good[..], &[0]].concat()),
    ] {
        let error = turn.refused(&format!("{name}.pth"), &file);
        assert!(error.contains(part), "{name}: {error}");
    }
}

#[test]
fn headers_of_safetensors_that_lie_are_refused() {
    let turn = Turn::take();
    let one = |dtype: &str, shape: &str, from: u64, to: u64| {
        format!(r#"{{"weight":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{from},{to}]}}}}"#)
    };
    let two = |first: &str, second: &str| format!(r#"{{"a":{first},"b":{second}}}"#);
    let part = |from: u32, to: u32| format!(r#"{{"dtype":"F32","shape":[2],"data_offsets":[{from},{to}]}}"#);
    let at_fault = "safetensors header is at fault";
    let length = "claims a header of";
    let good = safetensors(&one("F32", "[2,3]", 0, 24), 24);
    let claimed = |length: u64| [&length.to_le_bytes()[..], &good[8..]].concat();
    let header = good.len() as u64 - 32;
    let padded = |length: usize| {
        let header = one("F32", "[2,3]", 0, 24);
        safetensors(&(header.clone() + &" ".repeat(length - header.len())), 24)
    };
    let dense = format!("[{}0]", "0,".repeat(250_000));
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let cases = [
        ("length-zero", at_fault, claimed(0)),
        ("length-one", at_fault, claimed(1)),
        ("length-less", at_fault, claimed(header - 1)),
        ("length-more", at_fault, claimed(header + 1)),
        ("length-file", length, claimed(header + 25)),
        ("length-most", length, claimed(u64::MAX)),
        ("length-sign", length, claimed(1 << 63)),
        ("length-bound", length, padded((1 << 19) + 1)),
        ("length-library", length, [&(99_000_000u64).to_le_bytes()[..], b"{", &b" ".repeat(99_000_000)].concat()),
        ("offset-outside", at_fault, safetensors(&one("F32", "[2,3]", 0, 28), 24)),
        ("offset-late", at_fault, safetensors(&one("F32", "[2,3]", 4, 28), 28)),
        ("offset-reversed", at_fault, safetensors(&one("F32", "[2,3]", 24, 0), 24)),
        ("offset-huge", at_fault, safetensors(&one("F32", "[2,3]", 0, u64::MAX), 24)),
        ("offset-negative", at_fault, safetensors(&one("F32", "[2,3]", 0, 24).replace("[0,", "[-24,"), 24)),
        ("data-missing", at_fault, safetensors(&one("F32", "[2,3]", 0, 24), 23)),
        ("data-more", at_fault, safetensors(&one("F32", "[2,3]", 0, 24), 25)),
        ("dtype-wide", at_fault, safetensors(&one("F64", "[2,3]", 0, 24), 24)),
        ("dtype-narrow", at_fault, safetensors(&one("F16", "[2,3]", 0, 24), 24)),
        ("dtype-unknown", at_fault, safetensors(&one("F12", "[2,3]", 0, 24), 24)),
        ("dtype-escape", "\\u{1b}[2J", safetensors(&one("\\u001b[2J", "[2,3]", 0, 24), 24)),
        ("dtype-complex", "weight is of type C64", safetensors(&one("C64", "[3]", 0, 24), 24)),
        ("dtype-f8", "weight is of type F8_E4M3", safetensors(&one("F8_E4M3", "[24]", 0, 24), 24)),
        ("shape", at_fault, safetensors(&one("F32", "[3,3]", 0, 24), 24)),
        ("shape-overflow", at_fault, safetensors(&one("F32", "[4294967296,4294967296,4]", 0, 0), 0)),
        ("shape-wraps", at_fault, safetensors(&one("F32", "[4611686018427387904]", 0, 0), 0)),
        ("shape-negative", at_fault, safetensors(&one("F32", "[-2,-3]", 0, 24), 24)),
        ("shape-text", at_fault, safetensors(&one("F32", "\"6\"", 0, 24), 24)),
        ("shape-nine", "weight has 9 dimensions", safetensors(&one("F32", "[2,3,1,1,1,1,1,1,1]", 0, 24), 24)),
        ("shape-dense", "weight has 250001 dimensions", safetensors(&one("F32", &dense, 0, 0), 0)),
        ("shape-deep", at_fault, safetensors(&one("F32", &deep, 0, 0), 0)),
        ("overlap", at_fault, safetensors(&two(&part(0, 8), &part(4, 12)), 12)),
        ("gap", at_fault, safetensors(&two(&part(0, 8), &part(12, 20)), 20)),
        ("shared", at_fault, safetensors(&two(&part(0, 8), &part(0, 8)), 8)),
        ("twice", "tensor a occurs twice", safetensors(&two(&part(0, 8), &part(0, 8)).replace("\"b\"", "\"a\""), 8)),
        ("twice-apart", "a occurs twice", safetensors(&two(&part(0, 8), &part(8, 16)).replace("\"b\"", "\"a\""), 16)),
        ("dtype-twice", at_fault, safetensors(&one("F32\",\"dtype\":\"F32", "[2,3]", 0, 24), 24)),
        ("no-tensors", "holds no tensors", safetensors("{}", 0)),
        ("only-metadata", "holds no tensors", safetensors(r#"{"__metadata__":{"a":"b"}}"#, 0)),
        ("metadata-number", at_fault, safetensors(r#"{"__metadata__":{"a":1}}"#, 0)),
        ("no-dtype", at_fault, safetensors(r#"{"a":{"shape":[],"data_offsets":[0,4]}}"#, 4)),
        ("number", at_fault, safetensors(r#"{"a":1}"#, 0)),
        ("cut", at_fault, safetensors("{", 0)),
        ("not-utf8", at_fault, [&5u64.to_le_bytes()[..], b"{\"\xff\"}"].concat()),
        ("no-name", "name is empty", safetensors(&one("F32", "[2,3]", 0, 24).replace("weight", ""), 24)),
        ("long-name", "longer than 512", {
            safetensors(&one("F32", "[2,3]", 0, 24).replace("weight", &"n".repeat(513)), 24)
        }),
    ];
    for (name, part, file) in &cases {
        let error = turn.refused(&format!("{name}.safetensors"), file);
        assert!(error.contains(part), "{name}: {error}");
    }
    assert!(turn.read("good.safetensors", &good).is_ok() && turn.read("padded.safetensors", &padded(1 << 19)).is_ok());
}

#[test]
fn other_files_are_refused_as_such() {
    let turn = Turn::take();
    let unknown = "neither safetensors nor written by torch.save";
    for (name, file) in [
        ("empty", vec![]),
        ("text", b"weights".to_vec()),
        ("pickle", GOOD.state_dict()),
        ("tar", [&[0; 257][..], b"ustar\x0000", &[0; 512]].concat()),
        ("png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec()),
    ] {
        assert!(turn.refused(&format!("{name}.pth"), &file).contains(unknown), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn no_bytes_make_it_panic(start in 0..5usize, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let [zipped, older] = [archived(&bytes), legacy(&bytes)];
        let header = [&(bytes.len() as u64).to_le_bytes()[..], b"{", &bytes].concat();
        let zip_like = [&b"PK\x03\x04"[..], &bytes, b"PK\x05\x06\0\0\0\0\x01\0\x01\0\x2e\0\0\0\0\0\0\0\0\0"].concat();
        let file = vec![bytes.clone(), zipped, older, header, zip_like].swap_remove(start);
        prop_assert!(Checkpoint::parse("noise", file).is_err_and(|error| error.to_string().contains("noise")));
    }

    #[test]
    fn no_changed_bytes_make_it_panic(
        name in prop::sample::select(vec!["views.pth", "views-legacy.pth", "views.safetensors", "wrapped-legacy.pt"]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut file = fixture_bytes(name);
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        if let Ok(checkpoint) = Checkpoint::parse(name, file) {
            for tensor in checkpoint.names() {
                let shape = checkpoint.shape(tensor).unwrap();
                if shape.iter().product::<usize>() < 1 << 20 {
                    let _ = checkpoint.tensor(tensor, shape);
                }
            }
        }
    }
}
