//! Which runs the charts show, by what they are: `nso`, `method=sam`, `sigma>0.02 state=running`.

use super::{Run, Visibility, WatchedSession};
use crate::{optimizer::Hyperparameter, text::suggestion};

/// What a run must be like to be shown. All conditions of a filter must hold.
#[derive(Debug, Clone, PartialEq)]
enum Condition {
    /// Its name has these letters, in whichever case.
    Name(String),
    Method(String),
    /// The word for where it stands has these letters.
    State(String),
    Hyperparameter {
        which: Hyperparameter,
        relation: Relation,
        value: f64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The longer signs come first: `<=` is not `<`.
const RELATIONS: [(&str, Relation); 5] = [
    (">=", Relation::GreaterOrEqual),
    ("<=", Relation::LessOrEqual),
    (">", Relation::Greater),
    ("<", Relation::Less),
    ("=", Relation::Equal),
];

impl Relation {
    fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Equal => value == limit,
            Self::Less => value < limit,
            Self::LessOrEqual => value <= limit,
            Self::Greater => value > limit,
            Self::GreaterOrEqual => value >= limit,
        }
    }
}

impl Condition {
    fn read(text: &str) -> Result<Self, String> {
        let split = RELATIONS.iter().find_map(|(sign, relation)| Some((text.split_once(sign)?, *relation)));
        let Some(((key, value), relation)) = split else { return Ok(Self::Name(text.to_lowercase())) };
        match (key, relation) {
            ("method", Relation::Equal) => return Ok(Self::Method(value.to_lowercase())),
            ("state", Relation::Equal) => return Ok(Self::State(value.to_lowercase())),
            _ => {}
        }
        let keys = Hyperparameter::all().map(Hyperparameter::key).chain(["method", "state"]);
        let which =
            Hyperparameter::from_key(key).ok_or_else(|| format!("there is no {key}{}", suggestion(key, keys)))?;
        let value = value.parse().map_err(|_| format!("{key}: \"{value}\" is not a number"))?;
        Ok(Self::Hyperparameter { which, relation, value })
    }

    fn holds(&self, run: &Run, state: &str) -> bool {
        match self {
            Self::Name(letters) => run.name.to_lowercase().contains(letters),
            Self::Method(method) => run.hyperparameters().rule.key() == method,
            Self::State(letters) => state.contains(letters.as_str()),
            Self::Hyperparameter { which, relation, value } => {
                run.hyperparameters().get(*which).is_some_and(|found| relation.holds(found, *value))
            }
        }
    }
}

impl WatchedSession {
    /// Shows the runs that meet every condition of the text, and hides the others; all runs where there is none.
    ///
    /// # Errors
    /// What of the text is no condition, or that no run meets it; nothing is hidden then.
    pub fn filter(&mut self, text: &str) -> Result<(), String> {
        let conditions = text.split_whitespace().map(Condition::read).collect::<Result<Vec<_>, _>>()?;
        let meets = |run: &Run| conditions.iter().all(|condition| condition.holds(run, self.state_word(run)));
        let met: Vec<bool> = self.runs.iter().map(meets).collect();
        if !met.contains(&true) {
            return Err("no run is so".to_owned());
        }
        for (run, met) in self.runs.iter_mut().zip(&met) {
            run.visibility = if *met { Visibility::Shown } else { Visibility::Hidden };
        }
        // Keys go to a run that can be seen.
        if !met[self.selected] {
            self.selected = met.iter().position(|met| *met).unwrap_or(self.selected);
        }
        Ok(())
    }
}
