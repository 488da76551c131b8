//! Hyperparameters as event logs have them: a flat table of method, words and numbers by their log keys.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, IgnoredAny, MapAccess, Visitor},
    ser::SerializeMap,
};

use super::{Hyperparameters, categorical::Categorical, hyperparameter::Hyperparameter, method::whole};

impl Serialize for Hyperparameters {
    /// A flat table: method, categorical and numeric hyperparameters.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("method", self.rule.key())?;
        for (categorical, word) in self.choices() {
            map.serialize_entry(categorical.log_key(), word)?;
        }
        for hyperparameter in self.numbers() {
            let Some(value) = self.get(hyperparameter) else { continue };
            match whole(value) {
                Some(count) if hyperparameter.is_whole() => map.serialize_entry(hyperparameter.log_key(), &count)?,
                Some(_) | None => map.serialize_entry(hyperparameter.log_key(), &value)?,
            }
        }
        map.end()
    }
}

/// What an entry of the flat table may be.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(f64),
    Word(String),
    Other(IgnoredAny),
}

impl<'de> Deserialize<'de> for Hyperparameters {
    /// From the flat table. Entries of other names are ignored; absent hyperparameters have the method's starting values.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Flat;
        impl<'de> Visitor<'de> for Flat {
            type Value = Hyperparameters;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table with a method and its hyperparameters")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Hyperparameters, A::Error> {
                let (mut method, mut words, mut numbers) = (None, Vec::new(), Vec::new());
                while let Some(key) = map.next_key::<String>()? {
                    match map.next_value()? {
                        Written::Word(word) if key == "method" => method = Some(word),
                        Written::Word(word) => {
                            words.extend(Categorical::from_key(&key).map(|categorical| (categorical, word)));
                        }
                        Written::Number(number) => {
                            numbers
                                .extend(Hyperparameter::from_key(&key).map(|hyperparameter| (hyperparameter, number)));
                        }
                        Written::Other(IgnoredAny) => {}
                    }
                }
                let method = method.ok_or_else(|| A::Error::missing_field("method"))?;
                let mut read = Hyperparameters::new(&method)
                    .ok_or_else(|| A::Error::custom(format!("unknown method '{}'", method.escape_debug())))?;
                for (categorical, word) in words {
                    read = read.choose(categorical, &word).map_err(A::Error::custom)?;
                }
                for (hyperparameter, number) in numbers {
                    read = read.with(hyperparameter, number).map_err(A::Error::custom)?;
                }
                Ok(read)
            }
        }
        deserializer.deserialize_map(Flat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimizer::Rule;

    #[test]
    fn what_is_written_is_read_again() {
        for key in Rule::KEYS {
            let mut written = Hyperparameters::new(key).unwrap();
            for (choice, _) in written.choices().collect::<Vec<_>>() {
                written = written.choose(choice, choice.words().last().unwrap()).unwrap();
            }
            for hyperparameter in written.numbers().collect::<Vec<_>>() {
                written =
                    written.with(hyperparameter, hyperparameter.raised(written.get(hyperparameter).unwrap())).unwrap();
            }
            let text = serde_json::to_string(&written).unwrap();
            assert_eq!(serde_json::from_str::<Hyperparameters>(&text).unwrap(), written, "{text}");
            assert_eq!(written.rule.key(), key);
        }
    }
}
