//! State dicts in the two containers of torch.save: the zip archive (PyTorch 1.6 on) and the stream of pickles before it.

use std::{collections::HashMap, ops::Range};

use super::{
    Fault, Tensors,
    archive::Archive,
    pickle::{self, Pickle, Storage, Value},
    view::View,
};

/// Operations of the pickle that describes the tensors: some 35 a tensor, so 7,000 tensors. At most 40 MB of memory.
const MOST_OPERATIONS: usize = 1 << 18;
/// Operations of the pickle that lists the storages.
const MOST_KEYS: usize = 1 << 16;
/// Operations of the pickle that describes the machine.
const MOST_FACTS: usize = 1 << 10;

/// Keys under which training scripts keep the state dict.
const NESTS: [&str; 3] = ["state_dict", "model_state_dict", "model"];

/// The magic number 0x1950a86a20f9469cfc6c and the version 1001, each as a pickle of protocol 2.
const LEGACY: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.";

/// Whether the file begins as the zip archive does.
pub(super) fn is_archive(file: &[u8]) -> bool {
    file.starts_with(b"PK\x03\x04")
}

/// Whether the file begins as the stream of pickles does.
pub(super) fn is_legacy(file: &[u8]) -> bool {
    file.starts_with(LEGACY)
}

/// The tensors of the state dict in a zip archive.
///
/// # Errors
/// [`Fault`] if the archive, its pickle or a storage is not as torch.save writes it.
pub(super) fn archived(file: &[u8]) -> Result<Tensors, Fault> {
    let archive = Archive::parse(file)?;
    let roots: Vec<&str> = archive.names().filter_map(|name| name.strip_suffix("data.pkl")).collect();
    let &[root] = roots.as_slice() else { return Err(Fault::Pickles { found: roots.len() }) };
    let byte_order = format!("{root}byteorder");
    if archive.names().any(|name| name == byte_order) && &file[archive.data(&byte_order)?] != b"little" {
        return Err(Fault::ByteOrder);
    }
    let described = &file[archive.data(&format!("{root}data.pkl"))?];
    let (value, pickle, _) = pickle::read(described, MOST_OPERATIONS)?;
    tensors(value, &pickle, |storage| Ok(archive.data(&format!("{root}data/{}", storage.key))?))
}

/// The tensors of the state dict in a stream of pickles, which the storages follow one after the other.
///
/// # Errors
/// [`Fault`] if a pickle or a storage is not as torch.save writes it.
pub(super) fn legacy(file: &[u8]) -> Result<Tensors, Fault> {
    let mut at = LEGACY.len();
    let (machine, facts, length) = pickle::read(&file[at..], MOST_FACTS)?;
    let little = entries(machine, &facts).is_some_and(|mut entries| {
        entries.any(|(key, value)| (key, value) == (Value::Text("little_endian"), Value::Bool(true)))
    });
    if !little {
        return Err(Fault::ByteOrder);
    }
    at += length;
    let (value, pickle, length) = pickle::read(&file[at..], MOST_OPERATIONS)?;
    at += length;
    let (keys, lists, length) = pickle::read(&file[at..], MOST_KEYS)?;
    at += length;
    let Value::List(keys) = keys else { return Err(Fault::Keys) };
    let declared: HashMap<&str, &Storage<'_>> = pickle.storages.iter().map(|storage| (storage.key, storage)).collect();
    let mut found = HashMap::new();
    for key in &lists.containers[keys] {
        let Value::Text(key) = key else { return Err(Fault::Keys) };
        let storage = declared.get(key).ok_or(Fault::Keys)?;
        let (range, next) = counted(file, at, storage).ok_or_else(|| Fault::storage(storage))?;
        if found.insert(*key, range).is_some() {
            return Err(Fault::Keys);
        }
        at = next;
    }
    if at != file.len() {
        return Err(Fault::Remainder { at, bytes: file.len() - at });
    }
    tensors(value, &pickle, |storage| found.get(storage.key).cloned().ok_or(Fault::Keys))
}

/// Where a storage's numbers lie that begins at `at` with their count, and where it ends; `None` if it does not fit.
fn counted(file: &[u8], at: usize, storage: &Storage<'_>) -> Option<(Range<usize>, usize)> {
    let (count, _) = file.get(at..)?.split_first_chunk()?;
    let start = at + 8;
    let end = start.checked_add(storage.count.checked_mul(storage.element.size())?)?;
    (u64::from_le_bytes(*count) == storage.count as u64 && end <= file.len()).then_some((start..end, end))
}

/// The tensors of the state dict in `root`, whose storages `locate` finds in the file.
fn tensors<'a>(
    root: Value<'a>,
    pickle: &Pickle<'a>,
    locate: impl Fn(&Storage<'a>) -> Result<Range<usize>, Fault>,
) -> Result<Tensors, Fault> {
    let mut located: HashMap<&str, Range<usize>> = HashMap::new();
    let mut tensors = Tensors::new();
    let dict = state_dict(root, pickle);
    for (key, value) in entries(dict, pickle).ok_or(Fault::NoStateDict)? {
        let (Value::Text(name), Value::Tensor(tensor)) = (key, value) else { continue };
        let described = &pickle.tensors[tensor];
        let storage = pickle.storages[described.storage];
        let range = match located.get(storage.key) {
            Some(range) => range.clone(),
            None => locate(&storage)?,
        };
        if storage.count.checked_mul(storage.element.size()) != Some(range.len()) {
            return Err(Fault::storage(&storage));
        }
        located.insert(storage.key, range.clone());
        let view = View::new(storage.element, range, described.spacing.clone());
        super::insert(&mut tensors, name, view.map_err(|fault| Fault::view(name, fault))?)?;
    }
    Ok(tensors)
}

/// The state dict: `root` itself, or what it keeps under one of the usual keys, at most two levels down.
fn state_dict<'a>(root: Value<'a>, pickle: &Pickle<'a>) -> Value<'a> {
    let nested = |value: Value<'a>| {
        NESTS.iter().find_map(|nest| {
            entries(value, pickle)?
                .find(|(key, value)| *key == Value::Text(nest) && matches!(value, Value::Dict(_)))
                .map(|(_, value)| value)
        })
    };
    let once = nested(root).unwrap_or(root);
    nested(once).unwrap_or(once)
}

/// Keys and values of a dictionary; `None` if it is none.
fn entries<'p, 'a>(
    value: Value<'a>,
    pickle: &'p Pickle<'a>,
) -> Option<impl Iterator<Item = (Value<'a>, Value<'a>)> + use<'p, 'a>> {
    let Value::Dict(dict) = value else { return None };
    let (pairs, _) = pickle.containers[dict].as_chunks::<2>();
    Some(pairs.iter().map(|[key, value]| (*key, *value)))
}
