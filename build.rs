//! Lets a binary with the feature `tch` find at run time, without LD_LIBRARY_PATH, the LibTorch that it was built with,
//! and checks that this is one of the versions that it can be built with.

use std::{
    env, fs,
    io::{self, Error, ErrorKind, Write},
    path::Path,
};

/// What the version of LibTorch begins with.
const VERSION: &str = "2.9.";

fn main() -> io::Result<()> {
    let mut cargo = io::stdout();
    writeln!(cargo, "cargo::rerun-if-changed=build.rs")?;
    // torch-sys says where its libraries are, on Linux and macOS.
    let Some(libraries) = env::var_os("DEP_TCH_LIBTORCH_LIB") else { return Ok(()) };
    let libraries = Path::new(&libraries);
    if let Some(version) = version(libraries).filter(|version| !version.starts_with(VERSION)) {
        let fault = format!("{} is LibTorch {version}, expected {VERSION}x", libraries.display());
        return Err(Error::new(ErrorKind::Unsupported, fault));
    }
    writeln!(cargo, "cargo::rustc-link-arg=-Wl,-rpath,{}", libraries.display())
}

/// The version that a wheel of PyTorch or an archive of LibTorch says it is.
fn version(libraries: &Path) -> Option<String> {
    let root = libraries.parent()?;
    let quoted = |text: String| {
        let line = text.lines().find(|line| line.starts_with("__version__"))?;
        Some(line.split('\'').nth(1)?.to_owned())
    };
    let wheel = fs::read_to_string(root.join("version.py")).ok().and_then(quoted);
    wheel.or_else(|| Some(fs::read_to_string(root.join("build-version")).ok()?.trim().to_owned()))
}
