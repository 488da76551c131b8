//! A session directory that is being written.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use rand::Rng;

use super::{
    AVERAGE_FILE, BEST_FILE, EVENTS_FILE, LOCK_FILE, LogError, LogWriter, SESSION_FILE, io_error, lock::SessionLock,
    session::with_checksum, weights,
};
use crate::{
    autodiff::{Layout, Vector},
    file,
    run::{
        Plan,
        preset::{self, LONGEST_NAME},
    },
};

/// Where a session is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    Nowhere,
    /// In this folder, which must be new or empty.
    Exactly(PathBuf),
    /// In a new folder `<UTC stamp>-<preset>-<4 hex>` inside this one.
    Inside(PathBuf),
}

/// A session directory that is being written, by this process alone.
#[derive(Debug, Clone)]
pub struct SessionDirectory {
    path: PathBuf,
    run_folders: Vec<String>,
    /// The folder itself, wherever it may be moved.
    folder: Arc<File>,
    _lock: Option<Arc<SessionLock>>,
}

impl SessionDirectory {
    /// Makes the directory and writes `session.toml`; `None` for [`Destination::Nowhere`].
    ///
    /// # Errors
    /// [`LogError`] if the folder is in use or cannot be written. Nothing is left behind then.
    pub fn create(destination: &Destination, plan: &Plan) -> Result<Option<Self>, LogError> {
        let path = match destination {
            Destination::Nowhere => return Ok(None),
            Destination::Exactly(path) => path.clone(),
            Destination::Inside(root) => {
                let stamp = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
                let tail = rand::rng().next_u32() & 0xffff;
                root.join(format!("{stamp}-{}-{tail:04x}", folder_name(&plan.preset)))
            }
        };
        fs::create_dir_all(&path).map_err(io_error("create", &path))?;
        let mut inside = fs::read_dir(&path).map_err(io_error("read", &path))?;
        if inside.next().is_some() {
            return Err(LogError::NotEmpty(path));
        }
        let lock = SessionLock::create(&path)?;
        let session = Self::at(path, plan, Some(lock))?;
        session.fill(plan).inspect_err(|_| session.discard())?;
        Ok(Some(session))
    }

    /// Opens a directory that holds a session of this plan, to write on.
    ///
    /// # Errors
    /// [`LogError::InUse`] if a process writes it already; [`LogError::Io`].
    pub(in crate::run) fn reopen(path: &Path, plan: &Plan) -> Result<Self, LogError> {
        let session = Self::at(path.to_owned(), plan, Some(SessionLock::take(path)?))?;
        for run in 0..session.run_folders.len() {
            remove_temporaries(&session.run_folder(run));
        }
        Ok(session)
    }

    /// Opens a directory for a run in a process of its own: the process that started it has the lock.
    pub(in crate::run) fn borrow(path: &Path, plan: &Plan) -> Result<Self, LogError> {
        Self::at(path.to_owned(), plan, None)
    }

    fn at(path: PathBuf, plan: &Plan, lock: Option<SessionLock>) -> Result<Self, LogError> {
        let folder = File::open(&path).map_err(io_error("open", &path))?;
        Ok(Self { run_folders: run_folders(plan), folder: Arc::new(folder), path, _lock: lock.map(Arc::new) })
    }

    fn fill(&self, plan: &Plan) -> Result<(), LogError> {
        for folder in &self.run_folders {
            let folder = self.path.join(folder);
            fs::create_dir(&folder).map_err(io_error("create", &folder))?;
        }
        self.write_plan(plan)
    }

    /// Adds the last run of this plan, which the plan has beyond those before it.
    ///
    /// # Errors
    /// [`LogError::Io`]; the session is then as it was.
    pub(in crate::run) fn add_run(&mut self, plan: &Plan) -> Result<(), LogError> {
        let folders = run_folders(plan);
        let Some((new, old)) = folders.split_last() else { return Ok(()) };
        debug_assert_eq!(old, self.run_folders, "a run that is added renames no other one");
        let folder = self.path.join(new);
        fs::create_dir(&folder).map_err(io_error("create", &folder))?;
        self.write_plan(plan).inspect_err(|_| {
            // A folder that stays is in the way of the next attempt, which reports it.
            let _ = fs::remove_dir(&folder);
        })?;
        self.run_folders = folders;
        Ok(())
    }

    fn write_plan(&self, plan: &Plan) -> Result<(), LogError> {
        let path = self.path.join(SESSION_FILE);
        let text = with_checksum(preset::to_toml(plan));
        file::replace(&path, |file| file.write_all(text.as_bytes())).map_err(io_error("write", &path))
    }

