//! Whether two logs tell the same training.

use super::Event;

/// Where two logs part.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Steps taken by then.
    pub step: u64,
    /// The event of each log there, as JSON; `None` where a log has ended.
    pub events: [Option<String>; 2],
}

/// The first event in which the last attempts of two logs differ, times aside; `None` where they are the same. What a user did at
/// the time counts only where it changed the training.
pub fn first_difference(one: &[Event], other: &[Event]) -> Option<Difference> {
    let (mut one, mut other) = (training(one), training(other));
    let mut step = 0;
    loop {
        match (one.next(), other.next()) {
            (None, None) => return None,
            (Some(a), Some(b)) if a.equals_but_for_times(b) => {
                step = a.position().map_or(step, |at| at.step);
            }
            (a, b) => {
                step = a.or(b).and_then(Event::position).map_or(step, |at| at.step);
                let text = |event: Option<&Event>| event.and_then(|event| serde_json::to_string(event).ok());
                return Some(Difference { step, events: [text(a), text(b)] });
            }
        }
    }
}

/// The events of the last attempt that the training itself gave.
fn training(events: &[Event]) -> impl Iterator<Item = &Event> {
    let begin = events.iter().rposition(|event| matches!(event, Event::Start(_))).unwrap_or(0);
    events[begin..].iter().filter(|event| !event.is_of_a_user())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Position;

    fn step(step: u64, loss: f64, seconds: f64) -> Event {
        Event::Step { at: Position { step, gradients: step, seconds }, loss }
    }

    #[test]
    fn times_and_pauses_do_not_count_and_losses_do() {
        let one = [step(1, f64::NAN, 0.1), step(2, 0.5, 0.2)];
        let paused = [step(1, f64::NAN, 0.1), Event::Pause { step: 1 }, Event::Resume { step: 1 }, step(2, 0.5, 7.0)];
        assert_eq!(first_difference(&one, &paused), None);
        let found = first_difference(&one, &[step(1, f64::NAN, 0.1), step(2, 0.25, 0.2)]).unwrap();
        assert_eq!(found.step, 2);
        assert_eq!(first_difference(&one, &one[..1]).unwrap().events[1], None);
    }
}
