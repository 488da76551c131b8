//! Reading files that may be anything, and writing files that appear whole or not at all: everything is written to a temporary
//! sibling, which takes the file's name once it is complete and on the disk.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    path::Path,
};

use tempfile::{Builder, NamedTempFile};

/// What the name of a temporary file begins with.
pub(crate) const TEMPORARY_PREFIX: &str = ".nso-tui-";

/// Who may read a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// As the process's mask of permissions says.
    Usual,
    /// Its owner alone.
    Private,
}

/// Opens a file to read. A pipe or a device, which might never end and whose opening may wait or act, is refused.
///
/// # Errors
/// Those of the file system; [`io::ErrorKind::InvalidInput`] for what is no file.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    // Asked before it is opened, since opening a device may act, and again afterwards, since it may have been exchanged.
    check_is_file(&fs::metadata(path)?)?;
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        // Opening a pipe without a writer waits for one otherwise.
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    let file = options.open(path)?;
    check_is_file(&file.metadata()?)?;
    Ok(file)
}

fn check_is_file(about: &fs::Metadata) -> io::Result<()> {
    if about.is_file() {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a pipe, a device or a folder, and no file"))
}

/// The bytes of a file of at most `largest` bytes.
///
/// # Errors
/// As of [`open`]; [`io::ErrorKind::FileTooLarge`].
pub(crate) fn read(path: &Path, largest: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let too_large = || {
        let fault = format!("it has more than {largest} bytes, too many for what it should be");
        io::Error::new(io::ErrorKind::FileTooLarge, fault)
    };
    let length = file.metadata()?.len();
    if length > largest {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(usize::try_from(length).map_err(io::Error::other)?)?;
    // A file that grows meanwhile is still cut at the limit.
    file.take(largest.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > largest { Err(too_large()) } else { Ok(bytes) }
}

/// Refuses to write where a link is: its owner would choose what is overwritten.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`].
pub(crate) fn refuse_link(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path).is_ok_and(|about| about.is_symlink()) {
        let fault = "it is a link, which is not followed; remove it, or name the file that it leads to";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, fault));
    }
    Ok(())
}

/// Opens a file to append to, and makes it where there is none. Neither a link nor what is no file is opened.
///
/// # Errors
/// Those of the file system; [`io::ErrorKind::InvalidInput`] for a link and for what is no file.
pub(crate) fn open_to_append(path: &Path) -> io::Result<File> {
    refuse_link(path)?;
    let mut options = OpenOptions::new();
    // Reading as well: a pipe opened to write alone waits for a reader.
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOFOLLOW;
        options.custom_flags(flags.bits().cast_signed());
    }
    let file = options.open(path)?;
    check_is_file(&file.metadata()?)?;
    Ok(file)
}

/// What a file of diagnostics begins with.
const DIAGNOSTICS: &[u8] = b"nso-tui diagnostics\n";

/// Opens a file of diagnostics to append to, and makes it where there is none.
///
/// # Errors
/// Those of the file system; [`io::ErrorKind::AlreadyExists`] for a file that is none of diagnostics, and
/// [`io::ErrorKind::InvalidInput`] for a link and for what is no file.
pub fn open_diagnostics(path: &Path) -> io::Result<File> {
    let mut file = open_to_append(path)?;
    let mut beginning = Vec::new();
    (&file).take(DIAGNOSTICS.len() as u64).read_to_end(&mut beginning)?;
    if beginning.is_empty() {
        file.write_all(DIAGNOSTICS)?;
    } else if beginning != DIAGNOSTICS {
        let fault = "it is there and holds no diagnostics of this program; give a new name, or remove it";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, fault));
    }
    Ok(file)
}

/// Lets `write` fill a hidden temporary file in the folder of `path`, with the same ending, and then puts it in the place of `path`.
/// If anything fails, `path` is as before and the temporary file is removed.
///
/// # Errors
/// Those of `write` and of the file system; [`io::ErrorKind::InvalidInput`] if `path` names no file, or a link.
pub(crate) fn replace(path: &Path, write: impl FnOnce(&mut NamedTempFile) -> io::Result<()>) -> io::Result<()> {
    replace_as(Access::Usual, path, write)
}

/// The same for a file that may be read by these.
///
/// # Errors
/// As of [`replace`].
pub(crate) fn replace_as(
    access: Access,
    path: &Path,
    write: impl FnOnce(&mut NamedTempFile) -> io::Result<()>,
) -> io::Result<()> {
    if path.file_name().is_none() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "this is not the name of a file"));
    }
    refuse_link(path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // The encoder of images reads the format from the ending.
    let ending = path.extension().map_or_else(OsString::new, |ending| {
        let mut dotted = OsString::from(".");
        dotted.push(ending);
        dotted
    });
    let mut temporary = builder(&ending, access).tempfile_in(folder).map_err(without_path)?;
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

#[cfg(unix)]
fn builder(ending: &OsString, access: Access) -> Builder<'_, '_> {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt as _};

    let mut builder = Builder::new();
    builder.prefix(TEMPORARY_PREFIX).suffix(ending);
    match access {
        // A temporary file by itself is private.
        Access::Private => {}
        Access::Usual => {
            builder.permissions(Permissions::from_mode(0o666));
        }
    }
    builder
}

#[cfg(not(unix))]
fn builder(ending: &OsString, _access: Access) -> Builder<'_, '_> {
    let mut builder = Builder::new();
    builder.prefix(TEMPORARY_PREFIX).suffix(ending);
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diagnostics_are_appended_to_their_own_kind_alone() {
        let folder = tempfile::tempdir().unwrap();
        let [log, other] = ["log.txt", "other"].map(|name| folder.path().join(name));
        for line in [&b"one\n"[..], b"two\n"] {
            open_diagnostics(&log).unwrap().write_all(line).unwrap();
        }
        assert_eq!(fs::read(&log).unwrap(), [DIAGNOSTICS, b"one\ntwo\n"].concat());
        fs::write(&other, "precious").unwrap();
        assert_eq!(open_diagnostics(&other).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&other).unwrap(), b"precious");
    }

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

    #[cfg(unix)]
    #[test]
    fn a_private_file_is_nobody_elses() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("private");
        replace_as(Access::Private, &path, |_| Ok(())).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_is_read_up_to_its_limit_and_a_folder_never() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "1234").unwrap();
        assert_eq!(read(&path, 4).unwrap(), b"1234");
        assert_eq!(read(&path, 3).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert!(read(folder.path(), 4).unwrap_err().to_string().contains("no file"));
        assert_eq!(read(&folder.path().join("missing"), 4).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    /// Opening a pipe without a writer waits for ever, and so does opening one without a reader.
    #[cfg(unix)]
    #[test]
    fn a_pipe_or_a_device_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        for path in [&pipe, Path::new("/dev/zero")] {
            assert!(read(path, 4).unwrap_err().to_string().contains("no file"), "{}", path.display());
        }
        assert!(open_to_append(&pipe).unwrap_err().to_string().contains("no file"));
    }

    #[cfg(unix)]
    #[test]
    fn nothing_is_written_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let [target, link] = ["target", "link"].map(|name| folder.path().join(name));
        fs::write(&target, "precious").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        for refused in [replace(&link, |_| Ok(())).err(), open_to_append(&link).err()] {
            assert!(refused.is_some_and(|error| error.to_string().contains("it is a link")));
        }
        assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }
}
