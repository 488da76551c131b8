//! A run's settings in words: what is worth saying of them beside the numbers, for the knob panel and the list of presets.

use super::text::value;
use crate::optimizer::{Categorical, Hyperparameter, Hyperparameters};

/// The word for how `knob` moves by itself; `None` where it stands still.
pub fn schedule(hyperparameters: &Hyperparameters, knob: Hyperparameter) -> Option<&'static str> {
    let choice = match knob {
        Hyperparameter::Lr => Categorical::LrSchedule,
        Hyperparameter::Sigma => Categorical::SigmaSchedule,
        _ => return None,
    };
    hyperparameters.chosen(choice).filter(|word| Some(word) != choice.words().first())
}

/// Whether `knob` moves by itself: by a schedule, or while the learning rate warms up.
pub fn moves(hyperparameters: &Hyperparameters, knob: Hyperparameter) -> bool {
    let warms_up =
        knob == Hyperparameter::Lr && hyperparameters.get(Hyperparameter::Warmup).is_some_and(|epochs| epochs > 0.0);
    warms_up || schedule(hyperparameters, knob).is_some()
}

/// What is chosen other than as usual, with its name. Schedules are left out: they are told [beside their knob](schedule).
pub fn unusual(hyperparameters: &Hyperparameters) -> Vec<(Categorical, &'static str)> {
    let choices = hyperparameters.choices();
    let told_elsewhere = |choice| matches!(choice, Categorical::LrSchedule | Categorical::SigmaSchedule);
    choices.filter(|&(choice, word)| !told_elsewhere(choice) && Some(&word) != choice.words().first()).collect()
}

/// The method's name in presets, where the run's own name does not begin with it.
pub fn method_unless_named(name: &str, hyperparameters: &Hyperparameters) -> Option<&'static str> {
    let plain = |text: &str| text.chars().filter(|letter| letter.is_alphanumeric()).collect::<String>().to_lowercase();
    let key = hyperparameters.rule.key();
    (!plain(name).starts_with(&plain(key))).then_some(key)
}

/// The settings on one line: the base update, then what the method adds. What does nothing or is as usual is left out.
pub fn summary(hyperparameters: &Hyperparameters) -> String {
    const BASE: [Hyperparameter; 10] = [
        Hyperparameter::Momentum,
        Hyperparameter::Beta1,
        Hyperparameter::Beta2,
        Hyperparameter::Epsilon,
        Hyperparameter::WeightDecay,
        Hyperparameter::Prior,
        Hyperparameter::Damping,
        Hyperparameter::Precision,
        Hyperparameter::Warmup,
        Hyperparameter::Penalty,
    ];
    let usual = usual(hyperparameters);
    let always = |knob| {
        matches!(
            knob,
            Hyperparameter::Lr
                | Hyperparameter::Sigma
                | Hyperparameter::K
                | Hyperparameter::Rho
                | Hyperparameter::Smoothing
                | Hyperparameter::Radius
        )
    };
    let rest = Hyperparameter::all().filter(|knob| *knob != Hyperparameter::Lr && !BASE.contains(knob));
    let knobs = std::iter::once(Hyperparameter::Lr).chain(BASE).chain(rest).filter_map(|knob| {
        let at = hyperparameters.get(knob)?;
        let told = always(knob) || usual.is_none_or(|usual| usual.get(knob) != Some(at));
        let schedule = schedule(hyperparameters, knob).map_or_else(String::new, |word| format!(" {word}"));
        told.then(|| format!("{} {}{schedule}", knob.symbol(), value(at)))
    });
    let words = unusual(hyperparameters).into_iter().map(|(choice, word)| match choice {
        Categorical::Scaling => format!("{word} scaling"),
        _ => word.to_owned(),
    });
    words.chain(knobs).collect::<Vec<_>>().join("  ")
}

/// A run of the same method and choices with every knob where it begins unless the preset says otherwise.
fn usual(hyperparameters: &Hyperparameters) -> Option<Hyperparameters> {
    let plain = Hyperparameters::new(hyperparameters.rule.key())?;
    hyperparameters.choices().try_fold(plain, |sum, (choice, word)| sum.choose(choice, word).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimizer::Rule;

    fn chosen(method: &str, choices: &[(Categorical, &str)]) -> Hyperparameters {
        let plain = Hyperparameters::new(method).unwrap();
        choices.iter().fold(plain, |sum, &(choice, word)| sum.choose(choice, word).unwrap())
    }

    #[test]
    fn a_plain_method_is_told_by_what_makes_it_up() {
        let lines = Rule::KEYS.map(|key| summary(&Hyperparameters::new(key).unwrap()));
        assert_eq!(
            lines,
            [
                "lr 0.01",
                "lr 0.01  σ 0.01  k 1",
                "lr 0.01  σ 0.01  k 1",
                "lr 0.01  ρ 0.05",
                "lr 0.01  ρ 0.05",
                "lr 0.01  ρ 1",
                "lr 0.01  σ 0.01  ρ 0.05",
                "lr 0.01  ρ 0.05",
                "lr 0.01  smoothing 0.1",
            ]
        );
    }

    #[test]
    fn words_and_numbers_that_are_not_usual_are_told() {
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
        let turned = nso
            .with(Hyperparameter::Mix, 0.5)
            .unwrap()
            .with(Hyperparameter::Beta2, 0.99)
            .unwrap()
            .with(Hyperparameter::Warmup, 2.0)
            .unwrap();
        assert_eq!(
            summary(&turned),
            "adamw  laplace  rows  lr 0.01 cosine  β2 0.99  warm-up 2  σ 0.01 linear  k 1  mix 0.5  radius 1"
        );
        assert_eq!(summary(&chosen("asam", &[(Categorical::Scaling, "plain")])), "plain scaling  lr 0.01  ρ 1");
    }

    #[test]
    fn a_method_is_named_unless_the_run_is_named_after_it() {
        for (name, method, told) in [
            ("WP-SGD", "wp-sgd", None),
            ("wp sgd, k = 2", "wp-sgd", None),
            ("noise", "wp-sgd", Some("wp-sgd")),
            ("SGD", "wp-sgd", Some("wp-sgd")),
            ("USAM", "sam", Some("sam")),
        ] {
            assert_eq!(method_unless_named(name, &chosen(method, &[])), told, "{name}");
        }
    }

    #[test]
    fn a_learning_rate_moves_while_it_warms_up() {
        let plain = chosen("sgd", &[]);
        assert!(!moves(&plain, Hyperparameter::Lr));
        assert!(moves(&plain.with(Hyperparameter::Warmup, 1.0).unwrap(), Hyperparameter::Lr));
        assert!(moves(&chosen("sgd", &[(Categorical::LrSchedule, "step")]), Hyperparameter::Lr));
        assert!(moves(&chosen("rsam", &[(Categorical::SigmaSchedule, "exponential")]), Hyperparameter::Sigma));
        assert!(!moves(&chosen("sgd", &[(Categorical::LrSchedule, "step")]), Hyperparameter::Momentum));
    }
}