    /// Removes a session that could not start: what was made of it, and nothing else.
    pub(in crate::run) fn discard(&self) {
        // What cannot be removed stays.
        for run in 0..self.run_folders.len() {
            let _ = fs::remove_file(self.path.join(&self.run_folders[run]).join(EVENTS_FILE));
            let _ = fs::remove_dir(self.path.join(&self.run_folders[run]));
        }
        for file in [SESSION_FILE, LOCK_FILE] {
            let _ = fs::remove_file(self.path.join(file));
        }
        let _ = fs::remove_dir(&self.path);
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of a run, which Linux finds even after the session was moved.
    pub(in crate::run) fn run_folder(&self, run: usize) -> PathBuf {
        current_path(&self.folder).unwrap_or_else(|| self.path.clone()).join(&self.run_folders[run])
    }

    /// The same, refused where a link was put in its place.
    pub(in crate::run) fn run_folder_to_write(&self, run: usize) -> Result<PathBuf, LogError> {
        let folder = self.run_folder(run);
        file::refuse_link(&folder).map_err(io_error("write", &folder))?;
        Ok(folder)
    }

    /// Opens a run's log for appending to its first `length` bytes.
    ///
    /// # Errors
    /// [`LogError::Io`].
    pub fn log(&self, run: usize, length: u64) -> Result<LogWriter, LogError> {
        LogWriter::open(self.run_folder_to_write(run)?.join(EVENTS_FILE), length)
    }

    /// Writes a run's weights in single precision under the names and shapes of `layout`, in one piece or not at all.
    ///
    /// # Errors
    /// [`LogError::Io`].
    pub fn write_weights(&self, run: usize, name: &str, tensors: &[(&Layout, &Vector)]) -> Result<(), LogError> {
        let tensors: Vec<_> =
            tensors.iter().flat_map(|(layout, vector)| weights::named_tensors(layout, vector)).collect();
        weights::write(&self.run_folder_to_write(run)?.join(name), &tensors, HashMap::new())
    }

    /// Removes the best and the averaged weights of an earlier attempt at a run, which are not those of the one that begins.
    pub(in crate::run) fn remove_earlier_weights(&self, run: usize) -> Result<(), LogError> {
        for file in [BEST_FILE, AVERAGE_FILE] {
            let path = self.run_folder(run).join(file);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_error("remove", &path)(error)),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Whether a file of this name is one that a session is made of, so that nothing else may be written there.
pub fn is_session_file(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()).map(str::to_lowercase) else { return false };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // A folder that is not there holds no session.
    let Ok(folder) = folder.canonicalize() else { return false };
    let is_session = |folder: &Path| folder.join(SESSION_FILE).exists();
    let of_session = [SESSION_FILE, LOCK_FILE].contains(&name.as_str());
    let of_run = name == EVENTS_FILE || name.ends_with(".safetensors");
    of_session && is_session(&folder) || of_run && folder.parent().is_some_and(is_session)
}

/// Where an open folder is now.
#[cfg(target_os = "linux")]
fn current_path(folder: &File) -> Option<PathBuf> {
    use std::os::fd::AsRawFd as _;

    let path = fs::read_link(format!("/proc/self/fd/{}", folder.as_raw_fd())).ok()?;
    path.is_dir().then_some(path)
}

/// Where an open folder is now, which other systems do not say.
#[cfg(not(target_os = "linux"))]
fn current_path(_folder: &File) -> Option<PathBuf> {
    None
}

/// Removes the temporary files of writes that a kill has cut off.
fn remove_temporaries(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let temporary = |name: &str| name.starts_with(file::TEMPORARY_PREFIX);
    for entry in entries.flatten().filter(|entry| entry.file_name().to_str().is_some_and(temporary)) {
        let _ = fs::remove_file(entry.path());
    }
}

/// Letters, digits, dot, hyphen and underscore of a name; anything else becomes a hyphen.
fn folder_name(name: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let mapped: String = name.chars().map(|c| if safe(c) || c == '.' { c } else { '-' }).collect();
    // No folder is hidden, and none is `.` or `..`.
    if mapped.starts_with('.') { format!("-{mapped}") } else { mapped }
}

/// A name for one more run of a plan that neither another run nor its folder has: this one, or the same with a number.
pub fn free_name(plan: &Plan, base: &str) -> String {
    let folder_of = |name: &str| folder_name(name).to_lowercase();
    let taken: HashSet<String> = run_folders(plan).iter().map(|taken| taken.to_lowercase()).collect();
    let is_free = |name: &String| {
        let folder = folder_of(name);
        !taken.contains(&folder) && !plan.runs.iter().any(|run| run.name == *name || folder_of(&run.name) == folder)
    };
    // A number at the end is that of an earlier attempt.
    let root =
        base.rsplit_once(" #").filter(|(_, number)| number.parse::<u32>().is_ok()).map_or(base, |(root, _)| root);
    let numbered = (2..).map(|number| {
        let number = format!(" #{number}");
        let kept: String = root.chars().take(LONGEST_NAME - number.chars().count()).collect();
        kept + &number
    });
    std::iter::once(root.to_owned()).chain(numbered).find(is_free).unwrap_or_default()
}

/// The folder of each run of a plan. Names that would share a folder (also where case does not count) or hide one of
/// the session's own files get their place in the plan as a suffix, and a hyphen more where even that is taken.
pub fn run_folders(plan: &Plan) -> Vec<String> {
    let names: Vec<String> = plan.runs.iter().map(|run| folder_name(&run.name)).collect();
    let mut uses: HashMap<String, usize> = HashMap::new();
    // `session.tmp` was a file of sessions of version 0.1, whose folders must be found.
    for name in names.iter().map(String::as_str).chain([SESSION_FILE, "session.tmp"]) {
        *uses.entry(name.to_lowercase()).or_default() += 1;
    }
    let mut taken = HashSet::new();
    let mut own = |(index, name): (usize, String)| {
        let alone = uses[&name.to_lowercase()] == 1;
        let mut folder = if alone { name } else { format!("{name}--{}", index + 1) };
        while !taken.insert(folder.to_lowercase()) {
            folder.push('-');
        }
        folder
    };
    names.into_iter().enumerate().map(&mut own).collect()
}
