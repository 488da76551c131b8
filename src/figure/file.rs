//! Files appear whole or not at all: everything is written to a hidden sibling first and renamed once it is complete.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

/// Has `write` fill a hidden sibling of `path` with the same ending, then puts it in `path`'s place.
/// If anything fails, `path` is as before and the sibling is gone.
///
/// # Errors
/// Whatever `write` or the file system says.
pub(super) fn replace(path: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let sibling = hidden_sibling(path)?;
    let written =
        write(&sibling).and_then(|()| fs::File::open(&sibling)?.sync_all()).and_then(|()| fs::rename(&sibling, path));
    if written.is_err() {
        // The first error is the one to report; a sibling that cannot be removed is hidden and harmless.
        let _ = fs::remove_file(&sibling);
    }
    written
}

fn hidden_sibling(path: &Path) -> io::Result<PathBuf> {
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "this is not the name of a file"));
    };
    let mut hidden = OsString::from(format!(".{}-", std::process::id()));
    // The ending stays: the image encoder goes by it.
    hidden.push(name);
    Ok(path.with_file_name(hidden))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("figure.svg");
        replace(&path, |sibling| fs::write(sibling, "old")).unwrap();
        let failed = replace(&path, |sibling| {
            fs::write(sibling, "half")?;
            Err(io::Error::other("the disk is full"))
        });
        assert_eq!(failed.unwrap_err().to_string(), "the disk is full");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_is_no_name_for_a_file() {
        assert!(replace(Path::new("/"), |_| Ok(())).is_err());
    }
}
