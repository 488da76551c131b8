//! Floats in JSON: finite ones as numbers, the others as the strings "NaN", "inf" and "-inf",
//! since JSON itself has no word for them.

use std::fmt;

use serde::{
    Deserializer, Serializer,
    de::{Error, Unexpected, Visitor},
};

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

/// Reads one float.
///
/// # Errors
/// If there is neither a number nor one of the three words.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    struct Float;

    impl Visitor<'_> for Float {
        type Value = f64;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str(r#"a number, "NaN", "inf" or "-inf""#)
        }

        fn visit_f64<E: Error>(self, number: f64) -> Result<f64, E> {
            Ok(number)
        }

        #[expect(clippy::cast_precision_loss, reason = "the nearest double, as for any decimal")]
        fn visit_u64<E: Error>(self, number: u64) -> Result<f64, E> {
            Ok(number as f64)
        }

        #[expect(clippy::cast_precision_loss, reason = "the nearest double, as for any decimal")]
        fn visit_i64<E: Error>(self, number: i64) -> Result<f64, E> {
            Ok(number as f64)
        }

        fn visit_str<E: Error>(self, word: &str) -> Result<f64, E> {
            match word {
                "NaN" => Ok(f64::NAN),
                "inf" => Ok(f64::INFINITY),
                "-inf" => Ok(f64::NEG_INFINITY),
                _ => Err(E::invalid_value(Unexpected::Str(word), &self)),
            }
        }
    }

    deserializer.deserialize_any(Float)
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
