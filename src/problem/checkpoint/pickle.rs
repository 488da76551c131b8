//! The pickles that torch.save writes for weights, read without running anything: a stack machine that knows
//! containers, numbers, text, and the few calls that describe a tensor. Any other name or opcode is refused.
//!
//! Values are small, refer to the file's own bytes for text and to each other by number: nothing is copied, nothing is
//! nested in memory, so neither a memo bomb nor a deep nest costs more than its opcodes, and those are counted.

use super::{
    call::{self, Global},
    view::{Element, Spacing},
};
use std::collections::HashMap;

/// What is wrong with a pickle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum PickleError {
    /// Cut off.
    #[error("its pickle ends within the opcode at byte {at}")]
    Truncated { at: usize },
    /// Not among the opcodes of a state dict.
    #[error(
        "its pickle has the opcode 0x{opcode:02x} at byte {at}, which torch.save does not write for weights; save model.state_dict() alone, by torch.save's default protocol"
    )]
    Opcode { at: usize, opcode: u8 },
    /// A class or function that describes no tensor.
    #[error(
        "its pickle asks for {name} at byte {at}, which is refused: only tensors are read and no code is ever run; save model.state_dict() alone"
    )]
    Global { at: usize, name: String },
    /// Opcodes that fit no values.
    #[error("its pickle is malformed at byte {at}: {what}")]
    Malformed { at: usize, what: &'static str },
    /// More opcodes than the weights of any network need.
    #[error("its pickle has more than {most} operations, more than any network's weights need")]
    Long { most: usize },
}

/// A Python value; containers are numbers of [`Pickle::containers`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    Text(&'a str),
    Tuple(usize),
    List(usize),
    /// Keys and values in turn.
    Dict(usize),
    Global(Global),
    Storage(usize),
    Tensor(usize),
    /// Something that no tensor depends on: a float, a device, a set.
    Other,
}

/// Numbers in the file that tensors are cut from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Storage<'a> {
    pub(super) element: Element,
    pub(super) key: &'a str,
    pub(super) count: usize,
}

/// A tensor as described, not yet checked against the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Described {
    /// Its number among the storages.
    pub(super) storage: usize,
    pub(super) spacing: Spacing,
}

/// What a pickle holds.
#[derive(Debug, Default)]
pub(super) struct Pickle<'a> {
    pub(super) containers: Vec<Vec<Value<'a>>>,
    pub(super) storages: Vec<Storage<'a>>,
    pub(super) tensors: Vec<Described>,
}

/// Reads one pickle from the beginning of `bytes`: its root, what that refers to, and how many bytes it took.
///
/// At most `most` operations, counting every value that an operation copies. Memory: some 150 bytes an operation.
///
/// # Errors
/// [`PickleError`] says at which byte.
pub(super) fn read(bytes: &[u8], most: usize) -> Result<(Value<'_>, Pickle<'_>, usize), PickleError> {
    let mut machine = Machine {
        input: Input { bytes, at: 0, opcode_at: 0 },
        pickle: Pickle::default(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        left: most,
        most,
    };
    let root = machine.run()?;
    Ok((root, machine.pickle, machine.input.at))
}

/// The bytes, and how far they are read.
struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
    opcode_at: usize,
}

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], PickleError> {
        let end = self.at.checked_add(count);
        let taken =
            end.and_then(|end| self.bytes.get(self.at..end)).ok_or(PickleError::Truncated { at: self.opcode_at })?;
        self.at += count;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], PickleError> {
        self.take(N)?.first_chunk().copied().ok_or(PickleError::Truncated { at: self.opcode_at })
    }

    fn byte(&mut self) -> Result<u8, PickleError> {
        Ok(self.array::<1>()?[0])
    }

    fn word(&mut self) -> Result<u32, PickleError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn line(&mut self) -> Result<&'a [u8], PickleError> {
        let rest = &self.bytes[self.at..];
        let length =
            rest.iter().position(|&byte| byte == b'\n').ok_or(PickleError::Truncated { at: self.opcode_at })?;
        let line = self.take(length)?;
        self.at += 1;
        Ok(line)
    }
}

struct Machine<'a> {
    input: Input<'a>,
    pickle: Pickle<'a>,
    stack: Vec<Value<'a>>,
    /// Heights of the stack at the open marks.
    marks: Vec<usize>,
    memo: HashMap<u32, Value<'a>>,
    left: usize,
    most: usize,
}

