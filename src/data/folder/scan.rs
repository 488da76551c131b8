//! Which images a folder holds, and of which classes: names and sizes only, nothing is opened.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::data::{DataError, class_name};

/// An image file, and by what a change of it is seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File {
    pub path: PathBuf,
    pub version: Version,
}

/// What the system says of a file's content without reading it; the default where it says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Version {
    /// Bytes.
    pub size: u64,
    /// When its content changed: seconds since 1970, and nanoseconds.
    pub modified: [i64; 2],
    /// When its content, owner or name changed, which no program sets.
    pub changed: [i64; 2],
    /// The device that it is on, and its number there: no two files share them.
    pub place: [u64; 2],
}

/// Image files with their classes, sorted by class and name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listing {
    pub files: Vec<File>,
    /// The class of each file.
    pub labels: Vec<u32>,
    pub classes: Vec<String>,
}

/// How a folder divides its images for training and testing.
pub(super) enum Division {
    None(Listing),
    TrainAndTest { train: Listing, test: Listing },
}

/// Looks at `root`: `train` and `test` (or `val`) with class folders in them, or class folders.
pub(super) fn scan(root: &Path) -> Result<Division, DataError> {
    let classes = folders(root)?;
    let named = |name: &str| classes.iter().find(|path| path.file_name().is_some_and(|found| found == name));
    match (named("train"), named("test").or_else(|| named("val"))) {
        (Some(train), Some(test)) => {
            let train = listing(train, &folders(train)?, None)?;
            let test = listing(test, &folders(test)?, Some(&train.classes))?;
            Ok(Division::TrainAndTest { train, test })
        }
        _ => Ok(Division::None(listing(root, &classes, None)?)),
    }
}

/// The images of class folders. `known` classes give the labels; without them, the folders do, in their order.
fn listing(root: &Path, folders: &[PathBuf], known: Option<&[String]>) -> Result<Listing, DataError> {
    let names: Vec<String> = folders
        .iter()
        .map(|path| class_name(&path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default()))
        .collect();
    if names.len() < 2 && known.is_none() {
        let fault = format!(
            "expected one folder for each class, two or more, or train and test with such folders in them; found {}",
            if names.is_empty() { "none" } else { "one" },
        );
        return Err(DataError::content(root, fault));
    }
    let classes = known.map_or_else(|| names.clone(), <[String]>::to_vec);
    let mut found = Listing { files: Vec::new(), labels: Vec::new(), classes };
    for (folder, name) in folders.iter().zip(&names) {
        let label = found.classes.iter().position(|class| class == name).and_then(|at| u32::try_from(at).ok());
        let Some(label) = label else {
            return Err(DataError::content(folder, "there is no class of this name among the training images"));
        };
        let files = images(folder)?;
        if files.is_empty() {
            return Err(DataError::content(folder, "there is no file in it that ends in .jpg, .jpeg or .png"));
        }
        found.labels.resize(found.labels.len() + files.len(), label);
        found.files.extend(files);
    }
    if found.files.is_empty() {
        return Err(DataError::content(root, "there are no images in it"));
    }
    Ok(found)
}

/// The folders in `folder`, sorted, hidden ones left out.
fn folders(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut found = entries(folder)?;
    found.retain(|path| path.is_dir());
    Ok(found)
}

/// The files in `folder` that are named as images, sorted, hidden ones left out. What they are is seen when they are read.
fn images(folder: &Path) -> Result<Vec<File>, DataError> {
    let mut found = entries(folder)?;
    found.retain(|path| {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        ["jpg", "jpeg", "png"].iter().any(|image| ending.eq_ignore_ascii_case(image))
    });
    Ok(found.into_iter().map(file).collect())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let failed = |source| DataError::Read { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

fn file(path: PathBuf) -> File {
    let version = fs::metadata(&path).map(|about| version(&about)).unwrap_or_default();
    File { path, version }
}

#[cfg(unix)]
fn version(about: &fs::Metadata) -> Version {
    use std::os::unix::fs::MetadataExt as _;

    Version {
        size: about.size(),
        modified: [about.mtime(), about.mtime_nsec()],
        changed: [about.ctime(), about.ctime_nsec()],
        place: [about.dev(), about.ino()],
    }
}

#[cfg(not(unix))]
fn version(about: &fs::Metadata) -> Version {
    let modified = about.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    let modified = modified.map_or([0; 2], |time| [time.as_secs().cast_signed(), time.subsec_nanos().into()]);
    Version { size: about.len(), modified, ..Version::default() }
}
