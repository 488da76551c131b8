//! The session directory: `session.toml`, and for each run its events, one JSON object a line, and its last weights.
//! The log is append-only and is read with distrust: a line cut short by a crash is the end, anything else wrong an error.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File},
    io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use rand::Rng;
use safetensors::{Dtype, tensor::TensorView};

use super::{Event, Plan, preset};
use crate::{
    autodiff::{Layout, Vector, values},
    file,
};

/// The preset as it ran.
pub const SESSION_FILE: &str = "session.toml";
/// A run's events.
pub const EVENTS_FILE: &str = "events.jsonl";
/// A run's last weights.
pub const WEIGHTS_FILE: &str = "weights.safetensors";
/// The average of a run's weights.
pub const AVERAGE_FILE: &str = "average.safetensors";
/// A run's weights at its lowest validation loss.
pub const BEST_FILE: &str = "best.safetensors";

/// Longest line that a log may hold; the program writes a few hundred bytes.
const LONGEST_LINE: u64 = 1 << 20;

/// What went wrong with a session directory.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The directory is in use.
    #[error("{path} exists and is not empty; choose a new folder for --out, or remove it", path = .0.display())]
    NotEmpty(PathBuf),
    #[error("{path} is not a session: it has no {SESSION_FILE}; give the folder that `run --out` wrote", path = .0.display())]
    NotASession(PathBuf),
    /// Reading or writing failed.
    #[error("cannot {verb} {path}: {cause}", path = .path.display())]
    Io {
        verb: &'static str,
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// A line is not an event.
    #[error("{path}, line {line} is not an event: {fault}", path = .path.display())]
    Line {
        path: PathBuf,
        /// Counting from 1.
        line: usize,
        /// What the parser said.
        fault: String,
    },
    /// The session's preset cannot be read.
    #[error(transparent)]
    Preset(#[from] preset::PresetError),
}

fn io_error(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LogError {
    let path = path.to_owned();
    move |cause| LogError::Io { verb, path, cause }
}

/// Where a session is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    Nowhere,
    /// In this folder, which must be new or empty.
    Exactly(PathBuf),
    /// In a new folder `<UTC stamp>-<preset>-<4 hex>` inside this one.
    Inside(PathBuf),
}

/// A session directory that is being written.
#[derive(Debug, Clone)]
pub struct SessionDirectory {
    path: PathBuf,
    run_folders: Vec<String>,
}

impl SessionDirectory {
    /// Makes the directory and writes `session.toml`; `None` for [`Destination::Nowhere`].
    ///
    /// # Errors
    /// [`LogError`] if the folder is in use or cannot be written. Nothing is left behind then but empty folders.
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
        let session = Self { run_folders: run_folders(plan), path };
        for folder in &session.run_folders {
            let folder = session.path.join(folder);
            fs::create_dir(&folder).map_err(io_error("create", &folder))?;
        }
        write_whole(&session.path.join(SESSION_FILE), preset::to_toml(plan).as_bytes())?;
        Ok(Some(session))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a run's log for appending.
    ///
    /// # Errors
    /// [`LogError::Io`].
    pub fn log(&self, run: usize) -> Result<LogWriter, LogError> {
        let path = self.path.join(&self.run_folders[run]).join(EVENTS_FILE);
        let file = File::options().create(true).append(true).open(&path).map_err(io_error("open", &path))?;
        Ok(LogWriter { path, file: BufWriter::new(file) })
    }

    /// Writes a run's weights in single precision under the names and shapes of `layout`, in one piece or not at all.
    ///
    /// # Errors
    /// [`LogError::Io`].
    pub fn write_weights(&self, run: usize, name: &str, tensors: &[(&Layout, &Vector)]) -> Result<(), LogError> {
        let path = self.path.join(&self.run_folders[run]).join(name);
        #[expect(clippy::cast_possible_truncation, reason = "weights are trained in single precision")]
        let bytes = |w| values(w).iter().flat_map(|&x| (x as f32).to_le_bytes()).collect::<Vec<u8>>();
        let bytes: Vec<Vec<u8>> = tensors.iter().map(|(_, w)| bytes(w)).collect();
        let views = tensors.iter().zip(&bytes).flat_map(|((layout, _), bytes)| {
            layout.entries().iter().map(|entry| {
                let data = &bytes[4 * entry.offset..4 * (entry.offset + entry.len())];
                TensorView::new(Dtype::F32, entry.shape.clone(), data).map(|view| (entry.name.as_str(), view))
            })
        });
        let file = views
            .collect::<Result<Vec<_>, _>>()
            .and_then(|views| safetensors::serialize(views, None))
            .map_err(|fault| io_error("write", &path)(io::Error::other(fault.to_string())))?;
        write_whole(&path, &file)
    }

    /// Removes the best and the averaged weights of an earlier attempt at a run, which are not those of the one that begins.
    pub(super) fn remove_earlier_weights(&self, run: usize) -> Result<(), LogError> {
        for file in [BEST_FILE, AVERAGE_FILE] {
            let path = self.path.join(&self.run_folders[run]).join(file);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_error("remove", &path)(error)),
                _ => {}
            }
        }
        Ok(())
    }
}

fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), LogError> {
    file::replace(path, |file| file.write_all(bytes)).map_err(io_error("write", path))
}

/// Letters, digits, dot, hyphen and underscore of a name; anything else becomes a hyphen.
fn folder_name(name: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let mapped: String = name.chars().map(|c| if safe(c) || c == '.' { c } else { '-' }).collect();
    // No folder is hidden, and none is `.` or `..`.
    if mapped.starts_with('.') { format!("-{mapped}") } else { mapped }
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

/// Appends events to one run's log.
#[derive(Debug)]
pub struct LogWriter {
    path: PathBuf,
    file: BufWriter<File>,
}

impl LogWriter {
    /// Appends one event. It is on disk after the next [`flush`](Self::flush).
    ///
    /// # Errors
    /// [`LogError::Io`].
    pub fn append(&mut self, event: &Event) -> Result<(), LogError> {
        let written = serde_json::to_writer(&mut self.file, event)
            .map_err(io::Error::from)
            .and_then(|()| self.file.write_all(b"\n"));
        written.map_err(io_error("write", &self.path))
    }

    /// Hands everything to the system.
    ///
    /// # Errors
    /// [`LogError::Io`].
    pub fn flush(&mut self) -> Result<(), LogError> {
        self.file.flush().map_err(io_error("write", &self.path))
    }
}

/// Reads a run's log, and reads on where it stopped when the log has grown.
#[derive(Debug)]
pub struct LogReader {
    path: PathBuf,
    offset: u64,
    line: usize,
}

impl LogReader {
    /// From the start of the log at `path`. A log that is not there yet is empty.
    pub fn new(path: PathBuf) -> Self {
        Self { path, offset: 0, line: 0 }
    }

    /// The whole lines written since the last call. After an error nothing counts as read.
    ///
    /// # Errors
    /// [`LogError`] if the file cannot be read or a whole line is not an event.
    pub fn read_new(&mut self) -> Result<Vec<Event>, LogError> {
        let before = (self.offset, self.line);
        self.read_on().inspect_err(|_| (self.offset, self.line) = before)
    }

    fn read_on(&mut self) -> Result<Vec<Event>, LogError> {
        let mut file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            opened => opened.map_err(io_error("open", &self.path))?,
        };
        file.seek(SeekFrom::Start(self.offset)).map_err(io_error("read", &self.path))?;
        let mut reader = BufReader::new(file);
        let (mut events, mut line) = (Vec::new(), Vec::new());
        loop {
            line.clear();
            let read = (&mut reader).take(LONGEST_LINE).read_until(b'\n', &mut line);
            let length = read.map_err(io_error("read", &self.path))? as u64;
            if line.last() != Some(&b'\n') {
                return if length < LONGEST_LINE { Ok(events) } else { Err(self.fault("it is too long")) };
            }
            self.offset += length;
            self.line += 1;
            if line.len() > 1 {
                events.push(serde_json::from_slice(&line).map_err(|fault| self.fault(&fault.to_string()))?);
            }
        }
    }

    fn fault(&self, fault: &str) -> LogError {
        LogError::Line { path: self.path.clone(), line: self.line.max(1), fault: fault.to_owned() }
    }
}

/// A session on disk, finished or still running.
#[derive(Debug)]
pub struct SessionLog {
    /// What was planned.
    pub plan: Plan,
    /// Each run's log, in the order of the plan.
    pub logs: Vec<LogReader>,
}

impl SessionLog {
    /// Opens the session in `directory`.
    ///
    /// # Errors
    /// [`LogError`] if it is not a session or its preset is damaged.
    pub fn open(directory: &Path) -> Result<Self, LogError> {
        let path = directory.join(SESSION_FILE);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(LogError::NotASession(directory.to_owned()));
            }
            read => read.map_err(io_error("read", &path))?,
        };
        let plan = preset::parse(&path.display().to_string(), &text, &[])?;
        let log = |folder: String| LogReader::new(directory.join(folder).join(EVENTS_FILE));
        let logs = run_folders(&plan).into_iter().map(log).collect();
        Ok(Self { plan, logs })
    }

    /// Everything logged since the last call, run by run.
    ///
    /// # Errors
    /// [`LogError`] if a log is damaged.
    pub fn read_new(&mut self) -> Result<Vec<Vec<Event>>, LogError> {
        self.logs.iter_mut().map(LogReader::read_new).collect()
    }
}
