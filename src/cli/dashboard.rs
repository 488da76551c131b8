//! The dashboard's commands: pick, watch, replay; and one frame of it as text.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use nso_tui::{
    dashboard::{self, Left, Site},
    run::{
        device::{self, Devices},
        log::Destination,
    },
    terminal::quoted,
    tui::{App, Appearance, Ending, Glyphs, InitialScreen, LeftSession, Setup, key, print},
};

use super::{CliError, Common, Output, Screen, choices, results, resume};

/// `replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The session's folder
    directory: PathBuf,
    #[command(flatten)]
    screen: Screen,
}

/// The picker, or a preset at once.
pub fn watch(preset: Option<&str>, output: &Output, screen: &Screen, common: &Common) -> Result<ExitCode, CliError> {
    let devices = common.devices()?;
    let (start, used) = match preset {
        Some(name) => {
            let plan = common.plan(name)?;
            let used = plan.assign(&devices);
            (InitialScreen::Plan(Box::new(plan)), used)
        }
        None => (InitialScreen::Picker, devices.iter().collect()),
    };
    // Opened here too, so that a device that cannot be had is reported before the screen is taken.
    for name in used {
        device::open(name)?;
    }
    show(start, Site { devices, destination: output.destination(), following: None }, screen, common)
}

/// A session from its log, which is read before the screen is taken and then read on.
pub fn replay(args: &ReplayArgs, common: &Common) -> Result<ExitCode, CliError> {
    let (recording, session) = dashboard::open_session(args.directory.clone())?;
    let site = Site { devices: common.devices()?, destination: Destination::Nowhere, following: Some(session) };
    show(InitialScreen::Recorded(Box::new(recording)), site, &args.screen, common)
}

fn show(start: InitialScreen, site: Site, screen: &Screen, common: &Common) -> Result<ExitCode, CliError> {
    let setup = setup(screen, common, &site.devices);
    if screen.print.is_some() {
        return print_frame(App::new(start, setup).0, screen);
    }
    let Left { ending, session } = dashboard::run(start, setup, site)?;
    match (&ending, session) {
        (Ending::Failed(reason), _) => return Err(CliError::Show(reason.clone())),
        // After a signal there may be no terminal.
        (Ending::Quit(_) | Ending::Interrupted, Some(session)) => super::print(&last_words(&session))?,
        (Ending::Detached, Some(session)) => super::print(&go_on_in_background(&session)?)?,
        (Ending::Quit(_) | Ending::Detached | Ending::Interrupted | Ending::Signal(_), _) => {}
    }
    Ok(ExitCode::from(ending.exit_code()))
}

/// Has another process go on with a session whose runs were stopped, without a terminal: what to say of it.
fn go_on_in_background(session: &LeftSession) -> Result<String, CliError> {
    let Some(directory) = &session.directory else { return Ok(String::new()) };
    let io = |source| CliError::Io { what: "go on in the background".to_owned(), source };
    let process = resume::in_background(directory).map_err(io)?;
    let path = quoted(directory);
    Ok(format!(
        "the runs go on in process {process}: nso-tui replay {path} shows them, kill {process} stops them with checkpoints\n"
    ))
}

/// What the session has found so far, where it is, and how to see it again.
fn last_words(session: &LeftSession) -> String {
    let directory = session.directory.as_deref();
    let table = results::table(&session.plan, &session.histories, directory);
    let again = directory.map(|path| format!("to see it again: nso-tui replay {}\n", quoted(path)));
    table + &again.unwrap_or_default()
}

fn print_frame(mut app: App, screen: &Screen) -> Result<ExitCode, CliError> {
    print::press(&mut app, &key::parse_script(screen.keys.as_deref().unwrap_or_default())?);
    if let Some(size) = screen.print {
        super::print(&format!("{}\n", print::frame(&app, size)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn setup(screen: &Screen, common: &Common, devices: &Devices) -> Setup {
    let overrides = common.overrides();
    let choices = choices::all(&overrides);
    let about = |name| format!("{name}: {}", device::about(name));
    let device = devices.only().map_or_else(|| devices.to_string(), about);
    let glyphs = if screen.ascii { Glyphs::Ascii } else { Glyphs::Unicode };
    let appearance = Appearance::detect(glyphs, |name| std::env::var(name).ok());
    Setup { choices, device, appearance }
}
