//! One table of a preset, read key by key. A key that was not read by the end is an unknown key.

use std::{cell::RefCell, collections::BTreeSet, ops::RangeInclusive};

use toml::{Table, Value};

use crate::text::{escaped, is_printable, suggestion};

/// A fault at a key, before the file is known.
#[derive(Debug)]
pub(super) struct Fault {
    pub key: String,
    pub fault: String,
}

impl Fault {
    pub fn new(key: impl Into<String>, fault: impl Into<String>) -> Self {
        Self { key: key.into(), fault: fault.into() }
    }
}

/// A table with its dotted path, which remembers the keys that it was asked for.
#[derive(Debug)]
pub(super) struct Section {
    path: String,
    table: Table,
    known: RefCell<BTreeSet<String>>,
}

impl Section {
    pub fn new(path: &str, table: Table) -> Self {
        Self { path: path.to_owned(), table, known: RefCell::default() }
    }

    /// Calls the section otherwise in faults from here on.
    pub fn rename(&mut self, path: &str) {
        path.clone_into(&mut self.path);
    }

    /// The dotted path of a key.
    fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// A fault at a key.
    pub fn fault(&self, key: &str, fault: impl Into<String>) -> Fault {
        Fault::new(self.key(key), fault)
    }

    /// Whether a key is there.
    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Moves what stands under an older key to its present one.
    ///
    /// # Errors
    /// If both are there.
    pub fn rename_key(&mut self, old: &str, new: &str) -> Result<(), Fault> {
        match self.table.remove(old) {
            Some(_) if self.has(new) => Err(self.fault(new, format!("given twice: {old} is its older name"))),
            Some(value) => {
                self.table.insert(new.to_owned(), value);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn take(&mut self, key: &str) -> Option<Value> {
        self.known.get_mut().insert(key.to_owned());
        self.table.remove(key)
    }

    fn wrong_type(&self, key: &str, expected: &str, found: &Value) -> Fault {
        self.fault(key, format!("expected {expected}, found {} {found}", article(found.type_str())))
    }

    /// One line of printable text.
    pub fn text(&mut self, key: &str) -> Result<Option<String>, Fault> {
        match self.prose(key)? {
            Some(text) if text.contains('\n') => Err(self.fault(key, "must be a single line")),
            text => Ok(text),
        }
    }

    /// One line of printable text such as `example`, which tells a user what a number would have to say.
    pub fn text_like(&mut self, key: &str, example: &str) -> Result<Option<String>, Fault> {
        match self.table.get(key) {
            Some(value) if !value.is_str() => {
                Err(self.wrong_type(key, &format!("a string such as \"{example}\""), value))
            }
            _ => self.text(key),
        }
    }

    /// Printable text, line breaks allowed.
    pub fn prose(&mut self, key: &str) -> Result<Option<String>, Fault> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) => match text.chars().find(|&c| c != '\n' && !is_shown(c)) {
                None => Ok(Some(text)),
                Some(c) => Err(self.fault(
                    key,
                    format!("contains the character U+{:04X}, which terminals act on; remove it", u32::from(c)),
                )),
            },
            Some(other) => Err(self.wrong_type(key, "a string", &other)),
        }
    }

