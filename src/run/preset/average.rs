//! The average of a run's weights: `average` and its settings, in [defaults] and [[run]].

use strum::VariantArray;
use toml::{Table, Value};

use super::{Fault, train::cadence};
use crate::run::{AverageKind, Averaging, Cadence, section::Section};

/// What `average` may be; the first, the default, keeps none.
fn words() -> Vec<&'static str> {
    std::iter::once("none").chain(AverageKind::VARIANTS.iter().map(|kind| kind.key())).collect()
}

/// The share of the budget from which SWA averages.
const START: f64 = 0.75;

/// The decay of the exponential moving average.
const DECAY: f64 = 0.999;

/// The average that a run keeps: as its own keys say, else as those of [defaults] do, else none.
pub(super) fn averaging(section: &mut Section, defaults: &Section) -> Result<Option<Averaging>, Fault> {
    let own = section.choice("average", &words())?;
    let word = own.or(defaults.peek_choice("average", &words())?);
    let kind = AverageKind::VARIANTS.iter().copied().find(|kind| Some(kind.key()) == word);
    let own_every = section.text("average_every")?;
    let mut share = |key, of: AverageKind, usual| {
        let own = section.number(key)?;
        if own.is_some() && kind != Some(of) {
            return Err(section.fault(key, format!("is a setting of average = \"{}\"", of.key())));
        }
        let inherited = defaults.peek_number(key)?;
        let origin = if own.is_some() { &*section } else { defaults };
        checked_share(origin, key, own.or(inherited).unwrap_or(usual))
    };
    let start = share("average_start", AverageKind::Swa, START)?;
    let decay = share("average_decay", AverageKind::Ema, DECAY)?;
    if own_every.is_some() && kind.is_none() {
        return Err(section.fault("average_every", "is a setting of average = \"swa\" or \"ema\""));
    }
    let (origin, every) = match own_every {
        Some(every) => (&*section, Some(every)),
        None => (defaults, defaults.peek_text("average_every")?),
    };
    let every = every.map(|text| cadence(&text).map_err(|fault| origin.fault("average_every", fault))).transpose()?;
    Ok(kind.map(|kind| match kind {
        AverageKind::Swa => Averaging::Swa { start, every: every.unwrap_or(Cadence::Epochs(1)) },
        AverageKind::Ema => Averaging::Ema { decay, every: every.unwrap_or(Cadence::Steps(1)) },
    }))
}

/// Checks the keys of [defaults], also where no run uses them.
pub(super) fn check_defaults(defaults: &mut Section) -> Result<(), Fault> {
    defaults.choice("average", &words())?;
    for key in ["average_start", "average_decay"] {
        if let Some(value) = defaults.number(key)? {
            checked_share(defaults, key, value)?;
        }
    }
    if let Some(every) = defaults.text("average_every")? {
        cadence(&every).map_err(|fault| defaults.fault("average_every", fault))?;
    }
    Ok(())
}

fn checked_share(origin: &Section, key: &str, value: f64) -> Result<f64, Fault> {
    if (0.0..1.0).contains(&value) {
        Ok(value)
    } else {
        Err(origin.fault(key, format!("{value} is out of range: expected a number from 0 to below 1")))
    }
}

/// Writes the keys that read back as this average.
pub(super) fn write(averaging: Averaging, table: &mut Table) {
    let mut put = |key: &str, value: Value| table.insert(key.to_owned(), value);
    put("average", averaging.kind().key().into());
    let every = match averaging {
        Averaging::Swa { start, every } => {
            put("average_start", start.into());
            every
        }
        Averaging::Ema { decay, every } => {
            put("average_decay", decay.into());
            every
        }
    };
    put("average_every", every.to_string().into());
}
