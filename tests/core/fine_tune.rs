//! Fine-tuning: what is trained and what stays, which statistics the buffers average, images in parts and images augmented.

use std::fs;

use burn::tensor::{DType, Device};
use nso_tui::{
    autodiff::{read, values},
    data::{Augmentation, Flip, IMAGENET, Labelled, Share, clipart, folder::Corrupt},
    problem::{
        Augmented, Backbone, BatchNormMode, CrossEntropy, Examples, FineTune, ImageDataset, ImageSet, ImageSource,
        InitialTensor, Initialization, MobileNetV2, Mode, Network, Normalization, Problem, SoftmaxRegression,
        Supervised, Weights,
        checkpoint::{Checkpoint, embedded_mobilenet},
        ignore_progress,
    },
    run::preset,
};
use safetensors::SafeTensors;

use crate::{
    common::{apart, vector},
    networks::{buffers, data, mixed, weights},
    sessions::run_to,
};

const CLASSES: usize = 7;

fn clip_art(freeze: &[&str]) -> FineTune {
    FineTune {
        backbone: Backbone::MobileNetV2 { stem_stride: 2 },
        weights: Weights::Embedded,
        freeze: freeze.iter().map(|&prefix| prefix.to_owned()).collect(),
        batch_norm: BatchNormMode::BatchStatistics,
        images: ImageSet {
            source: ImageSource::Clipart,
            size: None,
            per_class: None,
            validation_share: Share::NONE,
            label_noise: Share::NONE,
            test_share: Share::NONE,
            corrupt: Corrupt::Error,
            augmentable: true,
        },
    }
}

/// The gradient of what is trained is the part of the whole gradient that belongs to it, a Hessian product that of the product along a
/// direction which leaves the rest alone, and the rest is not in the layout: of a body, of its beginning, of a layer in its middle.
#[test]
fn frozen_tensors_stay_out_of_the_weights_and_change_no_other_derivative() {
    let network = MobileNetV2::new(CLASSES, 2, 32);
    let layout = network.layout();
    let w: Vec<f64> = weights(layout).into_iter().map(|x| f64::from(x as f32)).collect();
    let data = data(4, 32);
    let whole =
        Supervised::new(network.clone(), ImageDataset::without_validation(&data, &data, &Device::flex()), CrossEntropy);
    let f = whole.objective(Examples::First(4));
    let gradient = values(&f.gradient(&vector(&w, DType::F64)).gradient);
    for prefix in ["features.", "features.0.", "features.3.conv.1."] {
        let mut start = Initialization::random(&network);
        let mut trained = Vec::new();
        for (index, entry) in layout.entries().iter().enumerate() {
            let place = entry.offset..entry.offset + entry.len();
            let values = w[place.clone()].iter().map(|&x| x as f32).collect();
            start.tensors[index] = if entry.name.starts_with(prefix) {
                InitialTensor::Frozen(values)
            } else {
                trained.extend(place);
                InitialTensor::Given(values)
            };
        }
        let part = |whole: &[f64]| trained.iter().map(|&at| whole[at]).collect::<Vec<f64>>();
        let partial = Supervised::new(
            network.clone(),
            ImageDataset::without_validation(&data, &data, &Device::flex()),
            CrossEntropy,
        )
        .initialized(start);
        assert!(Problem::layout(&partial).entries().iter().all(|entry| !entry.name.starts_with(prefix)));
        let g = partial.objective(Examples::First(4));
        let kept = vector(&part(&w), DType::F64);
        let off = apart(&values(&g.gradient(&kept).gradient), &part(&gradient));
        assert!(off < 1e-10, "{prefix}: the gradient is {off:e} off");
        let mut along = vec![0.0; w.len()];
        for (&at, x) in trained.iter().zip(mixed(trained.len(), 2001)) {
            along[at] = x;
        }
        let product = values(&f.hessian_product(&vector(&w, DType::F64), &vector(&along, DType::F64)));
        let off = apart(&values(&g.hessian_product(&kept, &vector(&part(&along), DType::F64))), &part(&product));
        assert!(off < 1e-10, "{prefix}: the product is {off:e} off");
    }
}

#[test]
fn a_prefix_that_names_nothing_is_an_error() {
    for prefix in ["feature.", "classifier."] {
        let error = clip_art(&[prefix]).build(1, &Device::flex(), &ignore_progress).err().unwrap();
        let expected = format!("begins with '{prefix}'; the first is 'features.0.0.weight'");
        assert!(error.to_string().ends_with(&expected), "{error}");
    }
}

