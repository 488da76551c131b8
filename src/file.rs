//! Files that appear whole or not at all: everything is written to a temporary sibling, which takes the file's name once it is
//! complete and on the disk.

use std::{ffi::OsString, fs::File, io, path::Path};

use tempfile::{Builder, NamedTempFile};

/// What the name of a temporary file begins with.
pub(crate) const TEMPORARY_PREFIX: &str = ".nso-tui-";

/// Lets `write` fill a hidden temporary file in the folder of `path`, with the same ending, and then puts it in the place of `path`.
/// If anything fails, `path` is as before and the temporary file is removed.
///
/// # Errors
/// Those of `write` and of the file system; [`io::ErrorKind::InvalidInput`] if `path` names no file.
pub(crate) fn replace(path: &Path, write: impl FnOnce(&mut NamedTempFile) -> io::Result<()>) -> io::Result<()> {
    if path.file_name().is_none() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "this is not the name of a file"));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // The encoder of images reads the format from the ending.
    let ending = path.extension().map_or_else(OsString::new, |ending| {
        let mut dotted = OsString::from(".");
        dotted.push(ending);
        dotted
    });
    let mut temporary = builder(&ending).tempfile_in(folder).map_err(without_path)?;
    write(&mut temporary)?;
    temporary.as_file().sync_all()?;
    temporary.persist(path)?;
    sync_folder(folder)
}

/// Makes a new name in a folder survive a power failure.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Makes a new name in a folder survive a power failure: other systems do not sync folders.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// What the system said, without the path of the temporary file, which means nothing to a reader: tempfile appends it.
fn without_path(error: io::Error) -> io::Error {
    match error.to_string().split_once(" at path \"") {
        Some((cause, _)) => io::Error::new(error.kind(), cause),
        None => error,
    }
}

/// Readable by others as far as the process's mask of permissions lets new files be: a temporary file by itself is private.
#[cfg(unix)]
fn builder(ending: &OsString) -> Builder<'_, '_> {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt as _};

    let mut builder = Builder::new();
    builder.prefix(TEMPORARY_PREFIX).suffix(ending).permissions(Permissions::from_mode(0o666));
    builder
}

#[cfg(not(unix))]
fn builder(ending: &OsString) -> Builder<'_, '_> {
    let mut builder = Builder::new();
    builder.prefix(TEMPORARY_PREFIX).suffix(ending);
    builder
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write as _};

    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("figure.svg");
        replace(&path, |file| file.write_all(b"old")).unwrap();
        let failed = replace(&path, |file| {
            assert_eq!(file.path().extension(), path.extension());
            file.write_all(b"half")?;
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

    #[test]
    fn an_error_is_that_of_the_system_and_names_no_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing").join("a.png");
        let expected = File::create(&path).unwrap_err().to_string();
        assert_eq!(replace(&path, |_| Ok(())).unwrap_err().to_string(), expected);
    }

    #[cfg(unix)]
    #[test]
    fn others_may_read_what_they_may_read_of_any_new_file() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let [plain, replaced] = ["plain", "replaced"].map(|name| folder.path().join(name));
        fs::write(&plain, "").unwrap();
        replace(&replaced, |_| Ok(())).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&plain), mode(&replaced));
    }
}
