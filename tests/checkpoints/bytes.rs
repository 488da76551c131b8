//! Archives, pickles and headers made byte by byte, true and false ones.

use flate2::Crc;

/// An entry of a zip archive as its directory tells it.
pub struct Entry {
    pub name: String,
    pub data: Vec<u8>,
    pub flags: u16,
    pub method: u16,
    /// Unpacked.
    pub size: usize,
    pub checksum: u32,
}

/// An entry as torch.save writes it.
pub fn stored(name: &str, data: &[u8]) -> Entry {
    let mut crc = Crc::new();
    crc.update(data);
    Entry { name: name.to_owned(), data: data.to_owned(), flags: 0, method: 0, size: data.len(), checksum: crc.sum() }
}

/// The archive of these entries.
pub fn zip(entries: &[Entry]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut directory = Vec::new();
    for entry in entries {
        let start = file.len();
        let about = [
            &entry.flags.to_le_bytes()[..],
            &entry.method.to_le_bytes(),
            &[0; 4],
            &entry.checksum.to_le_bytes(),
            &word(entry.data.len()),
            &word(entry.size),
            &half(entry.name.len()),
            &[0; 2],
        ]
        .concat();
        file.extend([&b"PK\x03\x04\0\0"[..], &about, entry.name.as_bytes(), &entry.data].concat());
        let rest = [&[0; 10][..], &word(start), entry.name.as_bytes()].concat();
        directory.extend([&b"PK\x01\x02\0\0\0\0"[..], &about, &rest].concat());
    }
    let count = half(entries.len());
    let end = [&b"PK\x05\x06\0\0\0\0"[..], &count, &count, &word(directory.len()), &word(file.len()), &[0; 2]].concat();
    [file, directory, end].concat()
}

/// A checkpoint whose pickle this is, with six numbers as its storage 0.
pub fn archived(pickle: &[u8]) -> Vec<u8> {
    let numbers: Vec<u8> = [1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0].iter().flat_map(|number| number.to_le_bytes()).collect();
    zip(&[stored("net/data.pkl", pickle), stored("net/byteorder", b"little"), stored("net/data/0", &numbers)])
}

/// The same in the container from before PyTorch 1.6.
pub fn legacy(pickle: &[u8]) -> Vec<u8> {
    let magic = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.";
    let facts = [&b"\x80\x02}"[..], &text("little_endian"), b"\x88s."].concat();
    let keys = [&b"\x80\x02]"[..], &text("0"), b"a."].concat();
    let numbers: Vec<u8> = [1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0].iter().flat_map(|number| number.to_le_bytes()).collect();
    [&magic[..], &facts, pickle, &keys, &6u64.to_le_bytes(), &numbers].concat()
}

pub fn text(text: &str) -> Vec<u8> {
    [&b"X"[..], &word(text.len()), text.as_bytes()].concat()
}

pub fn int(value: i64) -> Vec<u8> {
    [&b"\x8a\x08"[..], &value.to_le_bytes()].concat()
}

pub fn ints(values: &[i64]) -> Vec<u8> {
    [&b"("[..], &values.iter().flat_map(|&value| int(value)).collect::<Vec<_>>(), b"t"].concat()
}

pub fn global(module: &str, name: &str) -> Vec<u8> {
    format!("c{module}\n{name}\n").into_bytes()
}

/// A tensor as torch.save describes it.
pub struct Tensor<'a> {
    pub class: &'a str,
    pub key: &'a str,
    pub count: i64,
    pub offset: i64,
    pub shape: &'a [i64],
    pub strides: &'a [i64],
}

/// Two rows of three.
pub const GOOD: Tensor<'_> =
    Tensor { class: "FloatStorage", key: "0", count: 6, offset: 0, shape: &[2, 3], strides: &[3, 1] };

impl Tensor<'_> {
    pub fn pickled(&self) -> Vec<u8> {
        let storage = [text("storage"), global("torch", self.class), text(self.key), text("cpu"), int(self.count)];
        let arguments = [int(self.offset), ints(self.shape), ints(self.strides), b"\x89)".to_vec()];
        [&global("torch._utils", "_rebuild_tensor_v2")[..], b"((", &storage.concat(), b"tQ", &arguments.concat(), b"tR"]
            .concat()
    }

    /// The pickle of a state dict with this tensor as `weight`.
    pub fn state_dict(&self) -> Vec<u8> {
        dict(&[(text("weight"), self.pickled())])
    }
}

/// The pickle of a dictionary.
pub fn dict(entries: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let entries: Vec<u8> = entries.iter().flat_map(|(key, value)| [&key[..], value].concat()).collect();
    [&b"\x80\x02}("[..], &entries, b"u."].concat()
}

/// A state dict with a good tensor, and this value beside it.
pub fn beside(value: &[u8]) -> Vec<u8> {
    dict(&[(text("weight"), GOOD.pickled()), (text("extra"), value.to_vec())])
}

/// A safetensors file of this header and so many bytes of data.
pub fn safetensors(header: &str, data: usize) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![0; data]].concat()
}

pub fn word(value: usize) -> [u8; 4] {
    u32::try_from(value).unwrap().to_le_bytes()
}

fn half(value: usize) -> [u8; 2] {
    u16::try_from(value).unwrap().to_le_bytes()
}
