//! The cache of decoded images: what is taken from it, and what is passed over.

use super::*;

/// A set exchanged for another under the same path, with the same names, sizes and times.
#[test]
fn another_set_at_the_same_path_is_not_taken_for_the_first() {
    let scene = Scene::with_classes(4);
    let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    let set_times = || {
        for class in ["a", "b", "c"] {
            for i in 0..4 {
                let path = scene.root.path().join(format!("{class}/{i}.png"));
                fs::File::options().append(true).open(path).unwrap().set_modified(time).unwrap();
            }
        }
    };
    set_times();
    let first = scene.load();
    for (class, name) in (0..).zip(["a", "b", "c"]) {
        let before = scene.root.path().join(name).join("0.png").metadata().unwrap().len();
        (0..4).for_each(|i| scene.write(&format!("{name}/{i}.png"), &flat([50 * class, 5 * i, 200])));
        assert_eq!(scene.root.path().join(name).join("0.png").metadata().unwrap().len(), before, "of the same size");
    }
    set_times();
    let second = scene.load();
    assert!(second.train.pixels().chunks(4).skip(2).step_by(3).all(|blue| blue.contains(&200)));
    assert_ne!(second.train, first.train);
}

#[cfg(unix)]
#[test]
fn a_cache_that_others_may_have_written_or_that_is_no_file_is_passed_over() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let scene = Scene::with_classes(3);
    let fresh = scene.load();
    let file = scene.cache_file();
    let mode = || fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600, "nobody else reads or writes it");
    let decoded = || {
        let calls = RefCell::new(0);
        let loaded = load(scene.root.path(), &scene.options(), &|_, _| {
            *calls.borrow_mut() += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(loaded.train, fresh.train);
        calls.into_inner()
    };
    assert_eq!(decoded(), 1);
    for open_to_others in [0o620, 0o602] {
        fs::set_permissions(&file, fs::Permissions::from_mode(open_to_others)).unwrap();
        assert_eq!((decoded(), mode()), (9, 0o600), "it is decoded again, and written anew");
    }
    let elsewhere = scene.cache.path().join("elsewhere");
    fs::rename(&file, &elsewhere).unwrap();
    symlink(&elsewhere, &file).unwrap();
    assert_eq!(decoded(), 9);
    fs::remove_file(&file).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, &file, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    assert_eq!(decoded(), 9);
}

#[test]
fn a_damaged_cache_is_ignored_and_rebuilt() {
    let scene = Scene::with_classes(3);
    let fresh = scene.load();
    let file = scene.cache_file();
    let whole = fs::read(&file).unwrap();
    let mut forms: Vec<Vec<u8>> = (0..whole.len()).step_by(7).map(|cut| whole[..cut].to_vec()).collect();
    forms.extend((0..whole.len()).map(|at| {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x41;
        damaged
    }));
    forms.push([&whole[..], &[0]].concat());
    // Skips that are not there, and more of them than files.
    forms.push([&whole[..40], &[0xff; 4], &[0xff; 2000]].concat());
    forms.push([&whole[..40], &[3, 0, 0, 0], &[0; 18], &whole[44..]].concat());
    for damaged in forms {
        fs::write(&file, &damaged).unwrap();
        let calls = RefCell::new(0);
        let loaded = load(scene.root.path(), &scene.options(), &|_, _| {
            *calls.borrow_mut() += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!((*calls.borrow(), &loaded.train, &loaded.test), (9, &fresh.train, &fresh.test));
        assert!(fs::read(&file).unwrap() == whole, "it is rebuilt");
    }
    // A place where nothing can be kept is no reason to fail.
    fs::remove_dir_all(scene.cache.path().join("deep")).unwrap();
    fs::write(scene.cache.path().join("deep"), "a file").unwrap();
    assert_eq!(scene.load().train, fresh.train);
}
