//! The names that a pickle of weights may use, and what their calls describe. Nothing of Python is run: a storage
//! becomes a key and a count, a rebuilt tensor a shape with strides.

use super::{
    pickle::{Described, Pickle, Storage, Value},
    view::{Element, LARGEST_RANK, Spacing},
};

/// A class or function of Python that says something about tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Storage(Element),
    /// Settings saved beside the weights: torch.Size, torch.device, set, data types. What they make is not looked at.
    Inert,
}

impl Global {
    /// The names of state dicts, a part of those that `torch.load(weights_only=True)` lets pass; `None` for all others.
    pub(super) fn parse(module: &[u8], name: &[u8]) -> Option<Self> {
        Some(match (module, name) {
            (b"collections", b"OrderedDict") => Self::OrderedDict,
            (b"torch._utils", b"_rebuild_tensor" | b"_rebuild_tensor_v2") => Self::RebuildTensor,
            (b"torch._utils", b"_rebuild_parameter") => Self::RebuildParameter,
            (b"torch", b"FloatStorage") => Self::Storage(Element::F32),
            (b"torch", b"DoubleStorage") => Self::Storage(Element::F64),
            (b"torch", b"HalfStorage") => Self::Storage(Element::F16),
            (b"torch", b"BFloat16Storage") => Self::Storage(Element::Bf16),
            (b"torch", b"LongStorage") => Self::Storage(Element::I64),
            (b"torch", b"IntStorage") => Self::Storage(Element::I32),
            (b"torch", b"ShortStorage") => Self::Storage(Element::I16),
            (b"torch", b"CharStorage") => Self::Storage(Element::I8),
            (b"torch", b"ByteStorage" | b"BoolStorage") => Self::Storage(Element::U8),
            (b"builtins" | b"__builtin__", b"set")
            | (
                b"torch",
                b"Size" | b"device" | b"float16" | b"bfloat16" | b"float32" | b"float64" | b"int64" | b"int32"
                | b"int16" | b"int8" | b"uint8" | b"bool",
            ) => Self::Inert,
            _ => return None,
        })
    }
}

/// The storage of a persistent id: ('storage', class, key, location, count), and None where old files name a view.
pub(super) fn storage<'a>(pickle: &mut Pickle<'a>, id: usize) -> Result<Value<'a>, &'static str> {
    let (&[Value::Text("storage"), class, key, _, Value::Int(count)]
    | &[Value::Text("storage"), class, key, _, Value::Int(count), Value::None]) = pickle.containers[id].as_slice()
    else {
        return Err("not the id of a storage; views from before PyTorch 0.4 are not read");
    };
    let (Value::Global(Global::Storage(element)), Value::Text(key)) = (class, key) else {
        return Err("a storage without a class or key");
    };
    let count = usize::try_from(count).map_err(|_| "a storage with a negative count")?;
    pickle.storages.push(Storage { element, key, count });
    Ok(Value::Storage(pickle.storages.len() - 1))
}

/// What `function` makes of the arguments, and how many values were copied for it.
pub(super) fn call<'a>(
    pickle: &mut Pickle<'a>,
    function: Global,
    arguments: usize,
) -> Result<(Value<'a>, usize), &'static str> {
    let arguments = &pickle.containers[arguments];
    match (function, arguments.as_slice()) {
        (Global::OrderedDict, []) => Ok((dict(pickle, Vec::new()), 0)),
        (Global::OrderedDict, [Value::List(items)]) => {
            let mut entries = Vec::new();
            for item in &pickle.containers[*items] {
                match item {
                    Value::List(pair) | Value::Tuple(pair) if pickle.containers[*pair].len() == 2 => {
                        entries.extend_from_slice(&pickle.containers[*pair]);
                    }
                    _ => return Err("an OrderedDict of what are no pairs"),
                }
            }
            let copied = entries.len();
            Ok((dict(pickle, entries), copied))
        }
        (Global::RebuildTensor, &[Value::Storage(storage), Value::Int(offset), shape, strides, ..]) => {
            let offset = usize::try_from(offset).map_err(|_| "a tensor with a negative offset")?;
            let spacing = Spacing { shape: sizes(pickle, shape)?, strides: sizes(pickle, strides)?, offset };
            pickle.tensors.push(Described { storage, spacing });
            Ok((Value::Tensor(pickle.tensors.len() - 1), 0))
        }
        (Global::RebuildParameter, &[tensor @ Value::Tensor(_), ..]) => Ok((tensor, 0)),
        (Global::Inert, _) => Ok((Value::Other, 0)),
        _ => Err("a call with arguments that describe no tensor"),
    }
}

fn dict<'a>(pickle: &mut Pickle<'a>, entries: Vec<Value<'a>>) -> Value<'a> {
    pickle.containers.push(entries);
    Value::Dict(pickle.containers.len() - 1)
}

/// The sizes or strides of a tensor.
fn sizes(pickle: &Pickle<'_>, value: Value<'_>) -> Result<Vec<usize>, &'static str> {
    let Value::Tuple(items) = value else { return Err("a tensor whose shape or strides are no tuple") };
    let items = &pickle.containers[items];
    if items.len() > LARGEST_RANK {
        return Err("a tensor with more than 8 dimensions");
    }
    let size = |item: &Value<'_>| match item {
        Value::Int(size) => usize::try_from(*size).map_err(|_| "a tensor with a negative size or stride"),
        _ => Err("a tensor with a size or stride that is no integer"),
    };
    items.iter().map(size).collect()
}