impl<'a> Machine<'a> {
    fn run(&mut self) -> Result<Value<'a>, PickleError> {
        loop {
            self.spend(1)?;
            self.input.opcode_at = self.input.at;
            match self.input.byte()? {
                b'.' => return self.pop(),
                opcode => self.step(opcode)?,
            }
        }
    }

    fn step(&mut self, opcode: u8) -> Result<(), PickleError> {
        let value = match opcode {
            0x80 => match self.input.byte()? {
                2 | 3 => return Ok(()),
                _ => return Err(self.malformed("the pickle protocol is not 2, torch.save's default")),
            },
            b'N' => Value::None,
            0x88 => Value::Bool(true),
            0x89 => Value::Bool(false),
            b'K' => Value::Int(self.input.byte()?.into()),
            b'M' => Value::Int(u16::from_le_bytes(self.input.array()?).into()),
            b'J' => Value::Int(i32::from_le_bytes(self.input.array()?).into()),
            0x8a => {
                let length = self.input.byte()?.into();
                integer(self.input.take(length)?)
            }
            b'G' => {
                self.input.take(8)?;
                Value::Other
            }
            b'X' => {
                let length = self.input.word()? as usize;
                let text = str::from_utf8(self.input.take(length)?);
                Value::Text(text.map_err(|_| self.malformed("text that is not UTF-8"))?)
            }
            b'U' | b'T' => {
                let length = if opcode == b'U' { self.input.byte()?.into() } else { self.input.word()? as usize };
                str::from_utf8(self.input.take(length)?).map_or(Value::Other, Value::Text)
            }
            b'c' => Value::Global(self.global()?),
            b')' => Value::Tuple(self.container(Vec::new())),
            b']' => Value::List(self.container(Vec::new())),
            b'}' => Value::Dict(self.container(Vec::new())),
            b'(' => {
                self.marks.push(self.stack.len());
                return Ok(());
            }
            b't' => {
                let items = self.pop_to_mark()?;
                Value::Tuple(self.container(items))
            }
            0x85..=0x87 => {
                let height = self.stack.len().checked_sub(usize::from(opcode - 0x84));
                let height = height.filter(|height| self.marks.last().is_none_or(|mark| mark <= height));
                let items = self.stack.split_off(height.ok_or_else(|| self.malformed(EMPTY))?);
                Value::Tuple(self.container(items))
            }
            b'a' => {
                let item = self.pop()?;
                return self.append(vec![item]);
            }
            b'e' => {
                let items = self.pop_to_mark()?;
                return self.append(items);
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                return self.set_items(vec![key, value]);
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                return self.set_items(items);
            }
            b'q' | b'r' => {
                let index = if opcode == b'q' { self.input.byte()?.into() } else { self.input.word()? };
                let top = self.top()?;
                self.memo.insert(index, top);
                return Ok(());
            }
            b'h' | b'j' => {
                let index = if opcode == b'h' { self.input.byte()?.into() } else { self.input.word()? };
                self.memo.get(&index).copied().ok_or_else(|| self.malformed("a value that was never stored"))?
            }
            b'Q' => {
                let Value::Tuple(id) = self.pop()? else { return Err(self.malformed("a storage's id is no tuple")) };
                call::storage(&mut self.pickle, id).map_err(|what| self.malformed(what))?
            }
            b'R' => {
                let (arguments, function) = (self.pop()?, self.pop()?);
                let (Value::Global(function), Value::Tuple(arguments)) = (function, arguments) else {
                    return Err(self.malformed("a call of what is no function, or without a tuple of arguments"));
                };
                let (result, copied) =
                    call::call(&mut self.pickle, function, arguments).map_err(|what| self.malformed(what))?;
                self.spend(copied)?;
                result
            }
            // The attributes of an OrderedDict, where modules keep their versions.
            b'b' => match (self.pop()?, self.top()?) {
                (Value::Dict(_) | Value::None, Value::Dict(_)) => return Ok(()),
                _ => return Err(self.malformed("attributes of what is no dictionary")),
            },
            _ => return Err(PickleError::Opcode { at: self.input.opcode_at, opcode }),
        };
        self.stack.push(value);
        Ok(())
    }

    fn global(&mut self) -> Result<Global, PickleError> {
        let (module, name) = (self.input.line()?, self.input.line()?);
        Global::parse(module, name).ok_or_else(|| {
            let name = [module, name].map(|part| super::shown(&String::from_utf8_lossy(&part[..part.len().min(100)])));
            PickleError::Global { at: self.input.opcode_at, name: name.join(".") }
        })
    }

    fn container(&mut self, items: Vec<Value<'a>>) -> usize {
        self.pickle.containers.push(items);
        self.pickle.containers.len() - 1
    }

    /// Appends to the list on top of the stack.
    fn append(&mut self, items: Vec<Value<'a>>) -> Result<(), PickleError> {
        let Value::List(list) = self.top()? else { return Err(self.malformed(NO_CONTAINER)) };
        self.pickle.containers[list].extend(items);
        Ok(())
    }

    /// Adds keys and values in turn to the dictionary on top of the stack.
    fn set_items(&mut self, items: Vec<Value<'a>>) -> Result<(), PickleError> {
        match self.top()? {
            Value::Dict(dict) if items.len().is_multiple_of(2) => self.pickle.containers[dict].extend(items),
            _ => return Err(self.malformed(NO_CONTAINER)),
        }
        Ok(())
    }

    fn spend(&mut self, operations: usize) -> Result<(), PickleError> {
        self.left = self.left.checked_sub(operations).ok_or(PickleError::Long { most: self.most })?;
        Ok(())
    }

    fn malformed(&self, what: &'static str) -> PickleError {
        PickleError::Malformed { at: self.input.opcode_at, what }
    }

    fn top(&self) -> Result<Value<'a>, PickleError> {
        let top = self.stack.last().filter(|_| self.marks.last() != Some(&self.stack.len()));
        top.copied().ok_or_else(|| self.malformed(EMPTY))
    }

    fn pop(&mut self) -> Result<Value<'a>, PickleError> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Value<'a>>, PickleError> {
        let mark = self.marks.pop().ok_or_else(|| self.malformed("there is no mark"))?;
        Ok(self.stack.split_off(mark))
    }
}

const NO_CONTAINER: &str = "items for what is no list or dictionary";
const EMPTY: &str = "a value is missing on the stack";

/// A little-endian two's complement integer; longer ones than any size are of no use.
fn integer(bytes: &[u8]) -> Value<'static> {
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut filled = [if negative { 0xff } else { 0 }; 8];
    match filled.get_mut(..bytes.len()) {
        Some(low) => {
            low.copy_from_slice(bytes);
            Value::Int(i64::from_le_bytes(filled))
        }
        None => Value::Other,
    }
}
