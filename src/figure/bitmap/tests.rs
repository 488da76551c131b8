//! Pictures are tested by decoding them: ink in each panel, no ink where paper must stay white, and SVG that nests.

use super::{super::sample, *};
use crate::figure::{Options, export};

fn session_figure(session: &crate::figure::Session) -> Figure<'_> {
    Figure::new(&session.title, &session.labelled(), (&View::default(), &[]))
}

#[test]
fn the_caption_says_how_each_curve_came_about() {
    let session = sample::session();
    let figure = session_figure(&session);
    assert_eq!(
        figure.caption,
        [
            "SGD: sgd, lr .05, momentum .9, decay 0, seed 1, done at step 4,000, 4,000 gradient evaluations",
            "WP-SGD: wp-sgd, σ .03, k 2, lr .05, momentum .9, decay 0, seed 1, done at step 2,000, 4,000 gradient evaluations",
            "SAM: sam, ρ .05, lr .05, momentum .9, decay 0, seed 1, diverged at step 1,300, 2,600 gradient evaluations",
            "NSO: nso, σ .02, k 1, mix 0, lr .05, momentum .9, decay 0, seed 1, done at step 2,000, 4,000 gradient evaluations",
            "Changed while running: NSO σ .02→.03 at step 500; NSO σ .03→.02 at step 1,100",
        ]
    );
}

#[test]
#[ignore = "writes pictures to look at"]
fn pictures_to_look_at() {
    let folder = std::path::Path::new("/tmp/figures");
    std::fs::create_dir_all(folder).unwrap();
    let session = sample::session();
    for name in ["all.png", "all.svg"] {
        export(&session, &folder.join(name), &Options::default()).unwrap();
    }
    let one = Options { panels: vec![PanelKind::Trace], size: Size::new(1200, 800).unwrap(), ..Options::default() };
    export(&session, &folder.join("trace.png"), &one).unwrap();
    let mut view = View { x: crate::figure::XAxis::Epoch, x_scale: crate::figure::Scale::Log, ..View::default() };
    view.toggle_y_scale(PanelKind::Gap);
    let small = Options { view, size: Size::new(800, 600).unwrap(), panels: vec![PanelKind::Loss, PanelKind::Gap, PanelKind::Accuracy, PanelKind::Distance] };
    export(&sample::session_until(700), &folder.join("small.png"), &small).unwrap();
}
