//! A run's settings in words, in addition to the numbers, for the hyperparameter panel and the list of presets.

use super::text::value;
use crate::optimizer::{Categorical, Hyperparameter, Hyperparameters, Listed};

/// The schedule of a hyperparameter, by its name in presets; `None` where it is constant or cannot have one.
pub fn schedule(hyperparameters: &Hyperparameters, hyperparameter: Hyperparameter) -> Option<&'static str> {
    let choice = hyperparameter.schedule()?;
    hyperparameters.chosen(choice).filter(|word| Some(word) != choice.words().first())
}

/// Whether a hyperparameter changes with the epochs: by a schedule, or while the learning rate warms up.
pub fn is_scheduled(hyperparameters: &Hyperparameters, hyperparameter: Hyperparameter) -> bool {
    let warms_up = hyperparameter == Hyperparameter::Lr
        && hyperparameters.get(Hyperparameter::Warmup).is_some_and(|epochs| epochs > 0.0);
    warms_up || schedule(hyperparameters, hyperparameter).is_some()
}

/// The categorical settings that are not the default. Schedules are left out: they stand [beside their hyperparameter](schedule).
pub fn non_default(hyperparameters: &Hyperparameters) -> Vec<(Categorical, &'static str)> {
    let choices = hyperparameters.choices();
    let is_schedule = |choice| Hyperparameter::all().any(|hyperparameter| hyperparameter.schedule() == Some(choice));
    choices.filter(|&(choice, word)| !is_schedule(choice) && Some(&word) != choice.words().first()).collect()
}

/// The method's name in presets, where the run's own name does not begin with it.
pub fn method_unless_named(name: &str, hyperparameters: &Hyperparameters) -> Option<&'static str> {
    let plain = |text: &str| text.chars().filter(|letter| letter.is_alphanumeric()).collect::<String>().to_lowercase();
    let key = hyperparameters.rule.key();
    (!plain(name).starts_with(&plain(key))).then_some(key)
}

/// The settings on one line: the words, then the numbers by what they are settings of. What has no effect or is the default is left out.
pub fn summary(hyperparameters: &Hyperparameters) -> String {
    let default = default(hyperparameters);
    let mut ordered: Vec<Hyperparameter> = Hyperparameter::all().collect();
    ordered.sort_by_key(|hyperparameter| hyperparameter.owner());
    let numbers = ordered.into_iter().filter_map(|hyperparameter| {
        let at = hyperparameters.get(hyperparameter)?;
        let is_listed = match hyperparameter.listed() {
            Listed::Always => true,
            Listed::UnlessDefault => default.is_none_or(|default| default.get(hyperparameter) != Some(at)),
        };
        let schedule = schedule(hyperparameters, hyperparameter).map_or_else(String::new, |word| format!(" {word}"));
        is_listed.then(|| format!("{} {}{schedule}", hyperparameter.symbol(), value(at)))
    });
    let words = non_default(hyperparameters).into_iter().map(|(choice, word)| match choice {
        Categorical::Scaling => format!("{word} scaling"),
        Categorical::BaseOptimizer
        | Categorical::Distribution
        | Categorical::SigmaSchedule
        | Categorical::LrSchedule
        | Categorical::Projection => word.to_owned(),
    });
    words.chain(numbers).collect::<Vec<_>>().join("  ")
}

/// A run of the same method and categorical settings with the default of every hyperparameter.
fn default(hyperparameters: &Hyperparameters) -> Option<Hyperparameters> {
    let plain = Hyperparameters::new(hyperparameters.rule.key())?;
    hyperparameters.choices().try_fold(plain, |sum, (choice, word)| sum.choose(choice, word).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(method: &str, choices: &[(Categorical, &str)]) -> Hyperparameters {
        let plain = Hyperparameters::new(method).unwrap();
        choices.iter().fold(plain, |sum, &(choice, word)| sum.choose(choice, word).unwrap())
    }

    #[test]
    fn a_method_is_summarised_by_its_own_hyperparameters() {
        for (key, line) in [
            ("sgd", "lr 0.01"),
            ("wp-sgd", "lr 0.01  σ 0.01  k 1"),
            ("nso", "lr 0.01  σ 0.01  k 1"),
            ("sam", "lr 0.01  ρ 0.05"),
            ("usam", "lr 0.01  ρ 0.05"),
            ("asam", "lr 0.01  ρ 1"),
            ("rsam", "lr 0.01  σ 0.01  ρ 0.05"),
            ("label-smoothing", "lr 0.01  smoothing 0.1"),
            ("bsam", "lr 0.01  ρ 0.05"),
        ] {
            assert_eq!(summary(&chosen(key, &[])), line, "{key}");
        }
    }

    #[test]
    fn settings_that_are_not_the_default_are_shown() {
        let nso = chosen(
            "nso",
            &[
                (Categorical::BaseOptimizer, "adamw"),
                (Categorical::Distribution, "laplace"),
                (Categorical::SigmaSchedule, "linear"),
                (Categorical::LrSchedule, "cosine"),
                (Categorical::Projection, "rows"),
            ],
        );
        let changed = nso
            .with(Hyperparameter::Mix, 0.5)
            .unwrap()
            .with(Hyperparameter::Beta2, 0.99)
            .unwrap()
            .with(Hyperparameter::Warmup, 2.0)
            .unwrap();
        assert_eq!(
            summary(&changed),
            "adamw  laplace  rows  lr 0.01 cosine  β2 0.99  warm-up 2  σ 0.01 linear  k 1  mix 0.5  radius 1"
        );
        assert_eq!(summary(&chosen("asam", &[(Categorical::Scaling, "plain")])), "plain scaling  lr 0.01  ρ 1");
    }

    #[test]
    fn a_method_is_named_unless_the_run_is_named_after_it() {
        for (name, method, shown) in [
            ("WP-SGD", "wp-sgd", None),
            ("wp sgd, k = 2", "wp-sgd", None),
            ("noise", "wp-sgd", Some("wp-sgd")),
            ("SGD", "wp-sgd", Some("wp-sgd")),
            ("USAM", "sam", Some("sam")),
        ] {
            assert_eq!(method_unless_named(name, &chosen(method, &[])), shown, "{name}");
        }
    }

    #[test]
    fn a_learning_rate_is_scheduled_while_it_warms_up() {
        let plain = chosen("sgd", &[]);
        assert!(!is_scheduled(&plain, Hyperparameter::Lr));
        assert!(is_scheduled(&plain.with(Hyperparameter::Warmup, 1.0).unwrap(), Hyperparameter::Lr));
        assert!(is_scheduled(&chosen("sgd", &[(Categorical::LrSchedule, "step")]), Hyperparameter::Lr));
        assert!(is_scheduled(&chosen("rsam", &[(Categorical::SigmaSchedule, "exponential")]), Hyperparameter::Sigma));
        assert!(!is_scheduled(&chosen("sgd", &[(Categorical::LrSchedule, "step")]), Hyperparameter::Momentum));
    }
}
