//! The dashboard's commands: pick, watch, replay; and one frame of it as text.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use nso_tui::{
    dashboard::{self, Site},
    figure::{self, Extent},
    run::{
        device::{self, Devices},
        log::{Destination, SessionLog},
        preset,
    },
    tui::{App, Appearance, Ending, Glyphs, InitialScreen, PresetEntry, Recording, Setup, key, print},
};

use super::{CliError, Common, Output, Screen};

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
    let mut session = SessionLog::open(&args.directory)?;
    let (runs, damaged) = figure::read(&mut session, Extent::All)?;
    super::warn(&session, &damaged);
    let recording = Recording { plan: session.plan.clone(), runs, directory: args.directory.clone() };
    let following = Some(Box::new(session));
    let site = Site { devices: common.devices()?, destination: Destination::Nowhere, following };
    show(InitialScreen::Recorded(Box::new(recording)), site, &args.screen, common)
}

fn show(start: InitialScreen, site: Site, screen: &Screen, common: &Common) -> Result<ExitCode, CliError> {
    let setup = setup(screen, common, &site.devices);
    if screen.print.is_some() {
        return print_frame(App::new(start, setup).0, screen);
    }
    match dashboard::run(start, setup, site)? {
        Ending::Failed(reason) => Err(CliError::Show(reason)),
        ending => Ok(ExitCode::from(ending.exit_code())),
    }
}

fn print_frame(mut app: App, screen: &Screen) -> Result<ExitCode, CliError> {
    print::press(&mut app, &key::parse_script(screen.keys.as_deref().unwrap_or_default())?);
    if let Some(size) = screen.print {
        super::print(&format!("{}\n", print::frame(&app, size)));
    }
    Ok(ExitCode::SUCCESS)
}

fn setup(screen: &Screen, common: &Common, devices: &Devices) -> Setup {
    let overrides = common.overrides();
    let choices = preset::embedded()
        .map(|(name, text)| PresetEntry {
            name: name.to_owned(),
            plan: preset::parse(name, text, &overrides).map_err(|error| error.to_string()),
        })
        .collect();
    let about = |name| format!("{name}: {}", device::about(name));
    let device = devices.only().map_or_else(|| devices.to_string(), about);
    let glyphs = if screen.ascii { Glyphs::Ascii } else { Glyphs::Unicode };
    let appearance = Appearance::detect(glyphs, |name| std::env::var(name).ok());
    Setup { choices, device, appearance }
}
