//! A small set of colour pictures embedded in the binary: 356 + 225 pieces of clip art, not photographs, 32 x 32, of
//! 9 kinds. Redrawings of one picture never lie on both sides of the split.

use super::{DataError, ImageSplits, idx_files};

/// What the pictures show, in the order of their labels.
pub const CLASSES: [&str; 9] = ["animal", "food", "vehicle", "plant", "building", "tool", "music", "flag", "office"];

/// 356 training and 225 test pictures, RGB, 32 x 32.
///
/// # Errors
/// [`DataError`] if the embedded files are damaged, which the tests rule out.
pub fn embedded() -> Result<ImageSplits, DataError> {
    const TRAIN: [&[u8]; 2] = [
        include_bytes!("../../assets/clipart/clipart-train-images-idx4-ubyte.gz"),
        include_bytes!("../../assets/clipart/clipart-train-labels-idx1-ubyte.gz"),
    ];
    const TEST: [&[u8]; 2] = [
        include_bytes!("../../assets/clipart/clipart-test-images-idx4-ubyte.gz"),
        include_bytes!("../../assets/clipart/clipart-test-labels-idx1-ubyte.gz"),
    ];
    idx_files::embedded("clip-art", [TRAIN, TEST], &CLASSES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_clip_art_is_coloured_and_on_white() {
        let ImageSplits { train, test } = embedded().unwrap();
        assert_eq!((train.len(), test.len(), train.shape()), (356, 225, [3, 32, 32]));
        for class in 0..9 {
            assert_eq!(test.labels().iter().filter(|&&label| label == class).count(), 25);
        }
        let images = || train.pixels().chunks_exact(3 * 1024);
        let white_corners = images().filter(|image| [0, 1024, 2048].iter().all(|&at| image[at] > 250)).count();
        assert!(white_corners > 250, "{white_corners} corners are white: are the planes in order?");
        let coloured = images().filter(|image| image[..1024] != image[1024..2048]).count();
        assert!(coloured > 250, "{coloured} pictures have colours");
        assert!(test.pixels().chunks_exact(3072).all(|picture| images().all(|other| other != picture)));
    }

    #[test]
    fn names_of_classes_agree_with_the_titles_of_the_pictures() {
        let train = embedded().unwrap().train;
        let file = include_bytes!("../../assets/clipart/clipart-train-titles.txt.gz");
        let titles = std::io::read_to_string(flate2::read::GzDecoder::new(&file[..])).unwrap();
        let titles: Vec<&str> = titles.lines().collect();
        assert_eq!(titles.len(), train.len());
        let shown = [
            ("Butterfly", "animal"),
            ("Hamburger", "food"),
            ("Bus", "vehicle"),
            ("Daffodil", "plant"),
            ("Casa verde", "building"),
            ("Utensili chiave e cacciavite", "tool"),
            ("Djambe Drum", "music"),
            ("United Kingdom - Gibraltar", "flag"),
            ("LCD Monitor", "office"),
        ];
        for (title, class) in shown {
            let at = titles.iter().position(|&found| found == title).unwrap();
            assert_eq!(train.classes()[train.labels()[at] as usize], class, "{title}");
        }
    }
}
