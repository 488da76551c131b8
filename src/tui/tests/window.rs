//! Zooming and panning along x.

use super::scene::{Scene, events};
use crate::figure::Bounds;

fn window(scene: &Scene) -> Option<[f64; 2]> {
    scene.app.session().unwrap().view.window.map(|window| [window.low(), window.high()])
}

#[test]
fn zooming_shows_the_later_half_and_back() {
    // The furthest run has spent 2,480.
    assert_eq!(window(&Scene::watching().keys("z")), Some([1_240.0, 2_480.0]));
    assert_eq!(window(&Scene::watching().keys("z z")), Some([1_860.0, 2_480.0]));
    assert_eq!(window(&Scene::watching().keys("z z Z")), Some([1_240.0, 2_480.0]));
    assert_eq!(window(&Scene::watching().keys("z z Z Z")), None);
    assert_eq!(window(&Scene::watching().keys("Z < >")), None);
    assert!(window(&Scene::watching().keys(&"z ".repeat(60))).is_some(), "there is a narrowest part");
}

#[test]
fn panning_stays_within_the_data() {
    assert_eq!(window(&Scene::watching().keys("z <")), Some([930.0, 2_170.0]));
    assert_eq!(window(&Scene::watching().keys("z < < < < < <")), Some([0.0, 1_240.0]));
    assert_eq!(window(&Scene::watching().keys("z < > >")), Some([1_240.0, 2_480.0]));
    // From the left end, all is to the right.
    assert_eq!(window(&Scene::watching().keys("z < < < < < Z")), None);
}

#[test]
fn the_window_stays_while_data_arrive_and_goes_with_its_axis() {
    let scene = Scene::watching().keys("z");
    let more = events(0, 3_000).split_off(events(0, 2_480).len());
    assert_eq!(window(&scene.run(0, more)), Some([1_240.0, 2_480.0]));
    assert_eq!(window(&Scene::watching().keys("z x")), None);
}

#[test]
fn charts_show_the_window_alone() {
    let whole = Scene::watching().at("120x40");
    assert!(whole.contains("σ .02→.03") && !whole.contains("part of the x axis"));
    let scene = Scene::watching().keys("z <");
    insta::assert_snapshot!(scene.at("120x40"));
    let panels = scene.app.session().unwrap();
    let runs = panels.plotted_runs();
    for kind in panels.panels() {
        let panel = crate::figure::Panel::new(kind, &runs, &panels.view);
        assert_eq!(Bounds::new(panel.x.low(), panel.x.high()), Bounds::new(930.0, 2_170.0), "{kind:?}");
        // The y axis is that of what is shown: nothing in the window lies at the edge of the whole.
        let first = panel.curves.iter().map(|curve| curve.points.get(0).unwrap().y).fold(f64::MIN, f64::max);
        assert!(
            first > panel.y.high() || kind == crate::figure::PanelKind::Gap,
            "{kind:?}: {first} {}",
            panel.y.high()
        );
    }
}
