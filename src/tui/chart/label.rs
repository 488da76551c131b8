//! Labels at the ends of curves: each as near to its curve's end as the others allow, never two in one row.

use crate::tui::text;

/// A label to be placed next to the end of a curve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EndLabel {
    /// The run, as a place in the palette.
    pub slot: usize,
    /// Its name and value.
    pub text: String,
}

impl EndLabel {
    /// Columns that it takes with its mark before it.
    pub(super) fn columns(&self) -> usize {
        text::width(&self.text) + 2
    }
}

/// Gives each label a row of its own among `height` rows, in the order of the rows they would like, and near to them.
/// There must not be more labels than rows.
pub(super) fn place_labels(mut labels: Vec<(EndLabel, usize)>, height: usize) -> Vec<(EndLabel, usize)> {
    labels.sort_by_key(|(_, row)| *row);
    let mut free = 0;
    for (_, row) in &mut labels {
        *row = (*row).max(free);
        free = *row + 1;
    }
    let mut limit = height;
    for (_, row) in labels.iter_mut().rev() {
        *row = (*row).min(limit.saturating_sub(1));
        limit = *row;
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(wanted: &[usize], height: usize) -> Vec<usize> {
        let labels =
            wanted.iter().enumerate().map(|(slot, &row)| (EndLabel { slot, text: String::new() }, row)).collect();
        place_labels(labels, height).into_iter().map(|(_, row)| row).collect()
    }

    #[test]
    fn labels_keep_their_row_or_make_room() {
        assert_eq!(rows(&[1, 4, 7], 9), [1, 4, 7]);
        assert_eq!(rows(&[3, 3, 3], 9), [3, 4, 5]);
        assert_eq!(rows(&[8, 8, 8], 9), [6, 7, 8]);
        assert_eq!(rows(&[0, 0, 8, 8], 4), [0, 1, 2, 3]);
    }
}
