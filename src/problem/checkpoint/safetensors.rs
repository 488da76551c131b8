//! The safetensors format by its own library, behind a bound on its header and a check that no name occurs twice,
//! of which the library keeps the last.

use std::{collections::HashSet, fmt};

use safetensors::{Dtype, SafeTensors};
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, Visitor},
};

use super::{
    Fault, Tensors,
    view::{Element, Spacing, View},
};

/// Longest header: several thousand tensors. The library takes up to 50 times as much memory to read it.
const LONGEST_HEADER: u64 = 1 << 19;

/// Whether the file begins as this format does: the header's length, then its JSON.
pub(super) fn is_safetensors(file: &[u8]) -> bool {
    file.get(8) == Some(&b'{')
}

/// The tensors of a file in this format.
///
/// # Errors
/// [`Fault`] if the header is too long, is no such header, or claims what is not there.
pub(super) fn tensors(file: &[u8]) -> Result<Tensors, Fault> {
    let header = header(file)?;
    let names: UniqueNames = serde_json::from_slice(header).map_err(|fault| Fault::header(&fault))?;
    let start = 8 + header.len();
    let (_, metadata) = SafeTensors::read_metadata(file).map_err(|fault| Fault::header(&fault))?;
    let mut tensors = Tensors::new();
    for (name, info) in names.0.iter().filter_map(|name| Some((name, metadata.info(name)?))) {
        let element = element(info.dtype)
            .ok_or_else(|| Fault::Element { tensor: super::shown(name), element: format!("{:?}", info.dtype) })?;
        let storage = start + info.data_offsets.0..start + info.data_offsets.1;
        let view = View::new(element, storage, Spacing::row_major(&info.shape));
        super::insert(&mut tensors, name, view.map_err(|fault| Fault::view(name, fault))?)?;
    }
    Ok(tensors)
}

fn header(file: &[u8]) -> Result<&[u8], Fault> {
    let (length, rest) = file.split_first_chunk().ok_or(Fault::Unknown)?;
    let claimed = u64::from_le_bytes(*length);
    let available = rest.len();
    let fault = Fault::HeaderLength { claimed, available, longest: LONGEST_HEADER };
    if claimed > LONGEST_HEADER {
        return Err(fault);
    }
    usize::try_from(claimed).ok().and_then(|length| rest.get(..length)).ok_or(fault)
}

fn element(dtype: Dtype) -> Option<Element> {
    Some(match dtype {
        Dtype::F16 => Element::F16,
        Dtype::BF16 => Element::Bf16,
        Dtype::F32 => Element::F32,
        Dtype::F64 => Element::F64,
        Dtype::I8 => Element::I8,
        Dtype::I16 => Element::I16,
        Dtype::I32 => Element::I32,
        Dtype::I64 => Element::I64,
        Dtype::U8 | Dtype::BOOL => Element::U8,
        _ => return None,
    })
}

/// The keys of a JSON object, none of which occurs twice.
struct UniqueNames(HashSet<String>);

impl<'de> Deserialize<'de> for UniqueNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = UniqueNames;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of tensors by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UniqueNames, A::Error> {
                let mut names = HashSet::new();
                while let Some((name, IgnoredAny)) = map.next_entry::<String, _>()? {
                    if names.contains(&name) {
                        return Err(A::Error::custom(format_args!("tensor {name} occurs twice")));
                    }
                    names.insert(name);
                }
                Ok(UniqueNames(names))
            }
        }
        deserializer.deserialize_map(Names)
    }
}