/// 30 images of 64 x 64 go through a MobileNetV2 in two parts; each part alone is a minibatch.
#[test]
fn a_mean_over_many_images_is_the_mean_over_its_parts() {
    let network = MobileNetV2::new(CLASSES, 1, 64);
    let (w, running) = (weights(network.layout()), buffers(network.buffers()));
    let (w, running) = (vector(&w, DType::F32), vector(&running, DType::F32));
    let data = data(30, 64);
    let problem =
        Supervised::new(network, ImageDataset::without_validation(&data, &data, &Device::flex()), CrossEntropy);
    let mode = || Mode { normalization: Normalization::Buffers(running.clone()), ..Mode::default() };
    let whole = problem.objective_in(mode(), Examples::First(30)).gradient(&w);
    let halves = [0..15, 15..30].map(|half: std::ops::Range<usize>| {
        problem.objective_in(mode(), Examples::Chosen(&half.collect::<Vec<_>>())).gradient(&w)
    });
    let mean: Vec<f64> = values(&((halves[0].gradient.clone() + halves[1].gradient.clone()) * 0.5));
    let off = apart(&values(&whole.gradient), &mean);
    assert!(off < 1e-5, "{off:e}");
    let losses = read(vec![whole.loss, halves[0].loss.clone(), halves[1].loss.clone()]);
    assert!((losses[0] - 0.5 * (losses[1] + losses[2])).abs() < 1e-5, "{losses:?}");
    let v = vector(&mixed(w.dims()[0], 2001), DType::F32);
    let product = |examples: Examples<'_>| values(&problem.objective_in(mode(), examples).hessian_product(&w, &v));
    let [first, second] =
        [0..15, 15..30].map(|half: std::ops::Range<usize>| product(Examples::Chosen(&half.collect::<Vec<_>>())));
    let mean: Vec<f64> = first.iter().zip(&second).map(|(a, b)| 0.5 * (a + b)).collect();
    let off = apart(&product(Examples::First(30)), &mean);
    assert!(off < 1e-4, "{off:e}");
}

/// Every gradient of one step sees one draw, the next step another, and measuring none.
#[test]
fn a_draw_of_the_augmentation_is_a_step_s_own() {
    let problem = clip_art(&[]).build(1, &Device::flex(), &ignore_progress).unwrap();
    let augmentation = Augmentation { padding: 4, flip: Flip::Half };
    let w: Vec<f64> = problem.initial(&mut nso_tui::random::stream(1, nso_tui::random::Purpose::Weights));
    let w = vector(&w, DType::F32);
    let loss = |draw: Option<u64>| {
        let buffers = problem.buffers().map(|found| found.values);
        let augmentation = draw.map(|draw| Augmented { augmentation, draw });
        let mode = Mode { normalization: Normalization::by(buffers.as_ref()), augmentation, smoothing: 0.0 };
        read(vec![problem.objective_in(mode, Examples::Chosen(&[0, 50, 100, 150])).loss(&w)])[0]
    };
    assert_eq!(loss(Some(3)), loss(Some(3)));
    assert_ne!(loss(Some(3)), loss(Some(4)));
    assert_ne!(loss(Some(3)), loss(None));
}

/// Without a border, an example is itself or its mirror image, with its own label, and two of one batch are drawn apart.
#[test]
fn an_augmented_example_is_itself_or_its_mirror_image() {
    let (width, count) = (6, 5);
    let data = |mirrored: bool| {
        let rows = mixed(count * 2 * width, 3000);
        let row = |row: &[f64]| if mirrored { row.iter().rev().copied().collect() } else { row.to_vec() };
        let inputs = rows.chunks(width).flat_map(row).map(|x| x as f32).collect();
        Labelled { inputs, shape: [1, 2, width], labels: (0..count as u32).map(|i| i % 3).collect(), classes: 3 }
    };
    let problem = |data: &Labelled| {
        Supervised::new(
            SoftmaxRegression::new(2 * width, 3),
            ImageDataset::without_validation(data, data, &Device::flex()),
            CrossEntropy,
        )
    };
    let [plain, mirrored] = [false, true].map(|mirrored| problem(&data(mirrored)));
    let augmentation = Augmentation { padding: 0, flip: Flip::Half };
    let plain_images = data(false);
    let images = ImageDataset::without_validation(&plain_images, &plain_images, &Device::flex());
    let images = images.augmentable(Some(data(false)), 5);
    let augmented = Supervised::new(SoftmaxRegression::new(2 * width, 3), images, CrossEntropy);
    let w = vector(&mixed(6 * width, 3001), DType::F64);
    let loss =
        |problem: &Supervised<SoftmaxRegression, ImageDataset, CrossEntropy>, indices: &[usize], draw: Option<u64>| {
            let augmentation = draw.map(|draw| Augmented { augmentation, draw });
            let mode = Mode { augmentation, ..Mode::default() };
            read(vec![problem.objective_in(mode, Examples::Chosen(indices)).loss(&w)])[0]
        };
    let both = |index: usize| [&plain, &mirrored].map(|problem| loss(problem, &[index], None));
    let mut seen = [0; 4];
    for draw in 0..60 {
        for index in 0..count {
            let found = loss(&augmented, &[index], Some(draw));
            assert!(both(index).iter().any(|expected| (found - expected).abs() < 1e-6), "{index}: {found}");
        }
        let found = loss(&augmented, &[3, 1], Some(draw));
        let sums = both(3).into_iter().flat_map(|a| both(1).map(|b| 0.5 * (a + b)));
        let at = sums.into_iter().position(|sum| (found - sum).abs() < 1e-6);
        seen[at.unwrap()] += 1;
    }
    // 15 each are expected, with a standard deviation of 3.4.
    assert!(seen.iter().all(|&count: &i32| count >= 2), "{seen:?}");
}

