//! Floats in JSON: finite ones as numbers, the others as the strings "NaN", "inf" and "-inf",
//! since JSON itself has no word for them.

use serde::{Deserialize, Deserializer, Serializer, de::Error};

/// Writes one float.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() {
        serializer.serialize_f64(*value)
    } else {
        serializer.serialize_str(if value.is_nan() {
            "NaN"
        } else if *value > 0.0 {
            "inf"
        } else {
            "-inf"
        })
    }
}

/// What a float is in logs that do not have it.
pub(crate) const fn nan() -> f64 {
    f64::NAN
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(f64),
    Word(String),
}

/// Reads one float.
///
/// # Errors
/// If there is neither a number nor one of the three words.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    match Written::deserialize(deserializer)? {
        Written::Number(value) => Ok(value),
        Written::Word(word) => match word.as_str() {
            "NaN" => Ok(f64::NAN),
            "inf" => Ok(f64::INFINITY),
            "-inf" => Ok(f64::NEG_INFINITY),
            _ => Err(D::Error::custom(format!("expected a number, \"NaN\", \"inf\" or \"-inf\", found \"{word}\""))),
        },
    }
}

/// The same for a value that may be absent.
pub mod option {
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes the float, or null.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => super::serialize(value, serializer),
            None => serializer.serialize_none(),
        }
    }

    #[derive(Deserialize)]
    struct Present(#[serde(with = "super")] f64);

    /// Reads a float or null.
    ///
    /// # Errors
    /// If there is neither a number, nor one of the three words, nor null.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
        Ok(Option::<Present>::deserialize(deserializer)?.map(|Present(value)| value))
    }
}