    /// A string, left in place.
    pub fn peek_text(&self, key: &str) -> Result<Option<String>, Fault> {
        match self.table.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(self.wrong_type(key, "a string", other)),
        }
    }

    /// A list of printable single lines.
    pub fn texts(&mut self, key: &str) -> Result<Option<Vec<String>>, Fault> {
        let list = match self.take(key) {
            None => return Ok(None),
            Some(Value::Array(list)) => list,
            Some(other) => return Err(self.wrong_type(key, "a list of strings", &other)),
        };
        let text = |value: &Value| match value {
            Value::String(text) if text.chars().all(is_shown) => Ok(text.clone()),
            Value::String(_) => Err(self.fault(key, "contains a character that terminals act on")),
            other => Err(self.wrong_type(key, "a list of strings", other)),
        };
        list.iter().map(text).collect::<Result<Vec<_>, _>>().map(Some)
    }

    /// A finite number, whole or not.
    pub fn number(&mut self, key: &str) -> Result<Option<f64>, Fault> {
        let number = self.peek_number(key);
        self.take(key);
        number
    }

    /// The same, left in place.
    pub fn peek_number(&self, key: &str) -> Result<Option<f64>, Fault> {
        #[expect(clippy::cast_precision_loss, reason = "hyperparameters are small numbers")]
        match self.table.get(key) {
            None => Ok(None),
            Some(Value::Float(number)) if number.is_finite() => Ok(Some(*number)),
            Some(Value::Integer(number)) => Ok(Some(*number as f64)),
            Some(other) => Err(self.wrong_type(key, "a finite number", other)),
        }
    }

    /// A whole number in this range.
    pub fn count(&mut self, key: &str, range: RangeInclusive<u64>) -> Result<Option<u64>, Fault> {
        let expected = || format!("a whole number from {} to {}", range.start(), range.end());
        match self.take(key) {
            None => Ok(None),
            Some(Value::Integer(number)) => match u64::try_from(number).ok().filter(|count| range.contains(count)) {
                Some(count) => Ok(Some(count)),
                None => Err(self.fault(key, format!("{number} is out of range: expected {}", expected()))),
            },
            Some(other) => Err(self.wrong_type(key, &expected(), &other)),
        }
    }

    /// A list of finite numbers.
    pub fn numbers(&mut self, key: &str) -> Result<Option<Vec<f64>>, Fault> {
        let Some(value) = self.take(key) else { return Ok(None) };
        #[expect(clippy::cast_precision_loss, reason = "written by hand in a preset")]
        let number = |value: &Value| match value {
            Value::Float(number) => Some(*number).filter(|x| x.is_finite()),
            Value::Integer(number) => Some(*number as f64),
            _ => None,
        };
        let list = value.as_array().and_then(|list| list.iter().map(number).collect());
        list.map(Some).ok_or_else(|| self.wrong_type(key, "a list of finite numbers", &value))
    }

    /// One of these words.
    pub fn choice(&mut self, key: &str, choices: &[&'static str]) -> Result<Option<&'static str>, Fault> {
        let choice = self.peek_choice(key, choices);
        self.take(key);
        choice
    }

    /// The same, left in place.
    pub fn peek_choice(&self, key: &str, choices: &[&'static str]) -> Result<Option<&'static str>, Fault> {
        self.table.get(key).map(|value| self.word(key, value, choices)).transpose()
    }

    /// A list of these words, each at most once.
    pub fn choices(&mut self, key: &str, choices: &[&'static str]) -> Result<Option<Vec<&'static str>>, Fault> {
        let list = match self.take(key) {
            None => return Ok(None),
            Some(Value::Array(list)) => list,
            Some(other) => return Err(self.wrong_type(key, "a list of strings", &other)),
        };
        let mut chosen = Vec::new();
        for value in list {
            let word = self.word(key, &value, choices)?;
            if chosen.contains(&word) {
                return Err(self.fault(key, format!("has '{word}' twice")));
            }
            chosen.push(word);
        }
        Ok(Some(chosen))
    }

    /// A list of values that have these names, each at most once; `read` may know other names for them, too.
    pub fn named<T: PartialEq>(
        &mut self,
        key: &str,
        names: &[&'static str],
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<Vec<T>>, Fault> {
        let list = match self.take(key) {
            None => return Ok(None),
            Some(Value::Array(list)) => list,
            Some(other) => return Err(self.wrong_type(key, "a list of strings", &other)),
        };
        let mut found = Vec::new();
        for value in list {
            let unknown = || self.word(key, &value, names).err();
            match value.as_str().and_then(&read) {
                Some(item) if found.contains(&item) => return Err(self.fault(key, format!("has {value} twice"))),
                Some(item) => found.push(item),
                None => return Err(unknown().unwrap_or_else(|| self.fault(key, format!("{value} is not known")))),
            }
        }
        Ok(Some(found))
    }

    fn word(&self, key: &str, value: &Value, choices: &[&'static str]) -> Result<&'static str, Fault> {
        let Some(word) = value.as_str() else { return Err(self.wrong_type(key, "a string", value)) };
        choices.iter().copied().find(|&choice| choice == word).ok_or_else(|| {
            let hint = suggestion(word, choices.iter().copied());
            self.fault(key, format!("'{}' is none of {}{hint}", escaped(word), choices.join(", ")))
        })
    }

    /// One of these words, which must be there.
    pub fn required_choice(&mut self, key: &str, choices: &[&'static str]) -> Result<&'static str, Fault> {
        let choice = self.choice(key, choices)?;
        choice.ok_or_else(|| self.fault(key, format!("missing: one of {}", choices.join(", "))))
    }

    /// An inner table; empty where there is none.
    pub fn section(&mut self, key: &str) -> Result<Self, Fault> {
        match self.take(key) {
            None => Ok(Self::new(&self.key(key), Table::new())),
            Some(Value::Table(table)) => Ok(Self::new(&self.key(key), table)),
            Some(other) => Err(self.wrong_type(key, "a table", &other)),
        }
    }

    /// An inner table, which must be there.
    pub fn required_section(&mut self, key: &str) -> Result<Self, Fault> {
        if self.table.contains_key(key) {
            self.section(key)
        } else {
            Err(self.fault(key, format!("missing: the section [{key}]")))
        }
    }

    /// A list of inner tables; empty where there is none.
    pub fn sections(&mut self, key: &str) -> Result<Vec<Self>, Fault> {
        let list = match self.take(key) {
            None => return Ok(Vec::new()),
            Some(Value::Array(list)) => list,
            Some(other) => return Err(self.wrong_type(key, &format!("tables, written [[{key}]]"), &other)),
        };
        let section = |(index, value)| {
            let path = format!("{}[{}]", self.key(key), index + 1);
            match value {
                Value::Table(table) => Ok(Self::new(&path, table)),
                other => {
                    Err(Fault::new(path, format!("expected a table, found {} {other}", article(other.type_str()))))
                }
            }
        };
        list.into_iter().enumerate().map(section).collect()
    }

    /// Nothing more is known.
    pub fn finish(self) -> Result<(), Fault> {
        let Some(unknown) = self.table.keys().next() else { return Ok(()) };
        let known = self.known.borrow();
        let hint = suggestion(unknown, known.iter().map(String::as_str));
        let known = known.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        Err(Fault::new(self.key(&escaped(unknown)), format!("unknown key{hint} (known here: {known})")))
    }
}

fn article(kind: &str) -> String {
    let vowel = kind.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {kind}", if vowel { "an" } else { "a" })
}

/// Whether a terminal shows the character and does nothing else with it. The replacement character stands for what is no text in
/// the name of a file.
fn is_shown(c: char) -> bool {
    is_printable(c) || c == char::REPLACEMENT_CHARACTER
}