/// Sums of the stem's convolution over all pixels of all images, by plain loops: its mean per channel.
fn stem_means(kernels: &[f32], images: &[f32], count: usize) -> Vec<f64> {
    let pixel = |image: usize, channel: usize, y: usize, x: usize| {
        // One pixel of zeros around.
        let inside = (1..=32).contains(&y) && (1..=32).contains(&x);
        if inside { f64::from(images[((image * 3 + channel) * 32 + y - 1) * 32 + x - 1]) } else { 0.0 }
    };
    let mut means = vec![0.0; 32];
    for (out, mean) in means.iter_mut().enumerate() {
        for image in 0..count {
            for (y, x) in (0..16).flat_map(|y| (0..16).map(move |x| (2 * y, 2 * x))) {
                for (channel, dy, dx) in (0..3).flat_map(|c| (0..9).map(move |tap| (c, tap / 3, tap % 3))) {
                    let kernel = f64::from(kernels[((out * 3 + channel) * 3 + dy) * 3 + dx]);
                    *mean += kernel * pixel(image, channel, y + dy, x + dx);
                }
            }
        }
        *mean /= (count * 256) as f64;
    }
    means
}

/// One step on one whole batch moves the stored mean of the stem a tenth of the way to the mean under the clean weights: for SGD, whose
/// pass is clean, for SAM, whose first is, and for NSO and WP-SGD, which have none; not at all where the buffers are frozen.
#[test]
fn buffers_average_the_statistics_of_clean_passes_whatever_the_method() {
    let checkpoint = embedded_mobilenet().unwrap();
    let kernels = checkpoint.tensor("features.0.0.weight", &[32, 3, 3, 3]).unwrap();
    let before = checkpoint.tensor("features.0.1.running_mean", &[32]).unwrap();
    let images = clipart::embedded().unwrap().train.per_class(1, 1).normalised(&IMAGENET);
    let seen = stem_means(&kernels, &images.inputs, 9);
    let learned: Vec<f64> = before.iter().zip(&seen).map(|(&old, new)| 0.9 * f64::from(old) + 0.1 * new).collect();

    let text = r#"
        title = "buffers"
        [problem]
        kind = "fine-tune"
        per_class = 1
        validation_share = 0
        [train]
        steps = 1
        batch = 9
        probe_every = "never"
        [defaults]
        lr = 0.01
        sigma = 0.05
        [[run]]
        name = "sgd"
        method = "sgd"
        [[run]]
        name = "sam"
        method = "sam"
        rho = 0.5
        [[run]]
        name = "nso"
        method = "nso"
        [[run]]
        name = "wp-sgd"
        method = "wp-sgd"
    "#;
    for (batch_norm, expected) in [("batch", &learned), ("stored", &before.iter().copied().map(f64::from).collect())] {
        let folder = tempfile::tempdir().unwrap();
        let plan = preset::parse("buffers", text, &[format!("problem.batch_norm={batch_norm}")]).unwrap();
        run_to(folder.path(), &plan);
        for run in ["sgd", "sam", "nso", "wp-sgd"] {
            let file = fs::read(folder.path().join(run).join("weights.safetensors")).unwrap();
            let file = SafeTensors::deserialize(&file).unwrap();
            let bytes = file.tensor("features.0.1.running_mean").unwrap().data().to_vec();
            let found: Vec<f64> =
                bytes.chunks(4).map(|b| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]]))).collect();
            let off = apart(&found, expected);
            assert!(off < 1e-5, "{run}, {batch_norm}: {off:e}");
        }
    }
}

/// What a session keeps is a whole network again, whatever was trained of it: the layers that stayed are the checkpoint's.
#[test]
fn kept_weights_are_a_whole_network() {
    let text = r#"
        title = "head"
        [problem]
        kind = "fine-tune"
        per_class = 1
        validation_share = 0
        freeze = ["features."]
        [train]
        steps = 1
        batch = 9
        probe_every = "never"
        [[run]]
        name = "sgd"
        method = "sgd"
        lr = 0.01
    "#;
    let folder = tempfile::tempdir().unwrap();
    run_to(folder.path(), &preset::parse("head", text, &[]).unwrap());
    let kept = Checkpoint::open(&folder.path().join("sgd/weights.safetensors")).unwrap();
    let network = MobileNetV2::new(9, 2, 32);
    let all = network.layout().entries().iter().chain(network.buffers().entries());
    kept.require(all.map(|entry| (entry.name.as_str(), entry.shape.as_slice()))).unwrap();
    let given = embedded_mobilenet().unwrap();
    let same = |name: &str, shape: &[usize]| kept.tensor(name, shape).unwrap() == given.tensor(name, shape).unwrap();
    assert!(same("features.18.0.weight", &[1280, 320, 1, 1]));
    assert!(!same("features.18.1.running_mean", &[1280]), "buffers are still updated");
}
