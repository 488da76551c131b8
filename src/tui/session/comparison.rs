//! What the table of runs compares: values at which cost, with which run, and what may be said of the differences.

use super::WatchedSession;
use crate::figure::{CommonCost, Comparison, History, Quantity};

/// Which values of the runs stand side by side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Basis {
    /// Those that every run had at the cost that all have spent.
    #[default]
    CommonCost,
    /// The newest of each run, whatever it has spent.
    Newest,
}

impl Basis {
    pub(super) fn other(self) -> Self {
        match self {
            Self::CommonCost => Self::Newest,
            Self::Newest => Self::CommonCost,
        }
    }
}

impl WatchedSession {
    /// The cost at which the table compares; `None` where it shows the newest values.
    pub fn common_cost(&self) -> Option<CommonCost> {
        match self.basis {
            Basis::CommonCost => CommonCost::of(self.plan.train.budget, self.histories()),
            Basis::Newest => None,
        }
    }

    /// The place of the run that the others are compared with: the one chosen, else the first SGD, else the first.
    pub fn baseline(&self) -> usize {
        let is_sgd = |run: &super::Run| run.hyperparameters().rule.key() == "sgd";
        self.baseline.or_else(|| self.runs.iter().position(is_sgd)).unwrap_or(0)
    }

    /// All runs against the baseline.
    pub fn comparison(&self) -> Comparison {
        let histories: Vec<&History> = self.histories().collect();
        Comparison::of(&histories, self.baseline(), self.common_cost())
    }

    /// Whether all steps of all runs cost as many gradient evaluations.
    pub fn has_equal_costs(&self) -> bool {
        let mut costs = self.runs.iter().map(|run| run.hyperparameters().rule.cost());
        let first = costs.next();
        costs.all(|cost| Some(cost) == first)
    }

    /// What the runs are foremost judged by.
    pub fn outcome(&self) -> Quantity {
        Comparison::outcome(&self.histories().collect::<Vec<_>>())
    }

    fn histories(&self) -> impl Iterator<Item = &History> {
        self.runs.iter().map(|run| &run.history)
    }
}
