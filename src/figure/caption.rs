//! The words under a figure: what a reader needs to know to make each curve again.

use super::{
    panel::{PanelKind, PlottedRun},
    text,
};
use crate::{
    optimizer::{Categorical, Hyperparameter},
    run::{Fork, Position, RunHeader},
    text::printable,
};

/// One line for each run, one for the changes made while they went on, and one for what bounds are made of where they are shown.
pub(super) fn caption(runs: &[PlottedRun<'_>], kinds: &[PanelKind]) -> Vec<String> {
    let mut lines: Vec<String> = runs.iter().map(|run| format!("{}: {}", run.name, parameters(run))).collect();
    let changes: Vec<String> = runs
        .iter()
        .flat_map(|run| {
            run.history.changes().iter().map(move |change| {
                let (from, to) = (text::short(change.from), text::short(change.to));
                format!(
                    "{} {} {from}→{to} at step {}",
                    run.name,
                    change.hyperparameter.symbol(),
                    text::thousands(change.at.step)
                )
            })
        })
        .collect();
    if !changes.is_empty() {
        lines.push(format!("Changed while running: {}", changes.join("; ")));
    }
    if kinds.contains(&PanelKind::Bound) {
        let bounds: Vec<String> = runs.iter().filter_map(bound).collect();
        if !bounds.is_empty() {
            lines.push(format!(
                "Newest PAC-Bayes bound (1 + e)(train loss + √(C a r²/n)), estimated at w and not over the ball around w0: {}",
                bounds.join("; ")
            ));
        }
    }
    lines
}

/// The newest bound of a run with its ingredients, and on how many examples a and C were measured.
fn bound(run: &PlottedRun<'_>) -> Option<String> {
    let bound = run.history.snapshots().bound?;
    let number = |value: f64| text::bare(&text::significant(value, 3));
    let held_out = text::thousands(bound.held_out);
    let test = bound.test_loss.map_or_else(String::new, |loss| {
        format!("test loss {}, C and a over {held_out} held-out examples too ", number(loss))
    });
    Some(format!(
        "{} {} at e {}, {}{test}(complexity term {}, in the code's form {}; {}; a over {} examples)",
        run.name,
        number(bound.bound),
        number(bound.epsilon).trim_end_matches('0').trim_end_matches('.'),
        text::worth(&bound),
        number(bound.theorem),
        number(bound.code),
        text::ingredients(&bound),
        text::thousands(bound.measured)
    ))
}

/// The method, its choices and hyperparameters as they were at the start where they do something, the seed, where it branched off another
/// run, and how the run stands.
fn parameters(run: &PlottedRun<'_>) -> String {
    let Some(RunHeader { hyperparameters, seed, fork, .. }) = run.history.start() else {
        return "not started".into();
    };
    let numbers = Hyperparameter::all().filter_map(|hyperparameter| {
        let value = hyperparameters.get(hyperparameter).filter(|&value| !hyperparameter.is_idle(value))?;
        Some(format!("{} {}", hyperparameter.symbol(), text::short(value)))
    });
    let unusual = hyperparameters.choices().filter(|(choice, word)| *word != choice.words()[0]);
    let choices = unusual.map(|(choice, word)| match choice {
        Categorical::BaseOptimizer | Categorical::Distribution | Categorical::Scaling => word.to_owned(),
        Categorical::SigmaSchedule | Categorical::LrSchedule | Categorical::Projection => {
            format!("{} {word}", choice.key().replace('_', " "))
        }
    });
    let mut parts: Vec<String> =
        std::iter::once(hyperparameters.rule.key().to_owned()).chain(choices).chain(numbers).collect();
    parts.push(format!("seed {seed}"));
    if let Some(Fork { of, step }) = fork {
        parts.push(format!("fork of {} at step {}", printable(of), text::thousands(*step)));
    }
    if let Some((kind, iterates)) = run.history.average().newest() {
        parts.push(format!("bright dashes {} of {} iterates", kind.key(), text::thousands(iterates)));
    }
    let Position { step, gradients, .. } = run.history.now();
    let (steps, gradients) = (text::thousands(step), text::thousands(gradients));
    let reason = run.history.end_reason().map_or_else(String::new, |reason| format!(" ({reason})"));
    parts.push(format!("{} at step {steps}, {gradients} gradient evaluations{reason}", run.history.state().word()));
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        figure::{History, sample},
        run::Event,
    };

    #[test]
    fn a_fork_says_where_it_branched_off() {
        let mut events = sample::session().runs.swap_remove(3).events;
        let Event::Start(start) = &mut events[0] else { panic!("a run begins with its start") };
        start.fork = Some(Fork { of: "NSO".into(), step: 1_200 });
        let history: History = events.iter().collect();
        let run = PlottedRun { slot: 0, name: "NSO #2", history: &history };
        let said = caption(&[run], &[]);
        assert!(said[0].contains("fork of NSO at step 1,200"), "{said:?}");
    }
}
